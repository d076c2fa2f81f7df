"""Effective conditions: a job's own, closed over its hard ancestors, so that no CI system's skipping matters."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir.conditions import KINDS, Condition
from mlgen.ir.expressions import Expr, Match, Not, all_of, any_of, evaluate, negate, patterns_expr, satisfiable
from mlgen.ir.model import Job, Schedule, Triggers
from mlgen.ir.order import parents_first
from mlgen.ir.source import Source

EVERY = ("push", "pull_request", "tag", "schedule", "manual")
DEPLOYING = ("push", "tag", "manual")
MONITORING = ("schedule", "manual")
WITH_BRANCH = ("push", "pull_request", "manual")


class Own(NamedTuple):
    """What a job says itself: an expression for each kind but schedule, and the schedules it runs on."""

    exprs: dict[str, Expr]
    schedules: frozenset[str]


def effective(source: Source, jobs: tuple[Job, ...], triggers: Triggers) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with their effective conditions. `jobs` must have their edges, and no circle among them."""
    faults: list[Diagnostic] = []
    closed: dict[str, Own] = {}
    for job in parents_first(jobs):
        own = _own(source, job, triggers)
        parents = [(edge.job, closed[edge.job]) for edge in job.edges if edge.hard]
        exprs = {kind: all_of([own.exprs[kind], *(p.exprs[kind] for _, p in parents)]) for kind in own.exprs}
        faults.extend(_withheld(job, own, parents, triggers))
        closed[job.id] = Own(exprs, own.schedules.intersection(*(p.schedules for _, p in parents)))
    found = []
    for job in jobs:
        condition = _condition(closed[job.id], triggers)
        found.append(job._replace(condition=condition))
        if not any(satisfiable(all_of([condition.on(k), triggers.condition.on(k)])) for k in KINDS):
            why = _never(
                _kinds(source, job, _own(source, job, triggers)), _kinds(source, job, closed[job.id]), triggers
            )
            hint = "its `when`, its environment's branches and tags, the triggers and its ancestors must share an event"
            faults.append(error("MLG303", job.position, f"no event can run {job.id}: {why}", hint))
    return tuple(found), [*faults, *_empty_stages(source, jobs, closed, triggers, faults)]


def _empty_stages(
    source: Source, jobs: tuple[Job, ...], closed: dict[str, Own], triggers: Triggers, faults: list[Diagnostic]
) -> Iterable[Diagnostic]:
    """Schedules that name a stage of which nothing runs on them; said once, if nothing more precise is."""
    if faults:
        return
    for index, schedule in enumerate(triggers.schedules):
        for stage in schedule.stages:
            members = [job for job in jobs if job.stage == stage]
            if not any(schedule.name in closed[job.id].schedules for job in members):
                message = f"schedule {schedule.name} asks for the stage {stage}, of which no job runs on it"
                hint = f"a deploying job runs on a schedule only if its `when` names it: schedule: {schedule.name}"
                if not any(job.deploys for job in members):
                    hint = f"take {stage} out of `stages`, or let a job's `when` name the schedule"
                at = source.at("triggers", "schedule", index, "stages")
                yield warning("MLG304", at, message, hint)


def _kinds(source: Source, job: Job, own: Own) -> list[str]:
    """The kinds of events that the condition would allow, whatever the triggers are."""
    whens = source.data["stages"][job.stage][job.name].get("when", [{}])
    scheduled = bool(own.schedules) or any(satisfiable(_when(when, "schedule", job)) for when in whens)
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
    named = [s.name for s in triggers.schedules if s.name in own.schedules]
    everyone = len(named) == len(triggers.schedules)
    scheduled: Expr = bool(named) if everyone else any_of(Match("schedule", name) for name in named)
    exprs = {kind: expr if triggers.on(kind) else False for kind, expr in own.exprs.items()}
    return Condition(**exprs, schedule=scheduled if triggers.schedules else False)


