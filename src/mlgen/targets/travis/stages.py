"""Travis runs stages one after another and has no edges: where each job stands so that all its edges hold."""

from __future__ import annotations

from mlgen.ir import Job, Pipeline

Place = tuple[int, int]
"""The stage's index in the spec, and the sub-stage within it, from 1."""


def places(pipeline: Pipeline) -> dict[str, Place]:
    """Each job as early as its edges allow, but not before its own stage; the sub-stages of a stage are consecutive."""
    order = {stage: index for index, stage in enumerate(pipeline.stages)}
    by_id = {job.id: job for job in pipeline.jobs}
    found: dict[str, Place] = {}

    def place(job: Job) -> Place:
        if job.id not in found:
            waits = [place(by_id[edge.job]) for edge in job.edges]
            found[job.id] = max([(order[job.stage], 1), *((stage, step + 1) for stage, step in waits)])
        return found[job.id]

    for job in pipeline.jobs:
        place(job)
    return found


def name(pipeline: Pipeline, place: Place) -> str:
    """The stage's name: that of the spec, with a number from its second sub-stage on."""
    stage, step = place
    own = f"{pipeline.name} " if pipeline.root else ""
    return own + (pipeline.stages[stage] if step == 1 else f"{pipeline.stages[stage]} {step}")
