"""The interpreter that the example projects run under: their own environment, built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
REQUIREMENTS = REPOSITORY / "examples" / "wine-quality" / "requirements.txt"


@pytest.fixture(scope="session")
def wine_python() -> Path:
    """The interpreter of an environment that holds what examples/wine-quality requires.

    It is kept in `wine-venv` under the folder that MLGEN_TEST_CACHE names (.tools in the repository by default), and
    rebuilt when requirements.txt or the version of Python changes.
    """
    cache = Path(os.environ.get("MLGEN_TEST_CACHE") or REPOSITORY / ".tools").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    venv = cache / "wine-venv"
    stamp = venv / "requirements.sha256"
    wanted = f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {sys.version.split()[0]}\n"
    with _locked(cache / "wine-venv.lock"):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            _build(venv)
            # Last, so that a build that was interrupted is made again.
            stamp.write_text(wanted, encoding="utf-8")
    return venv / "bin" / "python"


def _build(venv: Path) -> None:
    """Make the environment; the output of a command that fails is part of the error."""
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(venv)], [*install, "-r", str(REQUIREMENTS)]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`: parallel test workers build the environment once, the others wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
