"""The language of `rules:if`, read and evaluated as GitLab does.

https://docs.gitlab.com/ci/jobs/job_rules/#cicd-variable-expressions; what that page leaves open is as in
lib/gitlab/ci/pipeline/expression of GitLab: `&&` binds tighter than `||`, an undefined variable is null, no string
equals null, a pattern is held against null as against an empty text, and a result counts unless it is false, null or
blank. Within `&&` and `||` an empty text counts as true, as it does in Ruby.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import regex

MOST_TOKENS = 99
"""Of more, the pipeline is not made: https://docs.gitlab.com/ci/jobs/job_rules/ (lexer.rb reads 100, with the end)."""

Variables = Mapping[str, str]
Value = str | bool | None
Evaluate = Callable[[Variables], Value]

_LEXEMES = regex(
    r"\s*(?:(?P<open>\()|(?P<close>\))|\$(?P<variable>\w+)|\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)'"
    r"|(?P<pattern>/(?:[^/\\]|\\.)+/[ismU]*)|(?P<null>null\b)|(?P<operator>==|!=|=~|!~|&&|\|\|))"
)


class Condition(NamedTuple):
    """An `if`: its text, how to evaluate it, and the variables that it asks for."""

    text: str
    holds: Callable[[Variables], bool]
    asks: frozenset[str]


def condition(text: str) -> Condition:
    """The text, read; Unread if GitLab would not take it, or if this reader does not know what it means."""
    tokens = _tokens(text)
    if len(tokens) > MOST_TOKENS:
        raise Unread(f"`{text}` has {len(tokens)} tokens, and GitLab takes {MOST_TOKENS}")
    try:
        evaluate, rest = _either(tokens)
    except IndexError:
        raise Unread(f"`{text}` ends too early") from None
    if rest:
        raise Unread(f"`{text}` cannot be read from `{rest[0][1]}` on")
    names = frozenset(value for kind, value in tokens if kind == "variable")
    return Condition(text, lambda known: _present(evaluate(known)), names)


def _present(value: Value) -> bool:
    return value is True or (isinstance(value, str) and bool(value.strip()))


Tokens = list[tuple[str, str]]


def _tokens(text: str) -> Tokens:
    found: Tokens = []
    position, end = 0, len(text.rstrip())
    while position < end:
        lexeme = _LEXEMES.match(text, position)
        if lexeme is None or lexeme.lastgroup is None:
            raise Unread(f"`{text}` cannot be read from `{text[position:].strip()}` on")
        kind = "string" if lexeme.lastgroup in ("double", "single") else lexeme.lastgroup
        found.append((kind, lexeme[lexeme.lastgroup]))
        position = lexeme.end()
    return found


def _either(tokens: Tokens) -> tuple[Evaluate, Tokens]:
    left, rest = _both(tokens)
    while rest and rest[0] == ("operator", "||"):
        right, rest = _both(rest[1:])
        left = _or(left, right)
    return left, rest


def _both(tokens: Tokens) -> tuple[Evaluate, Tokens]:
    left, rest = _comparison(tokens)
    while rest and rest[0] == ("operator", "&&"):
        right, rest = _comparison(rest[1:])
        left = _and(left, right)
    return left, rest


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(known: Variables) -> Value:
        value = left(known)
        return right(known) if value is None or value is False else value

    return evaluate


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(known: Variables) -> Value:
        value = left(known)
        return value if value is None or value is False else right(known)

    return evaluate


def _comparison(tokens: Tokens) -> tuple[Evaluate, Tokens]:
    (kind, text), rest = tokens[0], tokens[1:]
    if kind == "open":
        inner, rest = _either(rest)
        if rest[0][0] != "close":
            raise Unread(f"a parenthesis is not closed before `{rest[0][1]}`")
        return inner, rest[1:]
    if kind != "variable":
        raise Unread(f"`{text}` stands where a variable must")
    if not rest or rest[0][0] != "operator" or rest[0][1] in ("&&", "||"):
        return lambda known: known.get(text), rest
    operator, (other_kind, other) = rest[0][1], rest[1]
    if operator in ("=~", "!~"):
        if other_kind != "pattern":
            raise Unread(f"`{other}` stands where a pattern must")
        return _matches(text, pattern(other), operator == "=~"), rest[2:]
    return _equals(text, other_kind, other, operator == "=="), rest[2:]


def _equals(name: str, kind: str, other: str, equal: bool) -> Evaluate:
    if kind == "variable":
        return lambda known: (known.get(name) == known.get(other)) is equal
    if kind not in ("string", "null"):
        raise Unread(f"`{other}` cannot be compared with `${name}`")
    wanted = other if kind == "string" else None
    return lambda known: (known.get(name) == wanted) is equal


def _matches(name: str, expression: re.Pattern[str], wanted: bool) -> Evaluate:
    return lambda known: (expression.search(known.get(name) or "") is not None) is wanted


_PARTS = regex(r"\\(.)|\[(?:\\.|[^\]\\])*\]|\(\?|\$|.", re.DOTALL)
_KEPT = frozenset("dDsSwWbB.+*?()|[]{}^$-tnr\"'#&~,:;<>=!@%_ /\\")
"""What may stand behind a backslash, and means the same to RE2 and here."""


def pattern(text: str) -> re.Pattern[str]:
    """A pattern such as `/^v[0-9]+$/`: RE2, of which `$` is the end of the text alone.

    https://github.com/google/re2/wiki/Syntax; what the two dialects read differently is refused.
    """
    body, _, flags = text[1:].rpartition("/")
    if "U" in flags or "m" in flags:
        raise Unread(f"`{text}` has flags that this reader does not know")
    found = []
    for part in _PARTS.finditer(body):
        piece = part[0]
        if part[1] is not None:
            if part[1] not in _KEPT:
                raise Unread(f"`{text}` holds `{piece}`, which this reader does not know")
            piece = part[1] if part[1] in "/\"'#&~,:;<>=!@%_ " else piece
        elif piece == "(?" or piece.startswith(("[[", "[^[")):
            raise Unread(f"`{text}` holds `{piece}`, which this reader does not know")
        elif piece == "$":
            piece = r"\Z"
        found.append(piece)
    try:
        return re.compile("".join(found), (re.IGNORECASE if "i" in flags else 0) | (re.DOTALL if "s" in flags else 0))
    except re.error as fault:
        raise Unread(f"`{text}` is no pattern: {fault}") from fault
