"""In what the file may differ from the pipeline: documented limits, and fallbacks that the spec chose."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen import targets
from mlgen.ir import Job, Pipeline, fields
from mlgen.targets.gitlab.read.seen import TOOLS

MOST_NEEDS = 50
"""https://docs.gitlab.com/ci/yaml/#needs, counted after matrices are expanded."""


def eased(pipeline: Pipeline) -> frozenset[str]:
    """The aspects, each alone or followed by the id of the one job that it is about."""
    chosen = next(options for options in pipeline.targets if options.name == "gitlab")
    found = set()
    if chosen.fallback("secrets") == "wider":
        found.add("wider secrets")
    if chosen.fallback("container") == "runner":  # options of docker run are the runner's
        found.add("container options")
    host = pipeline.repository.removeprefix("https://").strip("/").partition("/")[0]
    if not host or (set(targets.names()) - {"gitlab"}) & set(host.split(".")):  # mirrored here, under any path
        found.add("copies")
    for job in pipeline.jobs:
        found |= {f"{aspect} {job.id}" for aspect in _of(job, pipeline)}
    return frozenset(found)


def _of(job: Job, pipeline: Pipeline) -> Iterator[str]:
    legs = {other.id: len(other.matrix.legs) if other.matrix else 1 for other in pipeline.jobs}
    if sum(legs[edge.job] for edge in job.waits) > MOST_NEEDS:  # it waits for all earlier stages instead
        yield "orders more"
        yield "stops more"
    if (
        job.deploys or job.milestone or not job.checkouts
    ):  # without a repository, no file tells the key; nothing that others wrote gets into what it deploys
        yield "cache"
    if job.watches and any(_may_leave(pipeline.job(edge.job), pipeline) for edge in job.edges):
        yield "result"  # a job that skipped itself counts as a success: `result`
    if any(_elsewhere(path) for cache in job.caches for path in cache.paths):  # a cache holds files of the project only
        yield "cache"
    if any(runner.name in ("macos", "windows") for runner in job.runners or (job.runner,)):  # of the machine: `system`
        yield "python"


def _elsewhere(path: str) -> bool:
    """Whether the cached path is outside of the project, and no tool can be told to keep it there."""
    return path.startswith(("/", "~")) and path.rstrip("/") not in TOOLS.values()


def _may_leave(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job may start, and find out by itself that it is not to run."""
    asked = {field.partition(":")[0] for kind in job.condition.kinds() for field in fields(job.condition.on(kind))}
    inside = bool(job.result) or bool({"value", "message", "changed"} & asked)
    return inside or any(edge.hard and _may_leave(pipeline.job(edge.job), pipeline) for edge in job.edges)
