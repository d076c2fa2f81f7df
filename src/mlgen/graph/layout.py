"""Where the jobs of a diagram stand, from left to right by stages, and the ways that its lines take between them.

Layers, after Sugiyama: each job in the column behind those of its stage that it waits for; lines over several columns
get places of their own there, which all lines of one job share; an order with few crossings; then heights that make
lines straight.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from mlgen.graph.picture import Line, Node, Picture
from mlgen.named import NamedTuple

WIDTH, GAP, ROW, MARGIN, HEAD = 156.0, 52.0, 18.0, 20.0, 34.0
LETTER, LONGEST = 5.8, 24
"""The width of a letter of a label, and how many of them are shown."""
TALL, LOW, THIN = 50.0, 34.0, 6.0
"""Heights: of a box with notes, of one without, of a line on its way."""
SWEEPS = 12


class Box(NamedTuple):
    """A job's box: the upper left corner and the size."""

    node: Node
    x: float
    y: float
    width: float
    height: float


class Band(NamedTuple):
    """A stage behind its jobs; `number` counts from 0."""

    stage: str
    number: int
    x: float
    width: float


class Way(NamedTuple):
    """A line as points to pass, from the right of one box to the left of another; `end` is False at a joint."""

    line: Line
    points: tuple[tuple[float, float], ...]
    end: bool = True


class Dot(NamedTuple):
    """A joint."""

    id: str
    x: float
    y: float


class Laid(NamedTuple):
    """The diagram with all its places."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    bands: tuple[Band, ...]
    ways: tuple[Way, ...]
    dots: tuple[Dot, ...]


class _Item:
    """What has a place in a column: a job, a joint, or a line on its way. `y` is its middle."""

    def __init__(self, name: str, column: int, height: float) -> None:
        self.name, self.column, self.height = name, column, height
        self.y = 0.0
        self.before: list[_Item] = []
        self.behind: list[_Item] = []

    def link(self, other: _Item) -> None:
        """Draw a line to an item of the next column."""
        if other not in self.behind:
            self.behind.append(other)
            other.before.append(self)

    @property
    def weight(self) -> float:
        """How much it wants to be straight: lines on their way more than jobs."""
        return 4.0 if self.height == THIN else 1.0


def layout(drawn: Picture) -> Laid:
    """The places of everything."""
    grid = _Grid(drawn)
    grid.order()
    grid.heights()
    return grid.laid()


class _Grid:
    def __init__(self, drawn: Picture) -> None:
        self.drawn = drawn
        self.columns: list[list[_Item]] = []
        self.items: dict[str, _Item] = {}
        self.stages: list[tuple[int, int]] = []
        self.joints: set[int] = set()
        self.routes: list[tuple[Line, list[_Item]]] = []
        self.passing: dict[tuple[str, int], _Item] = {}
        self.place()
        self.connect()

    def place(self) -> None:
        """The columns: of each stage as many as its jobs wait for each other, and one for its joints."""
        for stage, nodes in self.drawn.stages:
            first = len(self.columns)
            depth = self.depths(nodes)
            self.columns += [[] for _ in range(max(depth.values()) + 1)]
            for node in nodes:
                self.add(_Item(node.id, first + depth[node.id], height(node)))
            self.stages.append((first, len(self.columns)))
            joints = [joint for joint in self.drawn.joints if joint.stage == stage]
            if joints:
                self.joints.add(len(self.columns))
                self.columns.append([])
                for joint in joints:
                    self.add(_Item(joint.id, len(self.columns) - 1, THIN))

    def depths(self, nodes: Sequence[Node]) -> dict[str, int]:
        """How many jobs of its own stage stand before each."""
        names = {node.id for node in nodes}
        before: dict[str, list[str]] = {name: [] for name in names}
        for line in self.drawn.lines:
            if line.source in names and line.target in names:
                before[line.target].append(line.source)
        found: dict[str, int] = {}
        while len(found) < len(names):
            for name in names - found.keys():
                if all(other in found for other in before[name]):
                    found[name] = 1 + max((found[other] for other in before[name]), default=-1)
        return found

    def add(self, item: _Item) -> _Item:
        self.items[item.name] = item
        self.columns[item.column].append(item)
        return item

    def connect(self) -> None:
        for line in self.drawn.lines:
            self.route(line)
        for joint in self.drawn.joints:
            for source in joint.sources:
                self.route(Line(source, joint.id, "order", ""))
            for target in joint.targets:
                self.route(Line(joint.id, target, "order", ""))

    def route(self, line: Line) -> None:
        """A way through the columns between; one that leads back, to an earlier stage, goes straight."""
        source, target = self.items[line.source], self.items[line.target]
        way = [source]
        for column in range(source.column + 1, target.column):
            key = (line.source, column)
            if key not in self.passing:
                self.passing[key] = self.add(_Item(f"{line.source}>{column}", column, THIN))
            way.append(self.passing[key])
        way.append(target)
        if target.column > source.column:
            for one, other in itertools.pairwise(way):
                one.link(other)
        self.routes.append((line, way))

    # --- the order in the columns

    def order(self) -> None:
        """The order with the fewest crossings that sweeping by the mean of the neighbours finds."""
        best, fewest = [list(c) for c in self.columns], self.crossings()
        for sweep in range(SWEEPS):
            forward = sweep % 2 == 0
            for column in self.columns if forward else self.columns[::-1]:
                rank = {item.name: index for c in self.columns for index, item in enumerate(c)}
                column.sort(key=lambda item: _mean(item.before if forward else item.behind, rank, rank[item.name]))
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(c) for c in self.columns], crossings
        self.columns = best

    def crossings(self) -> int:
        found = 0
        for column, following in itertools.pairwise(self.columns):
            rank = {item.name: index for index, item in enumerate(following)}
            ends = [sorted(rank[other.name] for other in item.behind if other.name in rank) for item in column]
            seen: list[int] = []
            for targets in ends:
                found += sum(sum(1 for other in seen if other > target) for target in targets)
                seen += targets
        return found

    # --- the heights

    def heights(self) -> None:
        """Each item as near to its neighbours as the order allows."""
        for column in self.columns:
            total = sum(item.height + ROW for item in column)
            y = -total / 2
            for item in column:
                item.y = y + item.height / 2
                y += item.height + ROW
        for sweep in range(SWEEPS):
            forward = sweep % 2 == 0
            for column in self.columns if forward else self.columns[::-1]:
                _settle(column, _wishes(column, forward))

    def gap(self, column: int) -> float:
        """The room before a column: for the labels of the lines that end there."""
        ending = [line.label for line, way in self.routes if way[-1].column == column and line.target in self.items]
        return max([GAP, *(min(len(label), LONGEST) * LETTER + 34 for label in ending if label)])

    def laid(self) -> Laid:
        xs, x = [], MARGIN
        starts = {first for first, _ in self.stages}
        for index in range(len(self.columns)):
            x += MARGIN if index in starts and index else 0
            x += 44.0 if index in self.joints else self.gap(index) if index else 0
            xs.append(x)
            x += 0 if index in self.joints else WIDTH
        top = min(item.y - item.height / 2 for c in self.columns for item in c) - HEAD - MARGIN
        for item in (item for c in self.columns for item in c):
            item.y = round(item.y - top, 1)
        bottom = max(item.y + item.height / 2 for c in self.columns for item in c) + MARGIN
        boxes = []
        for node in self.drawn.nodes:
            item = self.items[node.id]
            boxes.append(Box(node, xs[item.column], round(item.y - item.height / 2, 1), WIDTH, item.height))
        bands = [
            Band(stage, number, xs[a] - MARGIN / 2 - 2, xs[b - 1] + WIDTH - xs[a] + MARGIN + 4)
            for number, ((stage, _), (a, b)) in enumerate(zip(self.drawn.stages, self.stages))
        ]
        dots = tuple(Dot(j.id, xs[self.items[j.id].column], self.items[j.id].y) for j in self.drawn.joints)
        ways = tuple(self.ways(xs))
        return Laid(math.ceil(x + MARGIN), math.ceil(bottom), tuple(boxes), tuple(bands), ways, dots)

    def ways(self, xs: Sequence[float]) -> Iterator[Way]:
        joints = {joint.id for joint in self.drawn.joints}
        ports = self.ports()
        for line, way in self.routes:
            points: list[tuple[float, float]] = []
            for index, item in enumerate(way):
                left, right = xs[item.column], xs[item.column] + (0 if item.column in self.joints else WIDTH)
                if index:
                    port = ports.get((line.source, line.target), item.y) if item is way[-1] else item.y
                    points.append((left, port))
                if index < len(way) - 1 and (right, item.y) not in points:
                    points.append((right, item.y))
            yield Way(line, tuple(points), line.target not in joints)

    def ports(self) -> dict[tuple[str, str], float]:
        """Where each line ends at the side of its box: one above the other, in the order in which they come."""
        found = {}
        for node in self.drawn.nodes:
            box = self.items[node.id]
            ending = sorted((way for line, way in self.routes if way[-1] is box), key=lambda way: way[-2].y)
            step = min(13.0, (box.height - 12) / max(len(ending), 1))
            for index, way in enumerate(ending):
                found[way[0].name, node.id] = round(box.y + (index - (len(ending) - 1) / 2) * step, 1)
        return found


def height(node: Node) -> float:
    """The height of a job's box."""
    return TALL if node.notes else LOW


