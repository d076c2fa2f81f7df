"""References `${NAME}` in values: to variables that the job has, by names that exist."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.model import Input, Job
from mlgen.ir.source import Source
from mlgen.lower import commands
from mlgen.lower.names import Route, did_you_mean
from mlgen.lower.runtime import REFERENCE
from mlgen.lower.texts import scalar_text

PORTABLE = tuple(
    f"MLGEN_{name}"
    for name in (
        "EVENT", "BRANCH", "BRANCH_SLUG", "BASE_BRANCH", "BASE", "TAG", "COMMIT", "CHECKOUT", "PR", "SCHEDULE",
        "DEFAULT_BRANCH", "RUN_ID", "RUN_NUMBER", "RUN_URL", "REPOSITORY_URL", "ACTOR", "TARGET", "JOB",
    )
)  # fmt: skip
"""The variables that every job has on every system."""


def check(source: Source, job: Job, jobs: dict[str, Job], inputs: tuple[Input, ...]) -> Iterator[Diagnostic]:
    """References of the job's values to nothing."""
    known = set(_known(source, job, jobs, inputs))
    own = {export.name for export in job.exports}  # an address is shown once the job has run
    for route, text in _texts(source, job):
        for name in REFERENCE.findall(text):
            if name in known or (route[-1] in ("environment", "url") and name in own):
                continue
            message = f"{job.id}: ${{{name}}} refers to nothing that the job has"
            hint = did_you_mean(name, known)
            if hint.startswith("known"):
                hint = "it may name an `env`, a secret, an exported value, a portable variable or `matrix.AXIS`"
            yield error("MLG220", source.at(*route), message, hint)


def _known(source: Source, job: Job, jobs: dict[str, Job], inputs: tuple[Input, ...]) -> Iterator[str]:
    yield from PORTABLE
    yield from (entry.variable for entry in inputs)
    yield from (name for name, _ in (*job.env, *job.dynamic))
    yield from source.data["env"]
    yield from (use.variable for use in job.secrets)
    yield from source.data["secrets"]
    yield from (service.variable for service in job.services)
    if job.matrix:
        yield from (f"matrix.{axis}" for axis in job.matrix.axes)
        yield from job.matrix.axes
    yield from (export.name for export in job.exports)  # for its address
    for edge in job.edges:
        if edge.exports:
            yield from (export.name for export in jobs[edge.job].exports)


def _texts(source: Source, job: Job) -> Iterator[tuple[Route, str]]:
    said = source.data["stages"][job.stage][job.name]
    at = ("stages", job.stage, job.name)
    for name, value in source.data["env"].items():
        if name not in (said.get("env") or {}):
            yield ("env", name), scalar_text(value)
    for name, value in (said.get("env") or {}).items():
        yield (*at, "env", name), scalar_text(value)
    yield from commands.texts(source, job)
    if job.environment:
        where = (*at, "environment") if said.get("url") else ("environments", job.environment.name, "url")
        yield where, job.environment.url
