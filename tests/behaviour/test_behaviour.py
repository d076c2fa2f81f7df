"""`mlgen diff --behaviour`: what a change of the spec does, in words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = """\
version: 1
project: wine
targets: [github]
secrets: {TOKEN: {}, KEY: {environments: [production]}}
triggers:
  push: {branches: [main]}
  pull_request: {}
  schedule: [{name: nightly, cron: "1 2 * * *", stages: [data, train]}]
stages:
  data: {fetch: {run: ./fetch.sh, outs: [data.csv]}}
  train: {fit: {run: ./fit.sh, deps: [data.csv], metrics: [metrics.json], timeout: 1h, secrets: [TOKEN]}}
  test:
    unit: {run: pytest, needs: []}
    quality: {gate: quality}
  deploy:
    production: {run: ./deploy.sh, environment: production, secrets: [KEY]}
gates: {quality: {metrics: metrics.json, require: ["accuracy >= 0.9"]}}
environments: {production: {approval: true}}
"""

CHANGES = [
    ("# a comment", "version: 1", "version: 1  # one", []),
    ("approval", "approval: true", "approval: false", ["deploy.production lost its approval"]),
    ("secret", "pytest, needs: []", "pytest, needs: [], secrets: [TOKEN]", [
        "test.unit runs on pull request, not from a fork, where it ran on pull request",
        "test.unit gains secret TOKEN",
    ]),
    ("event", "timeout: 1h,", "timeout: 1h, when: {event: [push, schedule]},", [
        "test.quality no longer runs on pull request, not from a fork",
        "train.fit no longer runs on pull request, not from a fork",
    ]),
    ("branches", "branches: [main]", 'branches: [main, "release/*"]', [
        "test.quality runs on push to main or release/*, where it ran on push to main",
        "data.fetch, train.fit and test.unit: runs on push to main or release/*, where it ran on push to main",
    ]),
    ("gate", "0.9", "0.8", ["test.quality has another gate: `accuracy >= 0.8`, not `accuracy >= 0.9`"]),
    ("warn", '0.9"]', '0.9"], on_fail: warn', [
        "test.quality has another answer to a gate that fails: `warn, a missing baseline: fail`, not `fail, a missing "
        "baseline: fail`"
    ]),
    ("timeout", "timeout: 1h", "timeout: 2h", ["train.fit has a timeout of 2h, not 1h"]),
    ("command", "./fit.sh", "./fit.sh --fast", ["train.fit has another command: `./fit.sh --fast`, not `./fit.sh`"]),
    ("allow_failure", "run: pytest", "run: pytest, allow_failure: true", ["test.unit may now fail"]),
    ("order", "pytest, needs: []", "pytest, needs: [fit]", [
        "test.unit now waits for train.fit",
        "test.unit runs on pull request, not from a fork, where it ran on pull request",
    ]),
    ("cron", "1 2 * * *", "5 2 * * *", [
        "the pipeline has the schedule nightly 5 2 * * * UTC, on main, not 1 2 * * * UTC, on main"
    ]),
    ("stages", "stages: [data, train]}", "stages: [data, train, test]}", [
        "test.quality now also runs on schedule",
        "test.unit now also runs on schedule",
    ]),
    ("target", "targets: [github]", "targets: [github, gitlab]", ["the pipeline is compiled for gitlab too"]),
    ("new", "  test:\n", "  test:\n    lint: {run: ruff check, needs: []}\n", [
        "test.lint is new: it runs on push; pull request",
    ]),
    ("gone", "    unit: {run: pytest, needs: []}\n", "", ["test.unit is removed"]),
    ("image", "run: pytest", "run: pytest, image: python:3.12", ["test.unit now has the image python:3.12"]),
    ("env", "run: pytest", "run: pytest, env: {A: b}", ["test.unit now has the variable A 'b'"]),
    ("file", "outs: [data.csv]", "outs: [data.csv, more.csv]", ["data.fetch now hands on more.csv"]),
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "wine"
    folder.mkdir(parents=True)
    (folder / "mlgen.yaml").write_text(SPEC, "utf-8")
    git(folder, "init", "-q", "..")
    commit(folder, "first")
    return folder


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


def diff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlgen", "diff", "--behaviour", *arguments, "-C", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("old", "new", "lines"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_is_told_in_words(project: Path, old: str, new: str, lines: list[str]) -> None:
    assert old in SPEC
    (project / "mlgen.yaml").write_text(SPEC.replace(old, new, 1), "utf-8")
    done = diff(project)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(lines or ["mlgen: nothing changes but text"])


def test_the_other_way_round_it_is_told_as_well(project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC.replace("approval: true", "approval: false"), "utf-8")
    commit(project, "second")
    (project / "mlgen.yaml").write_text(SPEC, "utf-8")
    assert diff(project).stdout == "deploy.production now waits for an approval\n"
    assert diff(project, "HEAD~1").stdout == "mlgen: nothing changes but text\n"


def test_a_pack_of_the_repository_is_read_as_it_was(project: Path) -> None:
    pack = project.parent / "pack"
    pack.mkdir()
    (pack / "pack.yaml").write_text('name: base\nversion: "1"\nmlgen: ">=0.1"\ndescription: x\n', "utf-8")
    (pack / "spec.yaml").write_text("defaults: {timeout: 30m}\n", "utf-8")
    (project / "mlgen.yaml").write_text(SPEC.replace("targets", "extends: [../pack]\ntargets"), "utf-8")
    subprocess.run([sys.executable, "-m", "mlgen", "pack", "lock", "-C", str(project)], check=True)
    commit(project, "with a pack")
    (pack / "spec.yaml").write_text("defaults: {timeout: 45m}\n", "utf-8")
    subprocess.run([sys.executable, "-m", "mlgen", "pack", "update", "-C", str(project)], check=True)
    done = diff(project)
    assert "has a timeout of 45m, not 30m" in done.stdout, done.stderr
    assert "train.fit" not in done.stdout


def test_markdown_is_for_a_pull_request(project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC.replace("approval: true", "approval: false").replace("1h", "2h"), "utf-8")
    assert diff(project, "--format", "markdown").stdout == (
        "### What changes in the pipeline of wine, against `HEAD`\n\n**Safety**\n\n"
        "- **deploy.production** lost its approval\n\n**Behaviour**\n\n- **train.fit** has a timeout of 2h, not 1h\n"
    )


def test_json_has_every_change(project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC.replace("approval: true", "approval: false"), "utf-8")
    found = json.loads(diff(project, "--format", "json").stdout)
    assert found == {
        "revision": "HEAD",
        "changes": [{"weight": "safety", "job": "deploy.production", "text": "lost its approval"}],
    }


def test_where_there_was_no_spec_all_jobs_are_new(project: Path) -> None:
    (project / "mlgen.yaml").rename(project / "other.yaml")
    done = diff(project, "-f", "other.yaml")
    assert done.stdout.count(" is new: ") == 5


def test_a_revision_that_is_not_there(project: Path) -> None:
    done = diff(project, "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error MLG811: git knows no nowhere" in done.stderr


def test_a_revision_is_no_option_of_git(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlgen", "diff", "--behaviour", "-C", str(project), "--", f"--output={tmp_path}/x"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "MLG811" in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_spec_that_was_wrong_is_told_with_the_revision(project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC.replace("stages:\n", "stagse:\n"), "utf-8")
    commit(project, "wrong")
    (project / "mlgen.yaml").write_text(SPEC, "utf-8")
    done = diff(project)
    assert done.returncode == 2
    assert "HEAD:mlgen.yaml:" in done.stderr


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "mlgen.yaml").write_text(SPEC, "utf-8")
    done = diff(tmp_path)
    assert done.returncode == 2
    assert "error MLG811" in done.stderr
