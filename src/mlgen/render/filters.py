"""What a template may apply to a value: the same functions for templates that Jinja renders and for compiled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from mlgen import quoting
from mlgen.typed import Any


def _html(value: object) -> str:
    from mlgen.quoting.html import html  # pages are seldom made

    return html(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "yaml": quoting.yaml_scalar,
    "yaml_block": quoting.yaml_block,
    "yaml_flow": quoting.yaml_flow,
    "yaml_list": quoting.yaml_list,
    "yaml_tree": quoting.yaml_tree,
    "groovy": quoting.groovy,
    "sh": quoting.sh,
    "html": _html,
    "raw": str,
}
"""The quoting filters: a printed value ends in one of them. `raw` is for text of the file's own language."""


_OF_DICT = frozenset(dir(dict))


def getattribute(value: Any, name: str) -> Any:
    """`value.name` of a template: an attribute, or the item of a mapping; a LookupError if there is neither."""
    if type(value) is dict and name in value and name not in _OF_DICT:  # most are, and an exception takes longer
        return value[name]
    try:
        return getattr(value, name)
    except AttributeError:
        try:
            return value[name]
        except (TypeError, KeyError):
            raise LookupError(f"{type(value).__name__} has no attribute {name!r}") from None


def _join(values: Iterable[object], separator: str = "") -> str:
    return separator.join(map(str, values))


def _map(values: Iterable[Any], attribute: str) -> list[Any]:
    return [getattribute(value, attribute) for value in values]


def _reverse(values: Sequence[Any]) -> list[Any]:
    return list(reversed(values))


def _trim(text: str, characters: str | None = None) -> str:
    return text.strip(characters)


SHAPING: dict[str, Callable[..., Any]] = {"join": _join, "length": len, "map": _map, "reverse": _reverse, "trim": _trim}
"""Filters that choose or join what is printed, and compute nothing."""

TESTS: dict[str, Callable[[Any], bool]] = {
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
}
