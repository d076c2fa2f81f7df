"""Conditions in the language of `rules:if`.

It compares one variable a term: `==` and `!=` with a string, `=~` and `!~` with an RE2 expression, `&&` binds tighter
than `||`, and there is no `!` (https://docs.gitlab.com/ci/jobs/job_rules/#cicd-variable-expressions). All comparisons
keep case. An undefined variable is null, equals no string, and is matched like an empty one.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from mlgen import targets
from mlgen.ir import All, Any, Expr, Job, Match, Not, Pipeline, glob_regex, implies, is_literal, matches
from mlgen.ir.expressions import all_of, satisfiable

SOURCES = {
    "push": ("push",),
    "tag": ("push",),
    "pull_request": ("merge_request_event",),
    "schedule": ("schedule",),
    "manual": ("web", "api", "trigger"),
}
"""What CI_PIPELINE_SOURCE says of each kind: https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable"""

REF = {"push": "CI_COMMIT_BRANCH", "tag": "CI_COMMIT_TAG"}
"""What tells a pushed branch from a pushed tag."""

MAX_TOKENS = 99
"""More in one `if` is an error: lib/gitlab/ci/pipeline/expression/lexer.rb of GitLab reads 100, the end included."""

# A branch or tag whose name holds a variable would be expanded when the variables of a job are, to the value of a
# secret for instance: https://gitlab.com/gitlab-org/gitlab/-/issues/273826
EXPANDABLE = r"$CI_COMMIT_REF_NAME =~ /\$|%\w+%/"

_TOKEN = re.compile(r"\$\w+|\"[^\"]*\"|/(?:[^/\\]|\\.)+/|==|!=|=~|!~|&&|\|\||[()]|null")


class Rule(NamedTuple):
    """One entry of `rules`; an empty `condition` holds always."""

    condition: str
    never: bool = False
    kinds: tuple[str, ...] = ()


def workflow(pipeline: Pipeline) -> tuple[Rule, ...]:
    """Which pipelines are made at all: the triggers' own filters."""
    found = [Rule(EXPANDABLE, never=True)]
    for kind in ("push", "tag", "pull_request", "schedule", "manual"):
        expr = pipeline.trigger(kind)
        if kind == "schedule":
            expr = all_of([expr, _any_schedule(pipeline)])
        if expr is not False:
            start = _source([kind]), _ref(kind, expr)
            found += [Rule(_and(*start, text), kinds=(kind,)) for text in _clauses(expr, kind)]
    return tuple(found)


def _any_schedule(pipeline: Pipeline) -> Expr:
    names = tuple(Match("schedule", schedule.name) for schedule in pipeline.triggers.schedules)
    return names[0] if len(names) == 1 else Any(names) if names else False


def rules(job: Job, pipeline: Pipeline) -> tuple[Rule, ...]:
    """When the job is part of a pipeline that `workflow` lets start; empty where it always is."""
    never = [Rule(elsewhere(pipeline), never=True)] if bound_home(job, pipeline) and elsewhere(pipeline) else []
    clauses: dict[str, list[str]] = {}
    kinds = [kind for kind in SOURCES if pipeline.triggers.on(kind)]
    for kind in kinds:
        expr = residual(job, kind, pipeline)
        alone = kind in REF and not _both(kinds, job, pipeline)
        ref = _ref(kind, expr) if alone and expr is not False else ""
        for text in _clauses(expr, kind):
            clauses.setdefault(_and(ref, text), []).append(kind)
    found = [Rule(_and(_among(members, kinds), text), kinds=tuple(members)) for text, members in clauses.items()]
    if len(found) == 1 and not found[0].condition:
        return (*never, found[0]) if never or job.approval else ()
    return (*never, *found)


def residual(job: Job, kind: str, pipeline: Pipeline) -> Expr:
    """What the job itself has to ask on events of this kind: nothing that `workflow` has settled.

    A deployment asks for its branches and tags all the same, where its reader looks for them.
    """
    expr, fired = job.condition.on(kind), pipeline.trigger(kind)
    if expr is False or not satisfiable(all_of([fired, expr])):
        return False
    return True if not job.deploys and implies(fired, expr) else expr


def _both(kinds: Iterable[str], job: Job, pipeline: Pipeline) -> bool:
    """Whether pushed branches and tags need not be told apart: one of them starts no pipeline, or both always run."""
    present = [kind for kind in REF if kind in kinds]
    return len(present) < 2 or all(residual(job, kind, pipeline) is True for kind in present)


