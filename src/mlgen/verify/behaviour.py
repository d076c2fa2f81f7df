"""Conditions, approvals, order and failures: the file's jobs, run in mind, held against what the pipeline means."""

from collections.abc import Iterable, Iterator

from mlgen.ir import KINDS, Job, Pipeline
from mlgen.ir.events import Event, events
from mlgen.ir.outcomes import State, outcomes
from mlgen.readback import Reading, SeenJob
from mlgen.verify.fault import Fault
from mlgen.verify.run import Ran, closure, in_order, replay

MOST_NAMES = 16
"""Names of branches and tags, each of one kind of event, of which `beside` gives others that are alike."""
_RUNS = ("success", "failure")


def behaviour(pipeline: Pipeline, reading: Reading, eased: frozenset[str]) -> Iterator[Fault]:
    """Every difference, each kind of it once a job, with the first event that shows it."""
    try:
        list(in_order(reading.jobs))
    except ValueError as circle:
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
    known = events(pipeline)
    deploying = {job.id for job in pipeline.jobs if job.deploys}
    copied: set[tuple[str, frozenset[str]]] = set()
    for event in (*known, *beside(pipeline, known)):
        meant = outcomes(pipeline, event)
        ran = replay(reading, event)
        found = list(_differences(pipeline, reading, event, meant, ran, eased, ""))
        found += _ended(pipeline, reading, event, meant)
        deployed = frozenset(job for job in deploying if meant[job] in _RUNS)
        if reading.copies and deployed and event.repository and (event.kind, deployed) not in copied:
            copied.add((event.kind, deployed))
            copied_run = replay(reading, event._replace(repository="copies/other"))
            found += _in_copies(reading, event, deployed, copied_run)
        yield from new(found)
        # A failure is tried once for each outcome, and once for each condition by which a job runs.
        shown: set[tuple[object, ...]] = {
            tuple(meant.items()),
            *((job, run.why) for job, run in ran.items() if run.runs),
        }
        if not shown <= alike and any(state in _RUNS for state in meant.values()):
            alike |= shown
            yield from new(_failures(pipeline, reading, event, meant, eased))


def beside(pipeline: Pipeline, known: tuple[Event, ...]) -> Iterator[Event]:
    """Events that no condition names, and that show one which is wider than it must be: of kinds that start no run, and
    with names that begin or end like those of the conditions."""
    home = known[0].repository if known else ""
    names: dict[tuple[str, str, str], None] = {}
    for event in known:
        if event.kind != "schedule":
            names[event.kind, event.api, event.tag or event.branch] = None
    for kind, api, name in list(names)[:MOST_NAMES]:
        for near in (f"{name}-x", f"x-{name}"):
            place = {"tag": near} if kind == "tag" else {"branch": near, "api": api}
            more = {"source": "topic"} if kind == "pull_request" else {}
            yield Event(kind, **place, **more, repository=home)  # type: ignore[arg-type]
    for kind in KINDS:
        # Where a manual run can be an api event, it is none of these.
        if not pipeline.triggers.on(kind) and not (kind == "manual" and pipeline.triggers.on("api")):
            branch = "" if kind == "tag" else pipeline.default_branch
            more = {"tag": {"tag": "v1.0"}, "schedule": {"schedule": "other"}, "api": {"api": "other"}}.get(kind, {})
            yield Event(kind, branch, "topic" * (kind == "pull_request"), **more, repository=home)  # type: ignore[arg-type]


