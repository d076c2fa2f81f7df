"""The run's own decisions, held against what the pipeline means, on the events of every spec that is here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from mlgen.compiler import analyse
from mlgen.diagnostics import SpecError
from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event, attributes, events, starts
from mlgen.ir.outcomes import outcomes
from mlgen.run.job import End
from mlgen.run.plan import failed, plan, turn
from tests.fuzz.settle import text
from tests.fuzz.specs import Spec, specs
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


@pytest.fixture(autouse=True)
def _everything_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgen.run.plan._not_here", lambda job, deploy: "")


def agree(pipeline: Pipeline, order: random.Random) -> None:
    """Whichever jobs fail, on each event; one that may fail and lacks a file starts in the run, and fails."""
    names = [job.id for job in pipeline.jobs if not job.milestone]
    permitted = {job.id for job in pipeline.jobs if job.allow_failure}
    for event in filter(lambda event: starts(event, pipeline), events(pipeline)):
        for count in (0, 1, 1, 2, 4):
            failing = set(order.sample(names, min(count, len(names))))
            meant: dict[str, str] = dict(outcomes(pipeline, event, failing))
            ran = simulated(pipeline, event, failing, order)
            for name in permitted:
                if ran.get(name) == "failure" and meant[name] == "stopped":
                    ran[name] = "stopped"
            assert ran == meant, (event, failing)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_jobs_end_as_the_pipeline_means(path: Path) -> None:
    agree(analyse(str(path.parent), path.name)[0], random.Random(0))


@settings(max_examples=80, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(specs(), st.randoms(use_true_random=False))
def test_jobs_of_random_specs_end_as_they_mean(spec: Spec, order: random.Random) -> None:
    try:
        pipeline, _ = analyse(".", "mlgen.yaml", text(spec))
    except SpecError:
        assume(False)
    agree(pipeline, order)
