"""The rows of a table read back from the file's methods."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mlgen.targets.jenkins.reader import Node, Token

_OPEN = {"[": "]", "(": ")", "{": "}"}


class Call(NamedTuple):
    """A call; `given` are its arguments, of which a map holds those with names."""

    name: str
    given: Any


class Row(NamedTuple):
    """A row or, of a matrix, a leg of one with what it shares with the others."""

    method: str
    line: int
    fields: dict[str, Any]

    def list(self, name: str) -> Sequence[Any]:
        """A field that is a list or a map, or nothing."""
        value = self.fields.get(name, ())
        return list(value) if isinstance(value, (list, dict)) else ()

    def text(self, name: str) -> str:
        """A field that is a string, or empty."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def methods(root: Node) -> dict[str, Node]:
    """The file's own methods by their names."""
    found = {}
    for node in root.children:
        words = [token.text for token in node.tokens if token.kind in ("word", "mark")]
        if node.block and words[:1] == ["def"] and len(words) > 2:
            found[words[1]] = node
    return found


def rows(root: Node) -> list[Row]:
    """All rows, in the order of the text."""
    found = []
    for name, node in methods(root).items():
        for statement in node.children:
            if statement.name == "return" and [token.text for token in statement.tokens[1:3]] == ["[", "["]:
                found += list(_rows(name, statement.tokens[1:]))
    return found


def _rows(name: str, tokens: list[Token]) -> Iterator[Row]:
    at = 1
    while at < len(tokens) - 1:
        if tokens[at].kind == "newline" or tokens[at].text == ",":
            at += 1
            continue
        line = tokens[at].line
        value, at = _value(tokens, at)
        if isinstance(value, dict):
            inside = value.get("legs", [{}])
            for leg in inside if isinstance(inside, list) else [{}]:
                yield Row(name, line, {**value, **(leg if isinstance(leg, dict) else {})})


def _value(tokens: list[Token], at: int) -> tuple[Any, int]:
    """The value that begins at a token, and where it ends; None for an expression that is no literal and no call."""
    end = _end(tokens, at)
    token = tokens[at]
    if token.kind in ("string", "long") and end == at + 1:
        return token.text, end
    if token.text == "[" and token.kind == "mark" and _closing(tokens, at) == end - 1:
        return _collection(tokens, at + 1, end - 1), end
    call = token.kind == "word" and at + 1 < end and tokens[at + 1].text == "("
    if call and _closing(tokens, at + 1) == end - 1:
        return Call(token.text, _collection(tokens, at + 2, end - 1)), end
    return (token.text if token.kind == "word" and end == at + 1 else None), end


def _collection(tokens: list[Token], at: int, end: int) -> Any:
    """The items between two brackets: a map if they have names."""
    items: list[Any] = []
    named: dict[str, Any] = {}
    while at < end:
        if tokens[at].kind == "newline" or tokens[at].text in (",", ":"):
            at += 1
        elif at + 1 < end and tokens[at + 1].text == ":" and tokens[at].kind in ("word", "string", "long"):
            named[tokens[at].text], at = _value(tokens, at + 2)
        else:
            value, at = _value(tokens, at)
            items.append(value)
    return named if named else items


def _end(tokens: list[Token], at: int) -> int:
    """Where the expression ends: before the comma or bracket that ends it."""
    while at < len(tokens):
        text, mark = tokens[at].text, tokens[at].kind == "mark"
        if mark and text in _OPEN:
            at = _closing(tokens, at)
        elif (mark and text in _OPEN.values()) or (tokens[at].kind == "operator" and text == ","):
            break
        at += 1
    return at


def _closing(tokens: list[Token], at: int) -> int:
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index].kind == "mark":
            depth += 1 if tokens[index].text in _OPEN else -1
            if not depth:
                return index
    return len(tokens) - 1
