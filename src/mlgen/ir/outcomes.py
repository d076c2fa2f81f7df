"""What a pipeline means: which jobs of a run start, wait or are left out, given which of them fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from mlgen.ir.conditions import KINDS, Condition
from mlgen.ir.events import Event, attributes, starts
from mlgen.ir.expressions import evaluate, fields, lenient
from mlgen.ir.model import Job, Pipeline
from mlgen.ir.order import parents_first
from mlgen.typed import Literal

State = Literal["success", "failure", "stopped", "skipped"]
"""How a job ends. `stopped`: it is for this event, and a failure of one that it waits for keeps it from starting."""


def outcomes(pipeline: Pipeline, event: Event, failing: Collection[str] = ()) -> dict[str, State]:
    """How each job ends, by id, where every command succeeds but those of the jobs in `failing`.

    All jobs are `skipped` if the event starts no run. Approvals are taken to be given.
    """
    if not starts(event, pipeline):
        return {job.id: "skipped" for job in pipeline.jobs}
    known = attributes(event, pipeline)
    ended: dict[str, State] = {}
    for job in _in_order(pipeline):
        ended[job.id] = _outcome(pipeline, job, event, known, ended, failing)
    return {job.id: ended[job.id] for job in pipeline.jobs}


def failures(
    pipeline: Pipeline, event: Event, meant: Mapping[str, State], names: Iterable[str]
) -> Iterator[tuple[str, dict[str, State]]]:
    """For each of these jobs, whose commands succeed in `meant`: how all end where it fails.

    `meant` is what `outcomes` gives without a failure. Only what comes after the job is asked again, as far as
    something ends otherwise than there.
    """
    known = attributes(event, pipeline)
    values = any(field.startswith("value:") for field in known)
    for name in names:
        ended = dict(meant)
        ended[name] = "failure"
        changed = {name}
        for job in _in_order(pipeline):
            asked = fields(job.condition.on(event.kind)) if values else ()
            touched = any(e.job in changed for e in job.edges) or any(exporter(field) in changed for field in asked)
            if touched and job.id != name:
                ended[job.id] = _outcome(pipeline, job, event, known, ended, (name,))
                changed |= {job.id} if ended[job.id] != meant[job.id] else set()
        yield name, ended


_order: tuple[tuple[Job, ...], tuple[Job, ...]] = ((), ())
"""The jobs that were last asked for, and these in an order in which each comes after all that it waits for."""


def _in_order(pipeline: Pipeline) -> tuple[Job, ...]:
    global _order
    if _order[0] is not pipeline.jobs:
        _order = pipeline.jobs, parents_first(pipeline.jobs)
    return _order[1]


def _outcome(
    pipeline: Pipeline,
    job: Job,
    event: Event,
    known: Mapping[str, str],
    ended: Mapping[str, State],
    failing: Collection[str],
) -> State:
    asked = job.condition.on(event.kind)
    if not evaluate(asked, _told(known, ended) if asked is not True else known):
        return "skipped" if _left_out(job.condition, event.kind, known, ended) else "stopped"
    bad = [e for e in job.edges if ended[e.job] in ("failure", "stopped") and not _permitted(pipeline, e.job, ended)]
    if (job.result == "success" and bad) or (job.result == "failure" and not bad):
        return "skipped"
    if job.milestone:
        return "failure" if bad else "success"
    if not job.result and bad:
        return "stopped"
    if not job.result and any(e.hard and ended[e.job] == "skipped" for e in job.edges):
        return "skipped"  # one with `result` that did not start, since its own condition holds here as well
    if any((e.files or e.exports) and ended[e.job] != "success" and e.hard for e in job.edges):
        return "stopped"  # a permitted failure lifts order, not files or values
    return "failure" if job.id in failing else "success"


def _permitted(pipeline: Pipeline, job_id: str, ended: Mapping[str, State]) -> bool:
    """Whether a job that has not succeeded holds up none that only comes after it.

    One that may fail, and lacks nothing but the files of others that may, starts, finds them missing, and fails.
    """
    job = pipeline.job(job_id)
    if ended[job_id] == "failure" or not job.allow_failure:
        return job.allow_failure
    lacks = any((e.files or e.exports) and ended[e.job] in ("failure", "stopped") for e in job.edges)
    return lacks and all(
        ended[e.job] not in ("failure", "stopped") or _permitted(pipeline, e.job, ended) for e in job.edges
    )


def _told(known: Mapping[str, str], ended: Mapping[str, State]) -> Mapping[str, str]:
    """What is known once these jobs have ended: a value only if its exporter has succeeded."""
    if not any(field.startswith("value:") for field in known):
        return known
    return {
        field: value
        for field, value in known.items()
        if not field.startswith("value:") or ended.get(exporter(field)) == "success"
    }


def exporter(field: str) -> str:
    """The id of the job whose exported value a field such as `value:train.fit.score` stands for."""
    return field.removeprefix("value:").rpartition(".")[0]


def exporters(condition: Condition) -> tuple[str, ...]:
    """The ids of the jobs whose exported values the condition asks for, each once."""
    asked = (field for kind in KINDS for field in fields(condition.on(kind)))
    return tuple(dict.fromkeys(exporter(field) for field in asked if field.startswith("value:")))


def _left_out(condition: Condition, kind: str, known: Mapping[str, str], ended: Mapping[str, State]) -> bool:
    """Whether a condition that does not hold would not do so either had the exporters that failed told a value."""
    asked = condition.on(kind)
    untold = {f for f in fields(asked) if ended.get(exporter(f), "success") in ("failure", "stopped")}
    return not untold or not evaluate(lenient(asked, untold.__contains__), known)
