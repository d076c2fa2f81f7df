"""On which events a job runs: its stage's defaults, `when`, its environment, its ancestors, forks and schedules."""

from typing import Any

import pytest

from mlgen.ir import KINDS
from tests.lower.specs import codes, edges, pipeline

ALL_TRIGGERS: dict[str, Any] = {
    "push": {},
    "pull_request": {},
    "tag": ["**"],
    "schedule": [
        {"name": "weekly", "cron": "17 3 * * 1"},
        {"name": "hourly", "cron": "5 * * * *", "stages": ["monitor"]},
        {"name": "all", "cron": "7 * * * *", "stages": ["data", "train", "test", "deploy", "monitor"]},
        {"name": "side", "cron": "9 * * * *", "branch": "side"},
    ],
    "manual": {},
}

EVENTS: dict[str, tuple[str, dict[str, str]]] = {
    "push main": ("push", {"branch": "main"}),
    "push side": ("push", {"branch": "side"}),
    "push release/1": ("push", {"branch": "release/1"}),
    "pull main": ("pull_request", {"branch": "main"}),
    "fork main": ("pull_request", {"branch": "main", "fork": "true"}),
    "tag v1": ("tag", {"tag": "v1"}),
    "tag x": ("tag", {"tag": "x"}),
    "weekly": ("schedule", {"branch": "main", "schedule": "weekly"}),
    "hourly": ("schedule", {"branch": "main", "schedule": "hourly"}),
    "all": ("schedule", {"branch": "main", "schedule": "all"}),
    "side": ("schedule", {"branch": "side", "schedule": "side"}),
    "manual main": ("manual", {"branch": "main"}),
    "manual side": ("manual", {"branch": "side"}),
}
PUSHES = {"push main", "push side", "push release/1"}
PULLS = {"pull main", "fork main"}
TAGS = {"tag v1", "tag x"}
MANUALS = {"manual main", "manual side"}
EVERYTHING = {*PUSHES, *PULLS, *TAGS, *MANUALS, "weekly", "all", "side"}
BRANCHES = {*PUSHES, *PULLS, *MANUALS}

ENVIRONMENTS = {
    "plain": {},
    "main": {"branches": ["main"]},
    "releases": {"branches": ["release/*"], "tags": ["v*"]},
    "tags": {"tags": ["v*"]},
    "scope": {"deployment": False},
    "scoped": {"deployment": False, "branches": ["main"]},
}


def runs(stage: str, said: dict[str, Any], **more: Any) -> set[str]:
    """The events on which the job runs."""
    stages = {
        s: {"other": {"run": "x", "needs": []}} for s in ("data", "train", "test", "deploy", "monitor") if s != stage
    }
    spec = {
        "triggers": ALL_TRIGGERS,
        "environments": ENVIRONMENTS,
        "secrets": {"TOKEN": {}},
        "concurrency": {"cancel": []},
        "stages": {**stages, stage: {"job": {"run": "x", "needs": [], **said}}},
        **more,
    }
    order = ("data", "train", "test", "deploy", "monitor")
    spec["stages"] = {
        s: spec["stages"][s] for s in sorted(spec["stages"], key=lambda s: order.index(s) if s in order else 9)
    }
    job = pipeline(spec).job(f"{stage}.job")
    return {name for name, (kind, attributes) in EVENTS.items() if job.condition.holds(kind, attributes)}


@pytest.mark.parametrize("stage", ["data", "train", "test"])
def test_these_stages_run_on_every_event(stage: str) -> None:
    assert runs(stage, {}) == EVERYTHING


def test_a_stage_of_another_name_runs_on_every_event_that_asks_for_it() -> None:
    assert runs("image", {}) == EVERYTHING - {"all"}


def test_monitor_runs_on_schedules_and_by_hand() -> None:
    assert runs("monitor", {}) == {"weekly", "hourly", "all", "side", *MANUALS}


def test_deploy_runs_on_push_tag_and_by_hand_on_the_default_branch() -> None:
    assert runs("deploy", {}) == {"push main", *TAGS, "manual main"}
    assert runs("test", {"environment": "plain"}) == {"push main", *TAGS, "manual main"}, "by its environment"
    assert runs("deploy", {}, project={"name": "w", "default_branch": "side"}) == {"push side", *TAGS, "manual side"}


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ("main", {"push main", "manual main"}),
        ("releases", {"push release/1", "tag v1"}),
        ("tags", {"tag v1"}),
    ],
)
def test_an_environments_branches_and_tags(environment: str, where: set[str]) -> None:
    assert runs("deploy", {"environment": environment}) == where


