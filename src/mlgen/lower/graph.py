"""Edges: from `needs`, from files, and from the order of the stages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import Edge
from mlgen.lower import commands
from mlgen.lower.names import named
from mlgen.typed import Any


def edges(source: Source, jobs: tuple[Job, ...]) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with all their edges, hard ones first; the faults are circles."""
    before: dict[str, set[str]] = {}  # of each stage, the jobs of all earlier ones
    earlier: set[str] = set()
    for stage in source.data["stages"]:
        before[stage] = set(earlier)
        earlier |= {job.id for job in jobs if job.stage == stage}
    makers = _Makers(jobs)
    place = {job.id: index for index, job in enumerate(jobs)}
    found = []
    for job in jobs:
        said = source.data["stages"][job.stage][job.name]
        asked = [(named(source.data, need["job"])[0], need["optional"]) for need in said.get("needs", ())]
        reads = [*said["deps"], *said["params"], *commands.reads(source, job)]
        files = makers.of(job, [*reads, job.gate.metrics] if job.gate else reads)
        exporters = {*_exporters(source, said), *commands.needs(source, job)}
        hard = {name for name, optional in asked if not optional} | exporters
        optional = {name for name, optional in asked if optional}
        either = {name for group in _alternative(files) for name in group} - hard
        if job.watches:  # which takes no condition from anything, and starts whatever the results are
            either |= hard | files.keys()
            hard = set()
        taken = hard | (files.keys() - either)
        waits = optional | either
        if "needs" not in said or job.deploys:
            waits |= before[job.stage]
        result = [
            Edge(name, True, files=files.get(name, ()), exports=bool(makers.by_id[name].exports))
            for name in sorted(taken, key=place.__getitem__)
        ]
        result += [
            Edge(name, False, files=files.get(name, ())) for name in sorted(waits - taken, key=place.__getitem__)
        ]
        found.append(job._replace(edges=tuple(result)))
    return tuple(found), list(_circles(tuple(found)))


def alternatives(job: Job) -> list[list[str]]:
    """Groups of jobs that make one path on different events: the job takes it from whichever runs."""
    if job.watches:
        return []
    return _alternative({edge.job: edge.files for edge in job.edges if edge.files and not edge.hard})


def _alternative(files: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """The makers whose files overlap, together; those that share none with another are left out."""
    groups: list[list[str]] = []
    for name, made in files.items():
        near = [g for g in groups if any(paths.overlap(a, b) for other in g for a in files[other] for b in made)]
        groups = [g for g in groups if g not in near] + [[*(n for g in near for n in g), name]]
    return [group for group in groups if len(group) > 1]


def _exporters(source: Source, said: dict[str, Any]) -> Iterator[str]:
    """The jobs whose exported values the job's `when` asks for, and the one that builds its image."""
    for when in said.get("when", ()):
        while when is not None:
            for name in when.get("value", ()):
                yield named(source.data, name.rpartition(".")[0])[0]
            when = when.get("not")
    if said["runtime"].get("image_from"):
        yield named(source.data, said["runtime"]["image_from"])[0]


class _Makers:
    """Who makes which path."""

    def __init__(self, jobs: tuple[Job, ...]) -> None:
        self.by_id = {job.id: job for job in jobs}
        self.files = {job.id: job.files for job in jobs}
        self.index: paths.Index[str] = paths.Index()
        for name, files in self.files.items():
            for path in files:
                self.index.add(name, path)

    def of(self, job: Job, reads: list[str]) -> dict[str, tuple[str, ...]]:
        """For each other job that makes a file of `reads`: which of its declared paths."""
        found: dict[str, set[str]] = {}
        for read in reads:
            for name, path in self.index.near(read):
                if name != job.id:
                    found.setdefault(name, set()).add(path)
        return {name: tuple(p for p in self.files[name] if p in made) for name, made in found.items()}


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
