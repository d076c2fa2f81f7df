"""`implied` and `always`: the edges that are left to say give the same runs, in every order and with every failure.

A small scheduler is run twice on random pipelines, random events and random failures: once over all edges, once over
`job.waits`. Which jobs run, which are stopped and which fail must be the same, and so must who runs before whom.
"""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from mlgen import targets
from mlgen.diagnostics import SpecError
from mlgen.ir import Edge, Job, Pipeline
from mlgen.targets.adapt import adapt
from tests.lower.specs import Spec, edges, pipeline, trusted

EVENTS = [
    ("push", {"branch": "main"}), ("push", {"branch": "side"}), ("pull_request", {"branch": "main"}),
    ("pull_request", {"branch": "main", "fork": "true"}), ("tag", {"tag": "v1"}), ("manual", {"branch": "main"}),
    ("schedule", {"branch": "main", "schedule": "nightly"}),
]  # fmt: skip

WHENS: list[Any] = [
    None, None, None, {"event": ["push"]}, {"branch": ["main"]}, {"event": ["push", "pull_request"]}, {"tag": ["v*"]},
    {"not": {"event": ["pull_request"]}}, [{"event": ["push"], "branch": ["main"]}, {"tag": ["v*"]}],
]  # fmt: skip


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """A pipeline of up to nine jobs in up to four stages; a job needs, reads or waits for some of those before it."""
    stages: dict[str, dict[str, Any]] = {}
    before: list[str] = []
    for stage in draw(
        st.sampled_from(
            [["data", "train"], ["data", "train", "test"], ["data", "test", "deploy"], ["a", "b", "c", "d"]]
        )
    ):
        members: dict[str, Any] = {}
        for index in range(draw(st.integers(1, 3))):
            name = f"{stage}{index}"
            job: dict[str, Any] = {"run": "x", "outs": [f"{name}.out"]}
            if draw(st.booleans()):
                job["needs"] = (
                    [
                        {"job": n, "optional": draw(st.booleans())}
                        for n in draw(st.lists(st.sampled_from(before), max_size=2, unique=True))
                    ]
                    if before
                    else []
                )
            if before and draw(st.integers(0, 3)) == 0:
                job["deps"] = [f"{draw(st.sampled_from(before))}.out"]
            if (when := draw(st.sampled_from(WHENS))) is not None:
                job["when"] = when
            if draw(st.integers(0, 4)) == 0:
                job["allow_failure"] = True
            if draw(st.integers(0, 5)) == 0:
                job["secrets"] = ["TOKEN"]
            members[name] = job
            before.append(name)
        stages[stage] = members
    return {
        "secrets": {"TOKEN": {}},
        "concurrency": {"cancel": []},
        "triggers": {
            "push": draw(st.sampled_from([{}, {}, {"branches": ["main"]}])),
            "pull_request": {},
            "tag": ["v*"],
            "manual": {},
            "schedule": [{"name": "nightly", "cron": "1 2 * * *"}],
        },
        "stages": stages,
    }


def started(p: Pipeline) -> list[tuple[str, dict[str, str]]]:
    """The events that start a run at all."""
    return [event for event in EVENTS if p.triggers.condition.holds(*event)]


def _blocked(edge: Edge, results: dict[str, str], by_id: dict[str, Job], lenient: bool) -> bool:
    """Whether the edge stops the job that waits: its other end failed, or was stopped, and may not."""
    result = results.get(edge.job)
    allowed = by_id[edge.job].allow_failure and (lenient or result == "failed")
    return result in ("failed", "stopped") and not allowed


def outcome(
    p: Pipeline, event: tuple[str, dict[str, str]], failing: set[str], all_edges: bool, lenient: bool
) -> dict[str, str]:
    """What each job that runs on the event comes to: passed, failed or stopped."""
    kind, attributes = event
    by_id = {job.id: job for job in p.jobs}
    running = [job for job in p.jobs if job.condition.holds(kind, attributes)]
    results: dict[str, str] = {}
    todo = {job.id for job in running}
    while todo:
        ready = [i for i in sorted(todo) if not any(e.job in todo for e in _said(by_id[i], all_edges))]
        assert ready, "the jobs wait for each other"
        for name in ready:
            stopped = any(_blocked(e, results, by_id, lenient) for e in _said(by_id[name], all_edges))
            results[name] = "stopped" if stopped else "failed" if name in failing else "passed"
        todo -= set(ready)
    return results


def _said(job: Job, all_edges: bool) -> tuple[Edge, ...]:
    return job.edges if all_edges else job.waits


