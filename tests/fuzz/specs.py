"""Random specs over the whole language: valid by construction as far as that is easy, and whole projects in shape."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.targets.strings import COMMANDS

Spec = dict[str, Any]

TARGETS = ("github", "gitlab", "circleci", "jenkins", "travis")
_SECRETS = ("TOKEN", "REG_USER", "REG_PASSWORD", "CONFIG", "REGION")
_PLAIN = [command for command in COMMANDS if "\r" not in command and "\x07" not in command]
_PIP = {"paths": ["~/.cache/pip"], "key": ["requirements.txt"]}
_NAMES = ("fit", "unit", "a-b", "x1", "Big", "eval", "lint", "go", "tell", "mix", "two", "deep")


def _maybe(draw: st.DrawFn, job: Spec, key: str, values: st.SearchStrategy[Any], one_in: int = 4) -> None:
    """Give the job the key once in so many times."""
    if draw(st.integers(1, one_in)) == 1:
        job[key] = draw(values)


def _triggers(draw: st.DrawFn) -> Spec:
    found: Spec = {}
    _maybe(
        draw,
        found,
        "push",
        st.sampled_from([{}, {"branches": ["main"]}, {"branches": ["main", "rel/*", "!wip/**"]}]),
        1,
    )
    _maybe(draw, found, "pull_request", st.sampled_from([{}, {"branches": ["main"]}]), 2)
    _maybe(draw, found, "tag", st.sampled_from([["v*"], ["v[0-9]*", "!*-rc"]]), 2)
    _maybe(draw, found, "schedule", st.sampled_from([
        [{"name": "nightly", "cron": "17 3 * * *"}],
        [{"name": "weekly", "cron": "5 4 * * 1"}, {"name": "hourly", "cron": "7 * * * *", "stages": ["monitor"]}],
    ]), 2)  # fmt: skip
    _maybe(draw, found, "manual", st.sampled_from([{}, {"inputs": {
        "mode": {"type": "choice", "options": ["fast", "full"], "default": "fast"},
        "epochs": {"type": "integer", "default": 3}, "dry": {"type": "boolean", "default": False},
    }}]), 2)  # fmt: skip
    _maybe(
        draw,
        found,
        "api",
        st.sampled_from([{"refresh": {}}, {"refresh": {}, "again": {"inputs": {"why": {"type": "string"}}}}]),
        3,
    )
    return found


def _when(draw: st.DrawFn, stage: str, triggers: Spec, exports: list[str], has_inputs: bool) -> Any:
    kinds = [k for k in triggers if k != "api"] + list(triggers.get("api", {}))
    if stage == "deploy":
        kinds = [k for k in kinds if k not in ("pull_request", "schedule")]
    if stage == "monitor":
        kinds = [k for k in kinds if k in ("schedule", "manual")]
    one: Spec = {}
    _maybe(draw, one, "event", st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True), 2)
    if one.get("event") != ["tag"]:
        _maybe(draw, one, "branch", st.sampled_from([["main"], ["main", "rel/*"], ["!wip/**"]]), 4)
    _maybe(draw, one, "message", st.sampled_from(["[deep]", 'it\'s "so" $x']), 8)
    _maybe(
        draw,
        one,
        "changed",
        st.sampled_from([{"paths": ["src/**"]}, {"paths": ["docs", "*.md"], "against": "main"}]),
        6,
    )
    if has_inputs:
        _maybe(draw, one, "input", st.sampled_from([{"mode": "full"}, {"dry": "true"}]), 6)
    if exports:
        name = draw(st.sampled_from(exports))
        _maybe(draw, one, "value", st.just({name: "high"}), 6)
    if draw(st.integers(1, 8)) == 1:
        one["not"] = {"branch": ["rel/old"]}
    return one or None


def _parts(draw: st.DrawFn, job: Spec, name: str) -> None:
    """What a job with a script may have besides."""
    _maybe(draw, job, "timeout", st.sampled_from(["30s", "20m", "2h"]))
    _maybe(draw, job, "retry", st.integers(1, 3), 6)
    _maybe(draw, job, "env", st.sampled_from([{"A": "b"}, {"A": "x y", "C": "'$q'"}, {"TRIAL": "t-${MLGEN_COMMIT}"}]))
    _maybe(draw, job, "finally", st.sampled_from(["echo done", 'echo "$MLGEN_RESULT"']), 6)
    _maybe(draw, job, "on_failure", st.just("cat log.txt"), 8)
    _maybe(draw, job, "working_directory", st.just("src"), 8)
    _maybe(
        draw,
        job,
        "secrets",
        st.lists(st.sampled_from(["TOKEN", "REGION", {"OTHER": "TOKEN"}]), min_size=1, max_size=2, unique_by=str),
        4,
    )
    _maybe(
        draw,
        job,
        "image",
        st.sampled_from(["python:3.12-slim", {"name": "registry.example.org/x:1", "options": ["--shm-size=1g"]}]),
        5,
    )
    _maybe(draw, job, "services", st.just({"db": {"image": "postgres:16", "ports": [5432], "ready": "pg_isready"}}), 10)
    _maybe(draw, job, "reports", st.sampled_from([{"junit": "r.xml"}, {"junit": "r.xml", "summary": "s.md"}]), 5)
    _maybe(
        draw,
        job,
        "keep",
        st.sampled_from([{"for": "30d", "paths": ["logs/"]}, {"for": "7d", "result": "any", "paths": ["logs/"]}]),
        8,
    )
    _maybe(
        draw,
        job,
        "cache",
        st.sampled_from(
            [{"paths": ["~/.cache/x"], "key": ["a.lock"]}, {"paths": [".cache/y"], "key": [], "salt": "v1"}]
        ),
        8,
    )
    _maybe(draw, job, "checkout", st.sampled_from([False, {"depth": 0}, {"lfs": True}]), 10)
    _maybe(draw, job, "runtime", st.just("none"), 10)
    _maybe(draw, job, "allow_failure", st.just(True), 8)


def _products(draw: st.DrawFn, job: Spec, name: str, state: _State, exports: bool) -> None:
    """The files and values that a job without legs hands on."""
    if draw(st.integers(1, 2)) == 1 and job.get("checkout", True) is not False:
        job["outs"] = [f"out/{name.lower()}.txt"]
    if exports and draw(st.integers(1, 4)) == 1 and not state.metrics:
        job["metrics"] = ["metrics.json"]
        state.metrics = True
    if exports and draw(st.integers(1, 6)) == 1:
        job["exports"] = {"score": {"json": "metrics.json", "key": "a.b"}}
        if "allow_failure" not in job:  # whose values no condition may ask for
            state.exports.append(f"{name}.score")


def _job(draw: st.DrawFn, name: str, stage: str, state: _State) -> Spec:
    kind = draw(st.sampled_from(["run", "run", "run", "run", "gate", "steps", "milestone", "result"]))
    earlier, exports = list(state.jobs), list(state.exports)
    job: Spec = {}
    if kind == "gate" and state.metrics:
        job["gate"] = draw(st.sampled_from(["good", "warned", *([] if state.stops else ["stopping"])]))
        state.gates, state.stops = True, state.stops or job["gate"] == "stopping"
        return job
    if kind == "milestone" and earlier:
        return {"needs": draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=3, unique=True))}
    if kind == "steps":
        job["steps"] = [{"name": "One", "run": "./one.sh"}, {"name": "Two", "run": draw(st.sampled_from(_PLAIN))}]
    else:
        job["run"] = draw(st.sampled_from(_PLAIN))
    _parts(draw, job, name)
    if kind == "result" and earlier:
        job["needs"] = draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=3, unique=True))
        job["when"] = {"result": draw(st.sampled_from(["failure", "success", "any"]))}
        job.pop("allow_failure", None)
        return job
    if earlier and draw(st.integers(1, 3)) == 1:
        job["needs"] = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True))
    if state.outs and draw(st.integers(1, 2)) == 1:
        job["deps"] = [draw(st.sampled_from(state.outs)), "src/"]
    if kind == "run" and draw(st.integers(1, 8)) == 1:
        job["matrix"] = draw(
            st.sampled_from([{"seed": [1, 2]}, {"seed": ["a", "b"], "size": ["s"], "exclude": [{"seed": "b"}]}])
        )
    else:
        _products(draw, job, name, state, kind == "run")
    if draw(st.integers(1, 3)) == 1 and (when := _when(draw, stage, state.triggers, exports, state.inputs)) is not None:
        job["when"] = when
    if stage == "deploy":
        _maybe(draw, job, "environment", st.sampled_from(["staging", "production"]), 2)
        if "environment" not in job:
            _maybe(draw, job, "lock", st.just("cluster"), 4)
        _maybe(draw, job, "approval", st.sampled_from([True, {"prompt": "Go on?"}]), 4)
        job.pop("allow_failure", None)
    if "outs" in job and "when" not in job:
        state.outs.append(job["outs"][0])
    return job


class _State:
    def __init__(self, triggers: Spec) -> None:
        self.triggers = triggers
        self.jobs: list[str] = []
        self.outs: list[str] = []
        self.exports: list[str] = []
        self.metrics = False
        self.gates = self.stops = False
        self.inputs = "inputs" in triggers.get("manual", {})


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """A spec of one to ten jobs."""
    triggers = copy.deepcopy(_triggers(draw))
    state = _State(triggers)
    stages: dict[str, Spec] = {}
    names = list(draw(st.permutations(_NAMES)))
    possible = ["data", "train", "test"]
    possible += ["deploy"] if triggers.keys() & {"push", "tag", "manual"} else []
    possible += ["monitor"] if triggers.keys() & {"schedule", "manual"} else []
    chosen = draw(st.lists(st.sampled_from(possible), min_size=1, max_size=4, unique=True))
    for schedule in triggers.get("schedule", ()):
        schedule["stages"] = [stage for stage in schedule.get("stages", ()) if stage in chosen]
        if not schedule["stages"]:
            del schedule["stages"]
    for stage in sorted(chosen, key=["data", "train", "test", "deploy", "monitor"].index):
        stages[stage] = {}
        for _ in range(draw(st.integers(1, 3))):
            if not names:
                break
            name = names.pop()
            job = _job(draw, name, stage, state)
            if job:
                stages[stage][name] = job
                state.jobs.append(name)
        if not stages[stage]:
            stages[stage][f"only-{stage}"] = {"run": "echo only"}
    spec: Spec = {
        "version": 1,
        "project": "random",
        "targets": {name: {} for name in TARGETS},
        "concurrency": {"cancel": []},
        "secrets": {"TOKEN": {}, "REGION": {"plain": True}},
        "triggers": triggers,
        "stages": stages,
        "environments": {"staging": {}, "production": {"approval": draw(st.booleans()), "branches": ["main"]}},
    }
    if draw(st.booleans()):
        spec["runtime"] = draw(st.sampled_from([
            {"python": "3.11", "setup": ["pip install -r requirements.txt"]},
            {"python": "3.12", "activate": ". .venv/bin/activate", "packages": ["git"], "cache": _PIP},
            {"image": "python:3.11-slim", "tools": {"uv": "0.5"}, "setup": ["uv sync"]},
        ]))  # fmt: skip
    if state.gates:
        spec["gates"] = {
            "good": {
                "metrics": "metrics.json",
                "require": ["accuracy >= 0.9", "a.b < baseline + 0.1"],
                "baseline": {"file": "b.json"},
            },
            "warned": {"metrics": "metrics.json", "require": ["accuracy >= 0.5"], "on_fail": "warn"},
            "stopping": {"metrics": "metrics.json", "require": ["accuracy >= 0.5"], "on_fail": "stop"},
        }
    return spec
