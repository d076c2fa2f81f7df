"""Where each value of a spec begins and ends, by lines: for what looks from the text to its keys."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.named import NamedTuple
from mlgen.spec.fast_yaml import MappingNode, Node, ScalarNode, SequenceNode
from mlgen.spec.load import Loaded, Route


class Span(NamedTuple):
    """A key or item, from its first line to the last of its value; `scalar` means that the value is a text."""

    path: Route
    first: int
    last: int
    scalar: bool


def spans(loaded: Loaded) -> Iterator[Span]:
    """Every key and item of the spec, in the order of the text; what an alias stands for is found at its anchor."""
    seen: set[int] = set()
    if loaded.root is not None:
        yield from _spans((), loaded.root, loaded.root.start_mark.line, seen)


def _spans(path: Route, node: Node, first: int, seen: set[int]) -> Iterator[Span]:
    if id(node) in seen and not isinstance(node, ScalarNode):
        return
    seen.add(id(node))
    yield Span(path, first + 1, _last(node) + 1, isinstance(node, ScalarNode))
    if isinstance(node, MappingNode):
        for name, value in node.value:
            yield from _spans((*path, name.value), value, name.start_mark.line, seen)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _spans((*path, index), item, item.start_mark.line, seen)


def _last(node: Node) -> int:
    """The last line with something of the node; a block ends where the next key begins."""
    parts = node.value if isinstance(node, (MappingNode, SequenceNode)) else ()
    if parts:
        last = parts[-1]
        return _last(last[1] if isinstance(node, MappingNode) else last)
    mark = node.end_mark
    return max(mark.line - (mark.column == 0), node.start_mark.line)