def before(p: Pipeline, event: tuple[str, dict[str, str]], all_edges: bool) -> dict[str, set[str]]:
    """For each job that runs on the event: those that surely have ended when it starts."""
    kind, attributes = event
    running = [job for job in p.jobs if job.condition.holds(kind, attributes)]
    names = {job.id for job in running}
    found: dict[str, set[str]] = {}

    def ended(job: Job) -> set[str]:
        if job.id not in found:
            direct = {e.job for e in _said(job, all_edges)} & names
            found[job.id] = direct.union(*(ended(p.job(n)) for n in direct))
        return found[job.id]

    for job in running:
        ended(job)
    return found


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(specs(), st.integers(0, 2**32), st.booleans())
def test_the_edges_that_are_said_are_enough(spec: Spec, seed: int, lenient: bool) -> None:
    try:
        p = trusted(spec)
    except SpecError:
        assume(False)
    rng = random.Random(seed)
    for event in started(p):
        failing = {job.id for job in p.jobs if rng.random() < 0.3}
        note(f"{event} {sorted(failing)}")
        assert before(p, event, True) == before(p, event, False)
        assert outcome(p, event, failing, True, lenient) == outcome(p, event, failing, False, lenient)
        one = {rng.choice(p.jobs).id}
        assert outcome(p, event, one, True, lenient) == outcome(p, event, one, False, lenient)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(specs())
def test_always_is_what_it_says(spec: Spec) -> None:
    try:
        p = trusted(spec)
    except SpecError:
        assume(False)
    for job in p.jobs:
        for edge in job.edges:
            other = p.job(edge.job)
            both = [(job.condition.holds(*e), other.condition.holds(*e)) for e in started(p)]
            if edge.always:
                assert all(theirs for mine, theirs in both if mine)
            assert edge.always or not edge.hard, "a hard ancestor runs wherever the job does"
            assert not (edge.implied and edge.hard)


def waits(text: str) -> dict[str, list[str]]:
    return {job.id: [edge.job for edge in job.waits] for job in pipeline(text).jobs}


def test_a_chain_of_stages_is_said_link_by_link() -> None:
    assert waits("stages: {a: {x: {run: x}}, b: {y: {run: x}}, c: {z: {run: x}}, d: {w: {run: x}}}") == {
        "a.x": [], "b.y": ["a.x"], "c.z": ["b.y"], "d.w": ["c.z"],
    }  # fmt: skip


def test_a_job_that_may_fail_lets_nothing_be_left_out() -> None:
    text = "stages: {a: {x: {run: x}}, b: {y: {run: x, allow_failure: true}}, c: {z: {run: x}}}"
    assert waits(text)["c.z"] == ["a.x", "b.y"]


def test_a_job_that_does_not_always_run_lets_nothing_be_left_out() -> None:
    text = "stages: {a: {x: {run: x}}, b: {y: {run: x, when: {event: push}}}, c: {z: {run: x}}}"
    assert waits(text)["c.z"] == ["a.x", "b.y"]
    assert edges(pipeline(text).job("c.z")) == {"a.x": "barrier", "b.y": "barrier?"}


def test_hard_edges_are_always_said() -> None:
    text = "stages: {a: {x: {run: x, outs: [f]}}, b: {y: {run: x, deps: [f]}}, c: {z: {run: x, deps: [f]}}}"
    assert waits(text)["c.z"] == ["a.x", "b.y"]


@pytest.mark.parametrize("count", [400])
def test_many_jobs_are_weighed_in_good_time(count: int) -> None:
    import time

    stages = {
        f"s{n}": {f"j{n}-{m}": {"run": "x", "when": WHENS[(n + m) % 9] or {"branch": ["**"]}} for m in range(20)}
        for n in range(count // 20)
    }
    spec = {"stages": stages, "triggers": {"push": {}, "tag": ["v*"], "pull_request": {}}}
    start = time.perf_counter()
    assert len(trusted(spec).jobs) == count
    assert time.perf_counter() - start < 20


def test_without_the_jobs_that_a_fallback_leaves_out_the_rest_is_weighed_anew() -> None:
    """What a left-out job implied has to be said."""
    name = next(
        n
        for n in targets.names()
        if any("skip" in dict(c.fallbacks) for c in targets.get(n).capabilities if c.construct == "approval")
    )
    text = """
targets: {NAME: {fallback: {approval: skip}}}
environments: {live: {approval: true}, test: {}}
stages:
  deploy:
    staging: {run: x, environment: test}
    live: {run: x, environment: live, needs: [staging]}
  after:
    look: {run: x, when: {event: push, branch: main}}
triggers: {push: {branches: [main]}}
"""
    p = pipeline(text.replace("NAME", name))
    assert [e.job for e in p.job("after.look").waits] == ["deploy.live"]
    kept, _ = adapt(p, targets.get(name))
    assert [job.id for job in kept.jobs] == ["deploy.staging", "after.look"]
    assert [e.job for e in kept.job("after.look").waits] == ["deploy.staging"]


def test_a_job_that_looks_at_results_implies_nothing() -> None:
    """It starts after a failure of what it waits for as well, or not at all."""
    text = """
stages:
  data: {fit: {run: x}}
  train: {tell: {run: x, needs: [fit], when: {result: failure}}, note: {run: x, needs: [fit], when: {result: any}}}
  test: {two: {run: x}}
"""
    p = pipeline(text)
    assert [(e.job, e.always) for e in p.job("test.two").waits] == [
        ("data.fit", True), ("train.tell", False), ("train.note", True),
    ]  # fmt: skip
