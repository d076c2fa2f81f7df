"""Which constructs a pipeline uses, and where: what the capability tables are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.diagnostics import Position
from mlgen.ir import KINDS, Checkout, Job, Pipeline, fields

Use = tuple[Position, str]
"""Where the construct is used, and the id of the job that uses it (empty: the pipeline as a whole)."""

_JOB_USES: dict[str, Callable[[Job], bool]] = {
    "activate": lambda job: bool(job.activate),
    "allow_failure": lambda job: job.allow_failure,
    "approval": lambda job: job.approval is not None,
    "alternatives": lambda job: not job.watches and any(take.optional for take in job.takes),
    "built": lambda job: job.built is not None,
    "cache": lambda job: len(job.caches) > job.reuse,
    "changed": lambda job: _asks(job, "changed:"),
    "checkout": lambda job: job.checkouts != (Checkout(),),
    "comment": lambda job: job.action == "report" and bool(job.permissions),
    "container": lambda job: job.container is not None,
    "coverage": lambda job: job.reports.coverage is not None,
    "docker": lambda job: job.docker,
    "environment": lambda job: job.environment is not None,
    "exports": lambda job: bool(job.exports),
    "files": lambda job: bool(job.takes),
    "finally": lambda job: bool(job.finally_),
    "gate": lambda job: job.gate is not None,
    "image": lambda job: bool(job.image),
    "input": lambda job: _asks(job, "input:"),
    "junit": lambda job: bool(job.reports.junit),
    "keep": lambda job: job.keep is not None,
    "legs": lambda job: bool(job.varies),
    "lock": lambda job: bool(job.lock),
    "matrix": lambda job: job.matrix is not None,
    "max_parallel": lambda job: job.matrix is not None and 0 < job.matrix.max_parallel < len(job.matrix.legs),
    "message": lambda job: _asks(job, "message:"),
    "milestone": lambda job: job.milestone,
    "native": lambda job: bool(job.native),
    "oidc": lambda job: bool(job.oidc),
    "on_failure": lambda job: bool(job.on_failure),
    "order": lambda job: bool(job.lock),
    "permissions": lambda job: bool(job.permissions) and job.action != "report",
    "python": lambda job: bool(job.python),
    "references": lambda job: bool(job.dynamic) or (job.environment is not None and "${" in job.environment.url),
    "renamed": lambda job: any(use.variable != use.name for use in job.secrets),
    "result": lambda job: bool(job.result),
    "retry": lambda job: job.retry > 0,
    "reuse": lambda job: job.reuse,
    "runner": lambda job: bool(job.runner.options),
    "secret_file": lambda job: any(use.file for use in job.secrets),
    "secrets": lambda job: bool(job.secrets),
    "services": lambda job: bool(job.services),
    "steps": lambda job: bool(job.steps),
    "summary": lambda job: bool(job.reports.summary),
    "system": lambda job: any(runner.name in ("windows", "macos") for runner in job.runners),
    "timeout": lambda job: job.timeout > 0,
    "url": lambda job: job.environment is not None and bool(job.environment.url),
    "value": lambda job: _asks(job, "value:"),
    "working_directory": lambda job: bool(job.working_directory),
}

_PIPELINE_USES: dict[str, Callable[[Pipeline], bool]] = {
    "api": lambda pipeline: pipeline.triggers.on("api"),
    "cancel": lambda pipeline: bool(pipeline.cancel),
    "inputs": lambda pipeline: bool(pipeline.triggers.inputs),
    "manual": lambda pipeline: pipeline.triggers.on("manual"),
    "plain": lambda pipeline: any(secret.plain for secret in pipeline.secrets),
    "pull_request": lambda pipeline: pipeline.triggers.on("pull_request"),
    "push": lambda pipeline: pipeline.triggers.on("push"),
    "root": lambda pipeline: bool(pipeline.root),
    "schedule": lambda pipeline: pipeline.triggers.on("schedule"),
    "tag": lambda pipeline: pipeline.triggers.on("tag"),
}

CONSTRUCTS = tuple(sorted((*_JOB_USES, *_PIPELINE_USES)))
"""Every construct that a capability table has a row for."""


def _asks(job: Job, prefix: str) -> bool:
    """Whether the job's condition asks for a field of this kind."""
    return any(field.startswith(prefix) for kind in KINDS for field in fields(job.condition.on(kind)))


def uses(pipeline: Pipeline, construct: str, target: str = "") -> Iterator[Use]:
    """Where the pipeline uses the construct; of `native`, the jobs that are not written in the target's words."""
    if construct in _PIPELINE_USES:
        if _PIPELINE_USES[construct](pipeline):
            yield Position(pipeline.spec), ""
        return
    for job in pipeline.jobs:
        if _JOB_USES[construct](job) and not (construct == "native" and target in dict(job.native)):
            yield job.position, job.id
