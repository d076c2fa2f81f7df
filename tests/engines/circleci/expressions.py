"""CircleCI's expressions: https://circleci.com/docs/guides/security/contexts/#operators and the pages around it.

Stricter than the documentation where that leaves room: an unset value is an error, and so is a pattern that would
decide otherwise if `matches` looked for a part of the text instead of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class ExpressionError(Exception):
    """The pipeline could not be created."""


_TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\["\\])*")|(?P<regex>/(?:[^/\\\n]|\\.)*/)|(?P<number>[0-9]+)'
    r"|(?P<word>[A-Za-z][A-Za-z0-9_.-]*)|(?P<mark>==|!=|>=|<=|[()<>!]))"
)
_RESERVED = {"and", "or", "not", "matches", "starts-with"}


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression; operands that are not reached are not looked up."""
    parser = _Parser(text, values)
    result = parser.either(True)
    if parser.tokens:
        raise ExpressionError(f"{parser.tokens[0]} is left over in: {text}")
    return result


class _Parser:
    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self.values = values
        self.tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if not found:
                raise ExpressionError(f"cannot read: {text[at:]}")
            kind = found.lastgroup
            assert kind is not None
            word = found[kind]
            self.tokens.append(("mark" if word in _RESERVED else kind, word))
            at = found.end()

    def take(self, *words: str) -> str:
        if self.tokens and self.tokens[0][0] == "mark" and self.tokens[0][1] in words:
            return self.tokens.pop(0)[1]
        return ""

    def either(self, live: bool) -> Any:
        left = self.both(live)
        while self.take("or"):
            right = self.both(live and not left)
            left = left or right
        return left

    def both(self, live: bool) -> Any:
        left = self.equal(live)
        while self.take("and"):
            right = self.equal(live and bool(left))
            left = left and right
        return left

    def equal(self, live: bool) -> Any:
        left = self.text(live)
        while word := self.take("==", "!="):
            right = self.text(live)
            same = type(left) is type(right) and left == right
            left = same if word == "==" else not same
        return left

    def text(self, live: bool) -> Any:
        left = self.negated(live)
        if self.take("starts-with"):
            right = self.negated(live)
            return live and _strings(left, right) and left.startswith(right)
        if self.take("matches"):
            kind, pattern = self.tokens.pop(0)
            if kind != "regex":
                raise ExpressionError(f"matches {pattern}")
            return live and _strings(left) and _matches(pattern[1:-1], left)
        return left

    def negated(self, live: bool) -> Any:
        if self.take("not", "!"):
            value = self.negated(live)
            if live and not isinstance(value, bool):
                raise ExpressionError(f"not {value!r}")
            return not value
        return self.single(live)

    def single(self, live: bool) -> Any:
        if self.take("("):
            value = self.either(live)
            if not self.take(")"):
                raise ExpressionError("a parenthesis is not closed")
            return value
        if not self.tokens:
            raise ExpressionError("an operand is missing")
        kind, word = self.tokens.pop(0)
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        if kind == "number":
            return int(word)
        if word in ("true", "false"):
            return word == "true"
        if kind != "word":
            raise ExpressionError(f"{word} is no operand")
        if live and word not in self.values:
            raise ExpressionError(f"{word} has no value")
        return self.values.get(word)


def _strings(*operands: Any) -> bool:
    if any(not isinstance(operand, str) for operand in operands):
        raise ExpressionError(f"no text: {operands}")
    return True


def _matches(pattern: str, value: str) -> bool:
    whole = re.fullmatch(pattern, value) is not None
    assert whole == (re.search(pattern, value) is not None), f"{pattern} matches a part of {value}"
    return whole


# ---- inside strings

_INSERTED = re.compile(r"(\\?)<<\s*(.*?)\s*>>", re.DOTALL)


def inserted(value: Any, values: Mapping[str, Any]) -> Any:
    r"""The value with its `<< >>` evaluated; `\<<` is `<<`. A text that is one expression keeps that one's type."""
    if isinstance(value, dict):
        return {inserted(key, values): inserted(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [inserted(item, values) for item in value]
    if not isinstance(value, str) or "<<" not in value:
        return value
    whole = _INSERTED.fullmatch(value)
    if whole and not whole[1] and "<<" not in whole[2]:
        return evaluate(whole[2], values)
    return _pieces(value, values)


def _pieces(text: str, values: Mapping[str, Any]) -> str:
    out: list[str] = []
    at = 0
    while (found := text.find("<<", at)) >= 0:
        if found > at and text[found - 1] == "\\":
            assert not text[at : found - 1].endswith("\\"), "what two backslashes mean is not documented"
            out.append(text[at : found - 1] + "<<")
            at = found + 2
            continue
        end = text.find(">>", found)
        if end < 0:
            raise ExpressionError("Unclosed '<<' tag")
        result = evaluate(text[found + 2 : end], values)
        out.append(text[at:found] + ("<nil>" if result is None else _shown(result)))
        at = end + 2
    return "".join(out) + text[at:]


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
