"""Effective conditions: a job's own, closed over its hard ancestors, so that no CI system's skipping matters."""

from __future__ import annotations

from collections.abc import Iterable

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir.conditions import KINDS, Condition
from mlgen.ir.expressions import Expr, Match, Not, all_of, any_of, fields, partial, satisfiable
from mlgen.ir.model import Job, Schedule, Triggers
from mlgen.ir.order import parents_first
from mlgen.ir.source import Source
from mlgen.ir.values import Change, Edge, GateCheck
from mlgen.lower.graph import alternatives
from mlgen.lower.own import Known, own_exprs
from mlgen.named import NamedTuple

WITH_BRANCH = ("push", "pull_request", "manual", "api")


class Own(NamedTuple):
    """What a job says itself: an expression for each kind but schedule, and for each schedule one of its own."""

    exprs: dict[str, Expr]
    schedules: dict[str, Expr]

    def on(self, schedule: str) -> Expr:
        """What holds on the schedule of this name."""
        return self.schedules[schedule]


def effective(
    source: Source, jobs: tuple[Job, ...], triggers: Triggers, changes: dict[str, Change]
) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with their effective conditions. `jobs` must have their edges, and no circle among them.

    `changes` is, by job and the place in its `when`, what each `changed` asks about.
    """
    faults: list[Diagnostic] = []
    known = Known(source, triggers, changes)
    gates = {job.id: job.gate for job in jobs if job.gate and job.gate.on_fail == "stop"}
    said: dict[str, Own] = {}
    closed: dict[str, Own] = {}
    for job in parents_first(jobs):
        own = said[job.id] = _stopped(_own(known, job), job, gates)
        parents = [(edge.job, closed[edge.job]) for edge in job.edges if edge.hard]
        groups = [[closed[name] for name in group] for group in alternatives(job)]
        exprs = {
            kind: all_of([own.exprs[kind], *(p.exprs[kind] for _, p in parents), *_one_of(groups, kind)])
            for kind in own.exprs
        }
        faults.extend(_withheld(job, own, parents, triggers))
        scheduled = {
            name: all_of([expr, *(p.on(name) for _, p in parents), *(any_of(p.on(name) for p in g) for g in groups)])
            for name, expr in own.schedules.items()
        }
        closed[job.id] = Own(exprs, scheduled)
    found = []
    for job in jobs:
        condition = _condition(closed[job.id], triggers)
        found.append(job._replace(condition=condition))
        if not any(satisfiable(all_of([condition.on(k), triggers.condition.on(k)])) for k in KINDS):
            why = _never(_kinds(known, job, said[job.id]), _kinds(known, job, closed[job.id]), triggers)
            hint = "its `when`, its environment's branches and tags, the triggers and its ancestors must share an event"
            faults.append(error("MLG303", job.position, f"no event can run {job.id}: {why}", hint))
    return carried(tuple(found)), [*faults, *_empty_stages(source, jobs, closed, triggers, faults)]


def _stopped(own: Own, job: Job, gates: dict[str, GateCheck]) -> Own:
    """What the job says itself, and that no gate that it waits for has stopped the run; one that is absent has not."""
    asked = [e.job for e in job.edges if e.job in gates] if gates and not job.watches else []
    if not asked:
        return own
    passed = [Not(Match(f"value:{name}.{gates[name].variable}", "stopped")) for name in asked]
    return Own(
        {kind: all_of([expr, *passed]) for kind, expr in own.exprs.items()},
        {name: all_of([expr, *passed]) for name, expr in own.schedules.items()},
    )


def _one_of(groups: list[list[Own]], kind: str) -> list[Expr]:
    return [any_of(parent.exprs[kind] for parent in group) for group in groups]


def carried(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """The jobs, each with an edge to all whose exported values its effective condition asks for."""
    found = []
    for job in jobs:
        fields_asked = (f for kind in KINDS for f in fields(job.condition.on(kind)) if f.startswith("value:"))
        asked = dict(field.removeprefix("value:").rpartition(".")[::2] for field in fields_asked)
        # A gate need not run where the job does: then it has stopped nothing, and the barrier on it asks nothing.
        soft = {name for name, export in asked.items() if export.startswith("MLGEN_GATE_")}
        takes = asked.keys() - {job.id}
        kept = [e._replace(exports=True) if e.job in takes and (e.hard or e.job in soft) else e for e in job.edges]
        missing = takes - {edge.job for edge in kept if edge.exports}
        more = [Edge(other.id, other.id not in soft, exports=True) for other in jobs if other.id in missing]
        kept = [edge for edge in kept if edge.job not in missing]
        edges = (*(e for e in more if e.hard), *kept, *(e for e in more if not e.hard))
        found.append(job._replace(edges=edges))
    return tuple(found)


def _empty_stages(
    source: Source, jobs: tuple[Job, ...], closed: dict[str, Own], triggers: Triggers, faults: list[Diagnostic]
) -> Iterable[Diagnostic]:
    """Schedules that name a stage of which nothing runs on them; said once, if nothing more precise is."""
    if faults:
        return
    for index, schedule in enumerate(triggers.schedules):
        for stage in schedule.stages:
            members = [job for job in jobs if job.stage == stage]
            if all(closed[job.id].on(schedule.name) is False for job in members):
                message = f"schedule {schedule.name} asks for the stage {stage}, of which no job runs on it"
                hint = f"a deploying job runs on a schedule only if its `when` names it: schedule: {schedule.name}"
                if not any(job.deploys for job in members):
                    hint = f"take {stage} out of `stages`, or let a job's `when` name the schedule"
                at = source.at("triggers", "schedule", index, "stages")
                yield warning("MLG304", at, message, hint)


def _kinds(known: Known, job: Job, own: Own) -> list[str]:
    """The kinds of events that the condition would allow, whatever the triggers are."""
    scheduled = any(expr is not False for expr in own.schedules.values())
    scheduled = scheduled or any(satisfiable(expr) for expr in known.whens(job, "schedule"))
    return [kind for kind in KINDS if (scheduled if kind == "schedule" else satisfiable(own.exprs[kind]))]


def _never(alone: list[str], closed: list[str], triggers: Triggers) -> str:
    fired = [kind for kind in KINDS if triggers.on(kind)]
    if not alone:
        return "its `when` and its environment leave none"
    if not closed:
        return f"it is for {', '.join(alone)}, and the jobs that it depends on are for others"
    if not set(closed) & set(fired):
        return f"it is for {', '.join(closed)}, and `triggers` has {', '.join(fired)}"
    return "its branches, tags or schedules and those of `triggers` have nothing in common"


def _condition(own: Own, triggers: Triggers) -> Condition:
    groups: dict[Expr, list[str]] = {}
    for name, expr in own.schedules.items():
        if expr is not False:
            groups.setdefault(expr, []).append(name)
    scheduled = any_of(
        all_of([len(names) == len(triggers.schedules) or any_of(Match("schedule", n) for n in names), expr])
        for expr, names in groups.items()
    )
    exprs = {kind: expr if triggers.on(kind) else False for kind, expr in own.exprs.items()}
    return Condition(**exprs, schedule=scheduled if triggers.schedules else False)


def _withheld(job: Job, own: Own, parents: Iterable[tuple[str, Own]], triggers: Triggers) -> Iterable[Diagnostic]:
    for schedule in triggers.schedules:
        if job.stage not in schedule.stages or own.on(schedule.name) is False:
            continue
        for name, parent in parents:
            if parent.on(schedule.name) is False:
                message = (
                    f"schedule {schedule.name} asks for {job.id}, which depends on {name}, which does not run on it"
                )
                hint = f"add the stage of {name} to the schedule's `stages`, or take {job.stage} out"
                yield error("MLG304", schedule.position, message, hint)


def _own(known: Known, job: Job) -> Own:
    exprs: dict[str, Expr] = {}
    for kind in (*WITH_BRANCH, "tag"):
        exprs[kind] = all_of([own_exprs(known, job, kind), *_safety(job, kind)])
    return Own(exprs, {s.name: _on_schedule(known, s, job) for s in known.triggers.schedules})


def _on_schedule(known: Known, schedule: Schedule, job: Job) -> Expr:
    """What is left to ask on this schedule, whose name and branch are known."""
    whens = known.said(job).get("when", [{}])
    named = any("schedule" in when or "schedule" in when.get("event", ()) for when in whens)
    if schedule.stages and job.stage not in schedule.stages:
        return False
    if not schedule.stages and job.deploys and not named:
        return False
    return partial(own_exprs(known, job, "schedule"), {"branch": schedule.branch, "schedule": schedule.name})


def _safety(job: Job, kind: str) -> list[Expr]:
    """Nothing that deploys or sees a secret runs for a fork."""
    return [Not(Match("fork", "true"))] if kind == "pull_request" and (job.deploys or job.secret_names) else []
