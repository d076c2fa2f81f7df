"""Conditions, approvals, order and failures: the file's jobs, run in mind, held against what the pipeline means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event
from mlgen.ir.order import ancestors
from mlgen.ir.outcomes import State
from mlgen.readback import Reading, SeenJob
from mlgen.readback.unread import Unread
from mlgen.verify.fault import Fault
from mlgen.verify.meant import Meant, meaning_of
from mlgen.verify.run import Ran, closure, in_order, replay

MOST_FAILING, MOST_DECISIONS = 2_000, 60_000
"""How often jobs are decided on with some job failing: for one outcome of a run, and in all. Of larger pipelines (from
about 45 jobs), as many jobs fail as fit, spread over the pipeline, and other ones for another outcome, so that the time
grows no faster than the pipeline."""
_RUNS = ("success", "failure")


def behaviour(pipeline: Pipeline, reading: Reading, eased: frozenset[str]) -> Iterator[Fault]:
    """Every difference, each kind of it once a job, with the first event that shows it."""
    try:
        list(in_order(reading.jobs))
    except Unread as circle:
        yield Fault("order", "", str(circle))
        return
    yield from _order(pipeline, reading, eased)
    seen: set[tuple[str, str]] = set()

    def new(found: Iterable[Fault]) -> Iterator[Fault]:
        for fault in found:
            if (fault.aspect, fault.job) not in seen:
                seen.add((fault.aspect, fault.job))
                yield fault

    alike: set[tuple[object, ...]] = set()
    decided, tried = 0, 0
    known = meaning_of(pipeline)
    deploying = {job.id for job in pipeline.jobs if job.deploys}
    copied: set[tuple[str, frozenset[str]]] = set()
    for number, event, ends in known.runs():
        ran = replay(reading, event)
        found = list(_differences(pipeline, reading, event, ends, ran, eased, ""))
        found += _ended(pipeline, reading, event, ends)
        deployed = frozenset(job for job in deploying if ends[job] in _RUNS)
        if reading.copies and deployed and event.repository and (event.kind, deployed) not in copied:
            copied.add((event.kind, deployed))
            copied_run = replay(reading, event._replace(repository="copies/other"))
            found += _in_copies(reading, event, deployed, copied_run)
        yield from new(found)
        # A failure is tried once for each outcome, and once for each condition by which a job runs.
        shown: set[tuple[object, ...]] = {
            tuple(ends.items()),
            *((job, run.why) for job, run in ran.items() if run.runs),
        }
        if not shown <= alike and any(state in _RUNS for state in ends.values()):
            alike |= shown
            most = min(MOST_FAILING, MOST_DECISIONS - decided) // len(pipeline.jobs)
            failing = _spread(_breakable(pipeline, ends), most, tried)
            decided, tried = decided + len(failing) * len(pipeline.jobs), tried + 1
            yield from new(_failures(known, number, reading, failing, eased))


def _in_copies(reading: Reading, event: Event, deployed: frozenset[str], ran: dict[str, Ran]) -> Iterator[Fault]:
    for job in sorted(deployed):
        if job in ran and ran[job].runs:
            yield Fault(
                "copies", job, f"on {event} the job also runs in copies of the repository", _seen(reading, job).route
            )


def _ended(pipeline: Pipeline, reading: Reading, event: Event, meant: dict[str, State]) -> Iterator[Fault]:
    """Newer runs end the jobs of older ones where the spec says so, and never one that deploys."""
    for seen in reading.jobs if reading.ends else ():
        if not seen.job or meant.get(seen.job) not in _RUNS:
            continue
        asked = event.kind in pipeline.cancel and not pipeline.job(seen.job).deploys
        if reading.ends and reading.ends(seen, event) != asked and not pipeline.job(seen.job).native:
            word = "does not end" if asked else "ends"
            yield Fault("cancel", seen.job, f"on {event} a newer run {word} the job", seen.route)


def _breakable(pipeline: Pipeline, meant: dict[str, State]) -> list[str]:
    """The jobs that others wait for, and whose command is executed: what a failure of theirs does can be told."""
    watched = {edge.job for job in pipeline.jobs for edge in job.edges}
    return [j.id for j in pipeline.jobs if j.id in watched and meant[j.id] == "success" and not j.milestone]


def _spread(names: list[str], most: int, turn: int) -> list[str]:
    """At most so many of the names, at even distances, and in the next turn their neighbours."""
    step = -(-len(names) // most) if most else 0
    return names[turn % step :: step] if step else []


def _failures(
    known: Meant, number: int, reading: Reading, failing: list[str], eased: frozenset[str]
) -> Iterator[Fault]:
    """The run again and again, each time with another job that fails."""
    event = known.events[number]
    for name, then in known.failures(number, failing):
        ran = replay(reading, event, {name})
        yield from _differences(known.pipeline, reading, event, then, ran, eased, name)


def _differences(
    pipeline: Pipeline,
    reading: Reading,
    event: Event,
    meant: dict[str, State],
    ran: dict[str, Ran],
    eased: frozenset[str],
    failed: str,
) -> Iterator[Fault]:
    where = f"on {event}" + (f", where {failed} fails" if failed else "")
    for job in pipeline.jobs:
        if job.id not in ran:
            continue  # told elsewhere: the job is not there
        state, found = meant[job.id], ran[job.id]
        if failed and found.runs != (state in _RUNS) and _misled(job, meant, ran, eased):
            continue
        for aspect, message in (
            *_started(pipeline, job, meant, found, eased, failed, event.fork),
            *(_bound(pipeline, reading, job, meant, found, eased, failed) if state in _RUNS and found.runs else ()),
        ):
            yield Fault(aspect, job.id, f"{where} {message}", _seen(reading, job.id).route)


def _misled(job: Job, meant: dict[str, State], ran: dict[str, Ran], eased: frozenset[str]) -> bool:
    """Whether the job looks at how one ended that the system has stopped beyond what the spec asks, as it may."""
    return bool(job.result) and any(
        meant[edge.job] in _RUNS and edge.job in ran and not ran[edge.job].runs
        for edge in job.edges
        if {"stops more", f"stops more {edge.job}"} & eased
    )


def _started(
    pipeline: Pipeline,
    job: Job,
    meant: dict[str, State],
    found: Ran,
    eased: frozenset[str],
    failed: str,
    fork: bool,
) -> Iterator[tuple[str, str]]:
    """Whether the job's command is executed, or the job fails, where it must not, and the other way round."""
    aspect = "failures" if failed else "condition"
    state, because = meant[job.id], f": {found.why}" if found.why else ""
    if state in _RUNS and not found.runs:
        stops = failed and not {"stops more", f"stops more {job.id}"}.isdisjoint(eased)
        if not stops and not (fork and "forks" in eased):
            yield aspect, f"the job must run, and does not{because}"
    elif state not in _RUNS and found.runs and not (job.milestone and found.failed):
        yield aspect, "the job must not run, and does"
    elif found.failed and not found.runs and not _permitted(pipeline, job, meant):
        yield aspect, f"the job must not start, and does, and fails{because}"
    elif found.partly:
        yield aspect, "not all of its legs run"


