"""Runs a CircleCI config on this machine, by the interpreter in circleci/ (there is no engine that runs offline)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .circleci import Machine, Pipeline, event, parsed
from .runs import RunResult, clone, python_path
from .tools import git

_STATUS = {
    "success": "success",
    "failed": "failure",
    "unauthorized": "failure",
    "not_run": "skipped",
    "canceled": "cancelled",
    "on_hold": "manual",
}


def run_circleci(
    repo: Path,
    kind: str,
    *,
    work: Path,
    config: str = ".circleci/config.yml",
    branch: str = "main",
    tag: str = "",
    ref: str = "HEAD",
    head: str = "topic",
    base: str = "",
    parameters: Mapping[str, Any] | None = None,
    contexts: Mapping[str, Mapping[str, str]] | None = None,
    project: Mapping[str, str] | None = None,
    approved: Sequence[str] = (),
    services: Mapping[str, Sequence[str]] | None = None,
    python: Path | None = None,
    caches: Path | None = None,
    after_halt: bool = False,
) -> RunResult:
    """Run the workflows of `repo` on an event: push, tag, pull_request, schedule or manual.

    `branch` is a pull request's target, `head` its source branch and `base` its base's commit. `approved` lists the
    approvals that somebody gives. A job that filters keep out has no status. Artifacts are folders by their jobs.
    """
    work = work.resolve()
    checkout = work / "repo"
    pull = kind == "pull_request"
    commit = clone(repo, checkout, branch=head if pull else branch, ref=ref)
    base = base or git(repo, "rev-parse", "HEAD").strip()
    where = {"tag": tag} if tag else {"branch": branch, "head": head, "base": base}
    values, variables = event(kind, {**where, "commit": commit})
    variables["CIRCLE_SHA1"] = commit
    text = parsed((checkout / config).read_text("utf-8"))
    jobs: dict[str, str] = {}
    order: list[str] = []
    logs: list[str] = []
    for number, workflow in enumerate(text["workflows"]):
        machine = Machine(
            work / f"workflow-{number}",
            checkout,
            contexts,
            approved,
            variables,
            python_path(python),
            caches or work / "caches",
            project=project,
            services=services,
            after_halt=after_halt,
        )
        machine.run(Pipeline(text, values, parameters, workflow))
        jobs |= {name: _STATUS[status] for name, status in machine.status.items()}
        order += machine.started
        logs += [f"[{name}] {log}" for name, log in machine.logs.items()]
    artifacts = work / "workflow-0" / "store_artifacts"
    artifacts.mkdir(exist_ok=True)
    return RunResult("failure" not in jobs.values(), jobs, order, artifacts, "\n".join(logs))
