"""The committed outputs of the examples and of the feature fixture: current, and what a user sees when they are not."""

import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from mlgen.cli.main import run
from tests.engines.tools import Completed, find

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = [*sorted(p.parent for p in ROOT.glob("examples/*/mlgen.yaml")), *sorted((ROOT / "tests/fixtures").iterdir())]


def mlgen(*arguments: str | Path) -> Completed:
    """Run a command in this process, which takes a fraction of the time that one of its own does."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run([str(argument) for argument in arguments])
    return Completed(code, out.getvalue(), err.getvalue())


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(params=PROJECTS, ids=lambda path: path.name)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(request.param, root, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    return root


def test_compile_changes_nothing_and_check_agrees(project: Path) -> None:
    before = contents(project)
    done = subprocess.run([sys.executable, "-m", "mlgen", "compile", "-C", project], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(project) == before
    assert mlgen("check", "-C", project).code == 0


def test_a_changed_spec_is_told_with_a_diff(project: Path) -> None:
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text("utf-8").replace('python: "3.11"', 'python: "3.12"', 1), "utf-8")
    done = mlgen("check", "-C", project)
    assert done.code == 1
    assert "--- a/.github/workflows/ml.yml\n+++ b/.github/workflows/ml.yml\n@@" in done.out
    for line in (r"^-          .*3\.11", r"^\+          .*3\.12"):
        assert re.search(line, done.out, re.MULTILINE)


@pytest.mark.parametrize("name", [".github/workflows/ml.yml", "Jenkinsfile", ".mlgen/env.sh"])
def test_an_output_edited_by_hand_is_told(project: Path, name: str) -> None:
    path = project / name
    path.write_text(path.read_text("utf-8") + "# by hand\n", "utf-8")
    done = mlgen("check", "-C", project)
    assert (done.code, "MLG504" in done.err) == (1, True)


def test_a_broken_spec_is_told_and_nothing_is_written(project: Path) -> None:
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text("utf-8").replace("\nstages:", "\nstagse:"), "utf-8")
    before = contents(project)
    for command in ("check", "compile"):
        done = mlgen(command, "-C", project)
        assert done.code == 2
        place = re.search(r"^mlgen\.yaml:(\d+):1: error MLG101: unknown key 'stagse'", done.err, re.MULTILINE)
        assert place and spec.read_text("utf-8").splitlines()[int(place[1]) - 1] == "stagse:"
        assert "hint: did you mean `stages`?" in done.err
    assert contents(project) == before


def test_a_file_of_somebody_else_is_refused_and_intact(project: Path) -> None:
    (project / ".gitlab-ci.yml").write_text("script: make\n")
    before = contents(project)
    done = mlgen("compile", "-C", project)
    assert (done.code, "MLG501" in done.err, "--adopt" in done.err) == (1, True, True)
    assert contents(project) == before
    assert mlgen("compile", "-C", project, "--adopt").code == 0
    assert (project / ".gitlab-ci.yml.orig").read_text() == "script: make\n"


def test_the_portable_variables_are_clean_under_shellcheck(project: Path) -> None:
    done = subprocess.run([find("shellcheck"), project / ".mlgen/env.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