def test_an_environment_that_only_scopes_secrets() -> None:
    assert runs("test", {"environment": "scope"}) == EVERYTHING
    branches = {name for name in EVERYTHING if EVENTS[name][1].get("branch") == "main"}
    assert runs("test", {"environment": "scoped"}) == branches, "its branches hold all the same"


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ({"event": "push"}, PUSHES),
        ({"event": ["push", "tag"]}, {*PUSHES, *TAGS}),
        ({"event": "schedule"}, {"weekly", "all", "side"}),
        ({"branch": "main"}, {"push main", *PULLS, "manual main", "weekly", "all"}),
        ({"branch": ["main", "side"]}, {"push main", "push side", *PULLS, *MANUALS, "weekly", "all", "side"}),
        ({"branch": "release/*"}, {"push release/1"}),
        ({"branch": ["**", "!release/**"]}, {"push main", "push side", *PULLS, *MANUALS, "weekly", "all", "side"}),
        ({"branch": "!main"}, {"push side", "push release/1", "manual side", "side"}),
        ({"tag": "v*"}, {"tag v1"}),
        ({"tag": ["*", "!v*"]}, {"tag x"}),
        ({"schedule": "weekly"}, {"weekly"}),
        ({"schedule": ["weekly", "hourly"]}, {"weekly"}),
        ({"event": "push", "branch": "main"}, {"push main"}),
        ({"event": ["push", "pull_request"], "branch": "main"}, {"push main", *PULLS}),
        ({"not": {"branch": "main"}}, {"push side", "push release/1", "manual side", *TAGS, "side"}),
        ({"not": {"event": ["pull_request", "schedule"]}}, {*PUSHES, *TAGS, *MANUALS}),
        ({"not": {"event": "push", "branch": "main"}}, EVERYTHING - {"push main"}),
        ({"not": {"tag": "v*"}}, EVERYTHING - {"tag v1"}),
        ({"not": {"schedule": "weekly"}}, EVERYTHING - {"weekly"}),
        ({"not": {"not": {"event": "push"}}}, PUSHES),
        ([{"event": "push", "branch": "main"}, {"tag": "v*"}], {"push main", "tag v1"}),
        ([{"branch": "side"}, {"event": "manual"}], {"push side", *MANUALS, "side"}),
    ],
)
def test_when_in_stage_train(when: Any, where: set[str]) -> None:
    assert runs("train", {"when": when}) == where


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ({"event": "push"}, {"push main"}),
        ({"event": ["push", "manual", "tag"]}, {"push main", "manual main", *TAGS}),
        ({"event": "pull_request"}, {"pull main"}),
        ({"branch": "release/*"}, {"push release/1"}),
        ({"branch": "**"}, {*PUSHES, *MANUALS}),
        ({"tag": "v*"}, {"tag v1"}),
        ({"schedule": "weekly"}, {"weekly"}),
        ({"event": "schedule"}, {"weekly", "all"}),
        ({"not": {"event": "push"}}, {"manual main", *TAGS}),
        ([{"branch": "side"}, {"event": "manual"}], {"push side", "manual side", "manual main"}),
        ([{"event": "push", "branch": "**"}, {"event": "manual"}], {*PUSHES, "manual main"}),
        ([{"tag": "v*"}, {"event": "push"}], {"tag v1", "push main"}),
    ],
)
def test_when_in_stage_deploy(when: Any, where: set[str]) -> None:
    """Each mapping of a list has its own default: the default branch, unless it names branches or tags."""
    assert runs("deploy", {"when": when}) == where


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ({"branch": "main"}, {"weekly", "hourly", "all", "manual main"}),
        ({"event": "push"}, PUSHES),
        ({"not": {"schedule": "hourly"}}, {"weekly", "all", "side", *MANUALS}),
    ],
)
def test_when_in_stage_monitor(when: Any, where: set[str]) -> None:
    assert runs("monitor", {"when": when}) == where


def test_an_environment_and_when_hold_both() -> None:
    assert runs("deploy", {"environment": "releases", "when": {"event": ["push", "tag"]}}) == {
        "push release/1",
        "tag v1",
    }
    assert runs("deploy", {"environment": "main", "when": {"event": "manual"}}) == {"manual main"}


def test_nothing_that_deploys_or_sees_a_secret_runs_for_a_fork() -> None:
    assert runs("train", {"secrets": ["TOKEN"]}) == EVERYTHING - {"fork main"}
    assert "fork main" not in runs("deploy", {"when": {"event": "pull_request"}})


def test_what_depends_on_a_job_with_a_secret_does_not_run_for_a_fork_either() -> None:
    text = """
secrets: {TOKEN: {}}
stages:
  data: {fetch: {run: x, secrets: [TOKEN], outs: [d]}}
  train:
    fit: {run: x, deps: [d], outs: [m]}
    other: {run: x}
  test: {check: {run: x, deps: [m]}}
"""
    p = pipeline(text)
    here, fork = {"branch": "main"}, {"branch": "main", "fork": "true"}
    for name, runs_there in (("data.fetch", False), ("train.fit", False), ("test.check", False), ("train.other", True)):
        assert p.job(name).condition.holds("pull_request", here)
        assert p.job(name).condition.holds("pull_request", fork) is runs_there, name


