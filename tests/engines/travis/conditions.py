"""Evaluates Travis' conditions as https://github.com/travis-ci/travis-conditions (version 1) does, traps included."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

VAR = re.compile(
    r"(?:type|repo|head_repo|os|dist|group|sudo|language|sender|fork|draft|branch|head_branch|tag|commit_message)"
    r"(?=[\s,=)|]|\Z)"
)
WORD = re.compile(r"""[^\s()"',=!]+""")
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
Value = Any
Test = Callable[["Data"], Value]


class ParseError(ValueError):
    """A condition that Travis cannot parse: the job would vanish."""


class Data(dict[str, Any]):
    """The attributes of a request; `env` maps the variables of the config, of the request and of the settings."""


def holds(condition: str, data: Mapping[str, Any]) -> bool:
    """Whether the condition holds; an empty one does."""
    if not condition:
        return True
    parser = _Parser(condition)
    test = parser.expr()
    if parser.rest().strip():
        raise ParseError(f"{condition!r}: cannot read {parser.rest()!r}")
    return _true(test(Data(data)))


def _cast(value: Value) -> Value:
    return {"true": True, "false": False}.get(str(value).lower(), value)


def _true(value: Value) -> bool:
    """Whether Ruby takes the value to hold: an empty text does."""
    value = _cast(value)
    return value is not None and value is not False


def _present(value: Value) -> bool:
    return bool(len(value)) if hasattr(value, "__len__") else bool(value)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.pos = text, 0

    def rest(self) -> str:
        return self.text[self.pos :]

    def scan(self, pattern: str, flags: int = 0) -> str | None:
        found = re.compile(pattern, flags).match(self.text, self.pos)
        if found is None:
            return None
        self.pos = found.end()
        return found[0]

    def space(self) -> None:
        self.scan(r"\s*")

    def token(self, pattern: str) -> str | None:
        self.space()
        found = self.scan(pattern, re.IGNORECASE)
        self.space()
        return found

    def expr(self) -> Test:
        left = self.conjunction()
        while self.token(r"or|\|\|"):
            left = (lambda a, b: lambda data: _true(a(data)) or _true(b(data)))(left, self.conjunction())
        return left

    def conjunction(self) -> Test:
        left = self.operand_()
        while self.token(r"and|&&"):
            left = (lambda a, b: lambda data: _true(a(data)) and _true(b(data)))(left, self.operand_())
        return left

    def operand_(self) -> Test:
        if self.token(r"\("):
            inner = self.expr()
            if not self.token(r"\)"):
                raise ParseError(f"{self.text!r}: no closing parenthesis")
            return inner
        at = self.pos
        if self.token("not|!"):
            try:
                inner = self.operand_()
                return lambda data: not _true(inner(data))
            except ParseError:
                self.pos = at
        return self.term()

    def term(self) -> Test:
        left = self.operand()
        if op := self.token("in|not in"):
            self.expect(r"\(")
            values = self.list_()
            self.expect(r"\)")
            found: Test = lambda data: _cast(left(data)) in [_cast(value(data)) for value in values]  # noqa: E731
            return found if op.lower() == "in" else lambda data: not found(data)
        if op := self.token("is not|is"):
            wanted = op.lower() == "is"
            pred = (self.token("present|blank|true|false") or self.expect("present")).lower()
            return lambda data: _predicate(pred, _cast(left(data))) is wanted
        if op := self.token("=~|~=|!~"):
            regex = re.compile(self.regex(), re.MULTILINE)
            wanted = op != "!~"
            return lambda data: _matches(regex, left(data)) is wanted
        if op := self.token("==|=|!="):
            right = self.operand()
            wanted = op != "!="
            return lambda data: (_cast(left(data)) == _cast(right(data))) is wanted
        return left

    def expect(self, pattern: str) -> str:
        found = self.token(pattern)
        if found is None:
            raise ParseError(f"{self.text!r}: expected {pattern} at {self.rest()!r}")
        return found

    def list_(self) -> list[Test]:
        values = [self.operand()]
        while self.token(","):
            values.append(self.operand())
        return values

    def operand(self) -> Test:
        self.space()
        if name := self.scan(VAR.pattern):
            self.space()
            return lambda data: data.get(name)
        at = self.pos
        if (function := self.token("env|concat")) and self.token(r"\("):
            arguments = self.list_()
            self.expect(r"\)")
            if function.lower() == "env":
                return lambda data: data.get("env", {}).get(str(arguments[0](data)))
            return lambda data: "".join(_text(each(data)) for each in arguments)
        self.pos = at
        if (text := self.scan(QUOTED.pattern)) is not None:
            self.space()
            return lambda data: text[1:-1]
        if word := self.scan(WORD.pattern):
            self.space()
            return lambda data: word
        raise ParseError(f"{self.text!r}: expected an operand at {self.rest()!r}")

    def regex(self) -> str:
        self.space()
        literal = self.scan(r"/(?:\\.|[^/\\])*/")
        found = literal[1:-1] if literal else self.scan(r"\S*[^\s)]+")
        if found is None:
            raise ParseError(f"{self.text!r}: expected a regular expression at {self.rest()!r}")
        self.space()
        # Ruby's \z is Python's \Z.
        return found.replace("\\z", "\\Z")


def _predicate(name: str, value: Value) -> bool:
    return {"present": _present(value), "blank": not _present(value), "true": _true(value), "false": not _true(value)}[
        name
    ]


def _matches(regex: re.Pattern[str], value: Value) -> bool:
    return _cast(value) is not None and regex.search(_text(value)) is not None


def _text(value: Value) -> str:
    """What Ruby prints of the value: nothing where there is none."""
    value = _cast(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
