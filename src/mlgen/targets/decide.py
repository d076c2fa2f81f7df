"""Conditions that are decided inside the job: what is left for the target's own language, and the call for the rest.

A field such as `changed:fit` has the prefix `changed`. A target names the prefixes that it cannot decide earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import KINDS, All, Any, Condition, Expr, Job, Match, Not, Pipeline, fields, is_literal
from mlgen.ir.expressions import all_of, implies, lenient, substituted
from mlgen.ir.order import ancestors
from mlgen.ir.outcomes import exporters
from mlgen.quoting import sh

SKIPPED = 3
"""The exit status of `ci.py when` that says that the job is skipped."""


def outside(condition: Condition, prefixes: Collection[str]) -> Condition:
    """What the target's own language asks: the condition, with everything that is decided inside taken to hold."""
    return Condition(*(lenient(condition.on(kind), lambda f: f.partition(":")[0] in prefixes) for kind in KINDS))


def inside(job: Job, pipeline: Pipeline, prefixes: Collection[str]) -> str:
    """The expression that decides inside the job, once what `outside` says holds; empty if nothing is left."""
    left: dict[str, Expr] = {
        kind: _rest(job.condition.on(kind), prefixes)
        for kind in KINDS
        if pipeline.triggers.on(kind) and job.condition.on(kind) is not False
    }
    if all(expr is True for expr in left.values()):
        return ""
    for kind, expr in left.items():
        if all(on_kind(expr, other) == rest for other, rest in left.items()) and not fields(expr) & _OF_THE_EVENT:
            return _text(expr, kind, pipeline)
    clauses = [
        _event(kind) + ("" if expr is True else f" and {_text(expr, kind, pipeline, True)}")
        for kind, expr in left.items()
    ]
    return " or ".join(clauses)


def call(expression: str) -> str:
    """The command that tells whether the job is to run: exit status 0, or `SKIPPED`."""
    return f"python3 .mlgen/ci.py when {sh(expression)}"


def _event(kind: str) -> str:
    """The test for events of this kind: of an api event, the variable holds its name."""
    others = ", ".join(f'"{k}"' for k in KINDS if k != "api")
    return f"MLGEN_EVENT not in ({others})" if kind == "api" else f'MLGEN_EVENT == "{kind}"'


_OF_THE_EVENT = frozenset(("branch", "tag", "schedule", "api", "fork"))


def _decided(item: Expr, prefixes: Collection[str]) -> bool:
    return any(field.partition(":")[0] in prefixes for field in fields(item))


def _rest(item: Expr, prefixes: Collection[str]) -> Expr:
    """The conjuncts that have something to decide inside; the others hold already."""
    parts = item.items if isinstance(item, All) else (item,)
    return all_of(part for part in parts if _decided(part, prefixes))


def on_kind(item: Expr, kind: str) -> Expr:
    """The expression where events of this kind lack what it asks for: everything has changed, and no message fits."""

    def found(match: Match) -> Expr:
        prefix = match.field.partition(":")[0]
        if prefix == "changed" and kind not in ("push", "pull_request"):
            return True
        return False if prefix == "message" and kind not in ("push", "pull_request", "tag") else match

    return substituted(item, found)


def untold(
    pipeline: Pipeline, job: Job, title: str, prefixes: Callable[[Job], Collection[str]], asked_first: bool = False
) -> Iterator[Diagnostic]:
    """For systems on which a job counts as stopped by a failure though its own decision would have left it out: that
    makes a difference to a job which looks at its result, unless it looks at that failure as well.

    `prefixes` tells what a job decides itself; with `asked_first` it does as soon as its values are told.
    """
    own = {edge.job for edge in job.edges}
    for other in (pipeline.job(edge.job) for edge in job.edges if job.watches):
        names = {field.partition(":")[0] for kind in KINDS for field in fields(other.condition.on(kind))}
        decided = names & set(prefixes(other))
        there = {edge.job for edge in other.edges}  # a gate that the target leaves out tells nothing
        values = tuple(name for name in exporters(other.condition) if name in there)
        sure = values if len(values) == 1 and decided == {"value"} else ()  # untold, it stops the job
        before = values if asked_first else ancestors(pipeline, other) if decided else ()
        beside = [
            name for name in before if name not in own and name not in sure and _apart(pipeline, name, other, decided)
        ]
        if beside:
            message = (
                f"{job.id}: where {beside[0]} fails, {title} does not tell whether {other.id} was stopped, "
                "or its condition would have left it out"
            )
            yield error("MLG404", job.position, message, f"let {job.id} wait for {', '.join(beside)} as well")


def _apart(pipeline: Pipeline, name: str, other: Job, decided: Collection[str]) -> bool:
    """Whether a job may run, and fail, where the other leaves itself out."""
    condition = pipeline.job(name).condition
    asked = {kind: _rest(other.condition.on(kind), decided) for kind in KINDS}
    return not all(expr is False or implies(condition.on(kind), expr) for kind, expr in asked.items())


def undecidable(job: Job, prefixes: Collection[str]) -> bool:
    """Whether the job would have to know of a fork inside the run, which no variable tells."""
    return any("fork" in fields(_rest(job.condition.on(kind), prefixes)) for kind in KINDS)


_VARIABLES = {"tag": "MLGEN_TAG", "schedule": "MLGEN_SCHEDULE", "api": "MLGEN_EVENT"}


def _text(item: Expr, kind: str, pipeline: Pipeline, inner: bool = False) -> str:
    """The expression in the words of `ci.py when`; `inner`: beside others."""
    if isinstance(item, Match):
        return _match(item, kind, pipeline)
    if isinstance(item, Not):
        text = _text(item.item, kind, pipeline, True)
        return f"not ({text})" if " == " in text else f"not {text}"
    assert isinstance(item, (All, Any))
    text = (" and " if isinstance(item, All) else " or ").join(_text(i, kind, pipeline, True) for i in item.items)
    return f"({text})" if inner else text


def _match(item: Match, kind: str, pipeline: Pipeline) -> str:
    field, _, name = item.field.partition(":")
    if field == "changed":
        change = next(change for change in pipeline.changes if change.name == name)
        against = [f"against={_word(change.against)}"] if change.against else []
        return f"changed({', '.join([*map(_word, change.paths), *against])})"
    if field == "message":
        return f"message({_word(name)})"
    if field == "value":
        return f"{name.rpartition('.')[2]} == {_word(item.pattern)}"
    if field == "input":
        variable = next(entry.variable for entry in pipeline.triggers.inputs if entry.name == name)
        return f"{variable} == {_word(item.pattern)}"
    branch = "MLGEN_BASE_BRANCH" if kind == "pull_request" else "MLGEN_BRANCH"
    variable = branch if field == "branch" else _VARIABLES[field]
    if is_literal(item.pattern):
        # The job sees the names of the spec, whatever the event is called where several projects share a run.
        named = field in ("schedule", "api")
        return f"{variable} == {_word(item.pattern.removeprefix(f'{pipeline.name}/') if named else item.pattern)}"
    return f"matches({variable}, {_word(item.pattern)})"


def question(item: Match, pipeline: Pipeline) -> str:
    """What `ci.py when` is asked for one field alone, such as `changed:fit`."""
    return _match(item, "push", pipeline)


def _word(text: str) -> str:
    """The text as a literal of Python, in double quotes so that the shell's single quotes can go around it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
