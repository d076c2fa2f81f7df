"""The GitLab target: its text holds what the pipeline means, to GitLab's own rules and on a real run."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.compiler import analyse
from mlgen.diagnostics import Diagnostic
from mlgen.ir import KINDS, Job, Pipeline
from mlgen.targets import get, names
from mlgen.targets.adapt import adapt
from mlgen.targets.gitlab import TARGET
from mlgen.targets.gitlab.expressions import pattern
from mlgen.targets.gitlab.placement import native_name
from mlgen.targets.uses import CONSTRUCTS
from tests.engines.checkers import CHECKERS
from tests.targets.gitlab import language
from tests.targets.gitlab.project import emit, environment, event, faults, run_script, stages, workspace
from tests.targets.strings import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SPECS = {
    "minimal": ROOT / "examples/minimal",
    "wine-quality": ROOT / "examples/wine-quality",
    "features": ROOT / "tests/fixtures/features",
}

#: What the checkers still find in each output, and why that is right. Nothing.
ACCEPTED: dict[str, set[str]] = {name: set() for name in SPECS}


# ---- the text


@pytest.mark.parametrize("name", SPECS)
def test_outputs_are_clean(name: str, tmp_path: Path) -> None:
    _, text = emit(SPECS[name])
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(text, encoding="utf-8")
    found = {finding.message for checker in CHECKERS["gitlab"] for finding in checker(path)}
    assert found == ACCEPTED[name]


def test_every_construct_has_one_row() -> None:
    assert [capability.construct for capability in TARGET.capabilities] == list(CONSTRUCTS)
    assert get("gitlab") is TARGET


def test_header_only_with_inputs() -> None:
    assert "spec:" not in emit(SPECS["minimal"])[1]
    head, _, body = emit(SPECS["wine-quality"])[1].partition("\n---\n")
    assert "inputs:" in head and "stages: [data, train, test, deploy]" in body


def test_files_and_edges() -> None:
    config = language.read(emit(SPECS["features"])[1])
    assert config["best"]["needs"] == ["fit"]
    assert "rm -rf -- models/model-1.txt models/model-2.txt models/model-7.txt" in config["best"]["before_script"]
    assert {"job": "sweep", "optional": True, "artifacts": False} in config["quality"]["needs"]
    assert config["fit"]["artifacts"]["paths"] == ["models/model-$seed.txt", "scores/$seed.json"]
    assert config["drift"]["needs"] == []
    assert config["fit"]["resource_group"] == "fit-$MLGEN_SLOT"


def test_reports_of_a_leg_are_its_own(tmp_path: Path) -> None:
    reports = {"junit": "r-${matrix.n}.xml", "coverage": {"path": "${matrix.n}_c.xml"}}
    _, text = emit(tmp_path, stages(x={"run": "true", "matrix": {"n": [1, 2]}, "reports": reports}))
    report = {"coverage_format": "cobertura", "path": "${n}_c.xml"}
    assert language.read(text)["x"]["artifacts"]["reports"] == {"junit": ["r-$n.xml"], "coverage_report": report}


def test_approval_blocks() -> None:
    job = language.read(emit(SPECS["wine-quality"])[1])["production"]
    assert job["rules"] and all(rule["when"] == "manual" and rule["allow_failure"] is False for rule in job["rules"])
    assert job["cache"] == [] and job["interruptible"] is False and job["resource_group"] == "production"


def test_many_needs_become_stage_order(tmp_path: Path) -> None:
    spec = {
        "stages": {
            "data": {f"d{n}": {"run": "true", "outs": [f"d{n}.txt"]} for n in range(49)},
            "train": {
                "legs": {"run": "true", "matrix": {"n": [1, 2]}, "needs": []},
                "all": {"run": "true", "deps": ["d7.txt"], "needs": ["legs", *(f"d{n}" for n in range(49))]},
                "next": {"run": "true", "needs": ["all"]},
            },
        }
    }
    config = language.read(emit(tmp_path, spec)[1])
    assert config["stages"] == ["data", "train", "train-2"]
    assert config["all"]["stage"] == "train-2" and "needs" not in config["all"]
    assert config["all"]["dependencies"] == ["d7"]
    assert config["next"]["stage"] == "train-2" and config["next"]["needs"] == ["all"]


def test_stage_follows_what_is_needed(tmp_path: Path) -> None:
    spec = {"stages": {"a": {"one": {"run": "true", "needs": ["two"]}}, "b": {"two": {"run": "true", "needs": []}}}}
    config = language.read(emit(tmp_path, spec)[1])
    assert config["stages"] == ["b"] and config["one"]["stage"] == "b"


def test_names_that_gitlab_keeps(tmp_path: Path) -> None:
    jobs = {name: {"run": "true"} for name in ("pages", "cache", "default", "yes", "null")}
    config = language.read(emit(tmp_path, stages(**jobs))[1])
    assert {"train-pages", "train-cache", "train-default", "yes", "null"} <= set(config)


def test_caches_move_into_the_project(tmp_path: Path) -> None:
    cache = [
        {"paths": ["~/.cache/uv", "~/.unknown"], "key": ["a", "b", "c"]},
        {"paths": ["build/"], "key": ["a", "b"], "salt": "v2"},
        {"paths": ["other/"]},
    ]
    spec = stages(fit={"run": "true", "cache": cache})
    config = language.read(emit(tmp_path, spec)[1])
    assert config["variables"]["UV_CACHE_DIR"] == "$CI_PROJECT_DIR/.cache/uv"
    assert config["fit"]["cache"] == [
        {"key": {"files": ["a", "b"]}, "paths": [".cache/uv/"]},
        {"key": {"files": ["a", "b"], "prefix": "v2"}, "paths": ["build/"]},
        {"key": "cache", "paths": ["other/"]},
    ]
    assert [fault.code for fault in faults(tmp_path, spec)] == ["MLG402", "MLG402"]


def test_native_timeout_leaves_room_for_all_tries(tmp_path: Path) -> None:
    spec = stages(fit={"run": "./x", "timeout": "2h", "retry": 1}, quick={"run": "./x", "timeout": "90s"})
    config = language.read(emit(tmp_path, spec)[1])
    assert config["fit"]["timeout"] == "4h 31m" and config["quick"]["timeout"] == "32m"


def test_settings_follow_the_pipeline() -> None:
    pipeline, _ = emit(SPECS["wine-quality"])
    found = {setting.title: setting for setting in TARGET.settings(pipeline)}
    assert "environment scope staging or production" in found["CI/CD variable DEPLOY_TOKEN"].detail
    assert "17 3 * * 1" in found["Pipeline schedule weekly"].detail
    assert found["Merge requests from forks"].must
    titles = {setting.title for setting in TARGET.settings(emit(SPECS["minimal"])[0])}
    assert not any("variable " in title or "schedule" in title or "Outdated" in title for title in titles)


def test_fast_enough() -> None:
    pipeline, text = emit(SPECS["features"])
    output = TARGET.outputs(pipeline)[0]
    tries = []
    for _ in range(5):
        start = time.process_time()
        TARGET.outputs(pipeline)
        TARGET.check(output, text, pipeline)
        tries.append(time.process_time() - start)
    assert min(tries) < 0.04  # a fifth of what all targets may take is 0.02 on a quiet machine


# ---- what it refuses


@pytest.mark.parametrize(
    ("spec", "code", "word"),
    [
        (stages(x={"run": "true", "matrix": {"n": list(range(201))}}), "MLG404", "200"),
        (stages(x={"run": "true", "matrix": {"n": ["a$b"]}}), "MLG401", "expand"),
        (stages(x={"run": "true", "matrix": {"include": [{"a": 1}, {"b": 1}]}}), "MLG404", "legs by their values"),
        (stages(x={"run": "true", "matrix": {"n": ["v" * 260]}}), "MLG404", "255"),
        (stages(x={"run": "true", "timeout": "31d"}), "MLG404", "30 days"),
        (stages(x={"run": "true", "cache": [{"paths": [f"{n}/"]} for n in range(5)]}), "MLG404", "5 caches"),
        (
            {
                **stages(x={"run": "true", "environment": "e", "allow_failure": True, "when": {"event": "push"}}),
                "environments": {"e": {"approval": True}},
                "triggers": {"push": {}},
            },
            "MLG401",
            "approval",
        ),
        (
            {
                **stages(x={"run": "true"}),
                "triggers": {"push": {}, "manual": {"inputs": {f"i{n}": {} for n in range(21)}}},
            },
            "MLG404",
            "21 inputs",
        ),
        (
            {
                **stages(x={"run": "true", "env": {"A": "$[[ b ]]"}}),
                "triggers": {"push": {}, "manual": {"inputs": {"i": {}}}},
            },
            "MLG401",
            "replaces",
        ),
        ({**stages(x={"run": "true", "secrets": ["S"]}, y={"run": "true"}), "secrets": {"S": {}}}, "MLG401", "train.y"),
    ],
)
def test_limits_are_told(spec: dict[str, Any], code: str, word: str, tmp_path: Path) -> None:
    found = [fault for fault in faults(tmp_path, spec) if fault.code == code and word in fault.message]
    assert found and all(fault.hint for fault in found)


def test_too_long_a_condition_is_told(tmp_path: Path) -> None:
    conditions = [{"branch": f"b{n}/*", "not": {"branch": f"b{n}/old"}} for n in range(20)]
    spec = stages(x={"run": "true", "when": {"not": conditions[0]}}, y={"run": "true", "when": conditions})
    _, text = emit(tmp_path, spec)
    assert not faults(tmp_path, spec)
    config = language.read(text)
    assert language.jobs(config, event("push", branch="b7/y")) == {"x": "on_success", "y": "on_success"}
    assert language.jobs(config, event("push", branch="b7/old")) == {"x": "on_success"}


def test_fallbacks(tmp_path: Path) -> None:
    spec = {
        **stages(x={"run": "true", "secrets": ["S"]}, y={"run": "true"}),
        "secrets": {"S": {}},
        "environments": {"e": {"approval": True}},
        "targets": {"gitlab": {"fallback": {"secrets": "wider", "approval": "skip"}}},
    }
    spec["stages"]["deploy"] = {"z": {"run": "true", "environment": "e"}}
    assert not faults(tmp_path, spec)
    assert "z" not in language.read(emit(tmp_path, spec)[1])


# ---- conditions


BRANCHES = (
    "main",
    "Main",
    "maintenance",
    "trunk",
    "release/1",
    "release/old",
    "release/1/2",
    "wip/x",
    "a-b",
    "v1",
    "r7",
)
TAGS = ("v1", "V1", "v1/2", "v1.0-rc", "main", "x")


def events(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, str]]]:
    """A grid over the kinds of events and their attributes."""
    for branch in BRANCHES:
        yield "push", {"branch": branch}
        yield "manual", {"branch": branch}
        for fork in ("true", "false"):
            yield "pull_request", {"branch": branch, "fork": fork}
    for tag in TAGS:
        yield "tag", {"tag": tag}
    yield "manual", {"tag": "v1"}
    for schedule in (*pipeline.triggers.schedules, None):
        name, branch = (schedule.name, schedule.branch) if schedule else ("unknown", "main")
        yield "schedule", {"schedule": name, "branch": branch}


def expected(pipeline: Pipeline, kind: str, attributes: dict[str, str]) -> set[str]:
    """The jobs that run, by the pipeline itself. A run by hand on a tag has no branch, and its tag is none to it."""
    known = kind != "schedule" or attributes["schedule"] in {s.name for s in pipeline.triggers.schedules}
    if kind == "manual" and "tag" in attributes:
        attributes = {}
    if not known or not pipeline.triggers.condition.holds(kind, attributes):
        return set()
    return {native_name(job) for job in pipeline.jobs if job.condition.holds(kind, attributes)}


def assert_conditions(pipeline: Pipeline, text: str, project: str = "org/wine") -> None:
    config = language.read(text)
    approvals = {native_name(job) for job in pipeline.jobs if job.approval}
    seen: set[str] = set()
    for kind, attributes in events(pipeline):
        found = language.jobs(config, event(kind, project, **attributes))
        assert set(found) == expected(pipeline, kind, attributes), (kind, attributes)
        assert {name for name, when in found.items() if when == "manual"} == set(found) & approvals
        for name in found:
            needs = [n if isinstance(n, dict) else {"job": n} for n in config[name].get("needs", [])]
            missing = {need["job"] for need in needs if not need.get("optional")} - set(found)
            assert not missing, f"GitLab refuses the pipeline: {name} needs {missing}"
        seen.add(kind)
    assert seen == {kind for kind in KINDS if kind != "api" or pipeline.triggers.on(kind)}


@pytest.mark.parametrize("name", SPECS)
def test_conditions_of_the_examples(name: str) -> None:
    assert_conditions(*emit(SPECS[name]))


WHENS: tuple[Any, ...] = (
    {"event": "push"},
    {"event": ["push", "tag"]},
    {"event": ["pull_request", "manual"]},
    {"event": ["schedule", "tag"]},
    {"branch": "main"},
    {"branch": ["main", "trunk"]},
    {"branch": "release/*"},
    {"branch": "release/**"},
    {"branch": ["**/x", "r?", "[a-b]-b"]},
    {"branch": ["a[x-]b", "[!a-q]7"]},
    {"branch": ["**", "!wip/**", "!main"]},
    {"branch": "*"},
    {"branch": "**"},
    {"branch": ["*", "!main*"]},
    {"tag": "v*"},
    {"tag": ["v*", "!v1"]},
    {"tag": "**"},
    {"schedule": "weekly"},
    {"schedule": ["weekly", "daily"]},
    {"not": {"branch": "main"}},
    {"not": {"branch": ["main", "release/*"]}},
    {"not": {"branch": "*"}},
    {"not": {"branch": "**"}},
    {"not": {"tag": "v*"}},
    {"not": {"event": "schedule"}},
    {"not": {"event": "pull_request", "branch": "main"}},
    {"not": {"schedule": "daily"}},
    {"event": "push", "not": {"branch": ["wip/**", "r7"]}},
    [{"event": "push", "branch": "main"}, {"tag": "v*"}, {"schedule": "daily"}],
    [{"branch": "main", "not": {"event": "pull_request"}}, {"branch": "release/*"}],
)


@pytest.mark.parametrize(
    "triggers",
    [
        {"push": {}, "pull_request": {}, "tag": ["**"]},
        {
            "push": {"branches": ["main", "release/**", "!release/old"]},
            "pull_request": {"branches": ["main"]},
            "tag": ["v*"],
        },
        {"push": {"branches": ["!wip/**", "!r7"]}, "pull_request": {"branches": ["!main"]}, "tag": ["*", "!v1"]},
    ],
)
def test_conditions_against_the_pipeline(triggers: dict[str, Any], tmp_path: Path) -> None:
    schedules = [
        {"name": n, "cron": f"{m} 3 * * 1", "branch": "main"} for m, n in enumerate(("weekly", "daily", "other"))
    ]
    jobs: dict[str, Any] = {f"j{n}": {"run": "true", "needs": [], "when": when} for n, when in enumerate(WHENS)}
    jobs |= {f"s{n}": {**job, "secrets": ["S"]} for n, job in enumerate(jobs.values())}
    spec = {
        "triggers": {**triggers, "schedule": schedules, "manual": {}},
        "secrets": {"S": {}},
        "targets": {"gitlab": {"fallback": {"secrets": "wider"}}},
        "environments": {"place": {"approval": True, "branches": ["main", "release/*"], "tags": ["v*"]}, "open": {}},
        "stages": {
            "test": jobs,
            "deploy": {
                "place": {"run": "true", "environment": "place"},
                "open": {"run": "true", "environment": "open"},
            },
            "monitor": {"look": {"run": "true", "needs": []}},
        },
    }
    # Jobs that no event can run under these triggers are an error of the spec, and not looked at here.
    while dead := {f.message.split()[-1] for f in _errors(tmp_path, spec) if f.code == "MLG303"}:
        spec["stages"]["test"] = {name: job for name, job in jobs.items() if f"test.{name}" not in dead}
    assert len(spec["stages"]["test"]) > 40
    assert_conditions(*emit(tmp_path, spec))


def _errors(root: Path, spec: dict[str, Any]) -> list[Diagnostic]:
    return [fault for fault in faults(root, spec) if fault.severity == "error"]


def test_deployments_stay_in_the_project(tmp_path: Path) -> None:
    spec: dict[str, Any] = {
        "project": {"name": "made", "repository": "git.example.org/org/wine"},
        "triggers": {"push": {}},
        "stages": {
            "train": {"fit": {"run": "true"}},
            "deploy": {"go": {"run": "true"}, "then": {"run": "true", "needs": ["go"]}},
            "monitor": {
                "look": {"run": "true", "when": {"event": "push", "branch": "main"}},
                "after": {"run": "true", "needs": ["go"], "when": {"event": "push", "branch": "main"}},
            },
        },
    }
    config = language.read(emit(tmp_path, spec)[1])
    everything = {"fit", "go", "then", "look", "after"}
    assert set(language.jobs(config, event("push", branch="main"))) == everything
    assert set(language.jobs(config, event("push", "copy/wine", branch="main"))) == {"fit", "look"}
    # GitLab refuses a pipeline in which a job needs one that is not there.
    assert config["look"]["needs"] == ["fit", {"job": "go", "optional": True}, {"job": "then", "optional": True}]
    assert config["after"]["needs"] == config["then"]["needs"] == ["go"]
    other = next(name for name in names() if name != "gitlab")
    spec["project"]["repository"] = f"{other}.com/org/wine"  # mirrored here, under any path
    config = language.read(emit(tmp_path, spec)[1])
    assert set(language.jobs(config, event("push", "copy/wine", branch="main"))) == everything


@pytest.mark.parametrize("name", ["x-$SECRET", "x-${SECRET}", "x-%SECRET%"])
def test_names_that_would_be_expanded_start_nothing(name: str) -> None:
    config = language.read(emit(SPECS["minimal"])[1])
    assert not language.jobs(config, event("push", branch=name))
    assert language.jobs(config, event("push", branch="100%"))


def test_patterns_hold_no_bare_slash() -> None:
    assert pattern(["release/**/x-*"]) == r"/^release\/(.*\/)?x-[^\/]*$/"
    assert pattern(["a", "b/[c-d]"]) == r"/^(a|b\/[c-d])$/"
    assert pattern(["[-a]x-y"]) == r"/^[\-a]x-y$/"


# ---- the structural check


def damaged(text: str, old: str, new: str) -> list[str]:
    """What the check says of wine-quality with one thing changed."""
    pipeline, _ = analyse(SPECS["wine-quality"], "mlgen.yaml")
    adapted, _ = adapt(pipeline, TARGET)
    output = TARGET.outputs(adapted)[0]
    assert old in text
    return [fault.message for fault in TARGET.check(output, text.replace(old, new), adapted)]


DEPLOY_RULES = """  rules:
    - if: $CI_PIPELINE_SOURCE =~ /^(push|web|api|trigger)$/ && $CI_COMMIT_BRANCH == "main"
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("stages: [", "stages: [[", "not YAML"),
        ("\nfit:\n", "\nfitted:\n", "fit is missing"),
        ("needs: [fetch, validate]", "needs: [fetch]", "it needs fetch, not fetch, validate"),
        ("needs: [fetch]\n", "needs: [nobody]\n", "nobody, which is no job"),
        ("needs: [fetch]\n", "needs: [unit]\n", "later stage"),
        ("needs: []", "needs: [quality, unit]", "wait for each other"),
        ("needs: []", "needs:\n    - job: fit\n      optional: true", "unit: it needs fit, not nothing"),
        ("stage: test", "stage: tests", "not among the stages"),
        ("      when: manual\n      allow_failure: false\n", "", "production: it does not wait for an approval"),
        ("      when: manual\n      allow_failure: false\n", "      when: manual\n", "production: it does not wait"),
        ("MLGEN_JOB: test.unit", "MLGEN_JOB: test.unit\n    X: $DEPLOY_TOKEN", "the secret DEPLOY_TOKEN"),
        ("    - pytest", "    - echo $DEPLOY_TOKEN\n    - pytest", "the secret DEPLOY_TOKEN"),
        ("PIP_CACHE_DIR: $CI_PROJECT_DIR", "X: $DEPLOY_TOKEN\n  PIP_CACHE_DIR: $CI_PROJECT_DIR", "variables names"),
        ("python -m wine.deploy production", "python -m wine.deploy staging", "production: script does not hold"),
        (".mlgen/ci.py gate quality ", ".mlgen/ci.py gate other ", "does not judge the gate"),
        ("name: production", "name: staging", "its environment is staging"),
        ("resource_group: production", "resource_group: staging", "the lock production"),
        (' && $CI_COMMIT_BRANCH == "main"', "", "rules do not say"),
        (DEPLOY_RULES + "  env", "  env", "rules do not say"),
        ("stage: train\n", "stage: train\n  allow_failure: true\n", "it may fail"),
        ("expand: false", "expand: true", "is expanded"),
        ('default: "10"', 'default: "11"', "another default"),
        ("    - python -m wine.validate", "    - python -m wine.validate '$[[ inputs.epochs ]]'", "would be replaced"),
        ("    - . .mlgen/env.sh", "    - true", "portable variables"),
    ],
)
def test_damage_is_seen(old: str, new: str, word: str) -> None:
    text = emit(SPECS["wine-quality"])[1]
    assert not damaged(text, old, old)
    assert any(word in message for message in damaged(text, old, new)), damaged(text, old, new)


