"""Case-sensitive globs over names: `*` within a path segment, `**` across, `?` one character, `[a-z]` one of those."""

from __future__ import annotations

import re
from functools import lru_cache

from mlgen.named import NamedTuple

_MOST_STATES = 20_000


class _Set(NamedTuple):
    """One character: of the ranges, or, negated, of none of them and no `/`."""

    negated: bool
    ranges: tuple[tuple[str, str], ...]

    def holds(self, c: str) -> bool:
        found = any(low <= c <= high for low, high in self.ranges)
        return not found and c != "/" if self.negated else found


_STAR, _DEEP, _FOLDERS = "*", "**", "**/"
_Token = _Set | str
"""One character, a `_Set`, or one of the wildcards; a wildcard has more than a character or is `_STAR`."""


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[tuple[str, _Token], ...]:
    """The pattern as pairs of kind and value."""
    found: list[tuple[str, _Token]] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if pattern.startswith("**/", i) and (i == 0 or pattern[i - 1] == "/"):
            found.append(("wild", _FOLDERS))
            i += 3
        elif pattern.startswith("**", i):
            found.append(("wild", _DEEP))
            i += 2
        elif c == "*":
            found.append(("wild", _STAR))
            i += 1
        elif c == "?":
            found.append(("set", _Set(True, ())))
            i += 1
        elif c == "[" and "]" in pattern[i + 2 :]:
            end = pattern.index("]", i + 2)
            found.append(("set", _set(pattern[i + 1 : end])))
            i = end + 1
        else:
            found.append(("char", c))
            i += 1
    return tuple(found)


def _set(body: str) -> _Set:
    negated = body[0] in "!^" and len(body) > 1
    rest, ranges = body[1:] if negated else body, []
    while rest:
        high = rest[2] if len(rest) > 2 and rest[1] == "-" else rest[0]
        ranges.append((rest[0], high))
        rest = rest[3:] if len(rest) > 2 and rest[1] == "-" else rest[1:]
    return _Set(negated, tuple(ranges))


def is_literal(pattern: str) -> bool:
    """Whether the glob has no wildcard."""
    return not any(c in pattern for c in "*?[")


def glob_fault(pattern: str) -> str:
    """What is wrong with the glob; empty if nothing is."""
    for kind, value in _tokens(pattern):
        if isinstance(value, _Set) and any(low > high for low, high in value.ranges):
            return "a range ends before it begins"
        if kind == "char" and value == "[":
            return "a `[` without its `]`"
    return ""


def glob_regex(pattern: str) -> str:
    """The glob as an unanchored regular expression, of what RE2, Java and Ruby share: every target can print it."""
    wild = {_STAR: "[^/]*", _DEEP: ".*", _FOLDERS: "(.*/)?"}
    return "".join(wild[value] if kind == "wild" else _one(value) for kind, value in _tokens(pattern))  # type: ignore[index]


def _one(value: _Token) -> str:
    if not isinstance(value, _Set):
        return "\\" + value if value in r"\.+*?()|[]{}^$/-" else value
    inside = "".join(_in_set(low) if low == high else f"{_in_set(low)}-{_in_set(high)}" for low, high in value.ranges)
    return f"[^/{inside}]" if value.negated else f"[{inside}]"


def _in_set(c: str) -> str:
    return "\\" + c if c in r"\[]^-&~" else c


def glob_matches(pattern: str, value: str) -> bool:
    """Whether the case-sensitive glob matches the whole value."""
    if is_literal(pattern):
        return pattern == value
    return re.fullmatch(glob_regex(pattern), value, re.DOTALL) is not None


