"""The schema that editors read: every key is explained, and what it says of itself holds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mlgen.spec.schema import schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text())
Route = tuple[str, ...]


def _schemas(node: Any, route: Route = ()) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Every subschema, with its place."""
    if not isinstance(node, dict):
        return
    yield route, node
    for word in ("properties", "patternProperties", "$defs"):
        for name, inner in node.get(word, {}).items():
            yield from _schemas(inner, (*route, word, name))
    for word in ("items", "additionalProperties", "propertyNames", "not"):
        yield from _schemas(node.get(word), (*route, word))
    for word in ("anyOf", "allOf"):
        for index, inner in enumerate(node.get(word, [])):
            yield from _schemas(inner, (*route, word, str(index)))


ALL = list(_schemas(SCHEMA))
KEYS = [(route, node) for route, node in ALL if route[-2:-1] in (("properties",), ("patternProperties",))]


def _ids(value: Any) -> str:
    return "/".join(value) if isinstance(value, tuple) else ""


def _merged(node: dict[str, Any]) -> dict[str, Any]:
    """The subschema with what its reference says."""
    if "$ref" not in node:
        return node
    return {
        **_merged(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]),
        **{k: v for k, v in node.items() if k != "$ref"},
    }


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].startswith("https://")
    assert SCHEMA["title"] == "mlgen.yaml"


@pytest.mark.parametrize(("route", "node"), KEYS, ids=_ids)
def test_a_key_is_explained(route: Route, node: dict[str, Any]) -> None:
    merged = _merged(node)
    assert merged.get("title"), "an editor shows the title"
    assert merged.get("description"), "an editor shows the description"


SAYING = [(route, node) for route, node in ALL if "examples" in node or "default" in node]


@pytest.mark.parametrize(("route", "node"), SAYING, ids=_ids)
def test_examples_and_defaults_hold(route: Route, node: dict[str, Any]) -> None:
    validator = Draft202012Validator({**node, "$defs": SCHEMA["$defs"]})
    for value in [*node.get("examples", []), *([node["default"]] if "default" in node else [])]:
        assert [error.message for error in validator.iter_errors(value)] == []


@pytest.mark.parametrize(("route", "node"), [(r, n) for r, n in ALL if n.get("type") == "object" and r], ids=_ids)
def test_a_mapping_says_what_may_stand_in_it(route: Route, node: dict[str, Any]) -> None:
    assert "additionalProperties" in node, "unknown keys are errors"


@pytest.mark.parametrize(("route", "node"), [(r, n) for r, n in ALL if "pattern" in n], ids=_ids)
def test_a_pattern_covers_the_whole_value(route: Route, node: dict[str, Any]) -> None:
    """Both validators search in the value, so that a pattern without its ends would let anything pass."""
    assert (node["pattern"].startswith("^") and node["pattern"].endswith("$")) or node["pattern"] == "\\S"


def test_no_reference_is_broken_and_no_definition_unused() -> None:
    used = {node["$ref"] for _, node in ALL if "$ref" in node}
    assert used == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_no_key_with_a_default_is_required() -> None:
    found = [
        (*route, key)
        for route, node in ALL
        for key in node.get("required", ())
        if "default" in node.get("properties", {}).get(key, {})
    ]
    assert found == []
