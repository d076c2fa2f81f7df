"""Runs a .travis.yml on this machine, by the interpreter in travis/ (there is no engine that runs offline)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .runs import RunResult, clone, python_path
from .travis import Event, as_list, parse
from .travis import run as build

_STATUS = {"passed": "success", "failed": "failure", "errored": "failure", "cancelled": "cancelled"}


def run_travis(
    repo: Path,
    event: Event,
    *,
    work: Path,
    config: str = ".travis.yml",
    settings: Mapping[str, str] | None = None,
    python: Path | None = None,
    caches: Path | None = None,
    ref: str = "HEAD",
) -> RunResult:
    """Run a build of `repo`; `settings` are its variables. A job whose condition does not hold has no status.

    Travis keeps no files with a build, so there are no artifacts.
    """
    work = work.resolve()
    checkout, artifacts = work / "repo", work / "artifacts"
    clone(repo, checkout, branch=event.branch, ref=ref)
    artifacts.mkdir()
    text = (checkout / config).read_text("utf-8")
    done = build(checkout, text, event, work / "build", settings=settings, path=python_path(python), caches=caches)
    jobs = {name: _STATUS[status] for name, status in done.jobs.items() if status != "skipped"}
    permitted = {entry.get("name") for entry in as_list(parse(text)["jobs"].get("allow_failures"))}
    for name in permitted & set(jobs):
        jobs[name] = "warning" if jobs[name] == "failure" else jobs[name]
    log = "\n".join(f"[{name}] {done.log(name)}" for name in done.order)
    return RunResult(done.ok, jobs, done.order, artifacts, log)
