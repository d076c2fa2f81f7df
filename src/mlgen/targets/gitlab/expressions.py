"""Expressions in the language of `rules:if`.

It compares one variable a term: `==` and `!=` with a string, `=~` and `!~` with an RE2 expression, `&&` binds tighter
than `||`, and there is no `!` (https://docs.gitlab.com/ci/jobs/job_rules/#cicd-variable-expressions). All comparisons
keep case. An undefined variable is null, equals no string, and is matched like an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlgen.ir import All, Any, Expr, Match, Not, glob_regex, is_literal, matches
from mlgen.regex import regex

MAX_TOKENS = 99
"""More in one `if` is an error: lib/gitlab/ci/pipeline/expression/lexer.rb of GitLab reads 100, the end included."""

API_EVENT = "MLGEN_API_EVENT"
"""The variable that holds the input `mlgen_event`: the name of an api event, or nothing."""

_TOKEN = regex(r"\$\w+|\"[^\"]*\"|'[^']*'|/(?:[^/\\]|\\.)+/|==|!=|=~|!~|&&|\|\||[()]|null")

_VARIABLES = {
    "api": f"${API_EVENT}",
    "message": "$CI_COMMIT_MESSAGE",
    "schedule": "$CI_PIPELINE_SCHEDULE_DESCRIPTION",
    "tag": "$CI_COMMIT_TAG",
}


def clauses(expr: Expr, kind: str) -> list[str]:
    """The expression as texts of which one must hold; a text that grows too long is split at its `||`."""
    if expr is False:
        return []
    text = printed(expr, kind)
    if tokens(text) > MAX_TOKENS // 2 and isinstance(expr, Any):
        return [printed(item, kind) for item in expr.items]
    return [text]


def tokens(text: str) -> int:
    """How many tokens GitLab counts in an expression."""
    return len(_TOKEN.findall(text))


def both(*parts: str) -> str:
    """The texts, all of which must hold; empty ones hold always."""
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


def printed(expr: Expr, kind: str) -> str:
    """The expression on events of this kind; empty if it always holds."""
    if isinstance(expr, bool):
        return ""
    if isinstance(expr, (Match, Not)):
        return _terms(expr.field, [expr.pattern], kind) if isinstance(expr, Match) else _not(expr, kind)
    if isinstance(expr, Any) and (field := alike(expr.items)):
        return _terms(field, [match.pattern for match in matches(expr)], kind)
    if isinstance(expr, Any):
        return " || ".join(printed(item, kind) for item in expr.items)
    assert isinstance(expr, All)
    unwanted = [item for item in expr.items if isinstance(item, Not) and isinstance(item.item, Match)]
    groups: dict[str, list[str]] = {}
    for item in unwanted:
        for match in matches(item):
            groups.setdefault(match.field, []).append(match.pattern)
    parts = [printed(item, kind) for item in expr.items if item not in unwanted]
    parts += [_terms(field, patterns, kind, negated=True) for field, patterns in groups.items()]
    return both(*parts)


def _not(expr: Not, kind: str) -> str:
    (match,) = matches(expr)  # a negation stands before a match only: mlgen.ir.expressions.negate
    return _terms(match.field, [match.pattern], kind, negated=True)


def alike(items: Iterable[Expr]) -> str:
    """The field that all items are matches of, or empty."""
    found = {item.field if isinstance(item, Match) else "" for item in items}
    return found.pop() if len(found) == 1 else ""


def _variable(field: str, kind: str) -> str:
    if field.startswith("input:"):
        return "$MLGEN_INPUT_" + field.removeprefix("input:").upper().replace("-", "_")
    branch = "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME" if kind == "pull_request" else "$CI_COMMIT_BRANCH"
    return _VARIABLES.get(field.partition(":")[0], branch)


def _terms(field: str, patterns: list[str], kind: str, negated: bool = False) -> str:
    """The test that the variable matches one of the patterns; negated, that it matches none."""
    if field == "fork":
        return f"$CI_MERGE_REQUEST_SOURCE_PROJECT_ID {'==' if negated else '!='} $CI_MERGE_REQUEST_PROJECT_ID"
    name, like = _variable(field, kind), "!~" if negated else "=~"
    if field.startswith("message:"):
        return f"{name} {like} {literal(field.removeprefix('message:'))}"
    if len(patterns) == 1 and is_literal(patterns[0]) and (quote := _quote(patterns[0])):
        return f"{name} {'!=' if negated else '=='} {quote}{patterns[0]}{quote}"
    if "**" in patterns:  # anything at all
        return f"{name} == null" if negated else name
    text = f"{name} {like} {pattern(patterns)}"
    if not any(re.fullmatch(glob_regex(p), "") for p in patterns if not is_literal(p)):
        return text
    return f"({name} == null || {text})" if negated else f"{name} && {text}"


def _quote(text: str) -> str:
    """The quote that a string of this text can stand in, since there are no escapes; empty if it is none."""
    return '"' if '"' not in text else "" if "'" in text else "'"


# An escaped dash outside of a class, which needs no escape; what else is escaped, and classes, stay as they are.
_DASH = regex(r"\\-|\\.|\[(?:\\.|[^\]\\])*\]")


def pattern(patterns: Iterable[str]) -> str:
    """The globs as one anchored pattern, every slash in it escaped, also in a class: the first bare one ends it."""
    found = [_DASH.sub(lambda part: "-" if part[0] == r"\-" else part[0], glob_regex(p)) for p in patterns]
    whole = found[0] if len(found) == 1 else f"({'|'.join(found)})"
    return "/^" + re.sub(r"(?<!\\)/", r"\/", whole) + "$/"


def literal(text: str) -> str:
    """The pattern of all texts that hold this one. A pattern has two characters or more, the last no backslash."""
    body = "".join("\\" + c if c in r"\.+*?()|[]{}^$/" else c for c in text)
    return f"/({body})/" if len(body) < 2 or body.endswith("\\") else f"/{body}/"


def sayable(text: str) -> bool:
    """Whether a commit message can be searched for the text.

    GitLab expands what looks like a variable in a message before it compares
    (https://gitlab.com/gitlab-org/gitlab/-/issues/273826), so that such a text is not found as it was written.
    """
    return text.isprintable() and "$" not in text and "%" not in text
