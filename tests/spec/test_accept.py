"""The quick yes of `spec.accept`, held against a real validator."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mlgen.spec.accept import accepts
from mlgen.spec.load import load
from mlgen.spec.schema import schema_text
from mlgen.spec.validate import _validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = _validator()(SCHEMA)
VALID = sorted([*ROOT.glob("examples/*/mlgen.yaml"), *ROOT.glob("tests/fixtures/*/mlgen.yaml")])
WRONG = sorted(ROOT.glob("tests/spec/bad/*.yaml"))
VALUES: list[Any] = [None, True, False, 0, 1, 1.0, -7, 2.5, "", " ", "x", "a b", "*", "3.11", "7d", "$", "\n", "ok\n"]
VALUES += [[], {}]
VALUES += [[1, 1.0], [True, 1], ["x", "x"], [[], []], {"x": 1}, {"run": "x"}, {"not": {}}, {"public": "x"}]


def _data(path: Path) -> Any:
    return load(path.read_text("utf-8"), path.name).data


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.parent.name)
def test_a_valid_spec_is_accepted(path: Path) -> None:
    assert accepts(SCHEMA, _data(path))


def _places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place, *(inner for key, value in items for inner in _places(value, (*place, key)))]


SPECS = [_data(path) for path in VALID]
PLACES = [(index, place) for index, spec in enumerate(SPECS) for place in _places(spec) if place]


CHANGES = ("replace", "add", "rename")
WINE = next(index for index, path in enumerate(VALID) if path.parent.name == "wine-quality")


@settings(deadline=None)
@example((WINE, ("stages", "deploy", "staging", "secrets", 0)), {"run": "x"}, "add", "")
@given(st.sampled_from(PLACES), st.sampled_from(VALUES), st.sampled_from(CHANGES), st.text(max_size=4))
def test_what_is_accepted_is_valid(place: tuple[int, tuple[Any, ...]], value: Any, how: str, name: str) -> None:
    data = copy.deepcopy(SPECS[place[0]])
    parent = data
    for step in place[1][:-1]:
        parent = parent[step]
    last = place[1][-1]
    if how == "replace":
        parent[last] = value
    elif isinstance(parent, list):
        parent.append(value)
    else:
        parent[name] = parent.pop(last) if how == "rename" else value
    if accepts(SCHEMA, data):
        assert list(VALIDATOR.iter_errors(data)) == []
    elif VALIDATOR.is_valid(data):
        # Then the real validator is imported for nothing, which costs time and no more.
        assert _holds_what_is_left_to_the_validator(data)


def _holds_what_is_left_to_the_validator(data: Any) -> bool:
    """Whole numbers that are written with a point, which JSON Schema takes for integers."""
    if isinstance(data, (dict, list)):
        return any(map(_holds_what_is_left_to_the_validator, data.values() if isinstance(data, dict) else data))
    return isinstance(data, float) and data.is_integer()


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, True, False),
        ({"type": "number"}, 1, True),
        ({"type": ["string", "null"]}, None, True),
        ({"const": 1}, True, False),
        ({"enum": ["a", 1]}, 1, True),
        ({"enum": [1]}, 1.0, False),
        ({"pattern": "^a$"}, "a\n", False),
        ({"pattern": "b"}, "abc", True),
        ({"minLength": 1}, "", False),
        ({"maxLength": 1}, "ab", False),
        ({"minimum": 1}, 0, False),
        ({"maximum": 1}, 2, False),
        ({"maximum": 1}, "2", True),
        ({"required": ["a"]}, {}, False),
        ({"minProperties": 1}, {}, False),
        ({"minItems": 1}, [], False),
        ({"uniqueItems": True}, [1, True], True),
        ({"uniqueItems": True}, [1, 1.0], False),
        ({"uniqueItems": True}, [{}, []], True),
        ({"uniqueItems": True}, [{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
        ({"items": {"type": "string"}}, ["a", 1], False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, False),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}, False),
        ({"properties": {"a": True}, "additionalProperties": False}, {"b": 1}, False),
        ({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}, {"x-a": "b"}, True),
        ({"patternProperties": {"^x-": {"type": "string"}}}, {"x-a": 1}, False),
        ({"propertyNames": {"pattern": "^[a-z]+$"}}, {"A": 1}, False),
        ({"propertyNames": {"not": {"enum": ["a"]}}}, {"a": 1}, False),
        ({"propertyNames": {"not": {"enum": ["a"]}}}, {"b": 1}, True),
        ({"propertyNames": {"not": {"pattern": "a"}}}, {"b": 1}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 1, False),
        ({"not": {"type": "string"}}, 1, False),
        ({"oneOf": [True]}, 1, False),
        ({"unknown": 1}, 1, False),
        ({"title": "A", "description": "B", "examples": [], "default": 1}, 1, True),
    ],
)
def test_a_keyword(schema: dict[str, Any], value: Any, expected: bool) -> None:
    assert accepts(schema, value) is expected
    if expected:
        assert Draft202012Validator(schema).is_valid(value)
