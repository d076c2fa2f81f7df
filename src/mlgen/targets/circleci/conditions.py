"""A condition in CircleCI's expressions.

https://circleci.com/docs/reference/configuration-reference/#expression-based-job-filters (the language),
https://circleci.com/docs/guides/security/contexts/#precedence (`or` binds weakest, then `and`; `not` strongest),
https://circleci.com/docs/guides/orchestrate/github-trigger-event-options/ (the events and their values).
"""

from __future__ import annotations

import re
from functools import lru_cache

from mlgen.ir import (
    KINDS,
    All,
    Any,
    Condition,
    Expr,
    Job,
    Match,
    Not,
    Pipeline,
    all_of,
    any_of,
    fields,
    glob_regex,
    implies,
    is_literal,
)
from mlgen.ir.expressions import satisfiable, substituted
from mlgen.ir.order import left_to_results
from mlgen.named import NamedTuple
from mlgen.targets.decide import outside

EVENT = "pipeline.event.name"
BRANCH = "pipeline.git.branch"
TARGET_BRANCH = "pipeline.event.github.pull_request.base.ref"
SCHEDULE = "pipeline.parameters.mlgen_schedule"
NAMED = "pipeline.parameters.mlgen_event"
INSIDE = ("changed", "message", "value")
"""What filters cannot ask: they know no files, compare whole texts only, and are decided before any job has run."""

# A pushed tag is an event of the name `push` too; the two are told apart by the ref.
_EVENTS = {
    "push": "push", "pull_request": "pull_request", "tag": "push", "schedule": "schedule", "manual": "api", "api": "api"
}  # fmt: skip
_REFS = {
    "push": 'pipeline.event.github.ref starts-with "refs/heads/"',
    "tag": 'pipeline.event.github.ref starts-with "refs/tags/"',
}


def runs(pipeline: Pipeline, job: Job) -> Condition:
    """When the job runs: its condition, and the triggers' filters, which no other part of the file can say.

    A requirement that is filtered out is ignored, so a job that wants a failure asks for an event on which there can be
    one, and what needs such a job for the same: https://circleci.com/docs/reference/configuration-reference/#requires
    """
    found = outside(job.condition, INSIDE).both(pipeline.triggers.condition)
    if job.result == "failure":
        found = found.both(either([runs(pipeline, pipeline.job(edge.job)) for edge in job.waits]))
    elif not job.watches and (told := left_to_results(pipeline.jobs)):
        for edge in job.edges:
            found = found.both(runs(pipeline, pipeline.job(edge.job))) if edge.hard and edge.job in told else found
    return found


def either(conditions: list[Condition]) -> Condition:
    """Holds where one of the conditions holds."""
    return Condition(*(any_of(c.on(kind) for c in conditions) for kind in KINDS))


def elsewhere(pipeline: Pipeline) -> list[Job]:
    """The jobs that can deploy from another branch than the default one, where auto-cancel would stop them."""
    other = Not(Match("branch", pipeline.default_branch))
    return [
        job
        for job in pipeline.jobs
        if job.deploys and any(satisfiable(all_of([runs(pipeline, job).on(k), other])) for k in ("push", "manual"))
    ]


def repository(pipeline: Pipeline) -> str:
    """The test that the run is of the project's own repository and not of a copy; empty if the spec names none."""
    parts = pipeline.repository.removesuffix(".git").split("/")
    if len(parts) < 2:
        return ""
    return f"pipeline.git.repo_owner == {_string(parts[-2])} and pipeline.git.repo_name == {_string(parts[-1])}"


class Entry(NamedTuple):
    """The parameters of an API trigger: whether one of them names an event, and the type of each input."""

    named: bool = False
    types: tuple[tuple[str, str], ...] = ()


NO_ENTRY = Entry()


def entry(pipeline: Pipeline) -> Entry:
    """What the pipeline's manual runs and api events share."""
    return Entry(pipeline.triggers.on("api"), tuple((i.name, i.type) for i in pipeline.triggers.inputs))


def clauses(condition: Condition, own: str = "", deploys: bool = False, entry: Entry = NO_ENTRY) -> list[str]:
    """The condition as clauses of which one must hold: one for each kind of event.

    `own` tests for the project's own repository: on schedules always, and on every event if the job deploys.
    """
    found: list[str] = []
    exprs = {kind: _reduced(_forkless(condition.on(kind))) for kind in KINDS}
    if exprs["manual"] == exprs["api"]:  # then nothing asks which of the two it is
        exprs["api"], entry = False, entry._replace(named=False)
    for kind, expr in exprs.items():
        if satisfiable(expr):
            guard = own if deploys or kind == "schedule" else ""
            found.append(_clause(kind, expr, guard, entry))
    return found


