"""Conditions and jobs in words. Of attributes and kinds of events that it does not know it still makes sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlgen.ir import KINDS, All, Any, Expr, Job, Match, Not, Pipeline, all_of, implies, is_literal
from mlgen.named import NamedTuple

_KINDS = {
    "push": "push",
    "pull_request": "pull request",
    "tag": "tag",
    "schedule": "schedule",
    "manual": "by hand",
    "api": "API event",
}
_NOUNS = {"branch": "the branch", "tag": "the tag", "schedule": "the schedule", "message": "the commit message"}


def joined(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


Names = Mapping[str, str]
"""Attributes whose names say nothing, such as `changed:1`, and what they stand for."""
_NONE: Names = {}


def condition(expr: Expr, names: Names = _NONE) -> str:
    """The expression as a clause: `the branch is main and the pull request is not from a fork`."""
    if isinstance(expr, bool):
        return "always" if expr else "never"
    if isinstance(expr, (Match, Not)):
        return _one(expr, names)
    if isinstance(expr, Any) and (alike := _alike(expr.items)):
        return alike
    inner = All if isinstance(expr, Any) else Any
    parts = [(condition(i, names), isinstance(i, inner) and not _alike(i.items)) for i in expr.items]
    said = [f"({clause})" if brackets else clause for clause, brackets in parts]
    return joined(said, "or" if isinstance(expr, Any) else "and")


def _alike(items: Iterable[Expr]) -> str:
    """Several patterns of one attribute, in one clause; empty if they are not."""
    found = [i for i in items if isinstance(i, Match)]
    if len(found) != len(tuple(items)) or len({i.field for i in found}) != 1 or found[0].pattern == "true":
        return ""
    literal = all(is_literal(i.pattern) for i in found)
    return f"{_noun(found[0].field)} {'is' if literal else 'matches'} {joined([i.pattern for i in found], 'or')}"


def _one(expr: Match | Not, names: Names) -> str:
    item, negated = (expr.item, True) if isinstance(expr, Not) else (expr, False)
    if not isinstance(item, Match):
        return f"not ({condition(item, names)})"
    word, _, rest = item.field.partition(":")
    rest = names.get(item.field, rest)
    if word == "fork":
        return f"the pull request is {'not ' if negated else ''}from a fork"
    if word == "changed":
        what = rest if rest and item.pattern == "true" else item.pattern if item.pattern != "true" else "what it reads"
        paths, since, other = what.partition(" since ")
        return f"{paths} {'did not change' if negated else 'changed'}{since}{other}"
    if item.pattern == "true" and rest:
        return f"{'not ' if negated else ''}{word} {rest}"
    verbs = ("is not", "does not match") if negated else ("is", "matches")
    return f"{_noun(item.field)} {verbs[not is_literal(item.pattern)]} {item.pattern or 'empty'}"


def _noun(field: str) -> str:
    """`branch` is `the branch`, and `input:mode` is `the input mode`."""
    word, _, rest = field.partition(":")
    return _NOUNS.get(field) or f"the {word.replace('_', ' ')} {rest}".rstrip()


def event(kind: str, expr: Expr, names: Names = _NONE) -> str:
    """An event and what is asked of it: `push to main, not to main-old`; empty where nothing satisfies it."""
    if expr is False:
        return ""
    field, link = (kind, "") if kind in ("tag", "schedule", "api") else ("branch", "to")
    link = "on" if field == "branch" and kind not in ("push", "pull_request") else link
    place, rest = "", []
    for item in expr.items if isinstance(expr, All) else (expr,):
        patterns = _patterns(item, field)
        unwanted = isinstance(item, Not) and _patterns(item.item, field)
        if item is True:
            continue
        if patterns and not place:
            place = f" {link} {joined(patterns, 'or')}".replace("  ", " ")
        elif unwanted:
            rest.append(f"not {link} {joined(unwanted, 'or')}".replace("  ", " "))
        elif item == Not(Match("fork", "true")):
            rest.append("not from a fork")
        elif patterns := _patterns(item, "branch"):
            rest.append(f"on {joined(patterns, 'or')}")
        else:
            rest.append(f"if {condition(item, names)}")
    return ", ".join([_KINDS.get(kind, kind.replace("_", " ")) + place, *rest])


def _patterns(item: Expr, field: str) -> list[str]:
    """The patterns, if the expression only asks that one of them match this attribute."""
    items = item.items if isinstance(item, Any) else (item,)
    found = [i.pattern for i in items if isinstance(i, Match) and i.field == field]
    return found if len(found) == len(items) else []


def _lean(items: Iterable[Expr], given: Expr = True) -> Expr:
    """The conjunction without what the other parts, or what is given, already imply."""
    parts = [part for item in items for part in (item.items if isinstance(item, All) else (item,))]
    for part in tuple(parts):
        if implies(all_of([given, *(other for other in parts if other is not part)]), part):
            parts = [other for other in parts if other is not part]
    return all_of(parts)


def names(pipeline: Pipeline) -> Names:
    """What the conditions over changed files ask about, by their fields."""
    against = {change.field: f" since {change.against}" if change.against else "" for change in pipeline.changes}
    return {change.field: joined(change.paths, "or") + against[change.field] for change in pipeline.changes}


def events(job: Job, pipeline: Pipeline) -> dict[str, str]:
    """For each kind of event that starts runs: when the job runs on it; empty where it does not."""
    return {
        kind: event(kind, _lean([pipeline.trigger(kind), job.condition.on(kind)]), names(pipeline))
        for kind in KINDS
        if pipeline.triggers.on(kind)
    }


def when(job: Job, pipeline: Pipeline) -> str:
    """When the job runs, in one phrase that takes for granted what the triggers ask."""
    found = {k: _lean([job.condition.on(k)], pipeline.trigger(k)) for k in KINDS if pipeline.triggers.on(k)}
    asked = {kind: expr for kind, expr in found.items() if expr is not True}
    if not asked:
        return "every event"
    if asked == {"pull_request": Not(Match("fork", "true"))}:
        return "every event, but not for a fork"
    said = [event(kind, expr, names(pipeline)) for kind, expr in found.items()]
    return "; ".join(words for words in said if words)


def started(pipeline: Pipeline) -> list[str]:
    """What starts a run."""
    found = [event(k, pipeline.trigger(k)) for k in KINDS if pipeline.triggers.on(k) and k != "schedule"]
    times = [f"schedule {s.name} ({s.cron} UTC, on {s.branch})" for s in pipeline.triggers.schedules]
    return [*found, *times]


class Wait(NamedTuple):
    """What a job waits for: jobs or whole stages, and why."""

    jobs: tuple[str, ...]
    stages: tuple[str, ...]
    why: str


def waits(job: Job, pipeline: Pipeline) -> list[Wait]:
    """What the job waits for: jobs by hard edges one by one, barriers by whole stages where they are whole."""
    found = []
    for edge in job.edges:
        other = pipeline.job(edge.job)
        given = [*edge.files, *(f"${export.name}" for export in other.exports if edge.exports)]
        if edge.hard or given:
            where = "" if edge.hard else " where it runs"
            found.append(Wait((edge.job,), (), f"takes {joined(given)}{where}" if given else "named in `needs`"))
    reached = {edge.job for edge in job.edges}
    barriers = {edge.job for edge in job.edges if not edge.hard and not edge.files and not edge.exports}
    stages, single = [], []
    for stage in pipeline.stages:
        members = [other.id for other in pipeline.stage_jobs(stage)]
        if stage != job.stage and barriers.intersection(members) and reached.issuperset(members):
            stages.append(stage)
        else:
            single += [name for name in members if name in barriers]
    if single:
        found.append(Wait(tuple(single), (), "where they run"))
    return [*found, *([Wait((), tuple(stages), "earlier stages")] if stages else [])]


def duration(seconds: int) -> str:
    """Seconds as the language writes them: `90s`, `20m`, `2h`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def marks(job: Job) -> list[tuple[str, str]]:
    """What is special about a job: the kind of mark, and its words."""
    found = [("milestone", "milestone")] if job.milestone else []
    if job.gate:
        found.append(("gate", f"gate {job.gate.name}: {'; '.join(job.gate.require)}"))
    if job.approval:
        by = f" by {joined(job.approval.by, 'or')}" if job.approval.by else ""
        found.append(("approval", f"approval{by}" + (f" for {job.environment.name}" if job.environment else "")))
    if job.result:
        ended = {"any": "whatever the result"}.get(job.result, f"only after a {job.result}")
        found.append(("result", ended))
    if job.environment:
        verb = "deploys to" if job.environment.deployment else "secrets of"
        found.append(("environment", f"{verb} {job.environment.name}"))
    if job.matrix:
        limit = f", {job.matrix.max_parallel} at a time" if job.matrix.max_parallel else ""
        found.append(("matrix", f"{len(job.matrix.legs)} legs over {joined(job.matrix.axes)}{limit}"))
    return [*found, *_settings(job)]


def _settings(job: Job) -> list[tuple[str, str]]:
    """What is set for a job and says nothing of the graph."""
    found = []
    if job.secret_names:
        found.append(("secret", f"secret{'s' * (len(job.secret_names) > 1)} {joined(job.secret_names)}"))
    if job.services:
        found.append(("service", f"beside it {joined([service.name for service in job.services])}"))
    if job.timeout:
        found.append(("timeout", f"timeout {duration(job.timeout)}"))
    if job.retry:
        found.append(("retry", f"{job.retry} retr{'y' if job.retry == 1 else 'ies'}"))
    if job.allow_failure:
        found.append(("allow_failure", "may fail"))
    if job.lock:
        found.append(("lock", f"one at a time: {job.lock}"))
    return found
