"""The order of a Declarative Pipeline: levels of stages, each of which waits for the one before.

Declarative has stages in a row and, within one, a `parallel`, so the order can only be stricter than the graph:
a job waits for all jobs of earlier levels, and a failure skips all later levels. A table of jobs is one level, within
which the order is that of the graph.
"""

from typing import NamedTuple

from mlgen.ir import Job, Pipeline
from mlgen.ir.order import parents_first


class Level(NamedTuple):
    """Jobs that stand side by side, or, as a table, jobs that wait for each other by themselves."""

    jobs: tuple[Job, ...]
    table: bool = False


def native(job: Job) -> bool:
    """Whether the job is a stage of its own also beside a table: it deploys, or somebody must approve it."""
    return job.deploys or job.approval is not None


def levels(pipeline: Pipeline, table: bool = False) -> tuple[Level, ...]:
    """The jobs by level; jobs behind an approval come last, so that nothing else waits for a person.

    With `table`, the jobs that neither deploy nor wait for a person are tables, as few as the graph allows.
    """
    ordered = parents_first(pipeline.jobs)
    by_id = {job.id: job for job in pipeline.jobs}
    late: dict[str, bool] = {}
    for job in ordered:
        late[job.id] = job.approval is not None or any(late[edge.job] for edge in job.edges)

    depth: dict[str, int] = {}
    for wanted in (False, True):
        first = max(depth.values(), default=0) if wanted else 0
        for job in ordered:
            if late[job.id] == wanted:
                depth[job.id] = max([first, *(depth[e.job] + _step(by_id[e.job], job, table) for e in job.edges)])

    found = []
    for row in sorted(set(depth.values())):
        here = tuple(job for job in pipeline.jobs if depth[job.id] == row)
        if not table:
            found.append(Level(here))
            continue
        # Those of the table come first: they wait for none of the others, which may wait for them.
        for kind in (True, False):
            if jobs := tuple(job for job in here if native(job) != kind):
                found.append(Level(jobs, table=kind))
    return tuple(found)


def _step(before: Job, job: Job, table: bool) -> int:
    """By how much the job comes later than one that it waits for."""
    return 0 if table and not native(before) else 1
