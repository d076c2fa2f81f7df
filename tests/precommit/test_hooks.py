"""The hooks of .pre-commit-hooks.yaml, run by the real pre-commit in a project that uses them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.packaging.source import copy_example, copy_source, once, run

IDENTITY = ("-c", "user.name=Tests", "-c", "user.email=tests@example.org", "-c", "commit.gpgsign=false")
PRE_COMMIT = (sys.executable, "-m", "pre_commit")


def git(folder: Path, *words: str) -> str:
    """Run git without the user's and the machine's configuration."""
    return run("git", *IDENTITY, *words, cwd=folder, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")


def commit_all(folder: Path) -> str:
    """Commit everything that is not ignored; the commit's name."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-verify", "-m", "All files")
    return git(folder, "rev-parse", "HEAD").strip()


class Hooks(NamedTuple):
    """A repository of hooks, and pre-commit's own folder."""

    repository: Path
    revision: str
    home: Path


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    """This checkout's working tree as a repository that pre-commit can clone."""

    def build(folder: Path) -> None:
        (folder / "repository").mkdir()
        commit_all(copy_source(folder / "repository"))

    folder = once(tmp_path_factory, "hooks", build)
    repository = folder / "repository"
    return Hooks(repository, git(repository, "rev-parse", "HEAD").strip(), folder / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed project whose outputs were never compiled."""
    folder = copy_example(tmp_path / "project")
    commit_all(folder)
    return folder


def test_try_repo_runs_the_check(hooks: Hooks, project: Path) -> None:
    argv = (*PRE_COMMIT, "try-repo", hooks.repository, "mlgen-check")
    shown = run(*argv, cwd=project, code=1, PRE_COMMIT_HOME=str(hooks.home))
    assert "CI configs are current" in shown
    assert "+++ b/mlgen.lock" in shown


def test_a_project_with_both_hooks(hooks: Hooks, project: Path) -> None:
    config = project / ".pre-commit-config.yaml"
    config.write_text(
        f"repos:\n- repo: {hooks.repository}\n  rev: {hooks.revision}\n  hooks:\n  - id: mlgen-check\n"
        "  - id: mlgen-compile\n    stages: [manual]\n"
    )
    git(project, "add", "-A")

    def hook(name: str, code: int = 0) -> str:
        stage = ("--hook-stage", "manual") if name == "mlgen-compile" else ()
        return run(*PRE_COMMIT, "run", *stage, name, cwd=project, code=code, PRE_COMMIT_HOME=str(hooks.home))

    # Nothing compiled yet: the check fails, the other hook mends it.
    assert "mlgen compile" in hook("mlgen-check", code=1)
    hook("mlgen-compile")
    assert "Passed" in hook("mlgen-check")
    commit_all(project)

    # The spec changed: the check shows what would change, although no file under its own name was named to it.
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text().replace("accuracy >= 0.90", "accuracy >= 0.95"))
    git(project, "add", "mlgen.yaml")
    shown = hook("mlgen-check", code=1)
    assert any(line.startswith("-") and "0.90" in line for line in shown.splitlines())
    assert any(line.startswith("+") and "0.95" in line for line in shown.splitlines())

    # The compiling hook mends it, and fails so that its changes are looked at and added.
    assert "files were modified by this hook" in hook("mlgen-compile", code=1)
    git(project, "add", "-A")
    assert "Passed" in hook("mlgen-compile")
    assert "Passed" in hook("mlgen-check")

    # What is committed counts, and not what lies beside it: an output that was not added is stale.
    spec.write_text(spec.read_text().replace("accuracy >= 0.95", "accuracy >= 0.96"))
    hook("mlgen-check")
    git(project, "add", "mlgen.yaml")
    hook("mlgen-compile", code=1)
    assert "Passed" not in hook("mlgen-check", code=1)

    # A spec that is wrong fails with its diagnostic.
    spec.write_text(spec.read_text().replace("stages:", "stagse:", 1))
    git(project, "add", "-A")
    assert "did you mean" in hook("mlgen-check", code=1)
