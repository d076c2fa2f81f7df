"""Runs a GitHub Actions workflow on this machine with act, all `uses:` replaced by stand-ins."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .github.api import GitHubApi
from .runs import RunResult, clone, python_path, text
from .tools import HERE, Argv, ToolFailure, base_env, find, git, run

STUBS = HERE / "github" / "actions"
STARTERS = HERE / "github" / "bin"
RUNNER = "ubuntu-latest"

_RANK = ["skipped", "success", "unknown", "cancelled", "failure"]


def _stub(uses: str) -> Path:
    """Return the stand-in for `owner/name@ref`."""
    repository = uses.partition("@")[0]
    owner_name = "/".join(repository.split("/")[:2])
    folder = STUBS / owner_name.removeprefix("actions/")
    if not (folder / "action.yml").exists():
        raise ToolFailure(f"no stand-in for the action {uses}")
    return folder


def _steps(workflow: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


def _adapt(source: Path, target: Path) -> dict[str, Any]:
    """Write the workflow as act can run it without containers, and return it.

    act has no containers here and knows no runner but the one it is told of, so `container`, `services` and the runner
    of each job are taken out; so is a job's `concurrency`, whose `queue` act refuses. Nothing else is: act ignores
    `environment` and `permissions` by itself.
    """
    yaml = YAML()
    yaml.width = 1 << 20
    workflow: dict[str, Any] = yaml.load(source)
    for name, job in workflow["jobs"].items():
        if "strategy" in job:
            workflow["jobs"][name] = job = _numbered(job)
        job.pop("container", None)
        job.pop("services", None)
        job.pop("concurrency", None)
        if "uses" not in job:
            job["runs-on"] = RUNNER
    target.parent.mkdir(parents=True, exist_ok=True)
    yaml.dump(workflow, target)
    return workflow


def _numbered(job: Any) -> Any:
    """The job without strategy.job-index, which act leaves empty: the leg's values tell it from the others as well."""
    matrix = job["strategy"]["matrix"]
    if not isinstance(matrix, Mapping):
        return job
    axes = [axis for axis in matrix if axis not in ("include", "exclude")]
    axes += [axis for leg in matrix.get("include", []) for axis in leg if axis not in axes]
    places = "-".join(f"{{{number}}}" for number in range(len(axes)))
    leg = f"format('{places}', {', '.join(f'matrix.{axis}' for axis in axes)})"

    def changed(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: changed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [changed(item) for item in value]
        return value.replace("strategy.job-index", leg) if isinstance(value, str) else value

    return changed(job)


def _merge(repo: Path, payload: Mapping[str, Any]) -> None:
    """Check out the merge of a pull request's head into its base, which is what GitHub tests.

    Its parents are the base and the head: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
    """
    pull = payload["pull_request"]
    base, head = pull["base"], pull["head"]
    git(repo, "checkout", "-q", "--detach", base["sha"])
    git(repo, "merge", "-q", "--no-ff", "-m", f"Merge {head['sha']} into {base['sha']}", head["sha"])
    git(repo, "update-ref", f"refs/pull/{payload['number']}/merge", "HEAD")


def _payload(repo: Path, event: str, branch: str, tag: str | None, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the event's payload: what is given, over what GitHub always sends."""
    commit = git(repo, "rev-parse", "HEAD").strip()
    repository = {"full_name": "octo/wine", "name": "wine", "owner": {"login": "octo"}, "default_branch": "main"}
    payload: dict[str, Any] = {"repository": {**repository, "fork": False}, "sender": {"login": "someone"}}
    if event == "push":
        ref = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}"
        payload |= {"ref": ref, "before": "0" * 40, "after": commit, "deleted": False, "forced": False}
    elif event in ("workflow_dispatch", "schedule"):
        payload["ref"] = f"refs/heads/{branch}"
    return payload | dict(given or {})


def run_github(
    repo: Path,
    event: str,
    *,
    work: Path,
    workflow: str = ".github/workflows/mlgen.yml",
    branch: str = "main",
    tag: str | None = None,
    ref: str = "HEAD",
    event_payload: Mapping[str, Any] | None = None,
    inputs: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    api: GitHubApi | None = None,
    python: Path | None = None,
    token: str = "token",
    run_id: int = 1,
    seconds: int = 300,
) -> RunResult:
    """Run a workflow of `repo` on an event, as act understands it: its branch, tag and path filters are not applied.

    On pull_request, `event_payload` holds `number` and `pull_request` with the commits of base and head, and the run is
    on their merge. `inputs` are those of a workflow_dispatch. Jobs are named by their ids; the legs of a matrix
    also as `id (value, ...)`. Artifacts are folders by their names. `env` is set for all steps; act, unlike GitHub,
    evaluates a `${{ }}` in it (but not in secrets, variables and the payload).
    """
    work = work.resolve()
    checkout, store, home = work / "repo", work / "store", work / "home"
    clone(repo, checkout, branch=branch, ref=ref)
    # act reads the repository's name from here.
    git(checkout, "remote", "add", "origin", "https://github.com/octo/wine.git")
    if event == "pull_request":
        _merge(checkout, event_payload or {})
    payload = _payload(checkout, event, branch, tag, event_payload)
    if inputs is not None:
        payload["inputs"] = text(inputs)
    event_file = work / "event.json"
    event_file.write_text(json.dumps(payload), encoding="utf-8")
    adapted = work / "workflows" / Path(workflow).name
    definition = _adapt(checkout / workflow, adapted)
    (store / "artifacts").mkdir(parents=True, exist_ok=True)

    bins = python_path(python)
    everywhere = {
        "GITHUB_RUN_ID": str(run_id),
        "GITHUB_RUN_NUMBER": str(run_id),
        "STUB_REPO": str(checkout),
        "STUB_STORE": str(store),
        "STUB_LIB": str(STUBS),
        "STUB_INTERPRETER": sys.executable,
        "STUB_NODE": str(find("node")),
        **({"STUB_PYTHON": str(bins[0] / "python")} if bins else {}),
        **({"GITHUB_API_URL": api.url} if api else {}),
        **(env or {}),
    }
    argv: Argv = [find("act"), event, "-C", checkout, "-W", adapted, "-e", event_file, "--json"]
    argv += ["-P", f"{RUNNER}=-self-hosted", "--no-cache-server", "--no-skip-checkout", "--action-offline-mode"]
    argv += ["--action-cache-path", work / "act", "--actor", "someone", "--defaultbranch", "main"]
    # Files that act would otherwise look for in the repository.
    argv += [f"--{name}-file={os.devnull}" for name in ("env", "secret", "var", "input")]
    for uses in sorted({step["uses"] for step in _steps(definition) if "uses" in step}):
        if not uses.startswith("./"):
            argv += ["--local-repository", f"{uses}={_stub(uses)}"]
    for name, value in everywhere.items():
        argv += ["--env", f"{name}={value}"]
    for name, value in {"GITHUB_TOKEN": token, **(secrets or {})}.items():
        argv += ["-s", f"{name}={value}"]
    for name, value in (variables or {}).items():
        argv += ["--var", f"{name}={value}"]
    # act gives its steps a terminal, which would make git page.
    done = run(argv, cwd=work, env=base_env(home, STARTERS, *bins) | {"PAGER": "cat", "TERM": "dumb"}, seconds=seconds)
    log = done.out + done.err + (f"killed after {seconds} s" if done.killed else "")
    # act says nothing of a job whose condition is false.
    silent = "unknown" if done.killed else "skipped"
    return _result(done.code == 0, definition, silent, log, store / "artifacts")


def _result(ok: bool, definition: Mapping[str, Any], silent: str, log: str, artifacts: Path) -> RunResult:
    """Read act's log of JSON lines.

    act tells one result of all legs of a matrix, so a leg's own is read off its steps.
    """
    jobs = dict.fromkeys(definition["jobs"], "")
    legs: dict[str, str] = {}
    failed: set[str] = set()
    order: list[str] = []
    readable: list[str] = []
    events: list[dict[str, Any]] = []
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            readable.append(line)
            continue
        job = entry.get("jobID", "")
        leg = f"{job} ({', '.join(str(value) for value in entry['matrix'].values())})" if entry.get("matrix") else job
        events.append(entry)
        if not entry.get("msg", "").startswith("LocalRepositoryCache"):
            readable.append(f"[{leg}] {entry.get('msg', '').rstrip()}")
        if job and leg not in order and "stepID" in entry:
            order.append(leg)
        if entry.get("stepResult") == "failure":
            failed.add(leg)
        result = entry.get("jobResult")
        if result and job in jobs:
            jobs[job] = max(jobs[job] or "skipped", result, key=_RANK.index)
            if leg != job:
                legs[leg] = job
    known = {job: status or silent for job, status in jobs.items()}
    known |= {leg: known[job] if leg in failed else "success" for leg, job in legs.items()}
    return RunResult(ok, known, order, artifacts, "\n".join(readable), events)
