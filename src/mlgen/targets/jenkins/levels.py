"""The order of a Declarative Pipeline: levels of stages, each of which waits for the one before.

Declarative has stages in a row and, within one, a `parallel`, so the order can only be stricter than the graph:
a job waits for all jobs of earlier levels, and a failure skips all later levels. A table of jobs is one level, within
which the order is that of the graph.
"""

from __future__ import annotations

from mlgen.ir import Job, Pipeline
from mlgen.ir.order import parents_first
from mlgen.named import NamedTuple


class Level(NamedTuple):
    """Jobs that stand side by side, or, as a table, jobs that wait for each other by themselves."""

    jobs: tuple[Job, ...]
    table: bool = False


def native(job: Job) -> bool:
    """Whether the job is a stage of its own also beside a table: it deploys, or somebody must approve it.

    One that looks at results is not: stages after a failed one are skipped.
    """
    return (job.deploys or job.approval is not None) and not job.result


def levels(pipeline: Pipeline, table: bool = False) -> tuple[Level, ...]:
    """The jobs by level; jobs behind an approval come last, so that nothing else waits for a person.

    With `table`, the jobs that neither deploy nor wait for a person are tables, as few as the graph allows. Jobs that
    come after all stages (`after`) are in none.
    """
    apart = after(pipeline) if table else frozenset()
    ordered = [job for job in parents_first(pipeline.jobs) if job.id not in apart]
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
        here = tuple(job for job in pipeline.jobs if depth.get(job.id) == row)
        if not table:
            found.append(Level(here))
            continue
        # Those of the table come first: they wait for none of the others, which may wait for them.
        for kind in (True, False):
            if jobs := tuple(job for job in here if native(job) != kind):
                found.append(Level(jobs, table=kind))
    return tuple(found)


def after(pipeline: Pipeline) -> frozenset[str]:
    """The jobs that look at the results of stages, and those that wait for them.

    A stage that fails skips all later ones, so that these jobs run once all stages have ended.
    """
    stages: set[str] = set()
    found: set[str] = set()
    if not any(job.result for job in pipeline.jobs):
        return frozenset()
    for job in parents_first(pipeline.jobs):
        waits = [edge.job for edge in job.edges]
        if native(job) or any(name in stages for name in waits):
            stages.add(job.id)
        if (job.result and job.id in stages) or any(name in found for name in waits):
            found.add(job.id)
    return frozenset(found)


def _step(before: Job, job: Job, table: bool) -> int:
    """By how much the job comes later than one that it waits for."""
    return 0 if table and not native(before) else 1
