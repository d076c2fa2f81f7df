"""Edges: from `needs`, from files, and from the order of the stages."""

import itertools
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.model import Edge, Job
from mlgen.ir.source import Source
from mlgen.lower import checks


def edges(source: Source, jobs: tuple[Job, ...]) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with all their edges, hard ones first; the faults are circles."""
    stages = {stage: index for index, stage in enumerate(source.data["stages"])}
    found = []
    for job in jobs:
        said = source.data["stages"][job.stage][job.name]
        named = [(checks.named(source.data, need["job"])[0], need["optional"]) for need in said.get("needs", ())]
        files = _files(source, job, jobs)
        hard = {name: () for name, optional in named if not optional} | files
        result = [
            Edge(n, True, files=tuple(hard[n]), exports=bool(_by_id(jobs, n).exports))
            for n in (j.id for j in jobs)
            if n in hard
        ]
        waits = {name for name, optional in named if optional}
        if "needs" not in said or job.deploys:
            waits |= {other.id for other in jobs if stages[other.stage] < stages[job.stage]}
        result += [Edge(other.id, False) for other in jobs if other.id in waits and other.id not in hard]
        found.append(job._replace(edges=tuple(result)))
    return tuple(found), list(_circles(tuple(found)))


def _by_id(jobs: tuple[Job, ...], name: str) -> Job:
    return next(job for job in jobs if job.id == name)


def _files(source: Source, job: Job, jobs: tuple[Job, ...]) -> dict[str, tuple[str, ...]]:
    """For each other job that makes a file this one reads: which of its declared paths."""
    said = source.data["stages"][job.stage][job.name]
    reads = [*said["deps"], *((job.gate.metrics,) if job.gate else ())]
    found: dict[str, tuple[str, ...]] = {}
    for other in jobs:
        if other.id != job.id:
            made = tuple(path for path in other.files if any(paths.overlap(path, read) for read in reads))
            if made:
                found[other.id] = made
    return found


def _circles(jobs: tuple[Job, ...]) -> Iterator[Diagnostic]:
    by_id = {job.id: job for job in jobs}
    state: dict[str, int] = {}
    for start in jobs:
        stack: list[tuple[str, Iterator[str]]] = []
        if start.id not in state:
            state[start.id] = 1
            stack.append((start.id, (edge.job for edge in start.edges)))
        while stack:
            name, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                state[name] = 2
                stack.pop()
            elif state.get(step) == 1:
                circle = [n for n, _ in stack]
                circle = [*circle[circle.index(step) :], step]
                yield _circle([by_id[n] for n in circle])
                return
            elif step not in state:
                state[step] = 1
                stack.append((step, (edge.job for edge in by_id[step].edges)))


def _circle(jobs: list[Job]) -> Diagnostic:
    """What is said of a circle: each job, and why it waits for the next."""
    parts = []
    for job, other in itertools.pairwise(jobs):
        edge = next(edge for edge in job.edges if edge.job == other.id)
        why = f"reads {edge.files[0]} of" if edge.files else "needs" if edge.hard else "comes after"
        parts.append(f"{job.id} {why} {other.id}")
    message = "a job waits for itself: " if len(parts) == 1 else "jobs wait for each other: "
    return error(
        "MLG301", jobs[0].position, message + ", ".join(parts), "take one of these out, or move a job to another stage"
    )
