"""The graph as one SVG file: no script, no font and no program besides what shows it; light and dark."""

from __future__ import annotations

import itertools

from mlgen.graph.layout import LONGEST, Band, Box, Laid, Way, layout
from mlgen.graph.picture import Picture
from mlgen.render import render
from mlgen.typed import Any

COLORS = (
    {"light": "#2563eb", "dark": "#60a5fa"},
    {"light": "#7c3aed", "dark": "#a78bfa"},
    {"light": "#0f766e", "dark": "#2dd4bf"},
    {"light": "#b45309", "dark": "#fbbf24"},
    {"light": "#be123c", "dark": "#fb7185"},
    {"light": "#4d7c0f", "dark": "#a3e635"},
    {"light": "#a21caf", "dark": "#e879f9"},
)
"""One a stage, in turn; each has a contrast of at least 4.5 to its background."""
_MOST_LABELS = 40
_NAME, _NOTE = 20, 25
"""How many letters of a name and of the notes fit into a box."""


def svg(drawn: Picture, role: str = "img") -> str:
    """The text of the file. `role`: `img` where it stands alone, `group` where its jobs can be chosen."""
    return render("graph/graph.svg.j2", view(drawn, role))


def view(drawn: Picture, role: str) -> dict[str, Any]:
    """What the template prints."""
    laid = layout(drawn)
    colors = {stage: number % len(COLORS) for number, (stage, _) in enumerate(drawn.stages)}
    labels = len(drawn.lines) <= _MOST_LABELS
    return {
        "role": role,
        "title": drawn.title,
        "about": drawn.about,
        "description": "; ".join(f"{stage}: {', '.join(n.label for n in nodes)}" for stage, nodes in drawn.stages),
        "width": laid.width,
        "height": laid.height,
        "colors": COLORS,
        "bands": [_band(band, laid) for band in laid.bands],
        "ways": [_way(way, labels) for way in laid.ways],
        "dots": laid.dots,
        "jobs": [_job(box, colors[box.node.stage]) for box in laid.boxes],
    }


def _band(band: Band, laid: Laid) -> dict[str, Any]:
    return {
        "stage": _cut(band.stage, int(band.width / 8)),
        "color": band.number % len(COLORS),
        "x": band.x,
        "text": band.x + 12,
        "width": band.width,
        "height": laid.height - 16,
    }


def _way(way: Way, labels: bool) -> dict[str, Any]:
    line = way.line
    x, y = way.points[-1]
    return {
        "kind": line.kind,
        "source": line.source,
        "target": line.target,
        "title": f"{line.target} waits for {line.source}" + (f": {line.label}" if line.label else ""),
        "path": _path(way.points),
        "end": way.end,
        "label": _cut(line.label, LONGEST) if labels else "",
        "x": x - 11,
        "y": round(y - 4.5, 1),
        "anchor": "end",
    }


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Straight where two points are at one height, else a curve that leaves and arrives level."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 == y1 and x1 >= x0:
            parts.append(f"H{x1:g}")
        else:
            reach = (x1 - x0) / 2 if x1 > x0 else 60
            parts.append(f"C{x0 + reach:g} {y0:g} {x1 - reach:g} {y1:g} {x1:g} {y1:g}")
    return "".join(parts)


def _job(box: Box, color: int) -> dict[str, Any]:
    node = box.node
    kinds = dict(node.marks)
    right = box.width - 18
    signs = {
        "gate": f"M{right:g} 9l8 8-8 8-8-8z",
        "approval": f"M{right - 3:g} 10v13M{right + 3:g} 10v13",
    }
    sign = next((path for kind, path in signs.items() if kind in kinds), "")
    note = " · ".join(node.notes)
    return {
        "id": node.id,
        "label": _cut(node.label, _NAME - 3 * bool(sign)),
        "note": _cut(note, _NOTE),
        "baseline": 21 if note else 22,
        "kinds": " ".join(kind for kind in kinds if kind in ("gate", "approval", "matrix", "allow_failure")),
        "color": color,
        "stacked": "matrix" in kinds,
        "sign": sign,
        "tip": node.tip,
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "edge": f"M7 0H5a5 5 0 0 0-5 5V{box.height - 5:g}a5 5 0 0 0 5 5H7z",
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