class _Machine:
    """A glob as an automaton. State `2 * n` is before token `n`; `2 * n + 1` is within the folders of token `n`."""

    def __init__(self, pattern: str) -> None:
        self.tokens = _tokens(pattern)
        self.end = 2 * len(self.tokens)
        self.start = self.closed({0})

    def closed(self, states: set[int]) -> frozenset[int]:
        """The states, and those that are reached without a character."""
        for state in sorted(states):
            while state < self.end and state % 2 == 0 and self.tokens[state // 2][0] == "wild":
                state += 2
                states.add(state)
        return frozenset(states)

    def step(self, states: frozenset[int], c: str) -> frozenset[int]:
        found: set[int] = set()
        for state in states:
            if state < self.end:
                found |= self.after(state, c)
        return self.closed(found)

    def after(self, state: int, c: str) -> set[int]:
        kind, value = self.tokens[state // 2]
        following = state - state % 2 + 2
        if value == _FOLDERS and kind == "wild":
            return {state | 1, following} if c == "/" else {state | 1}
        if kind == "wild":
            return {state} if value == _DEEP or c != "/" else set()
        holds = value.holds(c) if isinstance(value, _Set) else value == c
        return {following} if holds else set()


@lru_cache(maxsize=1024)
def outcomes(patterns: tuple[str, ...]) -> frozenset[tuple[bool, ...]] | None:
    """Which of the globs a value can match together: each answer is one boolean a glob. None if there are too many."""
    found = _explored(patterns)
    return None if found is None else frozenset(found)


def _explored(patterns: tuple[str, ...]) -> dict[tuple[bool, ...], str] | None:
    """Each answer of the globs, with a shortest value that gives it. None if there are too many."""
    machines = [_Machine(p) for p in patterns]
    alphabet = _alphabet(patterns)
    start = tuple(m.start for m in machines)
    seen = {start}
    todo = [(start, "")]
    found: dict[tuple[bool, ...], str] = {}
    for states, text in todo:  # grows: the shortest values come first
        for c in alphabet:
            after = tuple(m.step(s, c) for m, s in zip(machines, states))
            if after not in seen:
                if len(seen) > _MOST_STATES:
                    return None
                seen.add(after)
                todo.append((after, text + c))
            elif after != start:
                continue
            found.setdefault(tuple(m.end in s for m, s in zip(machines, after)), text + c)
    return found


def _alphabet(patterns: tuple[str, ...]) -> list[str]:
    """One character of each kind that the globs tell apart."""
    edges = {0, ord("/"), ord("/") + 1}
    for pattern in patterns:
        for kind, value in _tokens(pattern):
            ranges = value.ranges if isinstance(value, _Set) else ((value, value),) if kind == "char" else ()
            edges.update(edge for low, high in ranges for edge in (ord(low), ord(high) + 1))
    return [chr(edge) for edge in sorted(edges)]


_FILLS = ({"*": "x", "**": "x/y", "**/": "", "?": "x"}, {"*": "", "**": "x", "**/": "x/", "?": "y"})
"""What stands for each wildcard in an example of a value that a glob matches."""


def witnesses(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """A value for each answer that the globs can give together, the readable ones first, and one that fits none.

    Values are never empty. Of globs that are too many to tell (see `outcomes`), the ones that were thought of.
    """
    distinct = tuple(dict.fromkeys(patterns))
    literal = all(map(is_literal, distinct))
    tried = [_example(pattern, fill) for fill in _FILLS for pattern in distinct]
    tried += [f"other{n or ''}" for n in range(len(tried) + 1)]
    found: dict[tuple[bool, ...], str] = {}
    for text in tried:
        if text:
            found.setdefault(tuple(glob_matches(p, text) for p in distinct), text)
    if not literal:
        for row, text in (_explored(distinct) or {}).items():
            found.setdefault(row, text)
    return tuple(found.values())


def _example(pattern: str, fill: dict[str, str]) -> str:
    """A value that the glob matches."""
    return "".join(fill[value] if kind == "wild" else _member(value) for kind, value in _tokens(pattern))  # type: ignore[index]


def _member(value: _Token) -> str:
    if not isinstance(value, _Set):
        return value
    if not value.negated:
        return value.ranges[0][0]
    return next(c for c in "xyz0123456789" if value.holds(c)) if any(map(value.holds, "xyz0123456789")) else "~"
