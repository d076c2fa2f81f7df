"""The graph for Graphviz: https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from mlgen.graph.picture import Node, Picture

_TINTS = ("#2563eb", "#7c3aed", "#15803d", "#b45309", "#be123c", "#0f766e")


def dot(drawn: Picture) -> str:
    """The text of the digraph."""
    lines = [
        f"digraph {_quoted(drawn.title)} {{",
        "  rankdir=LR",
        f"  label={_quoted(f'{drawn.title}: {drawn.about}')}",
        "  labelloc=t",
        '  fontname="Helvetica"',
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica", fontsize=12]',
        '  edge [color="#64748b", fontname="Helvetica", fontsize=10]',
    ]
    for number, (stage, nodes) in enumerate(drawn.stages):
        tint = _TINTS[number % len(_TINTS)]
        lines += [f"  subgraph {_quoted(f'cluster_{stage}')} {{", f"    label={_quoted(stage)}"]
        lines += [f'    color="{tint}"', f'    fontcolor="{tint}"']
        lines += [f"    {_quoted(node.id)} [{_node(node, tint)}]" for node in nodes]
        lines.append("  }")
    for joint in drawn.joints:
        lines.append(f'  {_quoted(joint.id)} [shape=point, width=0.06, color="#94a3b8"]')
    for line in drawn.lines:
        said = [f"label={_quoted(line.label)}"] if line.label else []
        said += ["style=dashed"] if line.kind == "order" else []
        lines.append(f"  {_quoted(line.source)} -> {_quoted(line.target)}{f' [{chr(44).join(said)}]' if said else ''}")
    for joint in drawn.joints:
        lines += [f"  {_quoted(s)} -> {_quoted(joint.id)} [style=dashed, dir=none]" for s in joint.sources]
        lines += [f"  {_quoted(joint.id)} -> {_quoted(t)} [style=dashed]" for t in joint.targets]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, tint: str) -> str:
    kinds = dict(node.marks)
    shape = "diamond" if "gate" in kinds else "parallelogram" if "approval" in kinds else ""
    said = [f"label={_quoted(chr(10).join([node.label, *node.notes]))}", f"tooltip={_quoted(node.tip)}"]
    said += [f'color="{tint}"', *([f"shape={shape}", "style=filled"] if shape else [])]
    return ", ".join([*said, *(["peripheries=2"] if "matrix" in kinds else [])])


def _quoted(text: str) -> str:
    """A quoted string, in which a backslash before a letter would be an escape and `&lt;` a character's name."""
    return '"' + text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
