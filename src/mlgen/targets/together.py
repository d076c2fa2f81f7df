"""A project whose CI system reads one file for all projects of a repository, so that they share one run.

Its jobs get names that no other project has, and each says in full on which events it runs: what starts the run may be
the event of another project. An event that a person or another system starts, and a schedule, is called PROJECT/NAME
there (`churn/retrain`, `churn/weekly`); `churn/manual` is a run by hand of this project, and a run by hand without a
name is one of all projects. Jobs themselves see the names of the spec: `.mlgen/env.sh` takes the project's off.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlgen.ir import KINDS, Condition, Expr, Job, Match, Pipeline
from mlgen.ir.expressions import all_of, any_of, substituted

_NAMED = ("schedule", "api")


def together(pipeline: Pipeline) -> Pipeline:
    """The project as one of several in a run."""
    fired = Condition(*(_fired(pipeline, kind) for kind in KINDS))
    triggers = pipeline.triggers._replace(
        condition=Condition(*(expr is not False for expr in fired)),
        schedules=tuple(s._replace(name=called(pipeline, s.name)) for s in pipeline.triggers.schedules),
        api=tuple((called(pipeline, name), inputs) for name, inputs in pipeline.triggers.api),
    )
    jobs = tuple(_job(job, pipeline, fired) for job in pipeline.jobs)
    return pipeline._replace(triggers=triggers, jobs=jobs)


def called(pipeline: Pipeline, name: str) -> str:
    """What an event or schedule of this project is called in a run of several."""
    return f"{pipeline.name}/{name}"


def _fired(pipeline: Pipeline, kind: str) -> Expr:
    """When an event of this kind starts the project at all."""
    expr = _renamed(pipeline.trigger(kind), pipeline)
    if expr is False or kind not in _NAMED:
        return expr
    names = [s.name for s in pipeline.triggers.schedules] if kind == "schedule" else _names(pipeline.triggers.api)
    return all_of([expr, any_of(Match(kind, called(pipeline, name)) for name in names)])


def _names(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [name for name, _ in pairs]


def _renamed(expr: Expr, pipeline: Pipeline) -> Expr:
    def found(match: Match) -> Expr:
        return match._replace(pattern=called(pipeline, match.pattern)) if match.field in _NAMED else match

    return substituted(expr, found)


def _job(job: Job, pipeline: Pipeline, fired: Condition) -> Job:
    asked = Condition(*(_renamed(expr, pipeline) for expr in job.condition))
    return job._replace(key=f"{pipeline.name}-{job.key}", condition=fired.both(asked))
