"""The package, built and installed once for all tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.packaging.source import copy_source, fresh_environment, once, run


class Dist(NamedTuple):
    """The built files."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Dist:
    """The sdist, and the wheel that pip makes from it in an isolated environment."""

    def build(folder: Path) -> None:
        (folder / "source").mkdir()
        source = copy_source(folder / "source")
        run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=source)
        (sdist,) = folder.glob("*.tar.gz")
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, sdist, cwd=folder)

    folder = once(tmp_path_factory, "dist", build)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Dist(sdist, wheel)


@pytest.fixture(scope="session")
def installed(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds nothing but the wheel and what it asks for."""

    def build(folder: Path) -> None:
        fresh_environment(folder / "venv", dist.wheel)

    return once(tmp_path_factory, "installed", build) / "venv" / "bin"
