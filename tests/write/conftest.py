"""A project with a spec, compiled in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.cli.main import run

SPEC = """\
version: 1
project: wine
targets: [github]
triggers: {push: {}, pull_request: {}}
stages:
  train:
    fit: {run: python train.py, outs: [model.pkl], metrics: [metrics.json]}
  test:
    unit: {run: pytest, needs: [], reports: {junit: r.xml}}
"""
WORKFLOW = ".github/workflows/ml.yml"

Mlgen = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "mlgen.yaml").write_text(SPEC, "utf-8")
    return root


@pytest.fixture
def mlgen(project: Path) -> Mlgen:
    """Run a command in the project."""

    def call(command: str, *options: str) -> int:
        return run([command, "-C", str(project), *options])

    return call


def tree(root: Path) -> dict[str, bytes]:
    """Every file of the project, and its content."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
