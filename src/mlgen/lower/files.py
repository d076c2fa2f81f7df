"""Which files travel together: a bundle is the files of one job that the same jobs receive."""

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.conditions import KINDS
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.ir.model import Bundle, Job, Take


def exports_file(job: Job) -> str:
    """The file in which a job hands on its exported values."""
    return f".mlgen/exports/{job.key}.env"


def bundles(jobs: tuple[Job, ...]) -> tuple[tuple[Job, ...], list[Diagnostic]]:
    """The jobs with what they hand on and take."""
    faults = list(_makers(jobs))
    made = {job.id: _bundles(job, jobs) for job in jobs}
    found = []
    for job in jobs:
        takes = []
        for edge in job.edges:
            for bundle in made[edge.job]:
                if job.id in bundle.consumers:
                    takes.append(Take(edge.job, bundle.name, bundle.paths))
        found.append(job._replace(bundles=made[job.id], takes=tuple(takes)))
    return tuple(found), faults


def _bundles(job: Job, jobs: tuple[Job, ...]) -> tuple[Bundle, ...]:
    readers = {path: [o.id for o in jobs for e in o.edges if e.job == job.id and path in e.files] for path in job.files}
    groups: dict[tuple[str, ...], list[str]] = {}
    for path, consumers in readers.items():
        groups.setdefault(tuple(consumers), []).append(path)
    found = []
    for who, members in groups.items():
        name = job.key if len(groups) == 1 else f"{job.key}-{_slug(members[0])}"
        found.append(Bundle(name, tuple(members), who))
    if job.exports:
        who = tuple(o.id for o in jobs for e in o.edges if e.job == job.id and e.exports)
        found.append(Bundle(f"{job.key}-exports", (exports_file(job),), who, exports=True))
    return _unique(found)


def _slug(path: str) -> str:
    """The last segment of the path without its ending, as a word of a name."""
    last = paths.MATRIX_REFERENCE.sub("", path).rstrip("/").rsplit("/", 1)[-1].split(".")[0]
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "" for c in last).strip("-_") or "files"


def _unique(found: list[Bundle]) -> tuple[Bundle, ...]:
    names: list[str] = []
    result = []
    for bundle in found:
        name, count = bundle.name, 2
        while name.lower() in names:
            name, count = f"{bundle.name}-{count}", count + 1
        names.append(name.lower())
        result.append(bundle._replace(name=name))
    return tuple(result)


def _makers(jobs: tuple[Job, ...]) -> list[Diagnostic]:
    """Two jobs that make one path and can run together."""
    faults = []
    for index, job in enumerate(jobs):
        for other in jobs[:index]:
            shared = [(a, b) for a in job.files for b in other.files if _same(a, b)]
            if shared and any(satisfiable(all_of([job.condition.on(k), other.condition.on(k)])) for k in KINDS):
                message = f"{other.id} and {job.id} both make {shared[0][0]}"
                faults.append(error("MLG302", job.position, message, "rename the output of one of them"))
            elif shared:
                message = (
                    f"{other.id} and {job.id} both make {shared[0][0]}, on different events: this is not built yet"
                )
                faults.append(error("MLG901", job.position, message, "rename the output of one of them"))
    return faults


def _same(a: str, b: str) -> bool:
    return paths.overlap(a, b)
