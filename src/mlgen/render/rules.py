"""What a template may do: loop, branch, and print what ends in a quoting filter. What needs computing is computed in
Python."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from mlgen.render.filters import FILTERS, SHAPING

COMPUTING = (nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Slice)


def unquoted(tree: nodes.Node) -> Iterator[nodes.Expr]:
    """The printed expressions that do not end in a quoting filter."""
    for output in tree.find_all(nodes.Output):
        for item in output.nodes:
            if not isinstance(item, nodes.TemplateData) and not _safe(item):
                yield item


def _safe(item: nodes.Node | None) -> bool:
    """Quoted, or a choice between texts that stand in the template itself, or what a block would print anyway."""
    if isinstance(item, nodes.CondExpr):
        return _safe(item.expr1) and _safe(item.expr2)
    return (
        isinstance(item, nodes.Const)
        or (isinstance(item, nodes.Filter) and item.name in FILTERS)
        or (isinstance(item, nodes.Call) and _is_super(item))
    )


def _is_super(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name == "super" and not call.args


def computed(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Where a template computes, or calls anything but its own macros."""
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    yield from tree.find_all(COMPUTING)
    yield from (node for node in tree.find_all(nodes.Mul) if not _padding(node))
    yield from (node for node in tree.find_all(nodes.Add) if not _layout(node))
    yield from (node for node in tree.find_all(nodes.Filter) if node.name not in {*FILTERS, *SHAPING})
    for call in tree.find_all(nodes.Call):
        items = isinstance(call.node, nodes.Getattr) and call.node.attr == "items" and not call.args
        own = isinstance(call.node, nodes.Name) and call.node.name in macros
        if not items and not own and not _is_super(call):
            yield call


def _padding(node: nodes.BinExpr) -> bool:
    """`" " * WIDTH`: spaces are layout."""
    return isinstance(node.left, nodes.Const) and isinstance(node.left.value, str) and node.left.value.strip() == ""


def _layout(node: nodes.BinExpr) -> bool:
    """A sum of texts, or an indentation with a constant: `pad + " "`, `indent + 4`."""
    return any(isinstance(side, (nodes.Const, nodes.Mul)) for side in (node.left, node.right))
