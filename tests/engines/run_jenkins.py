"""Runs a Jenkinsfile on this machine, by the Groovy harness in jenkins/ (there is no Jenkins without a server)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .jenkins_harness import run_pipeline
from .runs import RunResult, clone, python_path, text
from .tools import base_env, git

_STATUS = {
    "SUCCESS": "success",
    "UNSTABLE": "unstable",
    "FAILURE": "failure",
    "ABORTED": "cancelled",
    "NOT_BUILT": "cancelled",
    "skipped": "skipped",
}


def _variables(
    work: Path, branch: str, tag: str | None, change: Mapping[str, str] | None, primary: bool
) -> dict[str, str]:
    """Return the variables that a multibranch job sets: https://www.jenkins.io/doc/book/pipeline/multibranch/"""
    name = tag or branch
    if change:
        name = f"PR-{change['id']}"
    variables = {
        "BRANCH_NAME": name,
        "BUILD_NUMBER": "1",
        "BUILD_ID": "1",
        "BUILD_DISPLAY_NAME": "#1",
        "JOB_NAME": f"project/{name}",
        "JOB_BASE_NAME": name,
        "BUILD_TAG": f"jenkins-project-{name}-1",
        "JENKINS_URL": "http://jenkins.example.org/",
        "JOB_URL": f"http://jenkins.example.org/job/project/job/{name}/",
        "BUILD_URL": f"http://jenkins.example.org/job/project/job/{name}/1/",
        "JENKINS_HOME": str(work / "home"),
        "CI": "true",
    }
    if primary:
        variables["BRANCH_IS_PRIMARY"] = "true"
    if tag:
        variables |= {"TAG_NAME": tag, "TAG_TIMESTAMP": "1767225600000", "TAG_UNIXTIME": "1767225600"}
    for key, value in (change or {}).items():
        variables[f"CHANGE_{key.upper()}"] = value
    return variables


def run_jenkins(
    repo: Path,
    *,
    work: Path,
    jenkinsfile: str = "Jenkinsfile",
    branch: str = "main",
    ref: str = "HEAD",
    tag: str | None = None,
    change: Mapping[str, str] | None = None,
    primary: bool | None = None,
    cause: str = "push",
    params: Mapping[str, object] | None = None,
    credentials: Mapping[str, str] | None = None,
    changed: Sequence[str] = (),
    input_answer: str | Mapping[str, str] = "proceed",
    env: Mapping[str, str] | None = None,
    python: Path | None = None,
    previous_commit: str | None = None,
    previous_result: str | None = "SUCCESS",
    first_run: bool = False,
    time_scale: float = 1.0,
    seconds: int = 300,
) -> RunResult:
    """Run a Jenkinsfile of `repo` as a multibranch job would.

    `change` makes it a pull request: id, target, branch and, of a fork, fork. `cause` is user, timer,
    parameterizedTimer, push, indexing, upstream, remote or a class name. `input_answer` is proceed, abort or wait, for
    all stages or by stage. `time_scale` shortens all timeouts. Events tell of each stage, sh, stash, input, lock, post,
    credentials and so on.
    """
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    source = work / "repo"
    # A pull request's head is a branch of its own beside its target: refs/remotes/origin/PR-7 for the jobs.
    commit = clone(repo, source, branch=f"PR-{change['id']}" if change else branch, ref=ref)
    if change and change["target"] not in git(source, "branch", "--format=%(refname:short)").split():
        git(source, "branch", change["target"])
    if previous_commit:
        git(source, "fetch", "-q", str(repo), previous_commit)
    if primary is None:
        primary = branch == "main" and not tag and not change
    options = {
        "jenkinsfile": str(source / jenkinsfile),
        "work": str(work),
        "repo": str(source),
        "commit": commit,
        "env": _variables(work, branch, tag, change, primary) | text(env),
        "cause": cause,
        "params": dict(params or {}),
        "credentials": dict(credentials or {}),
        "changed": list(changed),
        "input_answer": input_answer if isinstance(input_answer, str) else dict(input_answer),
        "previous_commit": previous_commit,
        "previous_result": previous_result,
        "first_run": first_run,
        "time_scale": time_scale,
    }
    (work / "options.json").write_text(json.dumps(options), encoding="utf-8")
    machine = base_env(work / "home", *python_path(python))
    done = run_pipeline(work / "options.json", env=machine, seconds=seconds)
    archive = work / "archive"
    archive.mkdir(exist_ok=True)
    if not done.in_time:
        return RunResult(False, {}, [], archive, f"{done.text}\nkilled after {seconds} s")
    outcome = json.loads((work / "outcome.json").read_text(encoding="utf-8"))
    return RunResult(
        ok=outcome["result"] in ("SUCCESS", "UNSTABLE"),
        jobs={stage: _STATUS[status] for stage, status in outcome["stages"].items()},
        order=[event["stage"] for event in outcome["events"] if event["event"] == "stage"],
        artifacts=archive,
        log=done.text,
        events=[{"event": "result", "result": outcome["result"]}, *outcome["events"]],
    )
