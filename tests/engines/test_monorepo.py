"""The two projects of examples/monorepo, run by the engines: none sees the other, and each runs for its own changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .run_github import run_github
from .run_gitlab import run_gitlab
from .run_jenkins import run_jenkins
from .runs import RunResult
from .tools import git

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/monorepo"
PROJECTS = ("churn", "demand")
TRAINS = ("fetch", "fit", "quality")
"""The jobs of either project that a change starts, but for those that deploy."""
CHANGES = {
    "of-churn": "projects/churn/params.json",
    "of-demand": "projects/demand/train.py",
    "of-both": "common/mlkit.py",
    "of-none": "README.md",
}
CONCERNS = {"of-churn": ("churn",), "of-demand": ("demand",), "of-both": PROJECTS, "of-none": ()}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as a repository, with a branch for each kind of change."""
    root = tmp_path_factory.mktemp("monorepo") / "repo"
    made = ("__pycache__", ".cache", "data", "deployed", "model.json", "metrics.json")
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(*made))
    git(root, "init", "-q", "-b", "main", ".")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    for branch, path in CHANGES.items():
        git(root, "checkout", "-q", "-b", branch, "main")
        changed = root / path
        changed.write_text(changed.read_text("utf-8") + "\n", "utf-8")
        git(root, "commit", "-q", "-a", "-m", branch)
    git(root, "checkout", "-q", "main")
    return root


def head(repository: Path, branch: str) -> str:
    return git(repository, "rev-parse", branch).strip()


def metrics(project: str) -> dict[str, float]:
    return {"churn": {"accuracy": 0.96}, "demand": {"mape": 0.0188}}[project]


def only(result: RunResult, projects: tuple[str, ...]) -> None:
    """Of a run of both: the jobs of these projects ran, and those of the others did not."""
    ran = {name for name, status in result.jobs.items() if status == "success"}
    assert {name.partition("-")[0] for name in ran} - {"mlgen"} == set(projects), result.log[-3000:]
    assert all(f"{project}-{job}" in ran for project in projects for job in TRAINS), result.log[-3000:]
    assert set(result.jobs.values()) <= {"success", "skipped"}


# --- GitHub: a workflow each


@pytest.mark.parametrize("branch", CHANGES)
@pytest.mark.parametrize("project", PROJECTS)
def test_github_pull_request(repository: Path, tmp_path: Path, wine_python: Path, project: str, branch: str) -> None:
    pull = {
        "base": {"sha": head(repository, "main"), "ref": "main"},
        "head": {"sha": head(repository, branch), "ref": branch, "repo": {"full_name": "octo/wine"}},
        "user": {"login": "someone"},
    }
    done = run_github(
        repository,
        "pull_request",
        work=tmp_path,
        workflow=f".github/workflows/{project}.yml",
        branch=branch,
        event_payload={"number": 1, "pull_request": pull},
        python=wine_python,
    )
    assert done.ok, done.log[-3000:]
    wanted = "success" if project in CONCERNS[branch] else "skipped"
    assert {job: done.jobs[job] for job in (*TRAINS, "unit")} == dict.fromkeys((*TRAINS, "unit"), wanted)
    assert done.jobs["checks"] == "success"  # a required check reports in any case
    assert len(done.jobs) == 7  # of this project alone
    if wanted == "success":
        assert json.loads(done.artifact("metrics.json").read_text("utf-8")) == metrics(project)


def test_github_push_deploys_the_project_that_has_changed(repository: Path, tmp_path: Path, wine_python: Path) -> None:
    results = {}
    for project, last in (("churn", "staging"), ("demand", "publish")):
        done = run_github(
            repository,
            "push",
            work=tmp_path / project,
            workflow=f".github/workflows/{project}.yml",
            ref="of-churn",
            event_payload={"before": head(repository, "main")},
            python=wine_python,
        )
        results[project] = (done.jobs["fit"], done.jobs[last])
    # act has no record of deployments to ask, so that the guard of the deployment is as far as it comes.
    assert results == {"churn": ("success", "failure"), "demand": ("skipped", "skipped")}


# --- GitLab: one pipeline, from a file each


