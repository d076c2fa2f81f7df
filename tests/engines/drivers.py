"""Starts each engine on a scenario, and says what became of the jobs in the words of the table."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import travis
from .github.api import GitHubApi
from .run_circleci import run_circleci
from .run_github import run_github
from .run_gitlab import Variable, run_gitlab
from .run_jenkins import run_jenkins
from .run_local import run_local
from .run_travis import run_travis
from .runs import RunResult
from .scenarios import PROJECTS, Project, Scenario
from .stand_ins import StandIns
from .tools import git

SECRET = "a-value-that-is-secret"


class Played(NamedTuple):
    """A scenario as an engine played it: what became of each job, and how often and in which order commands ran."""

    jobs: dict[str, str]
    result: RunResult
    journal: list[list[str]]


class Work(NamedTuple):
    """What a driver works with: the repository at the commit to test, its last commit before, and the programs."""

    scenario: Scenario
    repo: Path
    base: str
    head: str
    folder: Path
    programs: StandIns


def repository(scenario: Scenario, folder: Path) -> tuple[Path, str, str]:
    """A repository of two commits, the second of which is the event's; also both commits.

    A pull request's head is on the branch topic.
    """
    project, event, repo = PROJECTS[scenario.project], scenario.event, folder / "project"
    made = ("data", "models", "reports", "metrics.json", "deployments")
    shutil.copytree(project.folder, repo, ignore=shutil.ignore_patterns("__pycache__", ".*cache", *made))
    if (baselines := project.folder / "baselines").exists():
        shutil.copytree(baselines, repo / "baselines", dirs_exist_ok=True)
    git(repo, "init", "-q", "-b", "main", ".")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "first")
    base = git(repo, "rev-parse", "HEAD").strip()
    branch = "topic" if event.kind == "pull_request" else event.branch
    if branch != "main":
        git(repo, "checkout", "-q", "-b", branch)
    for path in event.changed:
        if path == "README" or (repo / path).exists():
            with (repo / path).open("a", encoding="utf-8") as file:
                file.write("# one more\n" if path.endswith(".py") else "9\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", event.message)
    if event.tag:
        git(repo, "tag", event.tag)
    return repo, base, git(repo, "rev-parse", "HEAD").strip()


# ---- the engines


def _github(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    (workflow,) = (work.repo / ".github/workflows").glob("*.yml")
    payload: dict[str, Any] = {"head_commit": {"id": work.head, "message": event.message}}
    inputs: dict[str, object] | None = None
    kind = {"tag": "push", "manual": "workflow_dispatch", "api": "workflow_dispatch"}.get(event.kind, event.kind)
    if event.kind == "push":
        payload["before"] = work.base
    elif event.kind == "pull_request":
        home = {"full_name": "octo/wine", "fork": False}
        source = {"full_name": "someone/wine", "fork": True} if event.fork else home
        pull = {"base": {"sha": work.base, "ref": event.branch, "repo": home}}
        pull["head"] = {"sha": work.head, "ref": "topic", "repo": source}
        payload |= {"number": 7, "pull_request": pull}
    elif event.kind == "schedule":
        found = re.search(rf'cron: "([^"]+)" # {event.schedule}', workflow.read_text("utf-8"))
        payload["schedule"] = found[1] if found else ""
    else:
        inputs = {**dict(event.inputs), **({"mlgen_event": event.name} if event.name else {})}
    reviewers = {name: ["lead"] if name in project.approvals else [] for name in project.environments}
    with GitHubApi(work.repo, environments=reviewers) as api:
        return run_github(
            work.repo,
            kind,
            work=work.folder,
            workflow=str(workflow.relative_to(work.repo)),
            branch="topic" if event.kind == "pull_request" else event.branch,
            tag=event.tag or None,
            ref=work.head,
            event_payload=payload,
            inputs=inputs,
            secrets={} if event.fork else dict.fromkeys(project.secrets, SECRET),
            api=api,
            python=work.programs.folder,
        )


def _gitlab(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    source = {"pull_request": "merge_request_event", "tag": "push", "manual": "web", "api": "api"}.get(
        event.kind, event.kind
    )
    merge = None
    predefined = {"GITLAB_CI": "true", "CI_COMMIT_MESSAGE": event.message, "CI_COMMIT_SHA": work.head}
    if event.kind == "push":
        predefined["CI_COMMIT_BEFORE_SHA"] = work.base
    if event.kind == "pull_request":
        merge = {"diff_base_sha": work.base, "source_branch_sha": work.head, "target_branch_sha": work.base}
        merge["source_project_id"] = "2" if event.fork else "1"
    # Variables of an environment reach the jobs of that environment alone; a fork's pipeline runs without any.
    scoped = [Variable(SECRET, environment=name) for name in project.environments]
    inputs = {**dict(event.inputs), **({"mlgen_event": event.name} if event.name else {})}
    return run_gitlab(
        work.repo,
        source=source,
        work=work.folder,
        branch="topic" if event.kind == "pull_request" else event.branch,
        tag=event.tag or None,
        ref=work.head,
        before=work.base if event.kind in ("push", "pull_request") else None,
        merge_request=merge,
        schedule=event.schedule or None,
        inputs=inputs,
        variables={} if event.fork else dict.fromkeys(project.secrets, scoped),
        predefined=predefined,
        manual=project.approvals if event.approved else (),
        python=work.programs.folder,
    )


def _jenkins(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    change = None
    if event.kind == "pull_request":
        change = {"id": "7", "target": event.branch, "branch": "topic", **({"fork": "someone"} if event.fork else {})}
    named = "%JENKINS_SCHEDULE=" in (work.repo / "Jenkinsfile").read_text("utf-8")
    timer = "parameterizedTimer" if named else "timer"
    cause = {"schedule": timer, "manual": "user", "api": "user"}.get(event.kind, "push")
    params: dict[str, object] = {f"MLGEN_INPUT_{name.upper()}": value for name, value in event.inputs}
    params |= {"JENKINS_SCHEDULE": event.schedule} if named else {}
    params |= {"mlgen_event": event.name} if event.name else {}
    return run_jenkins(
        work.repo,
        work=work.folder,
        branch="topic" if change else event.branch,
        ref=work.head,
        tag=event.tag or None,
        change=change,
        cause=cause,
        params=params,
        credentials=dict.fromkeys(project.secrets, SECRET),
        input_answer="proceed" if event.approved else "wait",
        time_scale=1.0 if event.approved else 2e-5,  # a day until the question is withdrawn becomes two seconds
        previous_commit=work.base if event.kind == "push" else None,
        python=work.programs.folder,
    )


def _circleci(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    if event.fork:  # https://circleci.com/docs/guides/orchestrate/github-trigger-event-options/
        return RunResult(True, {}, [], work.folder, "the GitHub App starts no pipeline for a fork's pull request")
    config = (work.repo / ".circleci/config.yml").read_text("utf-8")
    declared = "mlgen_event" in config
    parameters: dict[str, Any] = {name: int(value) if value.isdigit() else value for name, value in event.inputs}
    parameters |= {"mlgen_schedule": event.schedule} if event.schedule else {}
    parameters |= {"mlgen_event": event.name} if declared and event.name else {}
    caches = work.folder / "caches"
    if event.kind == "push" and not work.scenario.damage and "last-head" in config:
        _built_before(work, caches)
    slug = project.folder.name
    done = run_circleci(
        work.repo,
        {"api": "manual"}.get(event.kind, event.kind),
        work=work.folder,
        branch=event.branch,
        tag=event.tag,
        ref=work.head,
        base=work.base,
        parameters=parameters,
        contexts={f"{slug}-{name}": dict.fromkeys(project.secrets, SECRET) for name in project.environments},
        approved=[f"approve-{name}" for name in project.approvals] if event.approved else [],
        python=work.programs.folder,
        caches=caches,
    )
    held = {name: "manual" for name in project.approvals if done.jobs.get(f"approve-{name}") == "manual"}
    return done._replace(jobs={**done.jobs, **held})


def _built_before(work: Work, caches: Path) -> None:
    """Build the commit before, whose head is in a cache then; what its jobs say does not count."""
    branch = work.scenario.event.branch
    run_circleci(
        work.repo,
        "push",
        work=work.folder / "before",
        branch=branch,
        ref=work.base,
        python=work.programs.folder,
        caches=caches,
    )
    work.programs.journal.unlink(missing_ok=True)


def _travis(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    request = [f"MLGEN_INPUT_{name.upper()}='{value}'" for name, value in event.inputs]
    request += [f"MLGEN_SCHEDULED='{event.schedule}'"] if event.schedule else []
    request += [f"MLGEN_API_EVENT='{event.name}'"] if event.name else []
    pull = event.kind == "pull_request"
    asked = travis.Event(
        {"pull_request": "pull_request", "push": "push", "tag": "push"}.get(event.kind, "api"),
        event.branch,
        event.tag,
        "topic" if pull else "",
        ("someone/project" if event.fork else travis.SLUG) if pull else "",
        request_env=tuple(request),
        message=event.message,
        base=work.base,
        head=work.head if pull else "",
    )
    return run_travis(
        work.repo,
        asked,
        work=work.folder,
        settings=dict.fromkeys(project.secrets, SECRET),
        python=work.programs.folder,
        ref=work.base if pull else work.head,
    )


def _local(work: Work) -> RunResult:
    event, project = work.scenario.event, PROJECTS[work.scenario.project]
    arguments = [event.name or event.kind, "--deploy"]
    if event.kind in ("push", "pull_request", "manual", "api"):
        arguments += ["--branch", event.branch]
    arguments += ["--fork"] if event.fork else []
    arguments += ["--tag", event.tag] if event.tag else []
    arguments += ["--schedule", event.schedule] if event.schedule else []
    arguments += [word for name, value in event.inputs for word in ("--input", f"{name}={value}")]
    arguments += [word for name in project.approvals if event.approved for word in ("--approve", name)]
    return run_local(
        work.repo,
        arguments,
        work=work.folder,
        base=work.base,
        branch=event.branch,
        secrets={} if event.fork else dict.fromkeys(project.secrets, SECRET),
        python=work.programs.folder,
        seconds=2 if work.scenario.damage == "slow" else 0,
    )


DRIVERS: dict[str, Callable[[Work], RunResult]] = {
    "github": _github,
    "gitlab": _gitlab,
    "circleci": _circleci,
    "jenkins": _jenkins,
    "travis": _travis,
    "mlgen run": _local,
}


# ---- what came out


def play(engine: str, scenario: Scenario, folder: Path, programs: StandIns) -> Played:
    """Run the scenario; its programs keep the journal."""
    repo, base, head = repository(scenario, folder)
    result = DRIVERS[engine](Work(scenario, repo, base, head, folder / "work", programs))
    journal = programs.lines()
    project = PROJECTS[scenario.project]
    return Played({job: _outcome(project, job, result.jobs, journal) for job in scenario.jobs}, result, journal)


def key(line: list[str]) -> str:
    """The job of a line of the journal, without its stage and leg."""
    return line[1].split(".")[1]


_RANK = ["success", "skipped", "manual", "unstable", "warning", "cancelled", "failure"]


def _status(job: str, jobs: Mapping[str, str]) -> str:
    """The worst status of the job and its legs, in whichever way the engine names them; empty if it has none."""
    name = re.compile(rf"(?:\w+ / )?{re.escape(job)}(?:-\d+|: \[.*\]| \(.*\))?")
    found = [status for each, status in jobs.items() if name.fullmatch(each)]
    return max(found, key=lambda status: _RANK.index(status) if status in _RANK else 99) if found else ""


def _outcome(project: Project, job: str, jobs: Mapping[str, str], journal: list[list[str]]) -> str:
    status = _status(job, jobs)
    ran = any(line[0] == "start" and key(line) == job for line in journal)
    if ran or job in project.idle:
        codes = [line[3] for line in journal if line[0] == "end" and key(line) == job]
        if status in ("success", "warning", "unstable"):
            return "allow" if codes and codes[-1] != "0" else "pass"
        if status in ("failure", "cancelled") and ran:
            return "fail"
        return {"failure": "fail", "": "absent"}.get(status, status)
    if status == "failure":
        return "broke"
    return {"": "absent", "success": "green", "manual": "wait"}.get(status, status)
