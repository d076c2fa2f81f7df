"""What a diagram shows: jobs in stages, and the waits between them, thinned out so that they can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mlgen.graph import words
from mlgen.ir import Edge, Job, Pipeline
from mlgen.ir.order import parents_first
from mlgen.named import NamedTuple


class Node(NamedTuple):
    """A job: `label` is short and unique, `marks` are kinds and words, `notes` the few that its box has room for."""

    id: str
    label: str
    stage: str
    marks: tuple[tuple[str, str], ...]
    when: str
    tip: str
    notes: tuple[str, ...]


class Joint(NamedTuple):
    """A point where many waits come together: each of `targets` waits for each of `sources`."""

    id: str
    stage: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]


class Line(NamedTuple):
    """From a job to one that waits for it: `file` (its files travel), `need`, or `order` (its stage is earlier)."""

    source: str
    target: str
    kind: str
    label: str


class Picture(NamedTuple):
    """The whole diagram. `lines` names only jobs; what runs through a joint is in `joints` alone."""

    title: str
    about: str
    stages: tuple[tuple[str, tuple[Node, ...]], ...]
    lines: tuple[Line, ...]
    joints: tuple[Joint, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All jobs, stage by stage."""
        return tuple(node for _, nodes in self.stages for node in nodes)


def picture(pipeline: Pipeline) -> Picture:
    """The diagram of a pipeline: of its waits, those that no other one implies."""
    stages = tuple(
        (stage, tuple(_node(job, pipeline) for job in pipeline.stage_jobs(stage))) for stage in pipeline.stages
    )
    stages = tuple((stage, nodes) for stage, nodes in stages if nodes)
    drawn = _drawn(pipeline)
    joints = tuple(_joints(pipeline, drawn))
    joined = {(source, target) for j in joints for source in j.sources for target in j.targets}
    lines = tuple(
        Line(edge.job, job.id, "file" if edge.files or edge.exports else "need" if edge.hard else "order", _label(edge))
        for job in pipeline.jobs
        for edge in drawn[job.id]
        if edge.hard or (edge.job, job.id) not in joined
    )
    return Picture(pipeline.name, about(pipeline), stages, lines, joints)


def about(pipeline: Pipeline) -> str:
    """`8 jobs in 4 stages`."""
    used = [stage for stage in pipeline.stages if pipeline.stage_jobs(stage)]
    return f"{_count(len(pipeline.jobs), 'job')} in {_count(len(used), 'stage')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _node(job: Job, pipeline: Pipeline) -> Node:
    when = words.when(job, pipeline)
    marks = tuple(words.marks(job))
    tip = "\n".join([job.id, when, *(text for _, text in marks)])
    return Node(job.id, job.key, job.stage, marks, when, tip, tuple(_notes(job)))


def _notes(job: Job) -> Iterator[str]:
    if job.milestone:
        yield "milestone"
    if job.gate:
        yield "gate"
    if job.approval:
        yield "approval"
    if job.result:
        yield {"any": "in any case"}.get(job.result, f"on {job.result}")
    if job.matrix:
        yield f"{len(job.matrix.legs)} legs"
    if job.environment:
        yield f"to {job.environment.name}" if job.environment.deployment else f"in {job.environment.name}"
    if job.allow_failure:
        yield "may fail"


def _label(edge: Edge) -> str:
    return ", ".join([*edge.files, *(["values"] if edge.exports and not edge.files else [])])


def _drawn(pipeline: Pipeline) -> dict[str, list[Edge]]:
    """The edges of each job that a diagram shows: hard ones, and of the barriers those to which no other path leads.

    That leaves out more than `Edge.implied`, which asks what holds on every event; `words.waits` tells it all.
    """
    bit = {job.id: 1 << index for index, job in enumerate(pipeline.jobs)}
    behind: dict[str, int] = {}
    for job in parents_first(pipeline.jobs):
        behind[job.id] = 0
        for edge in job.edges:
            behind[job.id] |= bit[edge.job] | behind[edge.job]
    found = {}
    for job in pipeline.jobs:
        through = 0
        for edge in job.edges:
            through |= behind[edge.job]
        found[job.id] = [edge for edge in job.edges if edge.hard or not bit[edge.job] & through]
    return found


def _joints(pipeline: Pipeline, drawn: Mapping[str, Iterable[Edge]]) -> Iterable[Joint]:
    """Barriers of several jobs on the same several jobs of one stage: each pair a line would be a thicket.

    A hard edge among them has its own line as well.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for job in pipeline.jobs:
        by_stage: dict[str, list[str]] = {}
        for edge in drawn[job.id]:
            by_stage.setdefault(pipeline.job(edge.job).stage, []).append(edge.job)
        barriers = {pipeline.job(edge.job).stage for edge in drawn[job.id] if not edge.hard}
        for stage, members in by_stage.items():
            if stage not in barriers:
                continue
            groups.setdefault((stage, tuple(sorted(members))), []).append(job.id)
    number = 0
    for (stage, sources), targets in groups.items():
        if len(sources) * len(targets) > len(sources) + len(targets):
            number += 1
            yield Joint(f"joint-{number}", stage, sources, tuple(targets))
