"""The graph as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from mlgen.graph.picture import Node, Picture

_COLORS = 6
_LIGHT = ("#dbeafe", "#ede9fe", "#dcfce7", "#fef3c7", "#fee2e2", "#e0f2f1")
_DARK = ("#1d4ed8", "#6d28d9", "#15803d", "#b45309", "#b91c1c", "#0f766e")


def mermaid(drawn: Picture) -> str:
    """The text of the flowchart; identifiers are mlgen's own, so that no name can be a word of the language."""
    ids = {node.id: f"job{index}" for index, node in enumerate(drawn.nodes, 1)}
    ids |= {joint.id: f"joint{index}" for index, joint in enumerate(drawn.joints, 1)}
    lines = ["---", f"title: {_yaml(drawn.title)}", "---", "flowchart LR"]
    for number, (stage, nodes) in enumerate(drawn.stages, 1):
        lines.append(f'  subgraph stage{number}["{_escaped(stage)}"]')
        lines += [f"    {ids[node.id]}{_shape(node)}:::s{(number - 1) % _COLORS}" for node in nodes]
        lines.append("  end")
    lines += [f"  {ids[joint.id]}(( ))" for joint in drawn.joints]
    for line in drawn.lines:
        label = f'|"{_escaped(line.label)}"|' if line.label else ""
        lines.append(f"  {ids[line.source]} {'-.->' if line.kind == 'order' else '-->'}{label} {ids[line.target]}")
    for joint in drawn.joints:
        lines += [f"  {ids[source]} -.- {ids[joint.id]}" for source in joint.sources]
        lines += [f"  {ids[joint.id]} -.-> {ids[target]}" for target in joint.targets]
    used = range(min(_COLORS, len(drawn.stages)))
    lines += [f"  classDef s{i} fill:{_LIGHT[i]},stroke:{_DARK[i]},color:#111" for i in used]
    return "\n".join(lines) + "\n"


def _shape(node: Node) -> str:
    """A gate is a rhombus, what waits for an approval has slanted sides, a matrix is a stack."""
    kinds = dict(node.marks)
    label = "<br/>".join([f"<b>{_escaped(node.label)}</b>", *map(_escaped, node.notes)])
    if "gate" in kinds:
        return f'{{{{"{label}"}}}}'
    if "approval" in kinds:
        return f'[/"{label}"/]'
    return f'[["{label}"]]' if "matrix" in kinds else f'["{label}"]'


def _escaped(text: str) -> str:
    """Text in a quoted label: an entity for each character that Mermaid, Markdown or HTML would take for its own.

    A backslash before `n` would still make a new line, hence the word joiner, which nobody sees, between them.
    """
    text = text.replace("\\n", "\\\u2060n")
    return "".join(c if c.isalnum() or c in " .,-/:()" else f"#{ord(c)};" for c in text)


def _yaml(text: str) -> str:
    from mlgen.quoting import yaml_scalar

    return yaml_scalar(text)