@lru_cache(maxsize=1024)
def filters(condition: Condition, own: str = "", deploys: bool = False, entry: Entry = NO_ENTRY) -> str:
    """The text of `filters`: a clause a line; without any, what never holds, since no text would be no filter."""
    found = clauses(condition, own, deploys, entry) or [f'{EVENT} == ""']
    if len(found) == 1:
        return found[0]
    return "\nor ".join(f"({c})" if " and " in c else c for c in found)


def _clause(kind: str, expr: Expr, guard: str, entry: Entry) -> str:
    # The event comes first: the values of a pull request exist on no other event, and asking for one there fails
    # the pipeline unless `and` has stopped before.
    parts = [f'{EVENT} == "{_EVENTS[kind]}"']
    # A branch or tag that must match something is empty on the other kind of push, and says it all.
    if kind in _REFS and not _names(kind, expr):
        parts.append(_REFS[kind])
    if entry.named and kind == "manual":
        parts.append(f'{NAMED} == ""')
    elif kind == "api" and not any(field == "api" for field in fields(expr)):
        parts.append(f'{NAMED} != ""')
    if expr is not True:
        parts.append(_text(kind, expr, All, dict(entry.types)))
    if guard:
        parts.append(guard)
    return " and ".join(parts)


def _names(kind: str, expr: Expr) -> bool:
    """Whether the expression can hold only where the attribute of this kind is there at all."""
    if isinstance(expr, Match):
        return expr.field == ("branch" if kind == "push" else "tag") and expr.pattern not in ("*", "**")
    if isinstance(expr, All):
        return any(_names(kind, item) for item in expr.items)
    return isinstance(expr, Any) and all(_names(kind, item) for item in expr.items)


def _forkless(expr: Expr) -> Expr:
    """The expression where no pull request is of a fork: forked ones never start a pipeline of the GitHub App."""
    return substituted(expr, lambda match: False if match.field == "fork" else match)


def _reduced(expr: Expr) -> Expr:
    """The expression without what its other parts imply anyway."""
    if not isinstance(expr, All):
        return expr
    kept = list(expr.items)
    for item in expr.items:
        rest = [other for other in kept if other is not item]
        if any(implies(other, item) for other in rest):
            kept = rest
    return all_of(kept)


def _text(kind: str, expr: Expr, inside: type, types: dict[str, str]) -> str:
    if isinstance(expr, (All, Any)):
        word = " and " if isinstance(expr, All) else " or "
        text = word.join(_text(kind, item, type(expr), types) for item in expr.items)
        return text if isinstance(expr, inside) else f"({text})"
    if isinstance(expr, Not):
        assert isinstance(expr.item, Match)
        if is_literal(expr.item.pattern):
            return f"{_value(kind, expr.item.field)} != {_literal(expr.item, types)}"
        return f"not ({_match(kind, expr.item, types)})"
    assert isinstance(expr, Match)
    return _match(kind, expr, types)


def _literal(match: Match, types: dict[str, str]) -> str:
    """The value that is compared with, which for a boolean or an integer is no text."""
    kind = types.get(match.field.removeprefix("input:"), "") if match.field.startswith("input:") else ""
    return match.pattern if kind in ("boolean", "integer") else _string(match.pattern)


def _match(kind: str, match: Match, types: dict[str, str]) -> str:
    value, pattern = _value(kind, match.field), match.pattern
    if is_literal(pattern):
        return f"{value} == {_literal(match, types)}"
    if pattern.endswith("**") and is_literal(pattern[:-2]) and pattern[:-2]:
        return f"{value} starts-with {_string(pattern[:-2])}"
    return f"{value} matches /^{_delimited(glob_regex(pattern))}$/"


def _value(kind: str, field: str) -> str:
    if field == "branch":
        return TARGET_BRANCH if kind == "pull_request" else BRANCH
    if field.startswith("input:"):
        return f"pipeline.parameters.{field.removeprefix('input:')}"
    return {"tag": "pipeline.git.tag", "schedule": SCHEDULE, "api": NAMED}[field]


def _string(text: str) -> str:
    """A string literal: https://circleci.com/docs/guides/security/contexts/#strings."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _delimited(regex: str) -> str:
    r"""The regular expression between slashes: each slash in it behind a backslash, and no needless `\-`."""
    return re.sub(r"\\.|/", lambda found: {"/": r"\/", r"\-": "-"}.get(found[0], found[0]), regex)
