"""The values of Groovy that occur, and what can be asked of them.

https://docs.groovy-lang.org/2.4.21/html/groovy-jdk/ for the methods of lists, maps and texts. A text, a number, a list,
a map and null are Python's own; a text with values in it (GString) is a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.typed import Any

Value = Any


class Thing:
    """A value of Jenkins itself: what it answers is for the one who made it."""

    def get(self, name: str) -> Value:
        """A property."""
        raise Unread(f"nothing is known of the property {name}")

    def put(self, name: str, value: Value) -> None:
        """Sets a property."""
        raise Unread(f"the property {name} cannot be set")

    def call(self, name: str, given: list[Value]) -> Value:
        """A method."""
        raise Unread(f"nothing is known of the method {name}")


class Closure(Thing):
    """A block of code with the names that it sees; `arity` is -1 where it has just `it`."""

    def __init__(self, run: Callable[[list[Value]], Value], arity: int) -> None:
        self.run = run
        self.arity = arity

    def call(self, name: str, given: list[Value]) -> Value:
        """`call` alone."""
        if name != "call":
            return super().call(name, given)
        return self.run(given)

    def on_pair(self, key: Value, value: Value) -> Value:
        """The block on an entry of a map."""
        if self.arity != 2:
            raise Unread("a block on a map takes a name and a value")
        return self.run([key, value])


def text(value: Value) -> str:
    """The value inside of a text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise Unread(f"{type(value).__name__} is no text")


def equal(one: Value, other: Value) -> bool:
    """`==`, of values of one kind or null."""
    if one is None or other is None:
        return one is other
    if isinstance(one, bool) != isinstance(other, bool) or isinstance(one, str) != isinstance(other, str):
        raise Unread(f"`==` between {type(one).__name__} and {type(other).__name__}")
    return bool(one == other)


def within(one: Value, other: Value) -> bool:
    """`in`, of a list."""
    if not isinstance(other, list):
        raise Unread("`in` is read with a list alone")
    return any(equal(one, each) for each in other)


def matched(one: Value, pattern: Value) -> bool:
    """`==~`: the whole text; null matches nothing."""
    if one is None or pattern is None:
        return False
    return pattern_of(text(pattern)).fullmatch(text(one)) is not None


_SAFE = regex(r"(?:\\[^A-Za-z0-9]|\\[dDwWsS]|\[\^?\]?(?:\\[^A-Za-z0-9]|[^\]\[\\&])*\]|\(\?:|[^\\\[\]])*")
"""What java.util.regex reads as Python's `re` does: no lookaround, no possessive quantifier, no set operation."""


@lru_cache(maxsize=512)
def pattern_of(said: str) -> re.Pattern[str]:
    """https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html"""
    if not _SAFE.fullmatch(said) or re.search(r"\(\?(?!:)|[*+?}]\+", said):
        raise Unread(f"the pattern {said!r} holds what this reader does not know")
    try:
        # `.` is none of Java's ends of a line.
        dots = re.sub(
            r"\\.|\[(?:\\.|[^\]])*\]|\.", lambda m: r"[^\n\r\u0085\u2028\u2029]" if m[0] == "." else m[0], said
        )
        return re.compile(dots, re.ASCII)
    except re.error as fault:
        raise Unread(f"{said!r} is no pattern: {fault}") from fault


def get(value: Value, name: str) -> Value:
    """`value.name`; of a map the entry, null where there is none."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Thing):
        return value.get(name)
    raise Unread(f"the property {name} of {'null' if value is None else type(value).__name__}")


def at(value: Value, key: Value) -> Value:
    """`value[key]`"""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int):
        return value[key] if -len(value) <= key < len(value) else None
    raise Unread(f"an entry of {'null' if value is None else type(value).__name__}")


def added(one: Value, other: Value) -> Value:
    """`+` of two texts, lists, maps or numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **other}
    if isinstance(one, list):
        return [*one, *(other if isinstance(other, list) else [other])]
    if isinstance(one, str):
        return one + text(other)
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    raise Unread(f"`+` of {type(one).__name__} and {type(other).__name__}")


def call(value: Value, name: str, given: list[Value]) -> Value:
    """`value.name(given)`"""
    if isinstance(value, Thing):
        return value.call(name, given)
    known = _METHODS.get((type(value), name))
    if known is None:
        raise Unread(f"the method {name} of {'null' if value is None else type(value).__name__}")
    return known(value, *given)


def _find_all(items: list[Value], test: Closure) -> list[Value]:
    return [item for item in items if test.run([item])]


def _each(items: list[Value], body: Closure) -> list[Value]:
    for item in items:
        body.run([item])
    return items


def _collect_many(items: list[Value], body: Closure) -> list[Value]:
    return [each for item in items for each in body.run([item])]


def _map_each(entries: dict[Value, Value], body: Closure) -> dict[Value, Value]:
    for key, value in entries.items():
        body.on_pair(key, value)
    return entries


_METHODS: dict[tuple[type, str], Callable[..., Value]] = {
    (list, "findAll"): _find_all,
    (list, "each"): _each,
    (list, "collect"): lambda items, body: [body.run([item]) for item in items],
    (list, "collectMany"): _collect_many,
    (list, "any"): lambda items, test: any(test.run([item]) for item in items),
    (list, "every"): lambda items, test: all(test.run([item]) for item in items),
    (list, "drop"): lambda items, count: items[count:],
    (list, "size"): len,
    (list, "join"): lambda items, between: between.join(map(text, items)),
    (list, "unique"): lambda items: list(dict.fromkeys(items)),
    (list, "contains"): lambda items, item: within(item, items),
    (dict, "each"): _map_each,
    (dict, "collect"): lambda entries, body: [body.on_pair(key, value) for key, value in entries.items()],
    (dict, "size"): len,
    (str, "trim"): lambda said: said.strip(" \t\n\r"),
    (str, "startsWith"): lambda said, start: said.startswith(start),
    (str, "endsWith"): lambda said, end: said.endswith(end),
    (str, "contains"): lambda said, inner: inner in said,
    (str, "readLines"): lambda said: said.splitlines(),
    (str, "toLowerCase"): lambda said: said.lower(),
}
