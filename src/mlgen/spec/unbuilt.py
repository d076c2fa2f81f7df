"""Constructs of the language that this version knows and does not compile: a typed diagnostic, never silence.

Every one of them is outside the schema, so that this table is looked at only when a spec is invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.spec.load import Route
from mlgen.typed import Any

_ROUTES: list[Route] = [
    ("policy",),
    ("stages", "*", "*", "kubernetes", "strategy"),
]

_ACTIONS = ("retrain", "rollback", "issue", "webhook")
"""What a gate that fails cannot do yet."""

_SHAPES: list[tuple[Route, Callable[[Any], bool]]] = [
    (
        ("gates", "*", "baseline"),
        lambda value: isinstance(value, str),
    ),
    (("gates", "*", "on_fail"), lambda value: value in _ACTIONS),
    (
        ("gates", "*", "on_fail", "*"),
        lambda value: isinstance(value, dict) or value in _ACTIONS,
    ),
]


def find(data: Any) -> list[Route]:
    """The paths of all such constructs in the spec's data."""
    found = [route for pattern in _ROUTES for route, _ in _matching(data, pattern)]
    found += [route for pattern, test in _SHAPES for route, value in _matching(data, pattern) if test(value)]
    # Of one inside another, the outer tells enough.
    found = [route for route in found if not any(route[:n] in found for n in range(1, len(route)))]
    return sorted(set(found), key=str)


def _matching(data: Any, pattern: Route, prefix: Route = ()) -> Iterator[tuple[Route, Any]]:
    if not pattern:
        yield prefix, data
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(data, list) and step == "*":
        for index, item in enumerate(data):
            yield from _matching(item, rest, (*prefix, index))
    elif isinstance(data, dict):
        for key in list(data) if step == "*" else [step]:
            if key in data:
                yield from _matching(data[key], rest, (*prefix, key))
