"""What stands around a job's commands: who agrees, how long files stay, addresses, identities, what it leaves.

Only some readers tell it: each value is held against the pipeline unless it is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.ir import Job, Pipeline
from mlgen.ir.paths import as_glob
from mlgen.readback import SeenJob
from mlgen.regex import regex
from mlgen.verify.fault import listed

PATIENCE = (3600, 31 * 24 * 3600)
"""Seconds for which a question must be asked at least, and may be at most: people answer, but not a month later."""
_REFERENCE = regex(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_Found = Iterator[tuple[str, str]]


def around(pipeline: Pipeline, job: Job, seen: SeenJob, target: str) -> _Found:
    """The differences, each with its aspect."""
    yield from _approval(job, seen)
    yield from _lasting(job, seen)
    sealed = {secret.on(target).get("secure") for secret in pipeline.secrets}
    if seen.sealed and (more := seen.sealed - sealed):
        yield "secrets", f"it is given an encrypted secret that the spec does not have: {listed(more)}"
    if seen.url is not None:
        yield from _address(pipeline, job, seen.url, target)
    if seen.grants is not None and (seen.grants or job.oidc):
        yield from _grants(pipeline, job, seen.grants, target)
    if seen.tidy is False:
        yield "files", "what it leaves is there for what runs on its machine later"
    if seen.idle:
        yield "condition", "it takes a machine or a lock before it is known whether it runs"


def written(text: str, pipeline: Pipeline, job: Job, target: str) -> str:
    """The text as a target has to write it: references to what is known before the run replaced by that."""
    if "${" not in text:
        return text
    known = {**dict(pipeline.env), **dict(job.env), "MLGEN_TARGET": target}
    known |= {name: re.sub(r"\\([\\\"$`])", r"\1", word[1:-1]) for name, word in job.dynamic}
    held = {use.variable: pipeline.secret(use.name).on(target).get("id", use.name) for use in job.secrets}
    for _ in range(10):  # references in what references stand for
        before = text
        text = _REFERENCE.sub(lambda found: known.get(found[1], found[0]), text)
        if text == before:
            break
    return _REFERENCE.sub(lambda found: f"${{{held.get(found[1], found[1])}}}", text)


def _approval(job: Job, seen: SeenJob) -> _Found:
    if seen.prompt is not None and seen.prompt != (job.approval.prompt if job.approval else ""):
        yield "approval", f"who approves is asked: {seen.prompt or 'nothing'}"
    if not job.approval:
        return
    if seen.approvers is not None and seen.approvers != (wanted := frozenset(job.approval.by)):
        people = listed(wanted) if wanted else "whoever the system lets"
        yield "approval", f"{listed(seen.approvers) if seen.approvers else 'anybody'} may approve it, not {people}"
    if seen.patience is not None and not PATIENCE[0] <= seen.patience <= PATIENCE[1]:
        ends = f"ends after {seen.patience} seconds" if seen.patience else "is never ended"
        yield "approval", f"its question {ends}"


def _lasting(job: Job, seen: SeenJob) -> _Found:
    """How long files are kept, and whether they are after a failure."""
    keep = job.keep
    own = {as_glob(path) for path in keep.paths} if keep else set()
    kept = {as_glob(path) for path in seen.kept}
    if seen.apart and (missing := {path for path in {*map(as_glob, job.files), *own} - kept if _is_told(path)}):
        yield "keep", f"{listed(missing)} is not kept for people"
    days = {(as_glob(path), number) for path, number in seen.days or ()}
    allowed = {0, keep.days if keep else 0}
    if other := {path for path, number in days if number not in allowed}:
        yield "keep", f"{listed(other)} is kept for another time than the spec says"
    if keep and seen.days is not None and (missing := {p for p in own if (p, keep.days) not in days}):
        yield "keep", f"{listed(missing)} is not kept for {keep.days or 'the usual'} days"
    if seen.late is None:
        return
    late = {as_glob(path) for path in seen.late}
    if keep and keep.result == "any" and (missing := own - late):
        yield "keep", f"{listed(missing)} is not kept after a failure"
    half = {as_glob(path) for path in job.files} & late - own
    if half and job.allow_failure:
        yield "files", f"others may receive {listed(half)} after it has failed"


def _is_told(path: str) -> bool:
    return not path.startswith(".mlgen/")  # what is there of mlgen's own is nothing for people


def _address(pipeline: Pipeline, job: Job, found: str, target: str) -> _Found:
    said = job.environment.url if job.environment else ""
    wanted = written(said, pipeline, job, target)
    if written(found, pipeline, job, target) != wanted and not (not found and ("${" in wanted or not job.deploys)):
        yield "url", f"its environment's address is {found or 'none'}, not {wanted or 'there'}"


def _grants(pipeline: Pipeline, job: Job, found: frozenset[tuple[str, str]], target: str) -> _Found:
    wanted = {
        (one.variable or f"{one.kind}.{name}", written(said, pipeline, job, target))
        for one in job.oidc
        for name, said in one.options
    }
    if found != wanted:
        told = listed(f"{name} {value}" for name, value in found)
        yield "oidc", f"its identity tokens are for {told}, not {listed(f'{n} {v}' for n, v in wanted)}"