def test_a_condition_is_closed_over_hard_edges_and_not_over_barriers() -> None:
    text = """
stages:
  data: {fetch: {run: x, outs: [d], when: {event: push}}, look: {run: x, when: {event: pull_request}}}
  train: {fit: {run: x, deps: [d], outs: [m]}}
  test: {check: {run: x, deps: [m]}, unit: {run: x}}
"""
    p = pipeline(text)
    assert {job.id: job.condition.kinds() for job in p.jobs} == {
        "data.fetch": ("push",), "data.look": ("pull_request",), "train.fit": ("push",), "test.check": ("push",),
        "test.unit": ("push", "pull_request"),
    }  # fmt: skip
    assert edges(p.job("test.unit")) == {"data.fetch": "barrier?", "data.look": "barrier?", "train.fit": "barrier?"}


def test_an_absent_trigger_leaves_its_kind_out() -> None:
    p = pipeline("{triggers: {push: {}}, stages: {data: {fetch: {run: x}}}}")
    assert p.job("data.fetch").condition.kinds() == ("push",)
    assert [kind for kind in KINDS if p.triggers.on(kind)] == ["push"]


def test_without_triggers_every_push_and_pull_request_starts_a_run() -> None:
    p = pipeline("stages: {data: {fetch: {run: x}}}")
    assert [kind for kind in KINDS if p.trigger(kind) is True] == ["push", "pull_request"]
    assert p.cancel == ("pull_request",)


def test_the_triggers_filters_come_on_top() -> None:
    p = pipeline(
        '{triggers: {push: {branches: ["main", "release/*", "!release/old"]}}, stages: {data: {fetch: {run: x}}}}'
    )
    assert p.job("data.fetch").condition.on("push") is True
    holds = {b: p.triggers.condition.holds("push", {"branch": b}) for b in ("main", "release/1", "release/old", "x")}
    assert holds == {"main": True, "release/1": True, "release/old": False, "x": False}


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ("{when: {tag: 'v*'}}", ["MLG303"]),
        ("{when: {event: push, branch: other}}", ["MLG303"]),
        ("{when: {event: push, branch: 'm*'}}", []),
        ("{when: {event: push, branch: [main, '!m*']}}", ["MLG303"]),
        ("{when: {branch: main, not: {branch: main}}}", ["MLG303"]),
        ("{when: {event: push, tag: 'v*'}}", ["MLG303"]),
        ("{when: {event: pull_request, branch: 'a/*'}}", []),
        ("{when: {event: pull_request, branch: 'a/*', not: {branch: 'a/**'}}}", ["MLG303"]),
        ("{when: {event: pull_request, branch: 'a/*', not: {branch: 'a/b*'}}}", []),
        ("{environment: elsewhere}", ["MLG303"]),
    ],
)
def test_a_job_that_no_event_can_run(job: str, code: list[str]) -> None:
    said = job.replace("{", "{run: x, ", 1)
    text = """
triggers: {push: {branches: [main]}, pull_request: {}}
environments: {elsewhere: {branches: [other]}}
stages: {data: {fetch: JOB}}
"""
    assert codes(text.replace("JOB", said)) == code


def test_patterns_that_meet_only_in_the_middle() -> None:
    """No pattern's own witness is one of the other, and yet `release/1.0` matches both."""
    text = "{triggers: {push: {branches: ['release/*']}}, stages: {data: {fetch: {run: x, when: {branch: '*/1.0'}}}}}"
    assert codes(text) == []


def test_an_ancestor_can_leave_no_event() -> None:
    text = """
stages:
  a:
    x: {run: x, outs: [d], when: {event: push}}
    y: {run: x, deps: [d], when: {event: pull_request}}
"""
    assert codes(text) == ["MLG303"]


SCHEDULED = """
triggers: {push: {}, schedule: [{name: weekly, cron: "17 3 * * 1", stages: STAGES}]}
stages:
  data: {fetch: {run: x, outs: [d]}}
  train: {fit: {run: x, deps: [d]}, free: {run: x}}
"""


@pytest.mark.parametrize(("stages", "code"), [("[data, train]", []), ("[train]", ["MLG304"]), ("[data]", [])])
def test_a_schedule_that_asks_for_what_it_cannot_have(stages: str, code: list[str]) -> None:
    assert codes(SCHEDULED.replace("STAGES", stages)) == code


