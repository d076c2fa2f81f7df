"""Two meanings of a spec compared, job by job and event by event."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from mlgen.behaviour.fields import Said, Weight, described, of_pipeline
from mlgen.graph import words
from mlgen.ir import KINDS, Job, Pipeline
from mlgen.ir.events import Event, events
from mlgen.ir.outcomes import outcomes
from mlgen.named import NamedTuple

WEIGHTS: tuple[Weight, ...] = ("safety", "behaviour", "comfort")


class Change(NamedTuple):
    """One difference: `job` is an id, or empty for the pipeline as a whole; `text` goes on after its name."""

    weight: Weight
    job: str
    text: str


def changes(before: Pipeline | None, after: Pipeline) -> tuple[Change, ...]:
    """Every difference, the weightiest first and each in the order of the spec; none if only text changes.

    `before` None: there was no spec.
    """
    found = list(_pipeline(before, after)) if before else []
    old = {job.id: job for job in before.jobs} if before else {}
    runs = _runs(before, after) if before else {}
    known = {job.id for job in after.jobs} & set(old)
    for job in after.jobs:
        if before and job.id in old:
            found += _events(before, after, old[job.id], job, runs)
            found += _fields(old[job.id], job, known)
        else:
            found.append(_new(after, job))
    gone = [job for job in old.values() if job.id not in {j.id for j in after.jobs}]
    found += [Change("safety" if job.gate or job.deploys else "behaviour", job.id, "is removed") for job in gone]
    return tuple(sorted(dict.fromkeys(found), key=lambda change: WEIGHTS.index(change.weight)))


def _new(pipeline: Pipeline, job: Job) -> Change:
    said = [f"is new: it runs on {words.when(job, pipeline)}"]
    said += [text for kind, text in words.marks(job) if kind in ("gate", "approval", "environment", "secret")]
    return Change("safety" if job.secret_names or job.deploys or job.gate else "behaviour", job.id, "; ".join(said))


Runs = Mapping[Event, tuple[Mapping[str, str], Mapping[str, str]]]


def _runs(before: Pipeline, after: Pipeline) -> Runs:
    """What becomes of the jobs before and after, on every event that either tells apart."""
    every = dict.fromkeys((*events(before), *events(after)))
    return {event: (_outcomes(before, event), _outcomes(after, event)) for event in every}


def _outcomes(pipeline: Pipeline, event: Event) -> Mapping[str, str]:
    """Where the pipeline has no schedule or api event of the name, nothing runs."""
    names = {"schedule": [s.name for s in pipeline.triggers.schedules], "api": [n for n, _ in pipeline.triggers.api]}
    if event.kind in names and event.name not in names[event.kind] and event.schedule not in names[event.kind]:
        return {job.id: "skipped" for job in pipeline.jobs}
    return outcomes(pipeline, event)


def _events(before: Pipeline, after: Pipeline, old: Job, new: Job, runs: Runs) -> Iterator[Change]:
    """On which events the job runs now and did not, and the other way round."""
    gained: dict[str, list[Event]] = {}
    lost: dict[str, list[Event]] = {}
    for event, (was, now) in runs.items():
        if (was[old.id] == "success") != (now[new.id] == "success"):
            (gained if now[new.id] == "success" else lost).setdefault(event.kind, []).append(event)
    then, since = words.events(old, before), words.events(new, after)
    for kind in KINDS:
        weight = _weight(new, [*gained.get(kind, ()), *lost.get(kind, ())])
        if gained.get(kind) or lost.get(kind):
            yield Change(weight, new.id, _moved(kind, then.get(kind, ""), since.get(kind, ""), gained, lost))


def _weight(job: Job, where: Iterable[Event]) -> Weight:
    fork = any(event.fork for event in where)
    return "safety" if job.deploys or job.gate or job.approval or (fork and job.secret_names) else "behaviour"


def _moved(kind: str, then: str, since: str, gained: Mapping[str, list[Event]], lost: Mapping[str, list[Event]]) -> str:
    if not then:
        return f"now also runs on {since}"
    if not since:
        return f"no longer runs on {then}"
    if then != since:
        return f"runs on {since}, where it ran on {then}"
    more = "; ".join(str(event) for event in gained.get(kind, ())[:2])
    less = "; ".join(str(event) for event in lost.get(kind, ())[:2])
    parts = [f"now also runs on {more}" if more else "", f"no longer runs on {less}" if less else ""]
    return " and ".join(part for part in parts if part)


def _fields(old: Job, new: Job, known: Collection[str]) -> Iterator[Change]:
    """What else changes; that a job waits for one that is new or gone, that one tells."""
    was, now = described(_among(old, known)), described(_among(new, known))
    for name in dict.fromkeys((*was, *now)):
        yield from _said(was.get(name), now.get(name), new.id)


def _among(job: Job, known: Collection[str]) -> Job:
    return job._replace(edges=tuple(edge for edge in job.edges if edge.job in known))


def _said(was: Said | None, now: Said | None, job: str) -> Iterator[Change]:
    either = now or was
    if either is None or (was and now and was.value == now.value):
        return
    yield Change(either.weight, job, either.tell(was.value if was else "", now.value if now else ""))


def _pipeline(before: Pipeline, after: Pipeline) -> Iterator[Change]:
    was, now = of_pipeline(before), of_pipeline(after)
    for name in dict.fromkeys((*was, *now)):
        yield from _said(was.get(name), now.get(name), "")
