"""The order of a Declarative Pipeline: levels of stages, each of which waits for the one before.

Declarative has stages in a row and, within one, a `parallel`, so the order can only be stricter than the graph:
a job waits for all jobs of earlier levels, and a failure skips all later levels.
"""

from mlgen.ir import Job, Pipeline


def levels(pipeline: Pipeline) -> tuple[tuple[Job, ...], ...]:
    """The jobs by level; jobs behind an approval come last, so that nothing else waits for a person."""
    by_id = {job.id: job for job in pipeline.jobs}
    late: dict[str, bool] = {}
    depth: dict[str, int] = {}

    def is_late(job: Job) -> bool:
        if job.id not in late:
            late[job.id] = bool(job.approval) or any(is_late(by_id[edge.job]) for edge in job.edges)
        return late[job.id]

    def settle(job: Job, first: int) -> int:
        if job.id not in depth:
            depth[job.id] = max([first, *(settle(by_id[edge.job], first) + 1 for edge in job.edges)])
        return depth[job.id]

    for job in pipeline.jobs:
        if not is_late(job):
            settle(job, 0)
    last = max(depth.values(), default=0)
    for job in pipeline.jobs:
        settle(job, last)
    return tuple(tuple(job for job in pipeline.jobs if depth[job.id] == row) for row in sorted(set(depth.values())))
