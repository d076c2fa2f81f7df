"""The values of GitHub's expression language: how they compare, what they are as texts, and its functions.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.typed import Any

Value = Any
"""None, a bool, a float, a text, a list, or a mapping."""

_NUMBER = regex(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+")


class Known(dict[str, Value]):
    """A mapping of a context of which every property is known: asking for another one is Unread."""


class Open(dict[str, Value]):
    """A mapping of a context that has every property: `made` gives it of the name as it is written."""

    def __init__(self, made: Callable[[str], Value]) -> None:
        super().__init__()
        self.made = made


class Filtered(list[Value]):
    """What `.*` gives: a property of it is the list of those of its items."""


def truth(value: Value) -> bool:
    """Whether `if` takes the value for true."""
    return not (value is None or value is False or value == "" or (_is_number(value) and (not value or value != value)))


def text_of(value: Value) -> str:
    """The value where a text is made of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        if value != value:
            return "NaN"
        if value in (math.inf, -math.inf):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, str):
        return value
    return "Array" if isinstance(value, list) else "Object"


def equal(left: Value, right: Value) -> bool:
    """`==`: texts in any case; of different kinds, as numbers."""
    left, right = _alike(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return left is right
    return bool(left == right)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(value: Value) -> float:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#operators"""
    if value is None:
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return 0.0
        if _NUMBER.fullmatch(text):
            return float(int(text, 0)) if text[:2] in ("0x", "0o") else float(text)
        return {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)
    return math.nan


def _kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "map"


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    return (left, right) if _kind(left) == _kind(right) else (number(left), number(right))


def less(left: Value, right: Value) -> bool:
    """`<`."""
    left, right = _alike(left, right)
    if isinstance(left, str):
        return bool(left.upper() < right.upper())
    if left is None or isinstance(left, (list, dict)):
        return False
    return bool(left < right)


def more(left: Value, right: Value) -> bool:
    """`>`."""
    return less(right, left)


def property_of(value: Value, name: Value) -> Value:
    """`value.name` and `value[name]`; null where there is none."""
    if isinstance(value, Filtered):
        found = (property_of(item, name) for item in value if isinstance(item, dict) and text_of(name).lower() in item)
        return Filtered(found)
    if isinstance(value, list):
        index = number(name)
        return value[int(index)] if index == index and 0 <= index < len(value) else None
    if not isinstance(value, dict) or name is None or isinstance(name, (list, dict)):
        return None
    if isinstance(value, Open):
        return value.made(text_of(name))
    key = text_of(name).lower()
    if key not in value and isinstance(value, Known):
        raise Unread(f"`{key}` is not among what is known: {', '.join(sorted(value)) or 'nothing'}")
    return value.get(key)


def all_of(value: Value) -> Value:
    """`.*`: every item or property."""
    if isinstance(value, Filtered):
        return Filtered(each for item in value for each in all_of(item))
    if isinstance(value, dict):
        return Filtered(value.values())
    return Filtered(value) if isinstance(value, list) else Filtered()


def _contains(found: Value, item: Value) -> bool:
    if isinstance(found, list):
        return any(equal(each, item) for each in found)
    if isinstance(found, dict) or isinstance(item, (list, dict)):
        return False
    return text_of(item).upper() in text_of(found).upper()


def _format(pattern: Value, *values: Value) -> str:
    def part(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None or int(found[1]) >= len(values):
            raise Unread(f"format: `{found[0]}` in `{pattern}`")
        return text_of(values[int(found[1])])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", part, text_of(pattern))


def _join(values: Value, between: Value = ",") -> str:
    return text_of(between).join(map(text_of, values)) if isinstance(values, list) else text_of(values)


def _is_text(value: Value) -> bool:
    return not isinstance(value, (list, dict))


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "contains": (2, 2, _contains),
    "startswith": (
        2,
        2,
        lambda a, b: _is_text(a) and _is_text(b) and text_of(a).upper().startswith(text_of(b).upper()),
    ),
    "endswith": (2, 2, lambda a, b: _is_text(a) and _is_text(b) and text_of(a).upper().endswith(text_of(b).upper())),
    "format": (1, 255, _format),
    "join": (1, 2, _join),
}
"""The least and the most arguments of each function, and what it gives."""
