"""The run's own decisions, held against what the pipeline means, on the events of every spec that is here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mlgen.compiler import analyse
from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event, attributes, events, starts
from mlgen.ir.outcomes import outcomes
from mlgen.run.job import End
from mlgen.run.plan import failed, plan, turn
from tests.run.conftest import REPOSITORY

SPECS = sorted([*REPOSITORY.glob("examples/*/mlgen.yaml"), *REPOSITORY.glob("tests/fixtures/*/mlgen.yaml")])


def simulated(pipeline: Pipeline, event: Event, failing: set[str], order: random.Random) -> dict[str, str]:
    """How the jobs end if those of `failing` fail, in an order that chance decides."""
    known = attributes(event, pipeline)
    todo = plan(pipeline, event, known, (), deploy=True)
    told = {name: value for name, value in known.items() if not name.startswith("value:")}
    ended: dict[str, End] = {}
    while len(ended) < len(todo.jobs):
        turns: list[tuple[Job, End | bool]] = []
        for job in todo.jobs:
            if job.id not in ended and (verdict := turn(todo, job, ended, told)):
                turns.append((job, verdict))
        assert turns, "jobs wait for each other"
        job, verdict = order.choice(turns)
        ended[job.id] = verdict if isinstance(verdict, End) else End("failure" if job.id in failing else "success")
        if ended[job.id].state == "success":
            prefix = f"value:{job.id}."
            told |= {name: value for name, value in known.items() if name.startswith(prefix)}
    red = [name for name, end in ended.items() if end.state in ("failure", "stopped")]
    assert set(failed(todo, ended)) <= set(red)
    return {**dict.fromkeys(todo.left_out, "skipped"), **{name: end.state for name, end in ended.items()}}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_jobs_end_as_the_pipeline_means(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgen.run.plan._not_here", lambda job, deploy: "")
    pipeline, _ = analyse(str(path.parent), path.name)
    order = random.Random(0)
    names = [job.id for job in pipeline.jobs if not job.milestone]
    for event in filter(lambda event: starts(event, pipeline), events(pipeline)):
        for count in (0, 1, 1, 2, 4):
            failing = set(order.sample(names, min(count, len(names))))
            assert simulated(pipeline, event, failing, order) == outcomes(pipeline, event, failing), (event, failing)
