"""Where a job runs: its image, its services, the tags of its runner, and what each leg of a matrix has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlgen.ir import Job, Leg, Pipeline, Runner
from mlgen.named import NamedTuple
from mlgen.targets.gitlab.preparation import host

HOSTED = {
    "macos": ("saas-macos-medium-m1", "macos-15-xcode-16"),
    "windows": ("saas-windows-medium-amd64", ""),
}
"""The tag and the image of GitLab's own runners: https://docs.gitlab.com/ci/runners/hosted_runners/"""

DAEMON = "docker:28-dind"
WITH_CLIENT = "debian:trixie-slim"
"""Of jobs that need Docker and name no image: the official image of the client has no bash, which scripts are in."""
# https://docs.gitlab.com/ci/docker/using_docker_build/#docker-in-docker-with-tls-enabled-in-the-docker-executor
DAEMON_VARIABLES = (
    ("DOCKER_HOST", "tcp://docker:2376"),
    ("DOCKER_TLS_CERTDIR", "/certs"),
    ("DOCKER_TLS_VERIFY", "1"),
    ("DOCKER_CERT_PATH", "/certs/client"),
)
_REFERENCE = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}(?=(\w?))"


class Image(NamedTuple):
    """An image and how it is run; its name alone says it where nothing else does."""

    name: str
    entrypoint: tuple[str, ...] | None = None
    user: str = ""
    pull: str = ""

    @property
    def plain(self) -> bool:
        """Whether there is nothing but the name."""
        return self.entrypoint is None and not self.user and not self.pull


class Service(NamedTuple):
    """A container beside the job."""

    name: str
    alias: str
    variables: tuple[tuple[str, str], ...]
    command: tuple[str, ...]


def system(job: Job) -> str:
    """The system that all runners of the job have, if it is another than Linux."""
    names = {runner.name if runner.name in HOSTED else "" for runner in job.runners or (job.runner,)}
    return names.pop() if len(names) == 1 else ""


def image(job: Job) -> Image | None:
    """The job's image; None where the runner's own is used, or none at all."""
    names = [_name(job, job.image, job.python)]
    if job.matrix and {"image", "python"} & set(job.varies):
        names = [_name(job, leg.image, leg.python) for leg in job.matrix.legs]
    name = names[0] if len(set(names)) == 1 else _by_axis(job, names)
    if not name or not job.container:
        return Image(name) if name else None
    said = job.container
    entry = None if said.entrypoint is None else tuple(said.entrypoint.split()) or ("",)
    pull = {"always": "always", "missing": "if-not-present"}.get(said.pull, "")
    return Image(name, entry, said.user, pull)


def _name(job: Job, given: str, python: str) -> str:
    """What a person would write: the image, else the official one of the version of Python."""
    if job.native:
        return ""
    # A value that an earlier job exports is for scripts only: the image of another job goes by its tag.
    # https://docs.gitlab.com/ci/variables/dotenv_variables/
    given = job.built.tagged if job.built else given
    found = re.sub(_REFERENCE, lambda ref: _portable(ref[1], ref[2]), given) if "${" in given else given
    found = found or HOSTED.get(system(job), ("", ""))[1] or (f"python:{python}" if python and not system(job) else "")
    return found or (WITH_CLIENT if job.docker and not system(job) else "")


def images_of(job: Job, pipeline: Pipeline) -> list[str]:
    """The exported values of the job that name the images of others."""
    names = [export.name for export in job.exports]
    others = [
        other.image
        for other in pipeline.jobs
        if "${" in other.image and not other.built and any(e.job == job.id and e.exports for e in other.edges)
    ]
    return [name for name in names if any(f"${{{name}}}" in image for image in others)]


def _portable(name: str, after: str) -> str:
    name = "CI_COMMIT_SHA" if name in ("MLGEN_COMMIT", "MLGEN_CHECKOUT") else name
    return f"${name}" if name == "CI_COMMIT_SHA" and not after else f"${{{name}}}"


def _by_axis(job: Job, names: Sequence[str]) -> str:
    """One name for all legs, with axes as variables where that says each leg's; else the variable of its own."""
    assert job.matrix is not None
    legs = [dict(leg.values) for leg in job.matrix.legs]
    for axis in job.matrix.axes:
        if all(axis in leg and leg[axis] in name for leg, name in zip(legs, names)):
            head, _, tail = names[0].partition(legs[0][axis])
            if all(name == f"{head}{leg[axis]}{tail}" for leg, name in zip(legs, names)):
                return f"{head}${{{axis}}}{tail}" if tail[:1].isalnum() or tail[:1] == "_" else f"{head}${axis}{tail}"
    return "$MLGEN_IMAGE"


def tags(job: Job) -> tuple[str, ...]:
    """The tags of the runner; of legs with different ones, the variables that hold them."""
    found = [tags_of(runner) for runner in job.runners or (job.runner,)]
    if len(set(found)) == 1:
        return found[0]
    return tuple(
        f"$MLGEN_TAG_{number}" if len(found[0]) > 1 else "$MLGEN_TAG" for number in range(1, len(found[0]) + 1)
    )


def tags_of(runner: Runner) -> tuple[str, ...]:
    """The tags that a runner of this class has."""
    said = runner.on("gitlab")
    if isinstance(said, dict):
        return tuple(said["tags"])
    return (HOSTED[runner.name][0],) if runner.name in HOSTED else ()


def of_leg(job: Job, leg: Leg) -> tuple[tuple[str, str], ...]:
    """The variables that tell a leg's image and tags, where no axis does."""
    found = []
    picture = image(job)
    if picture and picture.name == "$MLGEN_IMAGE":
        found.append(("MLGEN_IMAGE", _name(job, leg.image, leg.python)))
    names = [tag.removeprefix("$") for tag in tags(job) if tag.startswith("$MLGEN_TAG")]
    return (*found, *zip(names, tags_of(job.runner_of(leg))))


def services(job: Job) -> tuple[Service, ...]:
    """The containers beside the job, the Docker daemon among them: https://docs.gitlab.com/ci/services/"""
    found = [
        Service(one.image, host(one), tuple((n, v.replace("$", "$$")) for n, v in one.env), one.command)
        for one in job.services
    ]
    return (*found, Service(DAEMON, "docker", (), ())) if job.docker else tuple(found)


def variables(job: Job) -> Iterable[tuple[str, str]]:
    """The variables that tell where the services are."""
    yield from ((one.variable, host(one)) for one in job.services)
    yield from DAEMON_VARIABLES if job.docker else ()


def hosted(pipeline: Pipeline) -> list[str]:
    """The systems for which GitLab's own runners are asked."""
    runners = {runner.name: runner for job in pipeline.jobs for runner in job.runners or (job.runner,)}
    return sorted(runner.name for runner in runners.values() if runner.name in HOSTED and runner.on("gitlab") is None)