def _bound(
    pipeline: Pipeline,
    reading: Reading,
    job: Job,
    meant: dict[str, State],
    found: Ran,
    eased: frozenset[str],
    failed: str,
) -> Iterator[tuple[str, str]]:
    """What else must hold of a job that runs: how a milestone ends, its approval, its lock, and what it is told."""
    if job.milestone and found.failed != (meant[job.id] == "failure"):
        yield "condition", f"the job must end as {meant[job.id]}"
    if found.approved != (job.approval is not None) and "approval" not in eased:
        word = "waits for no approval" if job.approval else "waits for an approval that the spec does not ask for"
        yield "approval", f"the job {word}"
    if job.lock and found.lock is not None and found.lock != _seen(reading, job.id).lock:
        yield "lock", f"the job holds {found.lock}"
    told = dict(found.results or ())
    for edge in job.edges if job.result and found.results is not None else ():
        other = pipeline.job(edge.job)
        name = "MLGEN_RESULT_" + other.key.upper().replace("-", "_")
        wanted = "failure" if meant[other.id] == "stopped" else meant[other.id]
        if failed and told.get(name) == "failure" and {"stops more", f"stops more {other.id}"} & eased:
            continue  # a failure has stopped this one as well
        if told.get(name) != wanted and not (other.allow_failure and wanted == "failure"):
            # One that leaves itself out, which the system shows as a success or, stopped before it could, as a failure,
            # may be a documented limit.
            stopped = any(meant[name] in ("failure", "stopped") for name in ancestors(pipeline, other))
            shown = ("success", "failure") if stopped else ("success",)
            aspect = "result" if wanted == "skipped" and told.get(name) in shown else "results"
            yield aspect, f"{name} is {told.get(name, 'not set')}, not {wanted}"


def _permitted(pipeline: Pipeline, job: Job, meant: dict[str, State]) -> bool:
    """Whether one that the job waits for may fail, and has failed or was stopped: then the job may start, and looks for
    the files itself."""
    return any(meant[e.job] in ("failure", "stopped") and pipeline.job(e.job).allow_failure for e in job.edges)


def _seen(reading: Reading, job_id: str) -> SeenJob:
    """The job's first leg, of a job that is there."""
    return next(job for job in reading.jobs if job.job == job_id)


def _order(pipeline: Pipeline, reading: Reading, eased: frozenset[str]) -> Iterator[Fault]:
    """Each job comes after those that it has to wait for, and, unless the target has stages only, after no others."""
    native: dict[str, SeenJob] = {seen.name: seen for seen in reading.jobs}
    reached = closure({name: [n for n in seen.needs if n in native] for name, seen in native.items()})
    before: dict[str, set[str]] = {}
    for name, seen in native.items():
        if seen.job:
            found = {native[n].job for n in reached[name]} - {""}
            before[seen.job] = before.get(seen.job, found) & found
    meant = closure({job.id: [edge.job for edge in job.edges] for job in pipeline.jobs})
    for job in pipeline.jobs:
        if job.id not in before:
            continue
        for edge in job.edges:
            if edge.job in before and edge.job not in before[job.id]:
                message = f"the job must wait for {edge.job}, and does not"
                yield Fault("order", job.id, message, _seen(reading, job.id).route)
        if not {"orders more", f"orders more {job.id}"} & eased:
            for other in sorted(before[job.id] - meant[job.id]):
                message = f"the job waits for {other}, which the spec does not ask for"
                yield Fault("order", job.id, message, _seen(reading, job.id).route)
