"""Conditions and waits in words."""

import pytest

from mlgen.graph import words
from mlgen.graph.text import text
from mlgen.ir import All, Any, Expr, Match, Not
from tests.lower.specs import pipeline

MAIN, RELEASE, FORK = Match("branch", "main"), Match("branch", "release/**"), Match("fork", "true")
SPEC = """
triggers:
  push: {branches: [main, "release/**", "!release/old"]}
  pull_request: {}
  tag: ["v*"]
  schedule: [{name: weekly, cron: "17 3 * * 1"}, {name: hourly, cron: "5 * * * *", stages: [monitor]}]
  manual: {}
secrets: {TOKEN: {}}
stages:
  data:
    fetch: {run: ./x, outs: [a.csv]}
    check: {run: ./x, deps: [a.csv]}
  train:
    fit: {run: ./x, deps: [a.csv], metrics: [m.json], exports: {score: {json: m.json, key: s}}, secrets: [TOKEN]}
    free: {run: ./x, needs: [], when: {branch: "release/*"}}
  test:
    good: {gate: good}
    late: {run: ./x, needs: [{job: check, optional: true}, fit]}
  deploy:
    live: {run: ./x, environment: prod}
  monitor:
    drift: {run: ./x, needs: [], when: {schedule: hourly}}
gates: {good: {metrics: m.json, require: ["s > 1"]}}
environments: {prod: {approval: true, tags: ["v*"]}}
"""


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (True, "always"),
        (False, "never"),
        (MAIN, "the branch is main"),
        (RELEASE, "the branch matches release/**"),
        (Any((MAIN, RELEASE)), "the branch matches main or release/**"),
        (Any((MAIN, Match("branch", "dev"))), "the branch is main or dev"),
        (Not(MAIN), "the branch is not main"),
        (Not(RELEASE), "the branch does not match release/**"),
        (All((Not(FORK), MAIN)), "the pull request is not from a fork and the branch is main"),
        (All((Any((MAIN, FORK)), Not(RELEASE))),
         "(the branch is main or the pull request is from a fork) and the branch does not match release/**"),
        (Match("input:mode", "full"), "the input mode is full"),
        (Match("value:fit.score", "0.9"), "the value fit.score is 0.9"),
        (Match("message", "*[train]*"), "the commit message matches *[train]*"),
        (Match("changed:src/**", "true"), "src/** changed"),
        (Not(Match("changed", "src/**")), "src/** did not change"),
        (Match("moon_phase", "full"), "the moon phase is full"),
        (Not(Match("flag:x", "true")), "not flag x"),
    ],
)  # fmt: skip
def test_a_condition_is_a_clause(expr: Expr, said: str) -> None:
    assert words.condition(expr) == said


@pytest.mark.parametrize(
    ("kind", "expr", "said"),
    [
        ("push", True, "push"),
        ("push", False, ""),
        ("push", Any((MAIN, RELEASE)), "push to main or release/**"),
        ("push", All((RELEASE, Not(Match("branch", "release/old")))), "push to release/**, not to release/old"),
        ("pull_request", All((Not(FORK), MAIN)), "pull request to main, not from a fork"),
        ("tag", Match("tag", "v*"), "tag v*"),
        ("schedule", Any((Match("schedule", "a"), Match("schedule", "b"))), "schedule a or b"),
        ("manual", MAIN, "by hand on main"),
        ("manual", Match("input:mode", "a"), "by hand, if the input mode is a"),
        ("api", Match("api", "retrain"), "API event retrain"),
        ("merge_group", MAIN, "merge group on main"),
    ],
)
def test_an_event_says_what_is_asked_of_it(kind: str, expr: Expr, said: str) -> None:
    assert words.event(kind, expr) == said


def test_a_job_says_when_it_runs_beyond_the_triggers() -> None:
    found = pipeline(SPEC)
    assert {job.key: words.when(job, found) for job in found.jobs} == {
        "fetch": "push; pull request; tag; schedule weekly; by hand",
        "check": "push; pull request; tag; schedule weekly; by hand",
        "fit": "push; pull request, not from a fork; tag; schedule weekly; by hand",
        "free": "push to release/*; pull request to release/*; by hand on release/*",
        "good": "push; pull request, not from a fork; tag; schedule weekly; by hand",
        "late": "push; pull request, not from a fork; tag; schedule weekly; by hand",
        "live": "tag",
        "drift": "schedule hourly",
    }
    assert words.events(found.job("deploy.live"), found) == {
        "push": "", "pull_request": "", "tag": "tag v*", "schedule": "", "manual": "",
    }  # fmt: skip


def test_every_event_is_said_so() -> None:
    found = pipeline("secrets: {S: {}}\nstages: {a: {x: {run: y}, z: {run: y, secrets: [S]}}}")
    assert [words.when(job, found) for job in found.jobs] == ["every event", "every event, but not for a fork"]


def test_what_a_job_waits_for() -> None:
    found = pipeline(SPEC)
    assert words.waits(found.job("test.good"), found) == [
        (("train.fit",), (), "takes m.json and $score"),
        ((), ("data", "train"), "earlier stages"),
    ]
    assert words.waits(found.job("test.late"), found) == [
        (("train.fit",), (), "takes $score"),
        (("data.check",), (), "where they run"),
    ]
    assert words.waits(found.job("monitor.drift"), found) == []


def test_the_terminal_shows_each_job_once_and_colours_only_when_asked() -> None:
    found = pipeline(SPEC)
    plain, colored = text(found), text(found, color=True)
    assert [line for line in plain.splitlines() if line.endswith("─ fit")] == ["├─ fit"]
    assert "\x1b" not in plain
    assert "\x1b[1mfit\x1b[0m" in colored
    assert text(found, ascii=True).isascii()
    assert "     asks    approval for prod" in plain
    assert "│    after   fit (takes m.json and $score); all of data and train" in plain


def test_long_lines_are_wrapped_at_words() -> None:
    found = pipeline(SPEC)
    assert max(map(len, text(found, width=60).splitlines())) <= 60
