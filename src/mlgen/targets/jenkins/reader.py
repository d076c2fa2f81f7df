"""Reads a Jenkinsfile back as blocks and calls: as much of Groovy as the emitted file uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mlgen.named import NamedTuple
from mlgen.regex import regex

_TOKEN = regex(
    r"[ \t\r]*(?:"
    r"(?P<word>[A-Za-z_$][A-Za-z0-9_$]*|[0-9]+)"
    r"|(?P<newline>\n)"
    r"|(?P<mark>[{}()\[\]])"
    # Each part begins with what the one before cannot hold, so that a text that is not closed is found out at once.
    r"|(?P<long>'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*''')"
    r"|(?P<string>'[^'\\\n]*(?:\\.[^'\\\n]*)*')"
    r'|(?P<interpolated>"[^"\\\n]*(?:\\.[^"\\\n]*)*")'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<regex>(?<=~ )/(?:[^/\\\n]+|\\.)+/)"
    r"|(?P<operator>==~|[-+*=!<>&|?:.,;~@]+)"
    r"|(?P<end>\Z))",
    re.DOTALL,
)
_ESCAPE = regex(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NAMES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_CLOSES = {"}": "{", ")": "(", "]": "["}


class Unreadable(Exception):
    """The text is no Jenkinsfile that this reader knows; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class Token(NamedTuple):
    """A token; of a string, `text` is its value."""

    kind: str
    text: str
    line: int
    at: int = 0
    """Where it begins in the text."""


class Node:
    """A statement: its tokens, and with a `{ }` after them the statements inside."""

    def __init__(self, tokens: list[Token], block: bool) -> None:
        self.tokens = tokens
        self.block = block
        self.children: list[Node] = []

    @property
    def name(self) -> str:
        """The first word."""
        return self.tokens[0].text if self.tokens else ""

    @property
    def line(self) -> int:
        """Where it begins; 0 for the file as a whole."""
        return self.tokens[0].line if self.tokens else 0

    def strings(self) -> list[str]:
        """The values of the string literals."""
        return [token.text for token in self.tokens if token.kind in ("string", "long")]

    def argument(self, name: str) -> str:
        """The string given to a named argument, or empty."""
        for key, colon, value in zip(self.tokens, self.tokens[1:], self.tokens[2:]):
            if key.text == name and colon.text == ":" and value.kind in ("string", "long"):
                return value.text
        return ""

    def child(self, name: str) -> Node | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> list[Node]:
        """The node and all below it, in the order of the text."""
        found = [self]
        for child in self.children:
            if child.block:
                found += child.walk()
            else:
                found.append(child)
        return found


def read(text: str) -> Node:
    """The file as a tree; Unreadable says what is wrong with it."""
    root = Node([], True)
    stack: list[tuple[str, int, Node]] = [("", 0, root)]
    pending: list[Token] = []

    def flush() -> None:
        if pending:
            stack[-1][2].children.append(Node(list(pending), False))
            pending.clear()

    for token in tokens(text):
        mark = token.text if token.kind == "mark" else ""
        # A block opens a node of its own; brackets, and a closure inside of them, do not.
        inside = len(stack) > 1 and stack[-1][2] is stack[-2][2]
        if token.kind == "newline":
            if not inside and not (pending and pending[-1].text in ("||", "&&")):
                flush()
        elif mark == "{" and not inside:
            node = Node(list(pending), True)
            pending.clear()
            stack[-1][2].children.append(node)
            stack.append((mark, token.line, node))
        elif mark in ("{", "(", "["):
            stack.append((mark, token.line, stack[-1][2]))
            pending.append(token)
        elif mark:
            if stack[-1][0] != _CLOSES[mark]:
                raise Unreadable(token.line, f"`{mark}` closes nothing that is open")
            if mark == "}" and stack[-1][2] is not stack[-2][2]:
                flush()
            else:
                pending.append(token)
            stack.pop()
        else:
            pending.append(token)
    if len(stack) > 1:
        raise Unreadable(stack[-1][1], f"`{stack[-1][0]}` is not closed")
    flush()
    return root


@lru_cache(maxsize=4)  # a text is checked, measured and read
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text, newlines among them; Unreadable says where there is none."""
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unreadable(line, f"cannot read {text[at : at + 20].strip().splitlines()[0]!r}")
        kind = str(found.lastgroup)
        value = found[kind]
        if kind == "long":
            yield Token(kind, unescape(value[3:-3]), line, found.start(kind))
        elif kind == "string":
            yield Token(kind, unescape(value[1:-1]), line, found.start(kind))
        elif kind not in ("comment", "end"):
            yield Token(kind, value, line, found.start(kind))
        if kind in ("newline", "long", "comment"):
            line += value.count("\n")
        at = found.end()


def unescape(text: str) -> str:
    """The value of a string literal without its quotes."""

    def one(found: re.Match[str]) -> str:
        said = found[1]
        return chr(int(said[1:], 16)) if len(said) == 5 else _NAMES.get(said, "" if said == "\n" else said)

    if "\\" not in text:
        return text
    # A character beyond the basic plane is a pair of escapes.
    return _ESCAPE.sub(one, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
