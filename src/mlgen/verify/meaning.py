"""What was read back held against the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Leg, Pipeline
from mlgen.readback import Reading, SeenJob
from mlgen.verify.behaviour import behaviour
from mlgen.verify.commands import brief, commands
from mlgen.verify.fault import Fault, listed
from mlgen.verify.things import OWN, held_secrets, things


def differences(pipeline: Pipeline, reading: Reading, target: str, eased: frozenset[str]) -> list[Fault]:
    """Every difference between the pipeline and what the target's files say.

    `eased` are the aspects in which the target's chosen fallbacks and documented limits allow some: the names of
    aspects, `orders more`, `stops more` and `locks apart`, in all jobs or, as `ASPECT JOB`, in one; and
    `wider secrets`, `unused files` (what no other job receives is not handed on), `more submodules` and `forks`
    (nothing has to run on their pull requests).
    """
    return list(each_difference(pipeline, reading, target, eased))


def each_difference(pipeline: Pipeline, reading: Reading, target: str, eased: frozenset[str]) -> Iterator[Fault]:
    """The differences one by one, what is cheap to find first."""
    reading = known(pipeline, reading, target)
    used = {name for job in pipeline.jobs for name in job.secret_names}  # no other has to be set at all
    pipeline = pipeline._replace(secrets=tuple(secret for secret in pipeline.secrets if secret.name in used))
    for found in (
        _jobs(pipeline, reading, target, eased),
        _whole(pipeline, reading),
        behaviour(pipeline, reading, eased),
        _alike(pipeline, reading, "lock", eased),
        _alike(pipeline, reading, "runner", eased),
    ):
        yield from (fault for fault in found if not {fault.aspect, f"{fault.aspect} {fault.job}"} & eased)


def known(pipeline: Pipeline, reading: Reading, target: str) -> Reading:
    """The reading with the jobs in the target's own words, or that do nothing, which carry no id, found by name."""
    ids: dict[str, str] = {}
    for job in pipeline.jobs:
        if job.milestone or dict(job.native).get(target) is not None:
            ids |= {job.key: job.id, f"{job.stage}-{job.name}": job.id}
    if not ids:
        return reading
    told = {seen.job for seen in reading.jobs}
    jobs = (
        seen._replace(job=ids[seen.name]) if not seen.job and ids.get(seen.name, "") not in ("", *told) else seen
        for seen in reading.jobs
    )
    return reading._replace(jobs=tuple(jobs))


def _whole(pipeline: Pipeline, reading: Reading) -> Iterator[Fault]:
    """What the files say for all jobs, as far as the reader tells it."""
    if reading.root is not None and reading.root != pipeline.root:
        yield Fault(
            "root", "", f"the jobs run in {reading.root or 'the root of the repository'}, not in {pipeline.root}"
        )
    schedules = tuple(sorted((s.name, s.cron) for s in pipeline.triggers.schedules))
    if reading.schedules is not None and reading.schedules != schedules:
        said = ", ".join(f"{name} at {cron}" for name, cron in reading.schedules)
        yield Fault("schedule", "", f"its schedules are {said or 'none'}")
    if reading.cancels is not None:
        cancels = {kind for kind in reading.cancels if pipeline.triggers.on(kind)}
        if cancels != {kind for kind in pipeline.cancel if pipeline.triggers.on(kind)}:
            yield Fault(
                "cancel", "", f"a newer run cancels the older one on {', '.join(sorted(cancels)) or 'no event'}"
            )
    inputs = tuple(sorted((entry.name, entry.default, entry.options) for entry in pipeline.triggers.inputs))
    if reading.inputs and reading.inputs[0][0].startswith("MLGEN_INPUT_"):  # named as their variables
        entries = ((e.variable, e.default, tuple(sorted(e.options))) for e in pipeline.triggers.inputs)
        inputs = tuple(sorted(entries))
    if reading.inputs is not None and reading.inputs != inputs:
        said = ", ".join(f"{name} ({default})" for name, default, _ in reading.inputs)
        yield Fault("inputs", "", f"its inputs, with their defaults, are {said or 'none'}")
    if reading.required is not None:
        told = {seen.job for seen in reading.jobs if seen.name in reading.required}
        for job in pipeline.jobs:
            if not job.deploys and job.id not in told:
                yield Fault("required", job.id, "no check that reports on every run fails if it fails")


def _jobs(pipeline: Pipeline, reading: Reading, target: str, eased: frozenset[str]) -> Iterator[Fault]:
    seen: dict[str, list[SeenJob]] = {}
    for each in reading.jobs:
        seen.setdefault(each.job, []).append(each)
    known = {job.id for job in pipeline.jobs}
    for job_id in sorted(set(seen) - known - {""}):
        yield Fault("jobs", job_id, "the spec has no such job here", seen[job_id][0].route)
    for job in pipeline.jobs:
        if job.id not in seen:
            yield Fault("jobs", job.id, "the job is not there")
            continue
        for found, leg in _paired(pipeline, job, seen[job.id], reading.unrolled):
            yield from commands(job, found, reading, target)
            opaque = dict(job.native).get(target) is not None
            yield from things(pipeline, job, found, leg, eased, reading, target, opaque)
        yield from _legs(job, seen[job.id], reading.unrolled)
    yield from _added(pipeline, seen.get("", []), reading, target, eased)


