"""What the runners have in common: the result of a run, and the scratch clone that it happens in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .tools import ToolFailure, git


class RunResult(NamedTuple):
    """What a pipeline did.

    `jobs` maps a job to success, failure, skipped, cancelled, unstable, warning (a failure that was allowed), manual
    (waiting to be played) or unknown. `order` lists jobs as they started. `artifacts` is the folder that holds what
    was uploaded. `events` is what else the engine tells, in its own words.
    """

    ok: bool
    jobs: dict[str, str]
    order: list[str]
    artifacts: Path
    log: str
    events: Sequence[Mapping[str, Any]] = ()

    def artifact(self, pattern: str) -> Path:
        """Return the one uploaded file whose path matches the glob `pattern`, anywhere below the artifacts."""
        found = [each for each in sorted(self.artifacts.rglob(pattern)) if each.is_file()]
        if len(found) != 1:
            have = sorted(str(each.relative_to(self.artifacts)) for each in self.artifacts.rglob("*") if each.is_file())
            raise LookupError(f"{len(found)} artifacts match {pattern}; there are {have}")
        return found[0]


def clone(repo: Path, to: Path, *, branch: str = "main", ref: str = "HEAD") -> str:
    """Clone `repo` to `to` with `branch` checked out at `ref`, and return the commit. All branches and tags come along.

    A folder that is no repository becomes one of a single commit. Changes that are not committed are an error: an
    engine would run something else than the caller sees.
    """
    if not (repo / ".git").exists():
        shutil.copytree(repo, to, symlinks=True)
        git(to, "init", "-q", "-b", branch, ".")
        git(to, "add", "-A")
        git(to, "commit", "-q", "-m", "scratch")
        return git(to, "rev-parse", "HEAD").strip()
    if git(repo, "status", "--porcelain", "-uno").strip():
        raise ToolFailure(f"{repo} has changes that are not committed")
    commit = git(repo, "rev-parse", f"{ref}^{{commit}}").strip()
    git(repo.parent, "clone", "-q", "--mirror", str(repo), str(to / ".git"))  # hard links: nothing is packed
    git(to / ".git", "config", "core.bare", "false")
    git(to / ".git", "remote", "remove", "origin")
    git(to, "checkout", "-q", "-f", "-B", branch, commit)
    return commit


def python_path(python: Path | None) -> list[Path]:
    """Return the folders to put first on PATH for an interpreter, which may be given as its environment's folder."""
    if python is None:
        return []
    folder = python / "bin" if python.is_dir() else python.parent
    if not (folder / "python").exists():
        raise ToolFailure(f"{python} is no Python environment")
    return [folder]


def text(values: Mapping[str, object] | None) -> dict[str, str]:
    """Return variables as the strings that a process gets."""
    return {name: str(value) for name, value in (values or {}).items()}
