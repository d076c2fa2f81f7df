"""A project and a pack beside it, and git repositories made on the spot."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.cli.main import run

PACK = {
    "pack.yaml": 'name: org\nversion: "1.0.0"\nmlgen: ">=0.1"\n',
    "spec.yaml": """\
runtime: {python: "3.11", image: "python:3.11-slim"}
secrets: {TOKEN: {environments: [production]}}
environments: {production: {approval: true}}
stages:
  test:
    lint: {use: lint}
""",
    "jobs/lint.yaml": "run: ruff check\ntimeout: 10m\n",
}
SPEC = """\
version: 1
project: demo
targets: [github]
extends: [../pack]
stages:
  train:
    fit: {run: python train.py}
  deploy:
    prod: {run: ./deploy, environment: production, secrets: [TOKEN]}
"""
WORKFLOW = ".github/workflows/ml.yml"


class Said:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Mlgen = Callable[..., Said]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path / "pack", PACK)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project", {"mlgen.yaml": SPEC})


@pytest.fixture
def mlgen(project: Path, capsys: pytest.CaptureFixture[str]) -> Mlgen:
    """Run a command for the project."""

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        words = [str(a) for a in arguments]
        code = run([*words, "-C", str(project)] if "-C" not in words else words)
        return Said(code, *capsys.readouterr())

    return call


def git(folder: Path, *words: str) -> str:
    """Run git without the user's and the machine's configuration."""
    identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.org", "-c", "commit.gpgsign=false"]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *identity, *words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def publish(folder: Path, tag: str) -> str:
    """Commit all of the folder and tag it; the commit's name."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", tag)
    git(folder, "tag", tag)
    return git(folder, "rev-parse", "HEAD")