def _paired(pipeline: Pipeline, job: Job, seen: list[SeenJob], unrolled: bool) -> Iterator[tuple[SeenJob, Leg | None]]:
    legs = {frozenset(leg.values): leg for leg in job.matrix.legs} if job.matrix else {}
    for found in seen:
        if not unrolled:
            yield found, legs.get(frozenset(found.leg))
            continue
        from mlgen.verify.legs import rolled

        leg = next((leg for values, leg in legs.items() if values <= set(found.leg)), None)
        yield rolled(pipeline, job, leg, found), leg


def _legs(job: Job, seen: list[SeenJob], unrolled: bool) -> Iterator[Fault]:
    wanted = sorted(tuple(sorted(leg.values)) for leg in job.matrix.legs) if job.matrix else [()]
    axes = {axis for leg in wanted for axis, _ in leg}
    found = sorted(tuple(sorted(pair for pair in each.leg if pair[0] in axes or not unrolled)) for each in seen)
    if wanted != found:
        legs = "; ".join(" ".join(f"{k}={v}" for k, v in leg) for leg in found)
        yield Fault("matrix", job.id, f"its legs are {legs or 'one without axes'}", seen[0].route)


def _added(
    pipeline: Pipeline, jobs: list[SeenJob], reading: Reading, target: str, eased: frozenset[str]
) -> Iterator[Fault]:
    """A job that the target adds executes what is known of it, and no more, and sees no secret."""
    for job in jobs:
        _, given = held_secrets(pipeline, job, reading, target)
        bound = {secret.name for secret in pipeline.secrets if secret.environments}
        given = {pair for pair in given if pair[1] in bound or "wider secrets" not in eased}
        plain = {secret.name for secret in pipeline.secrets if secret.plain}
        if seen := {name for _, name in (*job.secrets, *given)} - plain:
            names = ", ".join(sorted(seen))
            yield Fault("secrets", "", f"{job.name}, which is no job of the spec, sees {names}", job.route)
        if reading.bare is not None and job.runner not in (reading.bare, ""):
            yield Fault("runner", "", f"{job.name}, which is no job of the spec, runs on {job.runner}", job.route)
        if job.tidy is False:
            yield Fault("files", "", f"{job.name}, which is no job of the spec, leaves files on the machine", job.route)
        for script in job.scripts:
            message = f"{job.name}, which is no job of the spec, executes: {brief(script.text)}"
            yield Fault("command", "", message, script.route or job.route)
        if job.environment or job.lock:
            message = f"{job.name}, which is no job of the spec, is in the environment {job.environment or job.lock}"
            yield Fault("environment", "", message, job.route)
        for what in _more_than_added(job, reading):
            yield Fault("added", "", f"{job.name}, which is no job of the spec, {what}", job.route)


MOST_ADDED = 3600
"""Seconds after which a job that a target adds has ended."""


def _more_than_added(job: SeenJob, reading: Reading) -> Iterator[str]:
    """What a job that the target adds has no use for."""
    if extra := (job.permissions or frozenset()) - OWN:
        yield f"has a token that may {listed(extra)}"
    if job.identities:
        yield f"asks for the identities {listed(job.identities)}"
    if job.services:
        yield f"has services: {listed(one.image for one in job.services)}"
    if reading.usual and not reading.usual(job.image):
        yield f"runs in {job.image}"
    if job.system == "" and not any(job.runner == other.runner for other in reading.jobs if other.job):
        yield f"runs on another machine: {job.runner}"
    if job.limit and job.limit > MOST_ADDED:
        yield f"may run for {job.limit} seconds"
    if job.allow_failure:
        yield "may fail"


def _alike(pipeline: Pipeline, reading: Reading, what: str, eased: frozenset[str]) -> Iterator[Fault]:
    """Jobs of one lock (or runner) have one in the file, and, of locks, jobs of two have two."""
    first: dict[str, str] = {}
    back: dict[str, str] = {}
    jobs = {job.id: job for job in pipeline.jobs}
    for seen in reading.jobs:
        job = jobs.get(seen.job)
        if job is None or job.native or (what == "runner" and "runner" in job.varies):
            continue
        meant = job.lock if what == "lock" else job.runner.name
        found = seen.lock if what == "lock" else seen.runner
        if not meant or not found:
            continue
        apart = what == "lock" and not {"locks apart", f"locks apart {job.id}"}.isdisjoint(eased)
        if first.setdefault(meant, found) != found and not apart:
            yield Fault(what, job.id, f"its {what} {meant} is {found}, and {first[meant]} elsewhere", seen.route)
        if what == "lock" and back.setdefault(found, meant) != meant:
            yield Fault(what, job.id, f"{found} is the lock {meant}, and {back[found]} elsewhere", seen.route)