def _in_copies(reading: Reading, event: Event, deployed: frozenset[str], ran: dict[str, Ran]) -> Iterator[Fault]:
    for job in sorted(deployed):
        if job in ran and ran[job].runs:
            yield Fault(
                "copies", job, f"on {event} the job also runs in copies of the repository", _route(reading, job)
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


def _failures(
    pipeline: Pipeline,
    reading: Reading,
    event: Event,
    meant: dict[str, State],
    eased: frozenset[str],
) -> Iterator[Fault]:
    """The run again and again, each time with another job that fails."""
    watched = {edge.job for job in pipeline.jobs for edge in job.edges}
    for job in pipeline.jobs:
        if job.id in watched and meant[job.id] == "success" and not job.milestone:
            then = outcomes(pipeline, event, {job.id})
            ran = replay(reading, event, {job.id})
            yield from _differences(pipeline, reading, event, then, ran, eased, job.id)


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
    aspect = "failures" if failed else "condition"
    for job in pipeline.jobs:
        if job.id not in ran:
            continue  # told elsewhere: the job is not there
        state, found = meant[job.id], ran[job.id]
        route = _route(reading, job.id)
        if state in _RUNS and not found.runs:
            stops = failed and not {"stops more", f"stops more {job.id}"}.isdisjoint(eased)
            if not stops and not (event.fork and "forks" in eased):
                yield Fault(aspect, job.id, f"{where} the job must run, and does not{_because(found)}", route)
        elif state not in _RUNS and found.runs and not (job.milestone and found.failed):
            yield Fault(aspect, job.id, f"{where} the job must not run, and does", route)
        elif found.failed and not found.runs and not _permitted(pipeline, job, meant):
            yield Fault(aspect, job.id, f"{where} the job must not start, and does, and fails{_because(found)}", route)
        elif found.partly:
            yield Fault(aspect, job.id, f"{where} not all of its legs run", route)
        elif job.milestone and state in _RUNS and found.failed != (state == "failure"):
            yield Fault(aspect, job.id, f"{where} the job must end as {state}", route)
        elif state in _RUNS and found.approved != (job.approval is not None) and "approval" not in eased:
            word = "waits for no approval" if job.approval else "waits for an approval that the spec does not ask for"
            yield Fault("approval", job.id, f"{where} the job {word}", route)
        elif found.runs and job.lock and found.lock is not None and found.lock != _lock(reading, job.id):
            yield Fault("lock", job.id, f"{where} the job holds {found.lock}", route)
        elif found.runs and job.result and found.results is not None:
            yield from _told(pipeline, job, meant, found, where, route)


def _told(
    pipeline: Pipeline, job: Job, meant: dict[str, State], found: Ran, where: str, route: tuple[str | int, ...]
) -> Iterator[Fault]:
    """What the job is told of how those that it waits for have ended."""
    told = dict(found.results or ())
    for edge in job.edges:
        other = pipeline.job(edge.job)
        name = "MLGEN_RESULT_" + other.key.upper().replace("-", "_")
        wanted = "failure" if meant[other.id] == "stopped" else meant[other.id]
        if told.get(name) != wanted and not (other.allow_failure and wanted == "failure"):
            yield Fault("result", job.id, f"{where} {name} is {told.get(name, 'not set')}, not {wanted}", route)


def _lock(reading: Reading, job_id: str) -> str:
    return next((job.lock for job in reading.jobs if job.job == job_id), "")


def _permitted(pipeline: Pipeline, job: Job, meant: dict[str, State]) -> bool:
    """Whether one that the job waits for may fail, and has failed or was stopped: then the job may start, and looks for
    the files itself."""
    return any(meant[e.job] in ("failure", "stopped") and pipeline.job(e.job).allow_failure for e in job.edges)


def _because(found: Ran) -> str:
    return f": {found.why}" if found.why else ""


def _route(reading: Reading, job_id: str) -> tuple[str | int, ...]:
    return next((job.route for job in reading.jobs if job.job == job_id), ())


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
                yield Fault("order", job.id, message, _route(reading, job.id))
        if not {"orders more", f"orders more {job.id}"} & eased:
            for other in sorted(before[job.id] - meant[job.id]):
                message = f"the job waits for {other}, which the spec does not ask for"
                yield Fault("order", job.id, message, _route(reading, job.id))
