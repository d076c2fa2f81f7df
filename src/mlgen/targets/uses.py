"""Which constructs a pipeline uses, and where: what the capability tables are held against."""

from collections.abc import Callable, Iterator

from mlgen.diagnostics import Position
from mlgen.ir import Job, Pipeline

Use = tuple[Position, str]
"""Where the construct is used, and the id of the job that uses it (empty: the pipeline as a whole)."""

_JOB_USES: dict[str, Callable[[Job], bool]] = {
    "allow_failure": lambda job: job.allow_failure,
    "approval": lambda job: job.approval,
    "cache": lambda job: bool(job.caches),
    "coverage": lambda job: job.reports.coverage is not None,
    "environment": lambda job: job.environment is not None,
    "exports": lambda job: bool(job.exports),
    "files": lambda job: bool(job.takes),
    "finally": lambda job: bool(job.finally_),
    "gate": lambda job: job.gate is not None,
    "image": lambda job: bool(job.image),
    "junit": lambda job: bool(job.reports.junit),
    "lock": lambda job: bool(job.lock),
    "matrix": lambda job: job.matrix is not None,
    "max_parallel": lambda job: job.matrix is not None and 0 < job.matrix.max_parallel < len(job.matrix.legs),
    "order": lambda job: bool(job.lock),
    "python": lambda job: bool(job.python),
    "retry": lambda job: job.retry > 0,
    "runner": lambda job: bool(job.runner.options),
    "secrets": lambda job: bool(job.secrets),
    "summary": lambda job: bool(job.reports.summary),
    "timeout": lambda job: job.timeout > 0,
    "url": lambda job: job.environment is not None and bool(job.environment.url),
}

_PIPELINE_USES: dict[str, Callable[[Pipeline], bool]] = {
    "cancel": lambda pipeline: bool(pipeline.cancel),
    "inputs": lambda pipeline: bool(pipeline.triggers.inputs),
    "manual": lambda pipeline: pipeline.triggers.on("manual"),
    "pull_request": lambda pipeline: pipeline.triggers.on("pull_request"),
    "push": lambda pipeline: pipeline.triggers.on("push"),
    "schedule": lambda pipeline: pipeline.triggers.on("schedule"),
    "tag": lambda pipeline: pipeline.triggers.on("tag"),
}

CONSTRUCTS = tuple(sorted((*_JOB_USES, *_PIPELINE_USES)))
"""Every construct that a capability table has a row for."""


def uses(pipeline: Pipeline, construct: str) -> Iterator[Use]:
    """Where the pipeline uses the construct."""
    if construct in _PIPELINE_USES:
        if _PIPELINE_USES[construct](pipeline):
            yield Position(pipeline.spec), ""
        return
    for job in pipeline.jobs:
        if _JOB_USES[construct](job):
            yield job.position, job.id
