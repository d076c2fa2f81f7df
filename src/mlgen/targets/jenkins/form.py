"""Which form a pipeline has: a stage for each job, or a table of jobs.

Stages are what everybody knows, and order more than the graph does: each level waits for the whole one before. The
table costs a page of Groovy and has the graph's own order.
"""

from __future__ import annotations

from mlgen.ir import Job, Pipeline
from mlgen.ir.order import parents_first
from mlgen.targets.jenkins.levels import levels
from mlgen.typed import Literal

_FEW = 12
"""Up to so many jobs, a page of Groovy says less than the stages do."""


def wanted(pipeline: Pipeline) -> Literal["stages", "table", ""]:
    """The form that the spec or the graph asks for; empty: stages, if they are not too many."""
    options = next(o for o in pipeline.targets if o.name == "jenkins")
    said = options.option("form")
    if said == "stages":
        return "stages"
    # A stage that fails skips all later ones, so that none could look at its result.
    looks = any(job.result for job in pipeline.jobs)
    return "table" if said == "table" or looks or not fits_levels(pipeline) else ""


def fits_levels(pipeline: Pipeline) -> bool:
    """Whether the graph can be said well as levels: most of their waits are the graph's own."""
    if len(pipeline.jobs) <= _FEW:
        return True
    bit = {job.id: 1 << index for index, job in enumerate(pipeline.jobs)}
    waited: dict[str, int] = {}
    for job in parents_first(pipeline.jobs):
        mine = 0
        for edge in job.edges:
            mine |= waited[edge.job] | bit[edge.job]
        waited[job.id] = mine
    own = added = before = 0
    for level in levels(pipeline):
        for job in level.jobs:
            own += waited[job.id].bit_count()
            added += (before & ~waited[job.id]).bit_count()
        before |= _bits(level.jobs, bit)
    return added <= own


def _bits(jobs: tuple[Job, ...], bit: dict[str, int]) -> int:
    found = 0
    for job in jobs:
        found |= bit[job.id]
    return found
