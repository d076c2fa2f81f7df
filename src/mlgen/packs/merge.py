"""A spec laid over packs: maps merge by key, all else replaces. Done on the composed YAML, so that every value keeps
its place, in whichever file it stands.

Four things are not as plain as that:

- A key without a value says nothing: what lies beneath stays. `production:` never lifts the approval of a pack.
- `project: NAME` is short for `{name: NAME}`.
- The set of `targets` is that of the topmost layer that names any; what lies beneath only gives their options.
- `stages` are in order: those that only a pack has are put where the pack has them among its own, and a pack that
  does not tell puts them before the deployments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlgen.spec.fast_yaml import MappingNode, Node, ScalarNode, SequenceNode
from mlgen.spec.load import Mark
from mlgen.typed import TypeAlias

Pairs: TypeAlias = "dict[str, tuple[Node, Node]]"
"""A mapping's keys, each with the node of the key and that of its value."""

RANKS = ("data", "train", "test", "deploy", "monitor")
"""The stages that carry meaning, in the order of a pipeline."""


def placed(root: Node, file: str) -> Node:
    """The same nodes, which now tell that they are of this file."""
    seen: set[int] = set()

    def walk(node: Node) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        node.start_mark = Mark(node.start_mark.line, node.start_mark.column, file)
        if isinstance(node, SequenceNode):
            for item in node.value:
                walk(item)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                walk(key)
                walk(value)

    walk(root)
    return root


def pairs(node: Node | None) -> Pairs:
    """The keys of a mapping, `<<` followed; none of what is no mapping."""
    found: Pairs = {}
    merged: Pairs = {}
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if key.value == "<<" and key.tag == "plain":
            for part in value.value if isinstance(value, SequenceNode) else [value]:
                merged = {**pairs(part), **merged}
        else:
            found[key.value] = (key, value)
    return {**merged, **found}


def is_empty(node: Node) -> bool:
    """Whether this is a key without a value."""
    return isinstance(node, ScalarNode) and node.tag == "plain" and node.value in ("", "~", "null", "Null", "NULL")


def mapping(found: Pairs, like: Node) -> Node:
    """A mapping of these keys, at the place of another node."""
    return MappingNode("map", list(found.values()), like.start_mark, like.end_mark)


def over(upper: Node, lower: Node) -> Node:
    """What holds where both layers speak."""
    if isinstance(lower, MappingNode) and is_empty(upper):
        return lower
    if not isinstance(upper, MappingNode) or not isinstance(lower, MappingNode):
        return upper
    return mapping(_joined(pairs(upper), pairs(lower), lambda _: over), upper)


def _joined(upper: Pairs, lower: Pairs, rule: Callable[[str], Callable[[Node, Node], Node]]) -> Pairs:
    both = {name: (key, rule(name)(value, lower[name][1])) for name, (key, value) in upper.items() if name in lower}
    return {**upper, **both, **{name: pair for name, pair in lower.items() if name not in upper}}


def spec_over(upper: Node, lower: Node) -> Node:
    """A whole spec, or a pack's part of one, over another: `over`, with the rules of its keys."""
    rules = {"project": _project, "targets": _targets, "stages": _stages}
    return mapping(_joined(pairs(upper), pairs(lower), lambda name: rules.get(name, over)), upper)


def _project(upper: Node, lower: Node) -> Node:
    return over(*(_named(node) for node in (upper, lower)))


def _named(node: Node) -> Node:
    if not isinstance(node, ScalarNode) or is_empty(node):
        return node
    key = ScalarNode("plain", "name", node.start_mark, node.end_mark)
    return mapping({"name": (key, node)}, node)


def _targets(upper: Node, lower: Node) -> Node:
    if is_empty(upper):
        return lower
    if not isinstance(lower, MappingNode):
        return upper
    options = pairs(lower)
    if isinstance(upper, MappingNode):
        wanted = pairs(upper)
        return mapping(_joined(wanted, {n: p for n, p in options.items() if n in wanted}, lambda _: over), upper)
    if not isinstance(upper, SequenceNode) or not all(isinstance(item, ScalarNode) for item in upper.value):
        return upper
    names = [item.value for item in upper.value]
    if len(set(names)) < len(names) or not set(names) & options.keys():
        return upper
    nothing = {item.value: MappingNode("map", [], item.start_mark, item.end_mark) for item in upper.value}
    return mapping(
        {i.value: (i, options[i.value][1] if i.value in options else nothing[i.value]) for i in upper.value}, upper
    )


def _stages(upper: Node, lower: Node) -> Node:
    if not isinstance(upper, MappingNode) or not isinstance(lower, MappingNode):
        return over(upper, lower)
    joined = _joined(pairs(upper), pairs(lower), lambda _: over)
    order = in_order(list(pairs(upper)), list(pairs(lower)))
    return mapping({name: joined[name] for name in order}, upper)


def in_order(upper: list[str], lower: list[str]) -> list[str]:
    """The stages of both: those of the upper layer in its order, and each other one where the lower layer has it."""
    order = list(upper)
    for index, name in enumerate(lower):
        if name not in order:
            order.insert(_place(order, name, lower[:index], lower[index + 1 :]), name)
    return order


def _place(order: list[str], name: str, before: Iterable[str], after: Iterable[str]) -> int:
    if name in RANKS:  # its meaning tells its place
        later = RANKS[RANKS.index(name) + 1 :]
        earlier = RANKS[: RANKS.index(name)]
        known = [i for i, other in enumerate(order) if other in later]
        return (
            known[0] if known else max((i + 1 for i, other in enumerate(order) if other in earlier), default=len(order))
        )
    known = [order.index(other) + 1 for other in before if other in order]
    if known:
        return known[-1]
    known = [order.index(other) for other in after if other in order]
    if known:
        return known[0]
    return next((i for i, other in enumerate(order) if other in ("deploy", "monitor")), len(order))


def without_empty_stages(spec: Node) -> Node:
    """Without the stages that hold nothing and that only a pack names, to tell where its other stages go."""
    found = pairs(spec)
    if "stages" not in found or not isinstance(found["stages"][1], MappingNode):
        return spec
    key, stages = found["stages"]
    kept = {
        n: (k, v) for n, (k, v) in pairs(stages).items() if not (isinstance(k.start_mark, Mark) and _holds_nothing(v))
    }
    return mapping({**found, "stages": (key, mapping(kept, stages))}, spec)


def _holds_nothing(node: Node) -> bool:
    return is_empty(node) or (isinstance(node, MappingNode) and not node.value)
