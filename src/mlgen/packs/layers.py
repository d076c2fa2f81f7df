"""Which layer a value of the spec comes from: the project, a pack, a job snippet, or mlgen's default."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mlgen.diagnostics import Position
from mlgen.named import NamedTuple
from mlgen.packs import merge
from mlgen.packs.pack import snippet_named, spec_part
from mlgen.packs.stack import Stack
from mlgen.spec.fast_yaml import Node, ScalarNode, SequenceNode
from mlgen.spec.load import Loaded, Route, loaded
from mlgen.spec.schema import schema_text
from mlgen.typed import Any


class Layer(NamedTuple):
    """What one layer says of a key: `name` is how a person calls the layer."""

    name: str
    position: Position
    value: Any


def layers(spec: Loaded, stack: Stack | None, route: Route) -> list[Layer]:
    """What each layer says of the key at `route`, the one that holds first; empty if only mlgen's default holds.

    `spec` is the project's own, `stack` the packs over which it lies (None: it has none). Where the values are
    mappings they merge: a key of one that is not in a layer above it holds as well. Raises nothing for a route that
    leads nowhere.
    """
    found: list[Layer] = []
    for name, root, path in _roots(spec, stack, route):
        node, key = _at(root, path)
        if node is not None and not (merge.is_empty(node) and found):
            mark = (key or node).start_mark
            at = Position(getattr(mark, "file", spec.file), mark.line + 1, mark.column + 1)
            found.append(Layer(name, at, loaded("", spec.file, node).data))
    return found


def default(route: Route) -> tuple[bool, Any]:
    """Whether the language has a default for the key at `route`, and which."""
    schema: dict[str, Any] = json.loads(schema_text())
    for node in _schemas(schema, schema, route):
        if "default" in node:
            return True, node["default"]
    return False, None


def is_key(route: Route) -> bool:
    """Whether the language has a key at `route`."""
    schema: dict[str, Any] = json.loads(schema_text())
    return any(True for _ in _schemas(schema, schema, route))


def _roots(spec: Loaded, stack: Stack | None, route: Route) -> Iterator[tuple[str, Node, Route]]:
    """The texts that may say something of the key, topmost first, each with the way to it."""
    packs = stack.packs if stack else ()
    if spec.root is not None:
        yield spec.file, spec.root, route
    parts = [(pack, part) for pack in reversed(packs) if (part := spec_part(pack)) is not None]
    for pack, part in parts:
        yield f"the pack {pack.name} {pack.manifest.version}", part, route
    if route[:1] == ("stages",) and len(route) > 2:
        for root in (spec.root, *(part for _, part in parts)):
            names = _at(root, (*route[:3], "use"))[0] if root is not None else None
            if names is None:
                continue
            items = names.value if isinstance(names, SequenceNode) else [names]
            for item in reversed(items):
                found = snippet_named(item.value, packs) if isinstance(item, ScalarNode) else None
                if found:
                    pack, node = found
                    yield (
                        f"the job snippet {item.value} of the pack {pack.name} {pack.manifest.version}",
                        node,
                        route[3:],
                    )
            return


def _at(node: Node | None, route: Route) -> tuple[Node | None, Node | None]:
    """The node at the way, and that of its key."""
    key = None
    for step in route:
        if isinstance(step, int):
            inside = isinstance(node, SequenceNode) and step < len(node.value)
            node, key = (node.value[step], None) if node is not None and inside else (None, None)
        else:
            key, node = merge.pairs(node).get(step, (None, None))
    return node, key


def _schemas(schema: dict[str, Any], node: Any, route: Route) -> Iterator[dict[str, Any]]:
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield from _schemas(schema, {**schema["$defs"][node["$ref"].rpartition("/")[2]], **_own(node)}, route)
        return
    if not route:
        yield node
        return
    step, rest = route[0], route[1:]
    if isinstance(step, int):
        yield from _schemas(schema, node.get("items"), rest)
    elif step in node.get("properties", {}):
        yield from _schemas(schema, node["properties"][step], rest)
    else:
        yield from _schemas(schema, node.get("additionalProperties"), rest)
    for choice in node.get("anyOf", ()):
        yield from _schemas(schema, choice, route)


def _own(node: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in node.items() if word != "$ref"}
