"""What a package is made of, copied out of the checkout, so that a test may build in it, edit it or commit it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.write.lock import LOCK, parse

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "templates", "schemas")
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore", ".pre-commit-hooks.yaml")


def copy_source(to: Path) -> Path:
    """A copy of all that a build reads, and no more: a build that reads anything else fails."""
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in FILES:
        shutil.copy(REPOSITORY / name, to / name)
    return to


def copy_example(to: Path, name: str = "wine-quality") -> Path:
    """A copy of an example as it was before it was compiled."""
    shutil.copytree(REPOSITORY / "examples" / name, to, ignore=shutil.ignore_patterns("__pycache__"))
    lock = to / LOCK
    if lock.exists():
        for output in parse(lock.read_text("utf-8"))["mlgen.yaml"]:
            if output.startswith("/"):
                (to / output[1:]).unlink()
        lock.unlink()
    return to


def run(*argv: str | Path, cwd: Path, code: int = 0, **env: str) -> str:
    """The output of a command that ends with this exit code; the developer's own settings stay out."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLGEN", "PRE_COMMIT", "GIT_"))}
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_COMPILE": "0", "NO_COLOR": "1", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{argv} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def fresh_environment(folder: Path, *install: str | Path) -> Path:
    """The `bin` of a new virtual environment in which pip, with build isolation, has installed this."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet")
    run(*pip, *install, cwd=folder.parent)
    return folder / "bin"


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that the first of several test workers fills; the others wait for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder / ".done"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            build(folder)
            done.touch()
    return folder