# ---- scripts reach the shell


@pytest.fixture(scope="module")
def plain_results(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What each command prints where nothing lies between it and bash."""
    root = tmp_path_factory.mktemp("plain")
    argv = ["bash", "-euo", "pipefail", "-c"]
    env = environment()
    done = [
        subprocess.run([*argv, c], cwd=root, env=env, capture_output=True, stdin=subprocess.DEVNULL) for c in COMMANDS
    ]
    assert all(each.returncode == 0 for each in done)
    return [each.stdout for each in done]


@pytest.mark.parametrize("inputs", [{}, {"manual": {"inputs": {"x": {"default": "y"}}}}], ids=["plain", "inputs"])
@pytest.mark.parametrize("bounds", [{}, {"timeout": "1m", "retry": 1}], ids=["bare", "bounded"])
def test_commands_reach_the_shell(
    inputs: dict[str, Any], bounds: dict[str, Any], plain_results: list[bytes], tmp_path: Path
) -> None:
    jobs = {f"j{n}": {"run": command, **bounds} for n, command in enumerate(COMMANDS)}
    _, text = emit(tmp_path, {**stages(**jobs), "triggers": {"push": {}, **inputs}})
    config = language.read(text)
    root = workspace(tmp_path)
    if inputs or bounds:  # the portable variables cost most of the time, and are there in the first round
        (root / ".mlgen/env.sh").write_text("", encoding="utf-8")
    for n, (command, wanted) in enumerate(zip(COMMANDS, plain_results)):
        done = run_script(language.script(config, f"j{n}"), root)
        assert (done.returncode, done.stdout) == (0, wanted), (command, done.stderr.decode())


def test_setup_and_finally_reach_the_shell(plain_results: list[bytes], tmp_path: Path) -> None:
    chosen = [n for n in range(len(COMMANDS)) if n % 3 == 0]
    whole = {"setup": COMMANDS[chosen[1]], "python": "3.11"}
    jobs = {f"j{n}": {"run": "true", "finally": COMMANDS[n]} for n in chosen}
    config = language.read(emit(tmp_path, {**stages(**jobs), "runtime": whole})[1])
    root = workspace(tmp_path)
    assert run_script(language.script(config, "j0"), root).stdout == plain_results[chosen[1]]
    for n in chosen:
        done = run_script(language.joined(config[f"j{n}"]["after_script"]), root, CI_JOB_STATUS="success")
        assert (done.returncode, done.stdout) == (0, plain_results[n]), (COMMANDS[n], done.stderr.decode())


#: Scripts that bash takes as they are, and that a wrapper around them would change.
AWKWARD = (
    "cat <<EOF\nnever ended",
    "echo ends with \\",
    "echo '@[[ x ]]' '$[[ y ]]'",
    "(echo sub)",
    "echo a # comment",
)


def test_awkward_scripts(tmp_path: Path) -> None:
    jobs = {f"j{n}": {"run": command} for n, command in enumerate(AWKWARD)}
    inputs = {"manual": {"inputs": {"x": {"default": "y"}}}}
    config = language.read(emit(tmp_path, {**stages(**jobs), "triggers": {"push": {}, **inputs}})[1])
    root = workspace(tmp_path)
    for n, command in enumerate(AWKWARD):
        wanted = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, env=environment())
        done = run_script(language.script(config, f"j{n}"), root)
        assert (done.returncode, done.stdout.rstrip(b"\n")) == (0, wanted.stdout.rstrip(b"\n")), command


def test_scripts_do_not_leak_and_cannot_leave(tmp_path: Path) -> None:
    spec: dict[str, Any] = {
        "runtime": {"setup": ["cd /", "x=1; set +e"]},
        **stages(
            out={"run": "exit 0", "outs": ["made.txt"]},
            stays={"run": "echo ${x-unset}; pwd"},
            fails={"run": "false; echo not reached"},
            unset={"run": 'echo "$no_such_variable"'},
            ends={"run": "true", "finally": 'echo "$MLGEN_RESULT $MLGEN_BRANCH $MLGEN_JOB"'},
        ),
    }
    config = language.read(emit(tmp_path, spec)[1])
    root = workspace(tmp_path)
    missing = run_script(language.script(config, "out"), root)
    assert missing.returncode != 0 and b"made.txt" in missing.stderr
    (root / "made.txt").touch()
    assert run_script(language.script(config, "out"), root).returncode == 0
    assert run_script(language.script(config, "stays"), root).stdout.decode() == f"unset\n{root}\n"
    assert run_script(language.script(config, "fails"), root).stdout == b""
    assert run_script(language.script(config, "unset"), root).returncode != 0
    for status, word in (("success", "success"), ("failed", "failure"), ("canceled", "failure")):
        last = language.joined(config["ends"]["after_script"])
        done = run_script(last, root, CI_JOB_STATUS=status, MLGEN_JOB=config["ends"]["variables"]["MLGEN_JOB"])
        assert done.stdout.decode() == f"{word} main train.ends\n"


def test_retry_and_timeout(tmp_path: Path) -> None:
    count = "echo try >> tries; [ $(wc -l < tries) -ge 3 ]"
    spec = stages(
        third={"run": count, "retry": 2}, second={"run": count, "retry": 1}, slow={"run": "sleep 9", "timeout": "1s"}
    )
    config = language.read(emit(tmp_path, spec)[1])
    root = workspace(tmp_path)
    assert run_script(language.script(config, "third"), root).returncode == 0
    (root / "tries").unlink()
    assert run_script(language.script(config, "second"), root).returncode == 1
    start = time.monotonic()
    assert run_script(language.script(config, "slow"), root).returncode != 0
    assert time.monotonic() - start < 8


def test_exports_and_legs(tmp_path: Path) -> None:
    script = """echo "a=it's $x" >> "$MLGEN_EXPORTS"; echo '{"m": {"k": 1.5}}' > m.json"""
    made = 'mkdir -p d; echo > "d/$n"; echo > d/same'
    spec = {
        "stages": {
            "train": {
                "one": {"run": script, "metrics": ["m.json"], "exports": ["a"], "env": {"x": "X"}},
                "legs": {"run": made, "outs": ["d/"], "matrix": {"n": [1, 2]}},
            },
            "test": {
                "see": {"run": 'echo "$a"', "needs": ["one"]},
                "all": {"run": "ls d", "deps": ["d/"]},
                "may": {"run": "true", "outs": ["may.txt"], "needs": [], "allow_failure": True},
                "uses": {"run": "true", "deps": ["may.txt"]},
            },
        }
    }
    config = language.read(emit(tmp_path, spec)[1])
    root = workspace(tmp_path)
    done = run_script(language.script(config, "one"), root, x="X")
    assert done.returncode == 0, done.stderr
    assert set(config["one"]["artifacts"]["paths"]) == {"m.json", ".mlgen/exports/one.env"}
    assert run_script(language.script(config, "see"), root).stdout == b"it's X\n"
    assert not (root / "m.json").exists()  # `see` takes the values only
    for n in ("1", "2"):
        done = run_script(language.script(config, "legs"), root, n=n, CI_NODE_INDEX=n, CI_JOB_NAME=f"legs: [{n}]")
        assert done.returncode == 0, done.stderr
    assert config["legs"]["artifacts"]["paths"] == ["d", ".mlgen/legs/legs-$CI_NODE_INDEX.json"]
    clash = run_script(language.script(config, "all"), root)
    assert clash.returncode == 1 and b"legs: [1]" in clash.stderr and b"d/same" in clash.stderr
    late = run_script(language.script(config, "uses"), root)
    assert late.returncode != 0 and b"may.txt" in late.stderr


def test_legs_that_may_fail_hand_on_all_or_nothing(tmp_path: Path) -> None:
    legs = {"matrix": {"n": [1, 2]}, "allow_failure": True, "run": "true"}
    spec = {
        "stages": {
            "data": {"a": {**legs, "outs": ["m/${matrix.n}-*.txt"]}, "b": {**legs, "outs": ["d/"]}},
            "train": {"use": {"run": "true", "deps": ["m/", "d/"]}},
        }
    }
    config = language.read(emit(tmp_path, spec)[1])
    root = workspace(tmp_path)
    files = ["m/1-x.txt", "m/2-x.txt", *(f".mlgen/legs/b-{number}.json" for number in (1, 2))]
    for number, path in enumerate(files, 1):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        manifest = {"job": "data.b", "leg": f"b: [{number}]", "files": {f"d/{number}": ""}}
        (root / path).write_text(json.dumps(manifest), encoding="utf-8")
    (root / "d").mkdir()
    done = run_script(language.script(config, "use"), root)
    assert done.returncode == 0, done.stderr
    for path in files:
        (root / path).rename(root / "away")
        assert run_script(language.script(config, "use"), root).returncode != 0, path
        (root / "away").rename(root / path)


def test_every_text_input_has_a_form(tmp_path: Path) -> None:
    """Its text is put into the file before that is parsed: a line break would write keys of its own."""
    inputs = {"a": {"default": ""}, "b": {"default": "x"}, "c": {"type": "choice", "options": ["d"]}}
    _, text = emit(tmp_path, {**stages(fit={"run": "true"}), "triggers": {"push": {}, "manual": {"inputs": inputs}}})
    said = next(iter(yaml.safe_load_all(text)))["spec"]["inputs"]
    for name in ("a", "b"):
        assert re.search(said[name]["regex"], said[name]["default"])
        assert not re.search(said[name]["regex"].replace("$", r"\Z"), "x\nevil: {script: [id]}")
    assert said["c"]["options"] == ["d"]


def test_no_rule_for_events_that_start_nothing(tmp_path: Path) -> None:
    when = {"triggers": {"push": {}, "pull_request": {"branches": ["main"]}}}
    _, text = emit(tmp_path, {**stages(fit={"run": "true", "when": {"branch": "release/*"}}), **when})
    rules = yaml.safe_load(text)["fit"]["rules"]
    assert rules == [{"if": r'$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH =~ /^release\/[^\/]*$/'}]
    assert "\n\n\n" not in text


@pytest.mark.parametrize("value", ['it\'s a "note"', "  two  ", "", "a: b # c", "- x", "${HOME} %HOME%"])
def test_text_inputs_arrive(value: str, tmp_path: Path) -> None:
    inputs = {"note": {"default": "x"}, "mode": {"type": "choice", "options": ["a 'b' \"c\"", "d"], "default": "d"}}
    _, text = emit(tmp_path, {**stages(fit={"run": "true"}), "triggers": {"push": {}, "manual": {"inputs": inputs}}})
    variables = language.read(text, {"note": value, "mode": "a 'b' \"c\""})["variables"]
    assert variables["MLGEN_INPUT_NOTE"] == {"value": value, "expand": False}
    assert variables["MLGEN_INPUT_MODE"] == {"value": "a 'b' \"c\"", "expand": False}


def test_portable_variables(tmp_path: Path) -> None:
    emit(tmp_path, stages(fit={"run": "true"}))
    root = workspace(tmp_path)

    def printed(**more: str) -> dict[str, str]:
        base = {k: v for k, v in environment(**more).items() if v != "-"}
        argv = ["sh", "-eu", ".mlgen/env.sh", "--print"]
        done = subprocess.run(argv, cwd=root, env=base, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    push = printed(CI_COMMIT_BEFORE_SHA="1" * 40, GITLAB_USER_LOGIN="jo", CI_PIPELINE_URL="https://x/1")
    assert (push["MLGEN_TARGET"], push["MLGEN_EVENT"], push["MLGEN_BRANCH"]) == ("gitlab", "push", "main")
    assert (push["MLGEN_BASE"], push["MLGEN_ACTOR"], push["MLGEN_TAG"]) == ("1" * 40, "jo", "")
    assert printed(CI_COMMIT_BEFORE_SHA="0" * 40)["MLGEN_BASE"] == ""
    tag = printed(CI_COMMIT_BRANCH="-", CI_COMMIT_TAG="v1")
    assert (tag["MLGEN_EVENT"], tag["MLGEN_BRANCH"], tag["MLGEN_TAG"]) == ("tag", "", "v1")
    merge = printed(
        CI_PIPELINE_SOURCE="merge_request_event",
        CI_COMMIT_BRANCH="-",
        CI_MERGE_REQUEST_SOURCE_BRANCH_NAME="topic",
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        CI_MERGE_REQUEST_DIFF_BASE_SHA="2" * 40,
        CI_MERGE_REQUEST_SOURCE_BRANCH_SHA="3" * 40,
        CI_MERGE_REQUEST_IID="7",
    )
    assert (merge["MLGEN_EVENT"], merge["MLGEN_BRANCH"], merge["MLGEN_BASE_BRANCH"]) == (
        "pull_request",
        "topic",
        "main",
    )
    assert (merge["MLGEN_BASE"], merge["MLGEN_COMMIT"], merge["MLGEN_PR"]) == ("2" * 40, "3" * 40, "7")
    timed = printed(CI_PIPELINE_SOURCE="schedule", CI_PIPELINE_SCHEDULE_DESCRIPTION="weekly")
    assert (timed["MLGEN_EVENT"], timed["MLGEN_SCHEDULE"], timed["MLGEN_BRANCH"]) == ("schedule", "weekly", "main")
    for source in ("web", "api", "trigger", "pipeline"):
        assert printed(CI_PIPELINE_SOURCE=source)["MLGEN_EVENT"] == "manual"
        assert printed(CI_PIPELINE_SOURCE=source, MLGEN_API_EVENT="retrain")["MLGEN_EVENT"] == "retrain"
        assert printed(CI_PIPELINE_SOURCE=source, MLGEN_API_EVENT="push")["MLGEN_EVENT"] == "manual"
    assert printed(MLGEN_API_EVENT="retrain")["MLGEN_EVENT"] == "push"


def test_every_job_is_one_of_the_pipeline() -> None:
    for name in SPECS:
        pipeline, text = emit(SPECS[name])
        config = language.read(text)
        found = {key: job for key, job in config.items() if isinstance(job, dict) and "script" in job}
        assert [job["variables"]["MLGEN_JOB"] for job in found.values()] == [job.id for job in pipeline.jobs]
        assert len({native_name(job) for job in pipeline.jobs}) == len(pipeline.jobs)


def test_no_secret_in_a_job_that_does_not_list_it() -> None:
    pipeline, text = emit(SPECS["features"])
    config = language.read(text)
    for job, secret in itertools.product(pipeline.jobs, pipeline.secrets):
        assert secret.name not in json.dumps(config[native_name(job)]) or _lists(job, secret.name)


def _lists(job: Job, secret: str) -> bool:
    return any(use.name == secret for use in job.secrets)
