"""`mlgen explain FILE:LINE`, for emitted files and for the spec."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.cli.main import run
from tests.cli.conftest import Said

Mlgen = Callable[..., Said]
SPEC = """\
version: 1
project: wine
targets: [github, gitlab]

stages:
  train:
    fit:
      run: python train.py
      timeout: 1h
"""


@pytest.fixture
def compiled(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    (project / "mlgen.yaml").write_text(SPEC, "utf-8")
    assert run(["compile", "-C", str(project)]) == 0
    return project


def number(project: Path, file: str, text: str) -> int:
    lines = (project / file).read_text("utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


def test_a_line_of_an_emitted_file(mlgen: Mlgen, compiled: Path) -> None:
    line = number(compiled, ".github/workflows/ml.yml", "timeout-minutes: 90")
    said = mlgen("explain", f".github/workflows/ml.yml:{line}")
    assert (said.code, said.err) == (0, "")
    rows = [row.split() for row in said.out.splitlines()]
    assert rows[0] == [f".github/workflows/ml.yml:{line}"]
    assert ["depends", "on", "stages.train.fit.timeout", "mlgen.yaml:9:7"] in rows
    assert ["job", "stages.train.fit", "mlgen.yaml:7:5"] in rows
    assert rows[-1][-1] == "job.minutes", "the conditions in the template, the innermost last"


def test_a_line_of_an_emitted_file_as_json(mlgen: Mlgen, compiled: Path) -> None:
    line = number(compiled, ".gitlab-ci.yml", "python train.py")
    found = json.loads(mlgen("explain", f".gitlab-ci.yml:{line}", "--format", "json").out)
    assert (found["file"], found["line"], found["target"], found["job"]) == (
        ".gitlab-ci.yml",
        line,
        "gitlab",
        "train.fit",
    )
    assert found["keys"] == [
        {"key": "stages.train.fit.run", "file": "mlgen.yaml", "line": 8, "column": 7, "note": ""}
    ]  # fmt: skip
    assert [t["file"] for t in found["templates"]] == ["templates/gitlab/gitlab-ci.yml.j2"] * 2


def test_lines_without_a_key_say_why(mlgen: Mlgen, compiled: Path) -> None:
    assert "why         mlgen's header: " in mlgen("explain", ".gitlab-ci.yml:1").out
    line = number(compiled, ".github/workflows/ml.yml", "permissions: {}")
    assert (
        "why         mlgen's own: no key of the spec is behind"
        in mlgen("explain", f".github/workflows/ml.yml:{line}").out
    )


def test_a_line_of_the_spec(mlgen: Mlgen, compiled: Path) -> None:
    said = mlgen("explain", "mlgen.yaml:9")
    assert said.out.splitlines()[0] == "mlgen.yaml:9  stages.train.fit.timeout"
    assert "\nGitHub Actions\n  .github/workflows/ml.yml:" in said.out
    assert "    timeout: 1h 31m" in said.out
    found = json.loads(mlgen("explain", "mlgen.yaml:9", "--format", "json").out)
    assert {part["target"] for part in found["became"]} == {"github", "gitlab"}


def test_a_key_that_nothing_depends_on_says_so(mlgen: Mlgen, compiled: Path) -> None:
    assert "GitLab CI/CD: nothing in its files depends on it" in mlgen("explain", "mlgen.yaml:1").out


def test_from_another_folder(mlgen: Mlgen, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(compiled.parent)
    for path in (".gitlab-ci.yml:1", f"{compiled.name}/.gitlab-ci.yml:1", f"{compiled}/.gitlab-ci.yml:1"):
        said = mlgen("explain", "-C", compiled.name, path)
        assert (said.code, said.out.splitlines()[0]) == (0, ".gitlab-ci.yml:1"), said.err


def test_a_file_that_is_not_current(mlgen: Mlgen, compiled: Path) -> None:
    path = compiled / ".gitlab-ci.yml"
    path.write_text("# mine\n" + path.read_text("utf-8"), "utf-8")
    moved = number(compiled, ".gitlab-ci.yml", "python train.py")
    said = mlgen("explain", f".gitlab-ci.yml:{moved}")
    assert said.code == 0
    assert f"the file is not current; this is its line {moved - 1}" in said.err
    assert "stages.train.fit.run" in said.out
    said = mlgen("explain", ".gitlab-ci.yml:1")
    assert (said.code, "mlgen would not write this line" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nosuch.yml:3", "nosuch.yml is no file that mlgen writes from mlgen.yaml"),
        ("mlgen.lock:1", "mlgen.lock is no file that mlgen writes from mlgen.yaml"),
        (".gitlab-ci.yml:9999", ".gitlab-ci.yml has "),
        (".gitlab-ci.yml:0", ".gitlab-ci.yml has "),
        ("mlgen.yaml:99", "mlgen.yaml has 10 lines"),
        ("mlgen.yaml:4", "there is no key on this line"),
    ],
)
def test_what_cannot_be_explained(mlgen: Mlgen, compiled: Path, place: str, message: str) -> None:
    said = mlgen("explain", place)
    assert (said.code, said.out) == (2, "")
    assert "error MLG006: " in said.err
    assert message in said.err


def test_a_file_without_a_line_a_target_and_an_unknown_word(mlgen: Mlgen, compiled: Path) -> None:
    assert "of which line? mlgen.yaml:1 is the first" in mlgen("explain", "mlgen.yaml").err
    assert mlgen("explain", "gitlab").out.startswith("GitLab CI/CD\n")
    assert "there is no code MLG999" in mlgen("explain", "MLG999").err
