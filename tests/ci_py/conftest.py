"""Renders the emitted ci.py, and runs it as a program and as a module."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlgen import emitted
from mlgen.render import render as mlgen_render

TEMPLATES = Path(__file__).parents[2] / "templates"


def render(*fragments: str, parts: Collection[str] = ()) -> str:
    """The text of ci.py with the fragments of these targets, and these parts, or all."""
    chosen = [part for part in emitted.PARTS if not parts or part.name in parts]
    texts = [{"text": (TEMPLATES / name / "guard.py.j2").read_text().rstrip("\n")} for name in fragments]
    return mlgen_render("common/ci.py.j2", emitted.ci_view(chosen, texts))


@pytest.fixture(scope="session")
def ci_py(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rendered") / ".mlgen" / "ci.py"
    path.parent.mkdir()
    path.write_text(render("github"))
    return path


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and an environment of no CI system."""
    for name in os.environ:
        if name.startswith(("GITHUB_", "MLGEN_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes it a job of GitHub Actions; returns the file of the job's summary."""
    path = tmp_path / "summary.md"
    path.touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


@pytest.fixture(scope="session")
def ci(ci_py: Path) -> ModuleType:
    """ci.py as a module."""
    spec = importlib.util.spec_from_file_location("mlgen_ci", ci_py)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Result:
    """What a run of ci.py left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def failed(self, *words: str, code: int = 1) -> None:
        """It ended with that status, and with one clear line that has these words."""
        assert (self.code, self.err.count("\n")) == (code, 1), (self.out, self.err)
        assert self.err.startswith("mlgen: ")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err

    def failed_last(self, *words: str) -> None:
        """It ended with status 1 after other lines, and with one clear line that has these words."""
        last = self.err.splitlines()[-1]
        assert (self.code, last.startswith("mlgen: ")) == (1, True), (self.out, self.err)
        for word in words:
            assert word in last

    def passed(self) -> None:
        assert (self.code, self.err) == (0, ""), (self.out, self.err)


@pytest.fixture
def run(ci_py: Path) -> Callable[..., Result]:
    """Runs ci.py as a program."""

    def run(*args: Any, **env: str) -> Result:
        command = [sys.executable, str(ci_py), *map(str, args)]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env={**os.environ, **env}, timeout=60
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def call(ci: ModuleType, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs ci.py in this process, which is faster."""

    def call(*args: Any) -> Result:
        capsys.readouterr()
        code = ci.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
