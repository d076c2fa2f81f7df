"""A small project under git, and `mlgen run` in it."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgen.cli.main import run

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MLGEN_TEST_CACHE") or REPOSITORY / ".tools").absolute() / "run-cache"
"""Environments of Python take seconds to make; those of the tests are kept as a user's are."""

HEAD = """\
version: 1
project: small
targets: [github]
"""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    for name in [name for name in os.environ if name.startswith("MLGEN_") and name != "MLGEN_TEST_CACHE"]:
        monkeypatch.delenv(name)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


class Ran:
    """What a run printed and left."""

    def __init__(self, code: int, out: str, err: str, folder: Path) -> None:
        self.code, self.out, self.err, self.folder = code, out, err, folder
        self.data: dict[str, Any] = json.loads(out) if out.startswith("{") else {}
        self.left = Path(self.data.get("folder", folder / ".mlgen-run/latest"))

    @property
    def results(self) -> dict[str, str]:
        return {name.partition(".")[2]: job["result"] for name, job in self.data["jobs"].items()}

    def reason(self, name: str) -> str:
        reason: str = self.data["jobs"][name].get("reason", "")
        return reason

    def log(self, name: str) -> str:
        return (self.left / "logs" / f"{name}.log").read_text("utf-8")

    def file(self, path: str) -> str:
        return (self.left / "files" / path).read_text("utf-8")


class Project:
    """A project of a test: `spec` is what comes after the head, without indentation."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def spec(self, text: str, **files: str) -> Project:
        whole = textwrap.dedent(text)
        triggers = "" if "triggers:" in whole else "triggers: {push: {}, pull_request: {}, manual: {}}\n"
        self.write(**{"mlgen.yaml": f"{HEAD}{triggers}{whole}", **files})
        if not (self.folder / ".git").exists():
            git(self.folder, "init", "-q", "-b", "main", ".")
        return self.commit()

    def write(self, **files: str) -> Project:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return self

    def commit(self) -> Project:
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "a commit")
        return self

    def run(self, *arguments: str) -> Ran:
        self.capsys.readouterr()
        code = run(["run", *arguments, "-C", str(self.folder), "--format", "json", "-j", "4"])
        return Ran(code, *self.capsys.readouterr(), self.folder)

    def said(self, *arguments: str) -> Ran:
        """As text."""
        self.capsys.readouterr()
        code = run(["run", *arguments, "-C", str(self.folder)])
        return Ran(code, *self.capsys.readouterr(), self.folder)


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, capsys)


Make = Callable[..., Project]
