"""What only some readers tell of a job: each value is held against the pipeline unless it is None."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Pipeline
from mlgen.ir.expressions import fields
from mlgen.readback import SeenJob
from mlgen.verify.fault import listed


def told(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect."""
    deploys = job.environment is not None and job.environment.deployment
    if seen.deployment is not None and seen.deployment != deploys:
        word = "deploys to" if seen.deployment else "does not deploy to"
        yield "environment", f"it {word} {job.environment.name if job.environment else 'an environment'}"
    if seen.against is not None and seen.against != (wanted := _against(pipeline, job)):
        yield "against", f"it compares with {listed(seen.against)}, not with {listed(wanted)}"
    if seen.refs is not None and job.deploys:
        from mlgen.verify.refs import wider

        if found := wider(pipeline, job, seen.refs):
            yield "refs", f"nothing but its condition keeps it from deploying from {found}"


def _against(pipeline: Pipeline, job: Job) -> frozenset[str]:
    kinds = job.condition.kinds()
    asked = {field for kind in kinds for field in fields(job.condition.on(kind)) if pipeline.triggers.on(kind)}
    return frozenset(change.against for change in pipeline.changes if change.field in asked and change.against)