def bound_home(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job deploys, or is a hard dependent of one that does."""
    return job.deploys or any(edge.hard and bound_home(pipeline.job(edge.job), pipeline) for edge in job.edges)


def elsewhere(pipeline: Pipeline) -> str:
    """The condition that this is a copy of the project's repository; empty where that cannot be told.

    A repository that lives on another system is only mirrored here, under any path.
    """
    return _elsewhere(pipeline.repository)


@lru_cache(maxsize=8)
def _elsewhere(repository: str) -> str:
    host, _, path = repository.removeprefix("https://").strip("/").removesuffix(".git").partition("/")
    known = set(targets.names()) - {"gitlab"}
    return "" if not path or known & set(host.split(".")) else f'$CI_PROJECT_PATH != "{path}"'


def _source(kinds: Iterable[str], negated: bool = False) -> str:
    """The test of CI_PIPELINE_SOURCE for some kinds."""
    names = tuple(dict.fromkeys(name for kind in kinds for name in SOURCES[kind]))
    if len(names) == 1:
        return f'$CI_PIPELINE_SOURCE {"!=" if negated else "=="} "{names[0]}"'
    return f"$CI_PIPELINE_SOURCE {'!~' if negated else '=~'} /^({'|'.join(names)})$/"


def _among(members: list[str], kinds: list[str]) -> str:
    """The test for these kinds among those that start pipelines."""
    others = [kind for kind in kinds if kind not in members]
    if not {name for kind in others for name in SOURCES[kind]} - {name for kind in members for name in SOURCES[kind]}:
        return ""
    if len(others) == 1 and len(members) > 1 and others[0] not in REF:
        return _source(others, negated=True)
    return _source(members)


def _ref(kind: str, expr: Expr) -> str:
    """The test that tells a pushed branch from a pushed tag, unless the expression itself asks for one of that name."""
    asked = expr.items if isinstance(expr, All) else (expr,)
    positive = any(isinstance(item, Match) or (isinstance(item, Any) and _alike(item.items)) for item in asked)
    return f"${REF[kind]}" if kind in REF and not positive else ""


def _clauses(expr: Expr, kind: str) -> list[str]:
    """The expression as texts of which one must hold; a text that grows too long is split at its `||`."""
    if expr is False:
        return []
    text = _print(expr, kind)
    if tokens(text) > MAX_TOKENS // 2 and isinstance(expr, Any):
        return [_print(item, kind) for item in expr.items]
    return [text]


def tokens(text: str) -> int:
    """How many tokens GitLab counts in an expression."""
    return len(_TOKEN.findall(text))


def _and(*parts: str) -> str:
    kept = [part for part in parts if part]
    return " && ".join(f"({p})" if len(kept) > 1 and _loose(p) else p for p in kept)


def _loose(text: str) -> bool:
    """Whether an `||` stands outside all parentheses, strings and patterns."""
    depth = 0
    for sign in _TOKEN.findall(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "||" and not depth:
            return True
    return False


def _print(expr: Expr, kind: str) -> str:
    if isinstance(expr, bool):
        return ""
    if isinstance(expr, (Match, Not)):
        return _terms(expr.field, [expr.pattern], kind) if isinstance(expr, Match) else _not(expr, kind)
    if isinstance(expr, Any) and (field := _alike(expr.items)):
        return _terms(field, [match.pattern for match in matches(expr)], kind)
    if isinstance(expr, Any):
        return " || ".join(_print(item, kind) for item in expr.items)
    unwanted = [item for item in expr.items if isinstance(item, Not) and isinstance(item.item, Match)]
    groups: dict[str, list[str]] = {}
    for item in unwanted:
        for match in matches(item):
            groups.setdefault(match.field, []).append(match.pattern)
    parts = [_print(item, kind) for item in expr.items if item not in unwanted]
    parts += [_terms(field, patterns, kind, negated=True) for field, patterns in groups.items()]
    return _and(*parts)


def _not(expr: Not, kind: str) -> str:
    (match,) = matches(expr)  # a negation stands before a match only: mlgen.ir.expressions.negate
    return _terms(match.field, [match.pattern], kind, negated=True)


def _alike(items: Iterable[Expr]) -> str:
    """The field that all items are matches of, or empty."""
    found = {item.field if isinstance(item, Match) else "" for item in items}
    return found.pop() if len(found) == 1 else ""


def _variable(field: str, kind: str) -> str:
    if field == "schedule":
        return "$CI_PIPELINE_SCHEDULE_DESCRIPTION"
    if field == "tag":
        return "$CI_COMMIT_TAG"
    return "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME" if kind == "pull_request" else "$CI_COMMIT_BRANCH"


def _terms(field: str, patterns: list[str], kind: str, negated: bool = False) -> str:
    """The test that the variable matches one of the patterns; negated, that it matches none."""
    if field == "fork":
        return f"$CI_MERGE_REQUEST_SOURCE_PROJECT_ID {'==' if negated else '!='} $CI_MERGE_REQUEST_PROJECT_ID"
    name = _variable(field, kind)
    if len(patterns) == 1 and is_literal(patterns[0]):
        return f'{name} {"!=" if negated else "=="} "{patterns[0]}"'
    if "**" in patterns:  # anything at all
        return f"{name} == null" if negated else name
    text = f"{name} {'!~' if negated else '=~'} {pattern(patterns)}"
    if not any(re.fullmatch(glob_regex(p), "") for p in patterns if not is_literal(p)):
        return text
    return f"({name} == null || {text})" if negated else f"{name} && {text}"


# An escaped dash outside of a class, which needs no escape; what else is escaped, and classes, stay as they are.
_DASH = re.compile(r"\\-|\\.|\[(?:\\.|[^\]\\])*\]")


def pattern(patterns: Iterable[str]) -> str:
    """The globs as one anchored pattern, every slash in it escaped, also in a class: the first bare one ends it."""
    found = [_DASH.sub(lambda part: "-" if part[0] == r"\-" else part[0], glob_regex(p)) for p in patterns]
    whole = found[0] if len(found) == 1 else f"({'|'.join(found)})"
    return "/^" + re.sub(r"(?<!\\)/", r"\/", whole) + "$/"
