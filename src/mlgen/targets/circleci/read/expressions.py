"""CircleCI's expressions, in `filters` and between `<< >>`, read and evaluated as the documentation has them.

https://circleci.com/docs/guides/security/contexts/#operators, and the precedence there: `or` binds weakest, then `and`,
comparisons, and `not` strongest. `and` and `or` give one of their operands, and do not look at the second without need.
A value that is not set fails the pipeline:
https://circleci.com/docs/guides/orchestrate/github-trigger-event-options/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.typed import Any

Values = Mapping[str, Any]
Evaluate = Callable[[Values], Any]

_TOKEN = regex(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\["\\])*")|(?P<pattern>/(?:[^/\\\n]|\\.)+/)|(?P<number>[0-9]+(?![\w.]))'
    r"|(?P<word>[A-Za-z][\w.-]*)|(?P<sign>==|!=|>=|<=|[()<>!]))"
)
_SIGNS = frozenset(("and", "or", "not", "matches", "starts-with"))
_COMPARED = ("==", "!=", "<", "<=", ">", ">=", "starts-with", "matches")
MOST_DEPTH = 60


class Refused(Exception):
    """CircleCI would not create the pipeline; the message says why."""


class Expression(NamedTuple):
    """An expression: its text, how to evaluate it (may raise `Refused`), and the values that it names."""

    text: str
    evaluate: Evaluate
    names: frozenset[str]
    equals: frozenset[tuple[str, str]] = frozenset()
    """The values and the texts that they are compared with."""


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """The text, read; Unread if CircleCI would not take it, or if this reader does not know what it means."""
    reader = _Reader(text)
    evaluate = reader.either()
    if reader.at < len(reader.tokens):
        raise Unread(f"`{text}` cannot be read from `{reader.tokens[reader.at][1]}` on")
    names = frozenset(word for kind, word in reader.tokens if kind == "word" and word not in ("true", "false"))
    return Expression(text, evaluate, names, frozenset(reader.equals))


class _Reader:
    """The expression's tokens, read from left to right: a method for each strength of operators."""

    def __init__(self, text: str) -> None:
        self.source, self.at, self.depth = text, 0, 0
        self.equals: set[tuple[str, str]] = set()
        self.tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise Unread(f"`{text}` cannot be read from `{text[position:].strip()}` on")
            word = found[found.lastgroup]
            self.tokens.append(("sign" if word in _SIGNS else found.lastgroup, word))
            position = found.end()

    def take(self, *signs: str) -> str:
        """The next token, if it is one of these signs; empty otherwise."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def next(self) -> tuple[str, str]:
        """The next token."""
        if self.at == len(self.tokens):
            raise Unread(f"`{self.source}` ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def either(self) -> Evaluate:
        """Operands of `or`."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Unread(f"`{self.source}` is too deep")
        found = self.both()
        while self.take("or"):
            found = _or(found, self.both())
        self.depth -= 1
        return found

    def both(self) -> Evaluate:
        """Operands of `and`."""
        found = self.compared()
        while self.take("and"):
            found = _and(found, self.compared())
        return found

    def compared(self) -> Evaluate:
        """A comparison, of which no chains are read."""
        start = self.at
        left = self.negated()
        sign = self.take(*_COMPARED)
        if not sign:
            return left
        if sign == "matches":
            kind, word = self.next()
            if kind != "pattern":
                raise Unread(f"`{self.source}`: `{word}` stands where a pattern must")
            found = _matches(left, pattern(word))
        else:
            middle = self.at
            found = _compare(sign, left, self.negated())
            if sign == "==" and middle == start + 2 and self.at == middle + 1:
                (kind, name), (other, word) = self.tokens[start], self.tokens[middle]
                if kind == "word" and other == "text":
                    self.equals.add((name, _unquoted(word)))
        if self.at < len(self.tokens) and self.tokens[self.at][1] in _COMPARED:
            raise Unread(f"`{self.source}`: comparisons in a row are not read")
        return found

    def negated(self) -> Evaluate:
        """`not`, or a single value."""
        negations = 0
        while self.take("not", "!"):
            negations += 1
        found = self.single()
        for _ in range(negations):
            found = _not(found)
        return found

    def single(self) -> Evaluate:
        """A literal, a value's name, or something in parentheses."""
        if self.take("("):
            found = self.either()
            if not self.take(")"):
                raise Unread(f"`{self.source}`: a parenthesis is not closed")
            return found
        kind, word = self.next()
        if kind == "word" and word not in ("true", "false"):
            return _named(word)
        if kind not in ("text", "number", "word"):
            raise Unread(f"`{self.source}`: `{word}` stands where a value must")
        value = _unquoted(word) if kind == "text" else int(word) if kind == "number" else word == "true"
        return lambda _: value


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1])


def _named(name: str) -> Evaluate:
    def evaluate(values: Values) -> Any:
        if name not in values:
            raise Refused(f"{name} has no value")
        return values[name]

    return evaluate


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values: left(values) or right(values)


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values: left(values) and right(values)


def _not(item: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Any:
        value = item(values)
        if not isinstance(value, bool):
            raise Refused(f"`not` of {value!r}, which is neither true nor false")
        return not value

    return evaluate


def _compare(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Values) -> Any:
        one, other = left(values), right(values)
        if sign in ("==", "!="):
            return (type(one) is type(other) and one == other) is (sign == "==")
        wanted = str if sign == "starts-with" else int
        if any(not isinstance(value, wanted) or isinstance(value, bool) for value in (one, other)):
            raise Refused(f"`{sign}` between {one!r} and {other!r}")
        if sign == "starts-with":
            return bool(one.startswith(other))
        return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[sign]

    return evaluate


def _matches(left: Evaluate, found: re.Pattern[str]) -> Evaluate:
    def evaluate(values: Values) -> Any:
        value = left(values)
        if not isinstance(value, str):
            raise Refused(f"`matches` on {value!r}")
        return found.fullmatch(value) is not None

    return evaluate


_PARTS = regex(r"\\(.)|\[\^?(?:\\.|[^\]\\\[&])+\]|\(\?|[\[\]]|[*+?}]\+|.", re.DOTALL)
_CLASSES = frozenset("dDsSwW")


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str]:
    """A pattern such as `/^v[0-9]+$/`, in Java's words, for the whole text.

    https://circleci.com/docs/reference/configuration-reference/#expression-based-job-filters; what Java and Python
    read differently is refused. So is a pattern without `^` and `$`: whether `matches` would look for a part of the
    text is nowhere said.
    """
    body = text[1:-1]
    if not (body.startswith("^") and body.endswith("$") and not body.endswith("\\$")):
        raise Unread(f"`{text}` does not say that it is for the whole text")
    for part in _PARTS.finditer(body):
        escaped = part[1]
        if escaped is not None and escaped.isalnum() and escaped not in _CLASSES:
            raise Unread(f"`{text}` holds `{part[0]}`, which this reader does not know")
        if escaped is None and (part[0] in ("(?", "[", "]") or part[0][1:] == "+"):
            raise Unread(f"`{text}` holds `{part[0]}`, which this reader does not know")
    try:
        return re.compile(body, re.ASCII)
    except re.error as fault:
        raise Unread(f"`{text}` is no pattern: {fault}") from fault