def _withheld(job: Job, own: Own, parents: Iterable[tuple[str, Own]], triggers: Triggers) -> Iterable[Diagnostic]:
    for schedule in triggers.schedules:
        if job.stage not in schedule.stages or schedule.name not in own.schedules:
            continue
        for name, parent in parents:
            if schedule.name not in parent.schedules:
                message = (
                    f"schedule {schedule.name} asks for {job.id}, which depends on {name}, which does not run on it"
                )
                hint = f"add the stage of {name} to the schedule's `stages`, or take {job.stage} out"
                yield error("MLG304", schedule.position, message, hint)


def _own(source: Source, job: Job, triggers: Triggers) -> Own:
    said = source.data["stages"][job.stage][job.name]
    whens = said.get("when", [{}])
    place = source.data["environments"].get(job.environment.name) if job.environment else None
    default = source.data["project"]["default_branch"]
    exprs: dict[str, Expr] = {}
    for kind in (*WITH_BRANCH, "tag"):
        exprs[kind] = all_of([_said(job, whens, place, kind, default), _place(place, kind), *_safety(job, kind)])
    runs = frozenset(s.name for s in triggers.schedules if _on_schedule(s, job, whens, place, default))
    return Own(exprs, runs)


def _on_schedule(schedule: Schedule, job: Job, whens: list[Any], place: Any, default: str) -> bool:
    named = any("schedule" in when or "schedule" in when.get("event", ()) for when in whens)
    if schedule.stages and job.stage not in schedule.stages:
        return False
    if not schedule.stages and job.deploys and not named:
        return False
    whole = all_of([_said(job, whens, place, "schedule", default), _place(place, "schedule")])
    return evaluate(whole, {"branch": schedule.branch, "schedule": schedule.name})


def _said(job: Job, whens: list[Any], place: Any, kind: str, default: str) -> Expr:
    """The job's `when` on events of this kind: any of its mappings, each with its own defaults."""
    return any_of(all_of([_when(when, kind, job), _limit(job, when, place, kind, default)]) for when in whens)


def _when(when: dict[str, Any], kind: str, job: Job) -> Expr:
    """One mapping of `when` on events of this kind; without event, tag or schedule, the defaults of the stage."""
    parts: list[Expr] = [_mapping(when, kind)]
    if not any(key in when for key in ("event", "tag", "schedule")):
        kinds = DEPLOYING if job.deploys else MONITORING if job.stage == "monitor" else EVERY
        parts.append(kind in kinds)
    return all_of(parts)


def _mapping(when: dict[str, Any], kind: str) -> Expr:
    parts: list[Expr] = []
    for key, value in when.items():
        if key == "event":
            parts.append(kind in value)
        elif key == "branch":
            parts.append(False if kind == "tag" else patterns_expr("branch", value))
        elif key == "tag":
            parts.append(patterns_expr("tag", value) if kind == "tag" else False)
        elif key == "schedule":
            parts.append(any_of(Match("schedule", v) for v in value) if kind == "schedule" else False)
        elif key == "not":
            parts.append(negate(_mapping(value, kind)))
    return all_of(parts)


def _place(place: Any, kind: str) -> Expr:
    """What the environment's `branches` and `tags` allow; one given and the other absent means none of the other."""
    if place is None or (place["branches"] is None and place["tags"] is None):
        return True
    if kind == "tag":
        return patterns_expr("tag", place["tags"] or ())
    return patterns_expr("branch", place["branches"] or ())


def _limit(job: Job, when: dict[str, Any], place: Any, kind: str, default: str) -> Expr:
    """A deploying job runs on the default branch or a tag only, unless branches or tags are named for it."""
    named = "branch" in when or "tag" in when
    if place is not None and (place["branches"] is not None or place["tags"] is not None):
        named = True
    return True if named or not job.deploys or kind == "tag" else Match("branch", default)


def _safety(job: Job, kind: str) -> list[Expr]:
    """Nothing that deploys or sees a secret runs for a fork."""
    return [Not(Match("fork", "true"))] if kind == "pull_request" and (job.deploys or job.secrets) else []
