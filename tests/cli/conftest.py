"""A project, and the command as a user runs it: in a process of its own, or in this one where that is the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
SPEC = """\
version: 1
project: wine
targets: [github]
stages:
  train:
    fit: {run: python train.py}
"""
BROKEN = SPEC.replace("run:", "rum:")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "MLGEN_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mlgen.yaml").write_text(SPEC, "utf-8")
    return tmp_path


class Said:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def mlgen(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command in the project's folder."""
    monkeypatch.chdir(project)

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(list(arguments))
        return Said(code, *capsys.readouterr())

    return call


def process(*arguments: str, cwd: Path, **env: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own, with pipes."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), **env}
    return subprocess.Popen(
        [sys.executable, "-m", "mlgen", *arguments],
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what it puts into the background with this signal ignored, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
