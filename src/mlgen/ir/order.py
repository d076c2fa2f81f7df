"""Which edges of a pipeline have to be said, and which another one implies."""

from mlgen.ir.conditions import KINDS, Condition
from mlgen.ir.expressions import all_of
from mlgen.ir.model import Job, Triggers


def weigh(jobs: tuple[Job, ...], triggers: Triggers) -> tuple[Job, ...]:
    """The edges with `always` and `implied`, which need the effective conditions.

    A barrier is implied when another job, which runs whenever the waiting one does and whose failure stops it,
    waits for the same job. Sets of jobs are bits, so that 400 jobs stay cheap.
    """
    bit = {job.id: 1 << index for index, job in enumerate(jobs)}
    by_id = {job.id: job for job in jobs}
    reach = {job.id: _on_triggers(job.condition, triggers) for job in jobs}
    settled: dict[str, tuple[Job, int]] = {}

    def settle(job: Job) -> tuple[Job, int]:
        """The job with its edges weighed, and the jobs it surely waits for."""
        if job.id in settled:
            return settled[job.id]
        marked = [e._replace(always=e.hard or reach[job.id].implies(by_id[e.job].condition)) for e in job.edges]
        strong = {e.job: settle(by_id[e.job])[1] for e in marked if e.always and not by_id[e.job].allow_failure}
        through = 0
        for waited in strong.values():
            through |= waited
        weighed = tuple(e._replace(implied=not e.hard and bool(through & bit[e.job])) for e in marked)
        own = through
        for e in weighed:
            own |= bit[e.job]
        settled[job.id] = (job._replace(edges=weighed), own)
        return settled[job.id]

    return tuple(settle(job)[0] for job in jobs)


def _on_triggers(condition: Condition, triggers: Triggers) -> Condition:
    return Condition(*(all_of([condition.on(kind), triggers.condition.on(kind)]) for kind in KINDS))
