"""Runs a GitLab CI pipeline on this machine with gitlab-ci-local, without containers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from . import gitlab_repo
from .runs import RunResult, clone, python_path, text
from .tools import Argv, ToolFailure, base_env, git, run


class Variable(NamedTuple):
    """A CI/CD variable of the project; a File variable's value is the content of the file that jobs get the path of.

    Unless `expand` is set, the value reaches the job as it is: https://docs.gitlab.com/ci/variables/#prevent-cicd-variable-expansion
    """

    value: str
    file: bool = False
    environment: str = "*"
    expand: bool = False


_WRAPPER = ".engine-ci.yml"
_PROBE = "engine-probe"
_STARTING = re.compile(r"^(.*?)\s+starting \S.* \(.*\)\s*$")
_VERDICT = re.compile(r"^ (PASS|WARN|FAIL)  (.*?)(?: +(?:pre_script|after_script|script|\d+))?\s*$")
_STATUS = {"PASS": "success", "WARN": "warning", "FAIL": "failure"}
_RANK = ["skipped", "manual", "success", "warning", "unknown", "failure"]


def _predefined(
    source: str, branch: str, tag: str | None, merge_request: Mapping[str, str] | None, schedule: str | None
) -> dict[str, str]:
    """Return what GitLab sets; an empty value means unset.

    https://docs.gitlab.com/ci/variables/predefined_variables/
    """
    values = {"CI_PIPELINE_SOURCE": source, "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_REF_NAME": tag or branch}
    values["CI_COMMIT_BRANCH"] = "" if tag or merge_request is not None else branch
    if tag:
        values["CI_COMMIT_TAG"] = tag
    if schedule:
        values["CI_PIPELINE_SCHEDULE_DESCRIPTION"] = schedule
    if merge_request is not None:
        values |= {
            "CI_MERGE_REQUEST_ID": "1001",
            "CI_MERGE_REQUEST_IID": "1",
            "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": branch,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_OPEN_MERGE_REQUESTS": "group/project!1",
        }
        values |= {f"CI_MERGE_REQUEST_{key.upper()}": value for key, value in merge_request.items()}
    return values


def _write_variables(home: Path, variables: Mapping[str, str | Variable | Sequence[Variable]]) -> None:
    """Write the project's variables where gitlab-ci-local reads them."""
    entries: dict[str, Any] = {}
    for name, given in variables.items():
        scoped = [Variable(given)] if isinstance(given, str) else [given] if isinstance(given, Variable) else given
        values = {
            each.environment: each.value if each.expand or each.file else each.value.replace("$", "$$")
            for each in scoped
        }
        entries[name] = {"type": "file" if scoped[0].file else "variable", "values": values}
    folder = home / ".gitlab-ci-local"
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (folder / "variables.yml").write_text(json.dumps({"global": entries}), encoding="utf-8")


def _blocked(jobs: Mapping[str, Mapping[str, Any]], stages: Sequence[str], played: Set[str]) -> set[str]:
    """Return the jobs that wait for a manual job that nobody plays: https://docs.gitlab.com/ci/jobs/job_control/"""
    waiting = {name for name, job in jobs.items() if job["when"] == "manual" and name not in played}
    blocked: set[str] = set()
    rank = {stage: number for number, stage in enumerate([".pre", *stages, ".post"])}
    while True:
        stops = blocked | {name for name in waiting if not jobs[name]["allow_failure"]}
        more = set()
        for name, job in jobs.items():
            if "needs" in job:
                awaited = {need["job"] for need in job["needs"]} & (waiting | blocked)
            else:
                awaited = {other for other in stops if rank[jobs[other]["stage"]] < rank[job["stage"]]}
            if awaited and name not in waiting:
                more.add(name)
        if more <= blocked:
            return blocked
        blocked |= more


