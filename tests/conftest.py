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
EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="session")
def wine_python() -> Path:
    """The interpreter of an environment that holds what examples/wine-quality requires."""
    return _environment("wine-venv", EXAMPLES / "wine-quality" / "requirements.txt")


@pytest.fixture(scope="session")
def library_python() -> Path:
    """The interpreter of an environment that holds what examples/library requires."""
    return _environment("library-venv", EXAMPLES / "library" / "requirements.txt")


@pytest.fixture(scope="session")
def vision_python() -> Path:
    """The interpreter of an environment that holds what examples/gpu-vision requires."""
    return _environment("vision-venv", EXAMPLES / "gpu-vision" / "requirements.txt")


def _environment(name: str, requirements: Path) -> Path:
    """The interpreter of an environment that holds these requirements.

    It is kept under this name in the folder that MLGEN_TEST_CACHE names (.tools in the repository by default), and
    rebuilt when the requirements or the version of Python change.
    """
    cache = Path(os.environ.get("MLGEN_TEST_CACHE") or REPOSITORY / ".tools").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    venv = cache / name
    stamp = venv / "requirements.sha256"
    wanted = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version.split()[0]}\n"
    with _locked(cache / f"{name}.lock"):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            _build(venv, requirements)
            # Last, so that a build that was interrupted is made again.
            stamp.write_text(wanted, encoding="utf-8")
    return venv / "bin" / "python"


def _build(venv: Path, requirements: Path) -> None:
    """Make the environment; the output of a command that fails is part of the error."""
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(venv)], [*install, "-r", str(requirements)]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`: parallel test workers build the environment once, the others wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
