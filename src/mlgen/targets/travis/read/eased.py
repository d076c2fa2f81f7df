"""In what the file may differ from the pipeline: limits that the capability table documents, and chosen fallbacks."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Pipeline


def eased(pipeline: Pipeline) -> frozenset[str]:
    """The aspects, each alone or followed by the id of the one job that it is about."""
    chosen = next(options for options in pipeline.targets if options.name == "travis")
    # Stages, one after another; a failure cancels all later ones. Travis has no environments, and no locks.
    # Files that no job receives are not kept. Submodules are always fetched, all the way down.
    found = {"orders more", "stops more", "environment", "lock", "unused files", "more submodules"}
    if chosen.fallback("keep"):  # `none`: Travis keeps no files
        found.add("keep")
    for job in pipeline.jobs:
        found |= {f"{aspect} {job.id}" for aspect in _of(job)}
    return frozenset(found)


def _of(job: Job) -> Iterator[str]:
    if job.deploys or job.milestone:  # nothing that others wrote gets into what it deploys
        yield "cache"
    if job.milestone or job.gate:  # a gate needs no more than the machine's own python3
        yield "image"