GATED = """
triggers: {push: {}, tag: ["v*"], manual: {}}
gates: {quality: {metrics: m.json, require: ["a > 1"]}}
stages:
  train: {fit: {run: x, metrics: [m.json], FIT}}
  test: {quality: {gate: quality, GATE}}
  deploy: {app: {run: x, APP}}
"""


@pytest.mark.parametrize(
    ("fit", "gate", "app", "code"),
    [
        ("", "", "", []),
        ("when: {event: [push, tag]}", "", "", ["MLG305"]),
        ("when: {event: [push, tag]}", "", "when: {event: [push, tag]}", []),
        ("", "when: {event: push}", "", ["MLG305"]),
        ("", "when: {branch: main}", "", ["MLG305"]),
        ("", "when: {branch: main}", "when: {branch: main}", []),
        ("", "when: {branch: 'release/**'}", "when: {branch: 'release/1.*'}", []),
        ("", "when: {event: push}", "needs: [{job: quality, optional: true}]", []),
        ("", "when: {event: push}", "needs: [{job: test.quality, optional: true}]", []),
        ("", "when: {event: push}", "needs: [quality]", []),
    ],
)
def test_a_deployment_that_can_pass_by_a_gate(fit: str, gate: str, app: str, code: list[str]) -> None:
    assert codes(GATED.replace("FIT", fit).replace("GATE", gate).replace("APP", app)) == code


CANCELLED = """
triggers: {push: {PUSH}, pull_request: {}}
concurrency: {cancel: CANCEL}
stages: {deploy: {app: {run: x, APP}}}
"""


@pytest.mark.parametrize(
    ("push", "cancel", "app", "code"),
    [
        ("", "[]", "", []),
        ("", "[pull_request]", "", []),
        ("", "[push]", "", ["MLG306"]),
        ("branches: [side]", "[push]", "when: {branch: [main, side]}", ["MLG306"]),
        ("branches: [side]", "[push]", "when: {event: [push, pull_request], branch: main}", []),
        ("", "[pull_request]", "when: {event: [push, pull_request]}", ["MLG306"]),
    ],
)
def test_runs_that_deploy_are_not_cancelled(push: str, cancel: str, app: str, code: list[str]) -> None:
    assert codes(CANCELLED.replace("PUSH", push).replace("CANCEL", cancel).replace("APP", app)) == code


def test_schedules_are_told_apart_by_name_and_cron() -> None:
    triggers = "{schedule: [{name: a, cron: '1 2 * * 3'}, {name: NAME, cron: CRON}]}"
    text = f"{{triggers: {triggers}, stages: {{data: {{x: {{run: x}}}}}}}}"
    assert codes(text.replace("NAME", "b").replace("CRON", "'1 2 * * 4'")) == []
    assert codes(text.replace("NAME", "A").replace("CRON", "'1 2 * * 4'")) == ["MLG307"]
    assert codes(text.replace("NAME", "b").replace("CRON", "'1  2 * * 3'")) == ["MLG307"]


@pytest.mark.parametrize(
    "cron", ["* * * * *", "*/5 0-6 1,15 JAN-MAR MON", "0 0 31 12 7", "1-59/2 * * * *", "5/10 * * * *"]
)
def test_good_cron(cron: str) -> None:
    assert (
        codes({"triggers": {"schedule": [{"name": "a", "cron": cron}]}, "stages": {"data": {"x": {"run": "x"}}}}) == []
    )


@pytest.mark.parametrize(
    "cron",
    [
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/99 * * * *",
        ", * * * *",
        "- * * * *",
        "1- * * * *",
        "* * MON * *",
        "* * * FOO *",
        "1,, * * * *",
        "*-5 * * * *",
    ],
)
def test_bad_cron(cron: str) -> None:
    assert codes(
        {"triggers": {"schedule": [{"name": "a", "cron": cron}]}, "stages": {"data": {"x": {"run": "x"}}}}
    ) == ["MLG102"]


def test_manual_inputs() -> None:
    inputs = {"n": {"type": "integer"}, "x": {"type": "number", "default": 0.5}, "b": {"type": "boolean",
    "default": True},
              "c": {"type": "choice", "options": ["q", "r"]}, "s": {}, "max_epochs": {"type": "integer",
              "default": -3}}  # fmt: skip
    found = pipeline(
        {"triggers": {"manual": {"inputs": inputs}}, "stages": {"data": {"x": {"run": "x"}}}}
    ).triggers.inputs
    assert [(i.variable, i.type, i.default) for i in found] == [
        ("MLGEN_INPUT_N", "integer", "0"), ("MLGEN_INPUT_X", "number", "0.5"), ("MLGEN_INPUT_B", "boolean", "true"),
        ("MLGEN_INPUT_C", "choice", "q"), ("MLGEN_INPUT_S", "string", ""), ("MLGEN_INPUT_MAX_EPOCHS", "integer", "-3"),
    ]  # fmt: skip
