"""`mlgen graph`: formats, files, and what is wrong with them."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Said

Mlgen = Callable[..., Said]


@pytest.mark.parametrize(
    ("format", "begins"),
    [
        ("text", "wine: 1 job in 1 stage\n"),
        ("mermaid", "---\ntitle: wine\n---\nflowchart LR\n"),
        ("dot", 'digraph "wine" {'),
        ("svg", '<svg xmlns="http://www.w3.org/2000/svg"'),
        ("html", "<!doctype html>"),
    ],
)
def test_formats(mlgen: Mlgen, format: str, begins: str) -> None:
    said = mlgen("graph", "--format", format)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(begins)


@pytest.mark.parametrize(
    ("name", "begins"),
    [("g.mmd", "---"), ("g.DOT", "digraph"), ("g.txt", "wine: "), ("g.svg", "<svg"), ("g.html", "<!doctype html>")],
)
def test_a_files_name_tells_the_format(mlgen: Mlgen, project: Path, name: str, begins: str) -> None:
    said = mlgen("graph", "--output", name)
    assert (said.code, said.out) == (0, "")
    assert (project / name).read_text("utf-8").startswith(begins)


def test_an_unknown_format_and_a_file_that_cannot_be_written(mlgen: Mlgen, project: Path) -> None:
    assert "'png' is none of text, mermaid, dot, svg, html" in mlgen("graph", "--format", "png").err
    said = mlgen("graph", "-o", "mlgen.yaml/g.dot")
    assert said.code == 1
    assert "mlgen.yaml/g.dot: error MLG503: mlgen.yaml/g.dot cannot be written" in said.err


def test_a_wrong_spec_is_told(mlgen: Mlgen, project: Path) -> None:
    (project / "mlgen.yaml").write_text("version: 1\n", "utf-8")
    said = mlgen("graph")
    assert (said.code, said.out, "MLG103" in said.err) == (2, "", True)


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_on_a_terminal_only(project: Path, env: dict[str, str], colored: bool) -> None:
    ours, theirs = pty.openpty()
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
    subprocess.run([sys.executable, "-m", "mlgen", "graph"], cwd=project, env=clean, stdout=theirs, check=True)
    os.close(theirs)
    assert (b"\x1b[1mwine\x1b[0m" in os.read(ours, 10_000)) == colored
