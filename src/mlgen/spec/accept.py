"""Whether data satisfies a JSON Schema, without a library: a valid spec, the usual case, need not import one.

Only a yes is certain. A no may also mean a keyword or a value that is not handled here; then a validator decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mlgen.typed import Any

Schema = dict[str, Any]

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_NOTES = {"title", "description", "examples", "default", "$schema", "$id", "$defs"}
"""Keywords that demand nothing, or whose use elsewhere does."""


def accepts(schema: Schema, data: Any) -> bool:
    """True only if the data satisfies the schema."""
    definitions = schema.get("$defs", {})

    def holds(part: Any, value: Any) -> bool:
        if isinstance(part, bool):
            return part
        if isinstance(value, dict) and not _object(part, value, holds):
            return False
        for keyword, wanted in part.items():
            if keyword == "$ref":
                if not holds(definitions[wanted.removeprefix("#/$defs/")], value):
                    return False
            elif keyword == "anyOf":
                if not any(holds(choice, value) for choice in wanted):
                    return False
            elif keyword in _CHECKS:
                if not _CHECKS[keyword](wanted, value):
                    return False
            elif keyword == "items":
                if isinstance(value, list) and not all(holds(wanted, item) for item in value):
                    return False
            elif keyword not in _NOTES and keyword not in _OF_OBJECTS:
                return False
        return True

    return holds(schema, data)


_OF_OBJECTS = {"properties", "additionalProperties", "patternProperties", "propertyNames"}


def _object(schema: Schema, value: dict[str, Any], holds: Callable[[Any, Any], bool]) -> bool:
    own, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    patterns, names = schema.get("patternProperties", {}), schema.get("propertyNames", True)
    for key, item in value.items():
        if not _name(names, key, holds):
            return False
        wanted = [own[key]] if key in own else []
        wanted += [part for pattern, part in patterns.items() if _matches(pattern, key)]
        if not all(holds(part, item) for part in wanted or [others]):
            return False
    return True


def _name(schema: Any, key: str, holds: Callable[[Any, Any], bool]) -> bool:
    """`not` is handled only here, with a list of names: what it negates must be certain too."""
    if isinstance(schema, dict) and "not" in schema:
        without = {keyword: part for keyword, part in schema.items() if keyword != "not"}
        return schema["not"].keys() == {"enum"} and key not in schema["not"]["enum"] and holds(without, key)
    return holds(schema, key)


def _matches(pattern: str, text: str) -> bool:
    """By JSON Schema, `$` stands only at the very end, and not before a final line break."""
    return re.search(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern, text) is not None


def _is(wanted: str | list[str], value: Any) -> bool:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, _KINDS[kind]) for kind in kinds)


def _unique(values: list[Any]) -> bool:
    return len(values) == len({_hashable(value) for value in values})


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return isinstance(value, bool), value  # to Python True is 1, and to JSON it is not; 1.0 is 1 to both


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and not isinstance(one, (list, dict)) and one == other


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _is,
    "const": _same,
    "enum": lambda wanted, value: any(_same(choice, value) for choice in wanted),
    "pattern": lambda wanted, value: not isinstance(value, str) or _matches(wanted, value),
    "minLength": lambda wanted, value: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda wanted, value: not isinstance(value, str) or len(value) <= wanted,
    "minimum": lambda wanted, value: not _is("number", value) or value >= wanted,
    "maximum": lambda wanted, value: not _is("number", value) or value <= wanted,
    "required": lambda wanted, value: not isinstance(value, dict) or all(key in value for key in wanted),
    "minProperties": lambda wanted, value: not isinstance(value, dict) or len(value) >= wanted,
    "maxProperties": lambda wanted, value: not isinstance(value, dict) or len(value) <= wanted,
    "minItems": lambda wanted, value: not isinstance(value, list) or len(value) >= wanted,
    "uniqueItems": lambda wanted, value: not wanted or not isinstance(value, list) or _unique(value),
}
