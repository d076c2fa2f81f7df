"""Which files travel together: a bundle is the files of one job that the same jobs receive."""

from __future__ import annotations

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.conditions import KINDS
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.ir.model import Job
from mlgen.ir.values import Bundle, Edge, Take


def exports_file(job: Job) -> str:
    """The file in which a job hands on its exported values."""
    return f".mlgen/exports/{job.key}.env"


def bundles(jobs: tuple[Job, ...]) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with what they hand on and take."""
    faults = list(_makers(jobs))
    taken = {job.key.lower() for job in jobs}
    readers: dict[str, list[tuple[Job, Edge]]] = {}
    for job in jobs:
        for edge in job.edges:
            if edge.files or edge.exports:
                readers.setdefault(edge.job, []).append((job, edge))
    made = {job.id: _bundles(job, readers.get(job.id, []), taken) for job in jobs}
    found = []
    for job in jobs:
        takes = []
        for edge in job.edges:
            for bundle in made[edge.job]:
                if job.id in bundle.consumers:
                    takes.append(Take(edge.job, bundle.name, bundle.paths, optional=not edge.hard))
        found.append(job._replace(bundles=made[job.id], takes=tuple(takes)))
    return tuple(found), faults


def _bundles(job: Job, readers: list[tuple[Job, Edge]], taken: set[str]) -> tuple[Bundle, ...]:
    """The job's bundles; `taken` are names that others have, and gets those given here.

    Systems keep the files of all jobs in one room, so that a name is unique in the whole pipeline.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in job.files:
        groups.setdefault(tuple(reader.id for reader, edge in readers if path in edge.files), []).append(path)
    found = []
    for who, members in groups.items():
        name = job.key if len(groups) == 1 else _free(f"{job.key}-{_slug(members[0])}", taken)
        found.append(Bundle(name, tuple(members), who))
    if job.exports:
        who = tuple(reader.id for reader, edge in readers if edge.exports)
        found.append(Bundle(_free(f"{job.key}-exports", taken), (exports_file(job),), who, exports=True))
    return tuple(found)


def _slug(path: str) -> str:
    """The last segment of the path without its ending, as a word of a name."""
    last = paths.MATRIX_REFERENCE.sub("", path).rstrip("/").rsplit("/", 1)[-1].split(".")[0]
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "" for c in last).strip("-_") or "files"


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken; it is taken from then on."""
    found, count = name, 2
    while found.lower() in taken:
        found, count = f"{name}-{count}", count + 1
    taken.add(found.lower())
    return found


def _makers(jobs: tuple[Job, ...]) -> list[Diagnostic]:
    """Two jobs that make one path and can run together."""
    faults = []
    index: paths.Index[int] = paths.Index()
    for number, job in enumerate(jobs):
        shared: dict[int, str] = {}
        for path in job.files:
            for other, _ in index.near(path):
                shared.setdefault(other, path)
        for other, path in sorted(shared.items()):
            first = jobs[other]
            if any(satisfiable(all_of([job.condition.on(k), first.condition.on(k)])) for k in KINDS):
                message = f"{first.id} and {job.id} both make {path}"
                hint = "rename the output of one of them, or let them run on different events"
                faults.append(error("MLG302", job.position, message, hint))
        for path in job.files:
            index.add(number, path)
    return faults
