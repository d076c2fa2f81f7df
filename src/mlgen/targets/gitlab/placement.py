"""Where each job stands: its name, its stage, and what it waits for.

`needs` makes a job wait for these jobs instead of all earlier stages. It takes jobs of the same and of earlier stages,
at most 50 of them, counted after matrices are expanded (https://docs.gitlab.com/ci/yaml/#needs). A job that would need
more waits for all earlier stages instead, which orders more, never less.
"""

from __future__ import annotations

from mlgen.ir import KINDS, Edge, Job, Pipeline, implies
from mlgen.ir.expressions import all_of
from mlgen.named import NamedTuple
from mlgen.targets.gitlab import scripts
from mlgen.targets.gitlab.conditions import bound_home, elsewhere, inside, outside
from mlgen.targets.gitlab.names import native_name

MAX_NEEDS = 50

__all__ = ["MAX_NEEDS", "Need", "Place", "native_name", "optional", "places", "waits"]


class Need(NamedTuple):
    """One job of `needs`."""

    job: str
    optional: bool = False
    artifacts: bool = True

    @property
    def plain(self) -> bool:
        """Whether the name alone says it."""
        return self.artifacts and not self.optional


class Place(NamedTuple):
    """A job's stage, and either its `needs` or, where it waits for all earlier stages, its `dependencies`."""

    stage: str
    needs: tuple[Need, ...] | None
    dependencies: tuple[str, ...] | None


def places(pipeline: Pipeline) -> tuple[list[str], dict[str, Place]]:
    """The stages, and the place of every job."""
    levels: dict[str, tuple[int, int]] = {}
    for job in pipeline.jobs:
        _level(job, pipeline, levels)
    used = sorted(set(levels.values()))
    names = {level: _stage_name(level, pipeline) for level in used}
    first = used[0]
    found = {
        job.id: _place(job, pipeline, names[levels[job.id]], starts=levels[job.id] == first) for job in pipeline.jobs
    }
    return [names[level] for level in used], found


def _stage_name(level: tuple[int, int], pipeline: Pipeline) -> str:
    index, step = level
    own = f"{pipeline.name}-" if pipeline.root else ""
    name = f"{pipeline.stages[index]}-{step + 1}" if step else pipeline.stages[index]
    while step and name in pipeline.stages:
        name += "-after"
    return own + name


def _level(job: Job, pipeline: Pipeline, levels: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """The stage, and a step within it, that is not before anything the job waits for; behind it without `needs`."""
    if job.id not in levels:
        own = pipeline.stages.index(job.stage)
        behind = overflows(job, pipeline) or after_all(job, pipeline)
        level = (own, 0)
        for edge in job.edges:
            index, step = _level(pipeline.job(edge.job), pipeline, levels)
            level = max(level, (index, step + 1) if behind and index >= own else (index, step))
        levels[job.id] = level
    return levels[job.id]


def after_all(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job watches all jobs of the stages before it, so that their order alone says what it waits for.

    A job with `needs` that starts whatever the results are would start as soon as one of them is skipped, while others
    still run (lib/gitlab/ci/status/composite.rb of GitLab).
    """
    if not job.watches or not job.edges or pipeline.root:  # whose stages follow those of other projects
        return False
    index = {stage: number for number, stage in enumerate(pipeline.stages)}
    own = index[job.stage]
    watched, todo = set(), [edge.job for edge in job.edges]
    while todo:
        name = todo.pop()
        if name not in watched:
            watched.add(name)
            todo += [edge.job for edge in pipeline.job(name).edges]
    last = max(own, *(index[pipeline.job(name).stage] for name in watched))
    beside = any(index[pipeline.job(name).stage] >= own for name in watched)
    before = [other for other in pipeline.jobs if index[other.stage] < last or (beside and index[other.stage] == last)]
    return all(other.id in watched or other is job for other in before)


def overflows(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job waits for more jobs than `needs` takes."""
    count = 0
    for edge in waits(job, pipeline):
        matrix = pipeline.job(edge.job).matrix
        count += len(matrix.legs) if matrix else 1
    return count > MAX_NEEDS


def _place(job: Job, pipeline: Pipeline, stage: str, starts: bool) -> Place:
    if overflows(job, pipeline) or after_all(job, pipeline):
        makers = scripts.makers(job, pipeline)
        return Place(stage, None, tuple(native_name(pipeline.job(maker)) for maker in makers))
    needs = tuple(_need(edge, job, pipeline) for edge in waits(job, pipeline))
    return Place(stage, None if starts and not needs and not pipeline.root else needs, None)


def _need(edge: Edge, job: Job, pipeline: Pipeline) -> Need:
    other = pipeline.job(edge.job)
    absent = optional(edge, job, pipeline)
    unneeded = scripts.archived(other) and edge.job not in scripts.makers(job, pipeline)
    return Need(native_name(other), optional=absent, artifacts=not unneeded)


def waits(job: Job, pipeline: Pipeline) -> tuple[Edge, ...]:
    """The edges to say: those that no other implies. In a copy of the repository, jobs that deploy imply nothing."""
    through = [pipeline.job(edge.job) for edge in job.waits]
    if elsewhere(pipeline) and not bound_home(job, pipeline) and any(bound_home(other, pipeline) for other in through):
        return job.edges
    return job.waits


def optional(edge: Edge, job: Job, pipeline: Pipeline) -> bool:
    """Whether there are pipelines with the job and without the one it waits for, which GitLab would refuse."""
    if not edge.always:
        return True
    other = pipeline.job(edge.job)
    if bool(elsewhere(pipeline)) and bound_home(other, pipeline) and not bound_home(job, pipeline):
        return True
    # What is decided inside the job may leave it in pipelines where the other is missing.
    return bool(inside(job, pipeline)) and not all(
        implies(all_of([pipeline.trigger(kind), outside(job, kind, pipeline)]), outside(other, kind, pipeline))
        for kind in KINDS
        if pipeline.triggers.on(kind)
    )
