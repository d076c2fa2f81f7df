"""The rows of a table read back from the file's methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlgen.named import NamedTuple
from mlgen.targets.jenkins.reader import Node, Token
from mlgen.typed import Any

_OPEN = {"[": "]", "(": ")", "{": "}"}


class Call(NamedTuple):
    """A call; `given` are its arguments, of which a map holds those with names."""

    name: str
    given: Any


class Closure(NamedTuple):
    """A block of Groovy among values."""

    tokens: Sequence[Token]


class Row(NamedTuple):
    """A row or, of a matrix, a leg of one with what it shares with the others."""

    method: str
    line: int
    fields: dict[str, Any]
    credentials: frozenset[str] = frozenset()
    """Those that it names, in whatever place."""

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
    logins: dict[str, str] = {}
    found = []
    for name, node in methods(root).items():
        for statement in node.children:
            start = [token.text for token in statement.tokens[:3]]
            if start[:2] != ["return", "["]:
                continue
            if start == ["return", "[", "["]:
                found += list(_rows(name, statement.tokens[1:]))
            else:
                value, _ = _value(statement.tokens, 1)
                if isinstance(value, dict) and "job" in value:
                    found.append(Row(name, node.line, value, _credentials(value)))
                elif isinstance(value, dict) and isinstance(value.get("login"), str):
                    logins[name] = value["login"]
    return [_with_login(row, logins) for row in found] if logins else found


def _with_login(row: Row, logins: dict[str, str]) -> Row:
    """The row with the credential by which its machine pulls the image."""
    on = row.fields.get("on")
    login = logins.get(on.name) if isinstance(on, Call) else None
    return row._replace(credentials=row.credentials | {login}) if login else row


def credentials(tokens: Sequence[Token]) -> frozenset[str]:
    """The credentials that these tokens name."""
    found = set()
    for index, token in enumerate(tokens):
        if token.text in ("credentialsId", "credentials", "registryCredentialsId") and token.kind == "word":
            found.add(next((t.text for t in tokens[index + 1 : index + 4] if t.kind == "string"), ""))
    return frozenset(found - {""})


def _rows(name: str, tokens: list[Token]) -> Iterator[Row]:
    at = 1
    while at < len(tokens) - 1:
        if tokens[at].kind == "newline" or tokens[at].text == ",":
            at += 1
            continue
        start = at
        value, at = _value(tokens, at)
        if isinstance(value, dict):
            inside = value.get("legs", [{}])
            for leg in inside if isinstance(inside, list) else [{}]:
                fields = {**value, **(leg if isinstance(leg, dict) else {})}
                yield Row(name, tokens[start].line, fields, _credentials(fields))


def _credentials(fields: dict[str, Any]) -> frozenset[str]:
    """What a row binds, and what its repositories are read with."""
    bound = [one for one in fields.get("secrets") or () if isinstance(one, Call) and isinstance(one.given, dict)]
    found = frozenset(str(one.given.get("credentialsId", "?")) for one in bound)
    read = fields.get("sources")
    return found | credentials(read.tokens) if isinstance(read, Closure) else found


def _value(tokens: list[Token], at: int) -> tuple[Any, int]:
    """The value that begins at a token, and where it ends; None for an expression that is no literal and no call."""
    end = _end(tokens, at)
    token = tokens[at]
    if token.kind in ("string", "long") and end == at + 1:
        return token.text, end
    if token.text == "{" and token.kind == "mark":
        return Closure(tokens[at:end]), end
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
