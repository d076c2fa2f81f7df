"""In what the file may differ from the pipeline: documented limits, and fallbacks that the spec chose."""

from __future__ import annotations

from mlgen.ir import Job, Pipeline
from mlgen.ir.order import parents_first


def eased(pipeline: Pipeline) -> frozenset[str]:
    """The aspects, each alone or followed by the id of the one job that it is about."""
    chosen = next(options for options in pipeline.targets if options.name == "jenkins")
    found = set()
    if chosen.fallback("cancel") == "serial":
        found.add("cancel")
    # A branch is one job of Jenkins, whatever has started its runs.
    if "push" in pipeline.cancel:
        found.add("cancel")
    rows = chosen.option("form") == "table" or any(job.result for job in pipeline.jobs)
    behind: set[str] = set()
    for job in parents_first(pipeline.jobs):
        stage = (job.deploys or job.approval is not None) and not job.result
        if not rows or stage or any(edge.job in behind for edge in job.edges):
            # Stages follow one another, and a failure skips all later ones.
            behind.add(job.id)
            found |= {f"orders more {job.id}", f"stops more {job.id}"}
        found |= _of(job)
    return frozenset(found)


def _of(job: Job) -> set[str]:
    found = set()
    if job.environment:  # Jenkins has no record of deployments: `environment`
        found.add(f"environment {job.id}")
    if job.deploys or job.milestone:  # nothing that others wrote gets into what it deploys
        found.add(f"cache {job.id}")
    if any(runner.name in ("macos", "windows") for runner in job.runners or (job.runner,)):  # of the machine: `python`
        found.add(f"python {job.id}")
    if any(one.depth == 0 for one in job.checkouts):  # what the branch source gives, without a shallow clone
        found.add(f"checkout {job.id}")
    return found
