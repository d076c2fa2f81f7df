"""Every key of the schema, where specs have it, and what a target makes of a spec with and without it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlgen import targets
from mlgen.compiler import compile_spec
from mlgen.diagnostics import SpecError
from mlgen.spec.load import load
from mlgen.spec.schema import schema_text
from mlgen.targets.adapt import adapt

SCHEMA: dict[str, Any] = json.loads(schema_text())
SPECS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "specs").glob("*.yaml"))}

FOLDERS = {"folder": "services/api"}
"""Where specs lie that say where they do; nothing of it has to exist."""

Path_ = tuple[str, ...]
"""The way to a key in the schema; `*` stands for a name that the spec gives."""
Route = tuple[Any, ...]
"""The way to a value in a spec's data."""


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node of the schema, its reference followed."""
    while "$ref" in node:
        base = SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        node = {**base, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def documented(node: dict[str, Any], way: Path_ = (), seen: Path_ = ()) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Every property of the schema, with its node; what contains itself is followed once."""
    if node.get("$ref", "") in seen:
        return
    seen = (*seen, node["$ref"]) if "$ref" in node else seen
    node = resolved(node)
    for form in node.get("anyOf", ()):
        yield from documented(form, way, seen)
    for key, value in node.get("properties", {}).items():
        yield canonical((*way, key)), resolved(value)
        yield from documented(value, (*way, key), seen)
    if isinstance(node.get("additionalProperties"), dict):
        yield from documented(node["additionalProperties"], (*way, "*"), seen)
    if "items" in node:
        yield from documented(node["items"], way, seen)


def canonical(way: Path_) -> Path_:
    """The way, with one name for what the language lets stand in several places."""
    for head in (("stages", "*", "defaults"), ("defaults",)):
        if way[: len(head)] == head and len(way) > len(head):
            way = ("stages", "*", "*", *way[len(head) :])
    if way[:4] == ("stages", "*", "*", "runtime") and len(way) > 4:
        way = ("runtime", *way[4:])
    if way[:3] == ("stages", "*", "*") and way[3:4] and way[3] in ("packages", "tools", "cache", "image", "activate"):
        way = way if len(way) == 4 else ("runtime", *way[3:])
    while "not" in way and way[-1] != "not":
        at = way.index("not")
        way = (*way[:at], *way[at + 1 :])
    return way


def found(data: Any, node: dict[str, Any], route: Route = (), way: Path_ = ()) -> Iterator[tuple[Path_, Route]]:
    """Every key of a spec: its way in the schema and its own."""
    forms = [form for one in (resolved(node),) for form in (one, *map(resolved, one.get("anyOf", ())))]
    if isinstance(data, list):
        inner = next((form["items"] for form in forms if "items" in form), None)
        for index, item in enumerate(data if inner else ()):
            yield from found(item, inner or {}, (*route, index), way)
    for key, value in data.items() if isinstance(data, dict) else ():
        known = next((form["properties"][key] for form in forms if key in form.get("properties", {})), None)
        if known is not None:
            yield canonical((*way, key)), (*route, key)
            yield from found(value, known, (*route, key), (*way, key))
            continue
        named = next(
            (f["additionalProperties"] for f in forms if isinstance(f.get("additionalProperties"), dict)), None
        )
        if named is not None:
            yield from found(value, named, (*route, key), (*way, "*"))


def data_of(name: str) -> dict[str, Any]:
    """The data of a spec of this folder."""
    data: dict[str, Any] = load(SPECS[name], "mlgen.yaml").data
    return data


def without(data: dict[str, Any], route: Route) -> dict[str, Any]:
    """The data without the key at the end of the route."""
    result = copy.deepcopy(data)
    inner: Any = result
    for step in route[:-1]:
        inner = inner[step]
    del inner[route[-1]]
    return result


def outcome(name: str, data: dict[str, Any], target: str, proved: bool = False) -> tuple[Any, ...]:
    """All that the target makes of a spec, in the folder of the one of that name: its files, what it says, and the
    settings; or the codes and messages of its refusal. Unless `proved`, the files are not read back."""
    try:
        folder, text = FOLDERS.get(name, "."), json.dumps(data)
        made = compile_spec(folder, "mlgen.yaml", only=(target,), text=text, proved=proved)
    except SpecError as fault:
        return ("refused", *((d.code, d.message) for d in fault.diagnostics))
    # Without the digest, which tells of the spec as such.
    bodies = [(f.path, "\n".join(line for line in f.text.splitlines() if "digest: " not in line)) for f in made.files]
    adapted, _ = adapt(made.pipeline, targets.get(target))
    settings = targets.get(target).settings(adapted)
    return ("compiled", bodies, [(d.code, d.message) for d in made.warnings], settings)
