"""GitHub Actions: what the plan job's script finds out, and behaviours of whole runs by act."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlgen.compiler import compile_spec
from tests.engines.run_github import run_github
from tests.engines.runs import RunResult
from tests.engines.tools import git

WORKFLOW = ".github/workflows/ml.yml"

PLAN = """
version: 1
project: {name: p}
targets: [github]
triggers: {push: {}, pull_request: {}, tag: ["v*"], manual: {}}
stages:
  train:
    glob: {run: x, when: {changed: ["src/**", "conf/*.yaml"]}}
    folder: {run: x, when: {changed: [data/, params.yaml]}}
    star: {run: x, when: {changed: ["lib/*"]}}
    against: {run: x, when: {changed: {paths: [src/**], against: main}}}
    told: {run: x, when: [{message: "[train] $(id) 'now'"}, {event: manual}]}
"""


def emit(root: Path, text: str) -> dict[str, Any]:
    """Writes the outputs of the spec; the workflow as data."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "mlgen.yaml").write_text(text, "utf-8")
    for file in compile_spec(str(root), "mlgen.yaml", ("github",)).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((root / WORKFLOW).read_text("utf-8"))
    return found


class History:
    """A repository in which each commit changes the files that it names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        git(root, "init", "-q", "-b", "main", ".")

    def commit(self, message: str, *paths: str) -> str:
        for path in paths:
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(file.read_text("utf-8") + "x" if file.exists() else "x", "utf-8")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.root, "rev-parse", "HEAD").strip()


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., dict[str, str]]:
    data = emit(tmp_path / "spec", PLAN)
    step = next(s for s in data["jobs"]["plan"]["steps"] if s.get("id") == "commit")

    def run(history: History, event: str, before: str = "", green: str | None = None, **env: str) -> dict[str, str]:
        """The outputs. `green`: what GitHub says of the last green run; None: it does not answer."""
        bins = tmp_path / "bin"
        bins.mkdir(exist_ok=True)
        answer = "exit 1" if green is None else f"printf '%s\\n' \"$@\" > {tmp_path}/asked; echo {green}"
        (bins / "gh").write_text(f"#!/bin/sh\n{answer}\n")
        (bins / "gh").chmod(0o755)
        out = tmp_path / "out"
        out.write_text("")
        known = {"GITHUB_EVENT_NAME": event, "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "a b&c", "BEFORE": before}
        known |= {
            "GITHUB_REPOSITORY": "octo/p",
            "GITHUB_OUTPUT": str(out),
            "PATH": f"{bins}:{os.environ['PATH']}",
            **env,
        }
        bash = ["bash", "-euo", "pipefail", "-c", step["run"]]
        subprocess.run(bash, check=True, cwd=history.root, env=known, capture_output=True)
        return dict(line.split("=", 1) for line in out.read_text().splitlines())

    return run


def changed(outputs: dict[str, str]) -> set[str]:
    return {name.removeprefix("changed_") for name, value in outputs.items() if value == "true"}


def test_what_has_changed_on_a_push(tmp_path: Path, planned: Callable[..., dict[str, str]]) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    history = History(root)
    first = history.commit("first", "README.md", "src/a.py", "data/x", "params.yaml", "lib/a/b", "conf/a/b.yaml")
    git(root, "update-ref", "refs/remotes/origin/main", first)

    def push(*paths: str, before: str = "") -> set[str]:
        last = git(root, "rev-parse", "HEAD").strip()
        history.commit("more", *paths)
        return changed(planned(history, "push", before or last)) - {"against"}

    assert push("README.md") == set()
    assert push("src/deep/b.py") == {"glob"}
    assert push("conf/a.yaml") == {"glob"}
    assert push("conf/a/c.yaml") == set(), "`*` stays within a folder"
    assert push("data/y/z") == {"folder"}
    assert push("params.yaml", "README.md") == {"folder"}
    assert push("lib/a/b") == {"star"}, "what lies in a folder that matches belongs to it"
    assert push("data2/x") == set()
    everything = {"glob", "folder", "star"}
    assert push("README.md", before="0" * 40) == everything, "a first push"
    assert push("README.md", before="1" * 40) == everything, "after a forced push the last commit may be gone"
    assert changed(planned(history, "workflow_dispatch")) >= everything
    outputs = planned(history, "push", git(root, "rev-parse", "HEAD~1").strip())
    assert outputs["changed_against"] == "true", "src has changed since main"


def test_a_push_is_compared_with_the_last_green_run(tmp_path: Path, planned: Callable[..., dict[str, str]]) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    history = History(root)
    green = history.commit("green", "src/a.py")
    red = history.commit("red", "src/a.py")
    history.commit("docs", "README.md")
    assert "glob" not in changed(planned(history, "push", red))
    outputs = planned(history, "push", red, green)
    assert "glob" in changed(outputs), "what the red run should have tested is still to be tested"
    assert outputs["base"] == green
    asked = (tmp_path / "asked").read_text().splitlines()
    assert "branch=a b&c" in asked
    assert "repos/octo/p/actions/workflows/ml.yml/runs" in asked
    assert changed(planned(history, "push", red, "")) >= {"glob", "folder"}, "no run was green yet"


def test_what_has_changed_on_a_pull_request(tmp_path: Path, planned: Callable[..., dict[str, str]]) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    history = History(root)
    history.commit("first", "src/a.py")
    git(root, "checkout", "-q", "-b", "topic")
    history.commit("docs [train] $(id) 'now'", "README.md")
    git(root, "checkout", "-q", "main")
    history.commit("main goes on", "src/b.py")
    git(root, "checkout", "-q", "--detach", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "Merge", "topic")
    outputs = planned(history, "pull_request")
    assert changed(outputs) - {"against"} == {next(name for name in outputs if name.startswith("message"))}
    assert "glob" not in changed(outputs), "what main changed meanwhile is not the pull request's"
    history.commit("other", "x")
    assert changed(planned(history, "push", "HEAD")) - {"against"} == set(), "the message is that of the head"


RUN = """
version: 1
project: {name: p}
targets: [github]
secrets: {KEY: {file: true}, TOKEN: {github: {id: REAL_TOKEN}}, REGION: {plain: true}, OTHER: {}}
triggers:
  push: {}
  manual: {inputs: {mode: {type: choice, options: [fast, full], default: fast}}}
  api: {retrain: {inputs: {reason: {}}}}
env: {TRIAL: "t-${MLGEN_EVENT}-$HOME"}
stages:
  data:
    make: {run: "mkdir d && echo 1 > d/x", outs: [d/x]}
    small: {run: "echo small > m", outs: [m], needs: [], when: {event: push}}
    big: {run: "echo big > m", outs: [m], needs: [], when: {event: [manual, api]}}
  train:
    fit: {run: exit 1, deps: [d/x], when: {changed: [src/**]}}
    after: {run: exit 1, needs: [fit]}
    use: {run: "cp m used", deps: [m], outs: [used]}
  test:
    secret:
      needs: []
      secrets: [KEY, {TOKEN: TOKEN}, REGION]
      permissions: {contents: read}
      run: |
        { stat -c %a "$KEY"; cat "$KEY"; echo; echo "$TOKEN $REGION $MLGEN_TOKEN $TRIAL"; } > seen
        case $KEY in "$GITHUB_WORKSPACE"*) exit 1 ;; esac
      outs: [seen]
    broken:
      needs: []
      activate: shout() { echo "$1!"; }
      working_directory: src
      run: |
        shout run > ../trace
        false
      on_failure: shout "failed $MLGEN_RESULT" >> ../trace
      finally: shout "finally $MLGEN_RESULT"
      keep: {for: 3d, result: any, paths: [trace]}
    bare: {run: "ls -A > seen2", needs: [], checkout: false, outs: [seen2]}
    two:
      run: cat vendor/data/file > seen3
      needs: []
      checkout: [{depth: 1}, {repository: github.com/octo/data, path: vendor/data, token: OTHER}]
      outs: [seen3]
    values: {run: 'echo "mode=High" >> "$MLGEN_EXPORTS"', needs: [], exports: [mode]}
    high: {run: 'test "$mode" = High', needs: [values], when: {value: {values.mode: High}}}
    low: {run: exit 1, needs: [values], when: {value: {values.mode: high}}}
    steps:
      needs: []
      steps:
        - {name: One, run: "echo one > steps"}
        - {name: Two, run: exit 1, github: {run: "echo two >> steps", shell: "bash {0}"}}
        - {name: Three, run: "echo three >> steps"}
      outs: [steps]
    full:
      run: test "$MLGEN_EVENT" = retrain && test "$MLGEN_INPUT_REASON" = drift
      needs: []
      when: {event: retrain, input: {mode: full}}
    red: {needs: [broken, fit]}
    green: {needs: [fit, use, high, low]}
    told:
      run: echo "$MLGEN_RESULT_BROKEN $MLGEN_RESULT_FIT $MLGEN_RESULT_USE" > told
      needs: [broken, fit, use]
      when: {result: failure}
      outs: [told]
    quiet: {run: exit 1, needs: [use, fit], when: {result: failure}}
"""


def ready(tmp_path: Path) -> History:
    root = tmp_path / "project"
    emit(root, RUN)
    (root / "src").mkdir()
    (root / "src/a.py").write_text("")
    return History(root)


def start(history: History, tmp_path: Path, event: str, python: Path, **more: Any) -> RunResult:
    others = tmp_path / "others"
    data = others / "octo/data"
    data.mkdir(parents=True)
    History(data).commit("data", "file")
    return run_github(
        history.root,
        event,
        work=tmp_path / "work",
        workflow=WORKFLOW,
        python=python,
        secrets={"KEY": "line one\nline two", "REAL_TOKEN": "real", "OTHER": "other"},
        variables={"REGION": "eu"},
        env={"STUB_REPOSITORIES": str(others)},
        **more,
    )


def test_a_push_that_changes_nothing_of_the_model(tmp_path: Path, wine_python: Path) -> None:
    history = ready(tmp_path)
    before = history.commit("first")
    history.commit("docs", "README.md")
    result = start(history, tmp_path, "push", wine_python, event_payload={"before": before})
    skipped = {"fit", "after", "big", "low", "full", "quiet"}
    failed = {"broken", "red", "checks"}
    assert {name for name, end in result.jobs.items() if end == "skipped"} == skipped, result.log[-3000:]
    assert {name for name, end in result.jobs.items() if end == "failure"} == failed, result.log[-3000:]
    assert result.artifact("used").read_text() == "small\n", "from the job that ran"
    home = result.artifact("seen").read_text().split()[-1].removeprefix("t-push-")
    assert result.artifact("seen").read_text() == f"600\nline one\nline two\nreal eu token t-push-{home}\n"
    assert home == "$HOME", "only references are expanded"
    assert result.artifact("trace").read_text() == "run!\nfailed failure!\n"
    assert "finally failure!" in result.log
    assert result.artifact("seen2").read_text().split() == [".git", ".mlgen", "seen2"]
    assert result.artifact("seen3").read_text() == "x"
    assert result.artifact("steps").read_text() == "one\ntwo\nthree\n"
    assert result.artifact("told").read_text() == "failure skipped success\n"


def test_an_api_event(tmp_path: Path, wine_python: Path) -> None:
    history = ready(tmp_path)
    history.commit("first")
    inputs = {"mlgen_event": "retrain", "mode": "full", "reason": "drift"}
    result = start(history, tmp_path, "workflow_dispatch", wine_python, inputs=inputs)
    assert result.jobs["full"] == result.jobs["big"] == "success", result.log[-3000:]
    assert result.jobs["small"] == "skipped"
    assert result.jobs["fit"] == "failure", "everything counts as changed"
    assert (result.jobs["after"], result.jobs["green"], result.jobs["red"]) == ("skipped", "failure", "failure")
    assert result.artifact("used").read_text() == "big\n"
    assert result.artifact("told").read_text() == "failure failure success\n"
    assert result.artifact("seen").read_text().split()[-1].startswith("t-retrain-")
