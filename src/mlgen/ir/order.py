"""Which edges of a pipeline have to be said, and which another one implies."""

from __future__ import annotations

from mlgen.ir.conditions import KINDS, Condition
from mlgen.ir.expressions import all_of
from mlgen.ir.model import Job, Pipeline, Triggers


def weigh(jobs: tuple[Job, ...], triggers: Triggers) -> tuple[Job, ...]:
    """The edges with `always` and `implied`, which need the effective conditions.

    A barrier is implied when another job, which runs whenever the waiting one does and whose failure stops it,
    waits for the same job, and is stopped by its failure. Whether a job runs that looks at results, or that needs such
    a job, only results tell. Sets of jobs are bits, so that 400 jobs stay cheap.
    """
    bit = {job.id: 1 << index for index, job in enumerate(jobs)}
    by_id = {job.id: job for job in jobs}
    reach = {job.id: _on_triggers(job.condition, triggers) for job in jobs}
    rooms: dict[Condition, int] = {}  # equal conditions have one number
    room = {name: rooms.setdefault(condition, len(rooms)) for name, condition in reach.items()}
    own = {job.id: rooms.setdefault(job.condition, len(rooms)) for job in jobs}
    known: dict[tuple[int, int], bool] = {}

    def always(job: Job, other: str) -> bool:
        pair = room[job.id], own[other]
        if pair not in known:
            known[pair] = reach[job.id].implies(by_id[other].condition)
        return known[pair]

    told = left_to_results(jobs)
    waited: dict[str, int] = {}
    """Of each job, those that it surely waits for."""
    weighed: dict[str, Job] = {}
    for job in parents_first(jobs):
        sure = [e.hard or (e.job not in told and always(job, e.job)) for e in job.edges]
        through = 0
        for e, is_sure in zip(job.edges, sure):
            if is_sure and not by_id[e.job].allow_failure and not by_id[e.job].result:
                through |= waited[e.job]
        edges = []
        waited[job.id] = through
        for e, is_sure in zip(job.edges, sure):
            implied = not (e.hard or e.files or e.exports) and bool(through & bit[e.job])
            edges.append(
                e if (e.always, e.implied) == (is_sure, implied) else e._replace(always=is_sure, implied=implied)
            )
            waited[job.id] |= bit[e.job]
        weighed[job.id] = job._replace(edges=tuple(edges))
    return tuple(weighed[job.id] for job in jobs)


def left_to_results(jobs: tuple[Job, ...]) -> frozenset[str]:
    """The ids of jobs that may not start although their condition holds and nothing stops them: they look at how
    others ended, or need a job that does."""
    found = {job.id for job in jobs if job.result in ("success", "failure")}
    more = bool(found)
    while more:
        needing = {job.id for job in jobs if not job.watches and any(e.hard and e.job in found for e in job.edges)}
        more = not needing <= found
        found |= needing
    return frozenset(found)


def ancestors(pipeline: Pipeline, job: Job) -> tuple[str, ...]:
    """The ids of all jobs that the job comes after, the nearest first."""
    found: dict[str, None] = {}
    todo = [job]
    while todo:
        names = [edge.job for edge in todo.pop(0).edges if edge.job not in found]
        found |= dict.fromkeys(names)
        todo += map(pipeline.job, names)
    return tuple(found)


def parents_first(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """The jobs so that each comes after all that it waits for; there must be no circle among them."""
    by_id = {job.id: job for job in jobs}
    found: dict[str, Job] = {}
    for start in jobs:
        stack = [start]
        while stack:
            job = stack[-1]
            missing = [by_id[e.job] for e in job.edges if e.job not in found]
            if missing and job.id not in found:
                stack += missing
            else:
                found.setdefault(job.id, job)
                stack.pop()
    return tuple(found.values())


def _on_triggers(condition: Condition, triggers: Triggers) -> Condition:
    return Condition(*(all_of([condition.on(kind), triggers.condition.on(kind)]) for kind in KINDS))