@pytest.mark.parametrize("branch", CHANGES)
def test_gitlab_merge_request(repository: Path, tmp_path: Path, wine_python: Path, branch: str) -> None:
    done = run_gitlab(
        repository, source="merge_request_event", work=tmp_path, branch=branch, ref=branch,
        merge_request={"diff_base_sha": head(repository, "main")}, predefined={"GITLAB_CI": "true"},
        python=wine_python,
    )  # fmt: skip
    assert done.ok, done.log[-3000:]
    only(done, CONCERNS[branch])
    for project in CONCERNS[branch]:
        made = done.artifacts / f"{project}-fit/projects/{project}"
        assert json.loads((made / "metrics.json").read_text("utf-8")) == metrics(project)
        assert sorted(path.name for path in (done.artifacts / f"{project}-fit/projects").iterdir()) == [project]


@pytest.mark.parametrize(
    ("event", "project", "last"),
    [
        ("", "", ""),
        ("churn/manual", "churn", "staging"),
        ("demand/manual", "demand", "publish"),
        ("demand/retrain", "demand", "publish"),
    ],
)
def test_gitlab_runs_by_hand_and_events(
    repository: Path, tmp_path: Path, wine_python: Path, event: str, project: str, last: str
) -> None:
    inputs = {"mlgen_event": event, "churn_epochs": "21"}
    done = run_gitlab(
        repository, source="web", work=tmp_path, inputs=inputs, predefined={"GITLAB_CI": "true"}, python=wine_python
    )
    assert done.ok, done.log[-3000:]
    only(done, (project,) if project else PROJECTS)
    if project:
        assert done.jobs[f"{project}-{last}"] == "success"


def test_gitlab_schedules_of_one_name(repository: Path, tmp_path: Path, wine_python: Path) -> None:
    for project in PROJECTS:
        done = run_gitlab(
            repository, source="schedule", work=tmp_path / project, schedule=f"{project}/weekly",
            predefined={"GITLAB_CI": "true"}, python=wine_python,
        )  # fmt: skip
        assert done.ok, done.log[-3000:]
        only(done, (project,))
        assert {"churn-staging", "demand-publish"} & set(done.order) == set()


def test_gitlab_a_failure_of_one_does_not_stop_the_other(repository: Path, tmp_path: Path, wine_python: Path) -> None:
    broken = tmp_path / "repo"
    git(tmp_path, "clone", "-q", str(repository), str(broken))
    (broken / "projects/churn/fetch.py").write_text("raise SystemExit('no customers')\n", "utf-8")
    git(broken, "commit", "-q", "-a", "-m", "broken")
    done = run_gitlab(
        broken, source="web", work=tmp_path / "work", predefined={"GITLAB_CI": "true"}, python=wine_python
    )
    assert done.jobs["churn-fetch"] == "failure"
    assert done.jobs["churn-fit"] == "skipped"
    assert {done.jobs[f"demand-{job}"] for job in (*TRAINS, "unit", "publish")} == {"success"}, done.log[-3000:]


# --- Jenkins: a Multibranch Pipeline each, with the path of its Jenkinsfile


@pytest.mark.parametrize("branch", CHANGES)
@pytest.mark.parametrize("project", PROJECTS)
def test_jenkins_push(repository: Path, tmp_path: Path, wine_python: Path, project: str, branch: str) -> None:
    done = run_jenkins(
        repository,
        work=tmp_path,
        jenkinsfile=f"projects/{project}/Jenkinsfile",
        ref=branch,
        previous_commit=head(repository, "main"),
        python=wine_python,
    )
    assert done.ok, done.log[-3000:]
    ran = {stage for stage, status in done.jobs.items() if status == "success"}
    last = {"churn": "deploy / staging", "demand": "deploy / publish"}[project]
    wanted = {"data / fetch", "train / fit", "test / unit", "test / quality", last}
    assert ran & wanted == (wanted if project in CONCERNS[branch] else set()), done.log[-3000:]
    if project in CONCERNS[branch]:
        assert json.loads(done.artifact("metrics.json").read_text("utf-8")) == metrics(project)
