"""In what the file may differ from the pipeline: documented limits, and fallbacks that the spec chose."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Pipeline


def eased(pipeline: Pipeline) -> frozenset[str]:
    """The aspects, each alone or followed by the id of the one job that it is about."""
    chosen = next(options for options in pipeline.targets if options.name == "circleci")
    found = {"forks"}  # pull requests of forks start nothing
    if chosen.fallback("secrets") == "wider":
        found.add("wider secrets")
    locks: set[str] = set()
    for job in pipeline.jobs:
        found |= {f"{aspect} {job.id}" for aspect in _of(job, chosen.fallback("container") == "image")}
        if job.lock in locks or (job.lock and job.matrix):  # no two jobs of a workflow may share a serial group
            found.add(f"locks apart {job.id}")
        locks.add(job.lock)
    return frozenset(found)


def _of(job: Job, image: bool) -> Iterator[str]:
    if job.milestone:  # it does not run instead of failing
        yield "stops more"
    if job.deploys:  # nothing that others wrote gets into what it deploys
        yield "cache"
    machine = job.runner.on("circleci")
    if job.gate and isinstance(machine, dict) and isinstance(machine.get("machine"), dict):
        yield "python"  # that of the machine
    if image and job.container and (job.container.options or job.container.pull):
        yield "container"
