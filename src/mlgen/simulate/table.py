"""Cells of jobs and targets for an event: run, wait or skip, and which condition said so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from mlgen import targets
from mlgen.compiler import Compiled
from mlgen.graph import words
from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event, attributes, starts
from mlgen.ir.outcomes import outcomes
from mlgen.named import NamedTuple
from mlgen.readback import Reading
from mlgen.targets.adapt import adapt
from mlgen.typed import Literal
from mlgen.verify.meaning import known
from mlgen.verify.run import Ran, replay

SPEC = "spec"
"""The name of the column that the spec's meaning has."""


class Cell(NamedTuple):
    """What becomes of a job; `fail`: it runs and fails; `none`: a fallback that the spec chose, or a limit of the CI
    system that its capability table tells, leaves it out."""

    state: Literal["run", "wait", "fail", "skip", "none"]
    why: str = ""


class Row(NamedTuple):
    """One job: its id, its place in the order (jobs of one number can run side by side), and its cells by column."""

    job: str
    step: int
    cells: Mapping[str, Cell]

    def differs(self, column: str) -> bool:
        """Whether the column says something else than the spec."""
        state = self.cells[column].state
        return state not in ("none", self.cells[SPEC].state)


class Side(NamedTuple):
    """One target: what its files say, and the pipeline that they are to mean (without what a fallback leaves out)."""

    name: str
    reading: Reading
    pipeline: Pipeline
    eased: frozenset[str]


def sides(compiled: Compiled) -> tuple[Side, ...]:
    """Each target of the compiled spec, but those where it shares one run with other projects, under other names."""
    found = []
    for name in dict.fromkeys(file.target for file in compiled.files if file.target):
        target = targets.get(name)
        if target.read is not None and not (compiled.pipeline.root and target.whole):
            texts = {file.path: file.text for file in compiled.files if file.target == name}
            pipeline = adapt(compiled.pipeline, target)[0]
            reading = known(pipeline, target.read(texts), name)
            found.append(Side(name, reading, pipeline, target.eased(pipeline)))
    return tuple(found)


def rows(pipeline: Pipeline, event: Event, read: tuple[Side, ...], failing: Collection[str] = ()) -> tuple[Row, ...]:
    """A row a job, in the order of the spec, where the commands of the jobs in `failing` fail."""
    meant = outcomes(pipeline, event, failing)
    running = [job for job in pipeline.jobs if meant[job.id] in ("success", "failure")]
    steps = _steps(running)
    columns: dict[str, Callable[[Job], Cell]] = {}
    for side in read:
        columns[side.name] = _column(side, replay(side.reading, event, failing), event.fork, bool(failing))
    found = []
    for job in pipeline.jobs:
        if meant[job.id] == "failure":
            cell = Cell("fail")
        elif meant[job.id] == "success":
            cell = Cell("wait" if job.approval else "run")
        elif meant[job.id] == "stopped":
            cell = Cell("skip", "a job that it waits for fails")
        else:
            cell = Cell("skip", _why(pipeline, job, event))
        cells = {SPEC: cell, **{name: of(job) for name, of in columns.items()}}
        found.append(Row(job.id, steps.get(job.id, 0), cells))
    return tuple(found)


def _column(side: Side, ran: Mapping[str, Ran], fork: bool, failing: bool) -> Callable[[Job], Cell]:
    kept = {job.id for job in side.pipeline.jobs}

    def cell(job: Job) -> Cell:
        if job.id not in kept:
            return Cell("none", "left out, by a fallback")
        found = ran.get(job.id)
        runs = found is not None and found.runs
        if not runs and fork and "forks" in side.eased:
            return Cell("none", f"it runs nothing for forks: `mlgen targets {side.name}`")
        if not runs and failing and not {"stops more", f"stops more {job.id}"}.isdisjoint(side.eased):
            return Cell("none", f"after a failure it stops more: `mlgen targets {side.name}`")
        if found is None or not found.runs:
            return Cell("skip", found.why if found else "it is not there")
        return Cell("fail" if found.failed else "wait" if found.approved else "run", found.why)

    return cell


def _why(pipeline: Pipeline, job: Job, event: Event) -> str:
    if not starts(event, pipeline):
        return "the triggers start no run"
    if job.result and job.condition.holds(event.kind, attributes(event, pipeline)):
        return f"it runs only after a {job.result} of what it waits for"
    return f"it runs on: {words.when(job, pipeline)}"


def _steps(running: list[Job]) -> dict[str, int]:
    """How many jobs come one after the other before each, and itself."""
    by_id = {job.id: job for job in running}
    found: dict[str, int] = {}

    def step(job: Job) -> int:
        if job.id not in found:
            before = [step(by_id[edge.job]) for edge in job.edges if edge.job in by_id]
            found[job.id] = 1 + max(before, default=0)
        return found[job.id]

    for job in running:
        step(job)
    return found
