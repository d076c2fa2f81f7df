"""What a job is given before its steps: its agent, variables and lock."""

from collections.abc import Sequence
from typing import NamedTuple

from mlgen.ir import Job, Leg, Pipeline
from mlgen.quoting import groovy


class Agent(NamedTuple):
    """A machine by its label, and the image of the container there; each may be empty."""

    label: str
    image: str
    args: str


def agent(job: Job) -> Agent:
    """Where the job runs: in a container if it has an image or a version of Python."""
    said = job.runner.on("jenkins")
    options = said if isinstance(said, dict) else {}
    image = job.image or (f"python:{job.python}" if job.python else "")
    return Agent(str(options.get("label", "")), image, str(options.get("args", "")) if image else "")


def in_container(job: Job) -> bool:
    """Whether the job runs in a container."""
    return bool(job.image or job.python)


def variables(job: Job, leg: Leg | None) -> tuple[tuple[str, str], ...]:
    """The job's own variables. Jenkins takes an empty one for one that is not set: see `steps.blank`."""
    given: Sequence[tuple[str, str]] = (*job.env, *(leg.values if leg else ()))
    return tuple((name, value) for name, value in dict(given).items() if value)


def lock(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """The resource that the job holds, as Groovy. Names are the controller's, so the project's stands before them."""
    if job.lock:
        return groovy(f"{pipeline.name}/{job.lock}")
    matrix = job.matrix
    if leg is None or matrix is None or not 0 < matrix.max_parallel < len(matrix.legs):
        return ""
    slot = matrix.legs.index(leg) % matrix.max_parallel + 1
    return f'"${{env.BUILD_TAG}}-{job.key}-{slot}"'