def _mean(items: Iterable[_Item], rank: dict[str, int], otherwise: int) -> float:
    found = [rank[item.name] for item in items]
    return sum(found) / len(found) if found else otherwise


def _wishes(column: Sequence[_Item], forward: bool) -> list[float]:
    """Where each item would like to be; one without a line, beside the others."""
    found = [_wish(item, forward) for item in column]
    for order in (range(len(column)), range(len(column) - 1, -1, -1)):
        last: int | None = None
        for index in order:
            if found[index] is None and last is not None:
                step = _distance(column[index], column[last])
                found[index] = (found[last] or 0.0) + (step if last < index else -step)
            last = index if found[index] is not None else last
    return [item.y if wish is None else wish for item, wish in zip(column, found)]


def _wish(item: _Item, forward: bool) -> float | None:
    near = (item.before if forward else item.behind) or (item.behind if forward else item.before)
    total = sum(other.weight for other in near)
    return sum(other.y * other.weight for other in near) / total if near else None


def _settle(column: list[_Item], wishes: list[float]) -> None:
    """Heights near the wishes that keep the order and the distances: the mean of packing downwards and upwards."""
    down, up = list(wishes), list(wishes)
    for index in range(1, len(column)):
        down[index] = max(down[index], down[index - 1] + _distance(column[index - 1], column[index]))
    for index in range(len(column) - 2, -1, -1):
        up[index] = min(up[index], up[index + 1] - _distance(column[index], column[index + 1]))
    for item, low, high in zip(column, down, up):
        item.y = (low + high) / 2


def _distance(upper: _Item, lower: _Item) -> float:
    slim = upper.height == THIN and lower.height == THIN
    return (upper.height + lower.height) / 2 + (ROW / 2 if slim else ROW)