class _Config:
    """A config with what it includes from its own repository, as gitlab-ci-local can run it without containers.

    Jobs run on the host in any case, but gitlab-ci-local tells a job with an image that its project lies in /builds;
    so images and services are taken out.
    """

    def __init__(self, checkout: Path, name: str) -> None:
        self._checkout = checkout
        self._yaml = YAML()
        self._yaml.width = 1 << 20
        self.header, self.body = self._load(name)

    def _load(self, name: str, inputs: Mapping[str, str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        header, text = gitlab_repo.split_header((self._checkout / name).read_text(encoding="utf-8"))
        if inputs is not None:  # of `include: inputs`, which gitlab-ci-local is given in place
            given = {key: said.get("default") for key, said in header.get("spec", {}).get("inputs", {}).items()}
            assert set(inputs) <= set(given), f"{name} has no inputs {set(inputs) - set(given)}"
            for key, value in {**given, **inputs}.items():
                text = text.replace(f"$[[ inputs.{key} ]]", value.strip())
        body: dict[str, Any] = self._yaml.load(text) or {}
        includes = body.pop("include", [])
        kept = []
        for include in includes if isinstance(includes, list) else [includes]:
            given = {"local": include} if isinstance(include, str) else include
            if {"local"} <= set(given) <= {"local", "inputs"} and "*" not in given["local"]:
                path = given["local"].removeprefix("/")
                body = _merge(self._load(path, given.get("inputs", {}))[1], body)
            else:
                kept.append(include)
        if kept:
            body["include"] = kept
        for holder in [body, *body.values()]:
            if isinstance(holder, dict):
                holder.pop("image", None)
                holder.pop("services", None)
        return header, body

    def write(self, target: Path, more: Mapping[str, Any]) -> None:
        """Write the config with some of its jobs changed or added."""
        documents = [self.header] if self.header else []
        with target.open("w", encoding="utf-8") as out:
            self._yaml.dump_all([*documents, _merge(self.body, more)], out)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two configs as `include` does: https://docs.gitlab.com/ci/yaml/includes/#merge-method-for-include"""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


def run_gitlab(
    repo: Path,
    *,
    source: str = "push",
    work: Path,
    config: str = ".gitlab-ci.yml",
    branch: str = "main",
    tag: str | None = None,
    ref: str = "HEAD",
    before: str | None = None,
    merge_request: Mapping[str, str] | None = None,
    schedule: str | None = None,
    inputs: Mapping[str, object] | None = None,
    variables: Mapping[str, str | Variable | Sequence[Variable]] | None = None,
    predefined: Mapping[str, str] | None = None,
    manual: Sequence[str] = (),
    python: Path | None = None,
    seconds: int = 300,
) -> RunResult:
    """Run a pipeline of `repo`.

    `source` is a value of CI_PIPELINE_SOURCE; `merge_request` holds further CI_MERGE_REQUEST_ variables by the rest of
    their names in lower case; `schedule` is a schedule's description. `manual` lists the manual jobs that someone
    plays; what waits for one that nobody plays is skipped. A pipeline that `workflow: rules` does not let start has no
    jobs. `before` is the commit that `rules: changes` compares with, which is the default branch's head unless given.
    Artifacts are folders by the names of their jobs. The legs of a matrix are `job: [value, ...]`; `job` itself
    then has the worst of their results.
    """
    work = work.resolve()
    checkout, home = work / "repo", work / "home"
    clone(repo, checkout, branch=branch, ref=ref)
    gitlab_repo.add_remotes(checkout)
    if before:
        git(checkout, "push", "-q", "--force", "origin", f"{before}:refs/heads/main")
        git(checkout, "fetch", "-q", "origin")
    _write_variables(work / "gitlab-ci-local", variables or {})
    definition = _Config(checkout, config)
    workflow = definition.body.get("workflow") or {}

    values = _predefined(source, branch, tag, merge_request, schedule) | dict(predefined or {})
    argv: Argv = [*gitlab_repo.command(work), "--file", _WRAPPER, "--no-json-schema-validation"]
    argv += ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"]
    if inputs:
        (work / "inputs.yml").write_text(json.dumps(text(inputs)), encoding="utf-8")
        argv += ["--inputs-file", "../inputs.yml"]
    argv += ["--ignore-predefined-vars", ",".join(values)]
    for name, value in values.items():
        argv += ["--variable", f"{name}={value}"] if value else ["--unset-variable", name]
    env = base_env(home, *python_path(python))
    artifacts = checkout / ".gitlab-ci-local" / "artifacts"

    # gitlab-ci-local does not ask `workflow: rules` whether there is a pipeline; a job with the same rules tells.
    probe_job = {"stage": ".pre", "script": ["true"], "needs": [], "rules": _job_rules(workflow)}
    definition.write(checkout / _WRAPPER, {_PROBE: probe_job} if workflow else {})
    listing = run([*argv, "--list-json"], cwd=checkout, env=env, seconds=60)
    if listing.code:
        raise ToolFailure(f"gitlab-ci-local: {gitlab_repo.complaint(listing.out + listing.err)}")
    jobs = {job["name"]: job for job in json.loads(listing.out)}
    probe = jobs.pop(_PROBE, None)
    if probe and probe["when"] == "never":
        artifacts.mkdir(parents=True)
        return RunResult(True, {}, [], artifacts, "workflow: rules let no pipeline start", [{"pipeline": "none"}])
    jobs = {name: job for name, job in jobs.items() if job["when"] != "never"}

    blocked = _blocked(jobs, definition.body.get("stages") or ["build", "test", "deploy"], set(manual))
    never = {name.split(": [")[0]: {"rules": [{"when": "never"}]} for name in blocked}
    definition.write(checkout / _WRAPPER, never)
    for name in manual:
        argv += ["--manual", name]
    done = run(argv, cwd=checkout, env=env, seconds=seconds)
    artifacts.mkdir(parents=True, exist_ok=True)
    log = done.out + done.err + (f"\nkilled after {seconds} s" if done.killed else "")
    return _result(jobs, blocked, set(manual), artifacts, log, killed=done.killed, code=done.code)


def _job_rules(workflow: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = workflow.get("rules") or [{"when": "always"}]
    return [{key: rule[key] for key in rule if key != "auto_cancel"} for rule in rules]


def _result(
    jobs: Mapping[str, Mapping[str, Any]],
    blocked: Set[str],
    played: Set[str],
    artifacts: Path,
    log: str,
    *,
    killed: bool,
    code: int,
) -> RunResult:
    """Read the starts and the closing summary out of the log."""
    statuses = dict.fromkeys(jobs, "unknown" if killed else "skipped")
    statuses |= {name: "manual" for name, job in jobs.items() if job["when"] == "manual" and name not in played}
    statuses |= dict.fromkeys(blocked, "skipped")
    order = []
    for line in log.splitlines():
        start, verdict = _STARTING.match(line), _VERDICT.match(line)
        if start and start[1] in statuses:
            order.append(start[1])
        elif verdict and verdict[2] in statuses:
            statuses[verdict[2]] = _STATUS[verdict[1]]
    for leg in [name for name in statuses if ": [" in name]:
        job = leg.split(": [")[0]
        statuses[job] = max(statuses.get(job, "skipped"), statuses[leg], key=_RANK.index)
    return RunResult(code == 0, statuses, order, artifacts, log)
