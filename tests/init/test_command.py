"""The command: what it says, what it refuses, and that what it says can be copied and run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen import targets
from mlgen.cli.main import run
from mlgen.write import apply
from tests.cli.conftest import Said
from tests.init.projects import PROJECTS, make

Mlgen = Callable[..., Said]
CI = {".travis.yml": "language: python\n", ".github/workflows/ml.yml": "on: push\n", ".github/workflows/lint.yml": ""}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "wine", PROJECTS["requirements"], "git@github.com:org/wine.git")


@pytest.fixture
def mlgen(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mlgen:
    monkeypatch.chdir(project)

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(list(arguments))
        return Said(code, *capsys.readouterr())

    return call


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def commands(text: str) -> list[list[str]]:
    """The commands under `Next:`, as a shell would read them."""
    lines = text.partition("\nNext:\n")[2].splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def follow(text: str, cwd: Path) -> None:
    """Run the next steps as they are written."""
    for words in commands(text):
        if words[0] == "mlgen":
            words[:1] = [sys.executable, "-m", "mlgen"]
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_the_next_steps_work(mlgen: Mlgen, project: Path) -> None:
    said = mlgen("init")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("wrote mlgen.yaml: 2 jobs (train.fit, test.unit) for GitHub Actions\n")
    follow(said.out, project)
    assert mlgen("check").code == 0
    staged = subprocess.run(["git", "diff", "--cached", "--name-only"], cwd=project, capture_output=True, text=True)
    assert staged.stdout.split() == [
        ".github/workflows/ml.yml", ".mlgen/ci.py", ".mlgen/env.sh", "mlgen.lock", "mlgen.yaml"
    ]  # fmt: skip


def test_the_next_steps_name_the_folder_and_the_spec(mlgen: Mlgen, project: Path) -> None:
    make(project.parent / "a b", PROJECTS["uv"], "git@gitlab.com:a/b.git")
    said = mlgen("init", "-C", "../a b", "-f", "ci spec.yaml")
    assert (said.code, said.err) == (0, "")
    follow(said.out, project)
    assert (project.parent / "a b/.gitlab-ci.yml").exists()


def test_files_in_the_way_are_told_with_what_to_do(mlgen: Mlgen, project: Path) -> None:
    make(project, CI)
    said = mlgen("init")
    assert "  .github/workflows/ml.yml\n  .travis.yml\n" in said.out
    assert "`path: .github/workflows/ml-mlgen.yml` under `targets.github`" in said.out
    assert "still run by their CI system: .github/workflows/lint.yml\n" in said.out
    assert all("--adopt" in words for words in commands(said.out) if words[1] == "compile")
    assert mlgen("compile").code == 1
    follow(said.out, project)
    assert (project / ".travis.yml.orig").read_text() == CI[".travis.yml"]


def test_the_other_path_that_is_offered_works(mlgen: Mlgen, project: Path) -> None:
    make(project, {".github/workflows/ml.yml": "on: push\n"})
    mlgen("init")
    spec = project / "mlgen.yaml"
    text = spec.read_text("utf-8")
    assert "  github: {}  # found" in text
    spec.write_text(text.replace("  github: {}", "  github: {path: .github/workflows/ml-mlgen.yml}"), "utf-8")
    assert mlgen("compile").code == 0


@pytest.mark.parametrize("there", ["file", "link", "folder"])
def test_a_spec_that_is_there_is_never_touched(mlgen: Mlgen, project: Path, there: str) -> None:
    path = project / "mlgen.yaml"
    if there == "file":
        path.write_text("mine")
    elif there == "link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
    before = contents(project)
    said = mlgen("init", "-t", "github")
    assert (said.code, said.out) == (1, "")
    assert "mlgen.yaml: error MLG511: mlgen.yaml is there already" in said.err
    assert contents(project) == before


def test_one_that_comes_meanwhile_is_not_touched(mlgen: Mlgen, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = apply.os.urandom

    def appear(count: int) -> bytes:
        (project / "mlgen.yaml").write_text("mine")
        return before(count)

    monkeypatch.setattr(apply.os, "urandom", appear)
    assert mlgen("init").code == 1
    assert (project / "mlgen.yaml").read_text() == "mine"
    assert [p.name for p in project.iterdir() if p.name.startswith(".mlgen")] == []


def test_without_hard_links(mlgen: Mlgen, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert mlgen("init").code == 0
    assert mlgen("validate").code == 0
    assert mlgen("init").code == 1


@pytest.mark.parametrize("failing", ["fsync", "link"])
def test_a_write_that_fails_leaves_nothing(
    mlgen: Mlgen, project: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    before = contents(project)
    monkeypatch.setattr(os, failing, fail)
    assert mlgen("init").code == 130
    assert contents(project) == before


def test_a_read_only_folder(project: Path) -> None:
    if os.geteuid() == 0:  # root may write everywhere: a name that no file system takes instead
        done = subprocess.run(
            [sys.executable, "-m", "mlgen", "init", "-f", "x" * 300], cwd=project, capture_output=True, text=True
        )
    else:
        project.chmod(0o500)
        done = subprocess.run([sys.executable, "-m", "mlgen", "init"], cwd=project, capture_output=True, text=True)
        project.chmod(0o700)
    assert done.returncode == 1
    assert "MLG503" in done.stderr


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("-C", "nowhere"), "there is no folder nowhere"),
        (("-f", "../x.yaml"), "must lie in the project's root"),
        (("-t", "hudson"), "none of circleci"),
        (("--name", "a b"), "a-b?"),
        (("--name", ""), "letters"),
        (("--python", "3"), "such as 3.12"),
        (("--python", "3.10\n"), "such as 3.12"),
        (("--format", "sarif"), "none of text, json"),
        (("--train", "curl -H ghp_" + "a" * 36), "MLG105"),
        (("extra",), "extra"),
    ],
)
def test_wrong_flags(mlgen: Mlgen, project: Path, arguments: tuple[str, ...], word: str) -> None:
    before = contents(project)
    said = mlgen("init", *arguments)
    assert said.code == 2
    assert word in said.err and "Traceback" not in said.err
    assert contents(project) == before


def test_without_a_sign_of_a_ci_system_one_must_be_named(mlgen: Mlgen, tmp_path: Path) -> None:
    bare = make(tmp_path / "bare", {"a.py": ""})
    said = mlgen("init", "-C", str(bare))
    assert said.code == 2
    assert "name one of " + ", ".join(targets.names()) in " ".join(said.err.replace("│", " ").split())
    assert mlgen("init", "-C", str(bare), "-t", "circleci", "-t", "circleci").code == 0
    assert mlgen("validate", "-C", str(bare)).code == 0


def test_json_for_programs(mlgen: Mlgen, project: Path) -> None:
    make(project, CI)
    shown = json.loads(mlgen("init", "--dry-run", "--format", "json").out)
    assert not (project / "mlgen.yaml").exists()
    assert (shown["written"], shown["targets"]) == (False, ["github", "travis"])
    assert shown["in_the_way"] == [".github/workflows/ml.yml", ".travis.yml"]
    assert json.loads(mlgen("init", "--format", "json").out)["written"] is True
    assert (project / "mlgen.yaml").read_text("utf-8") == shown["text"] == shown["text"]


def test_a_pipeline_that_cannot_be_taken_over_is_told(mlgen: Mlgen, tmp_path: Path) -> None:
    make(tmp_path / "dvc", PROJECTS["dvc-unusable"], "git@github.com:a/b.git")
    said = mlgen("init", "-C", str(tmp_path / "dvc"))
    assert (said.code, said.err) == (0, "")
    assert "note: the jobs of dvc.yaml cannot be taken one by one: dvc.yaml:4:" in said.out
    assert "1 job (train.reproduce)" in said.out


def test_what_cannot_be_read_is_told(mlgen: Mlgen, project: Path) -> None:
    make(project, {"pyproject.toml": "[project\n", "dvc.yaml": "stages: [\n", ".python-version": ""})
    (project / "setup.cfg").write_bytes(b"\xff\xfe")
    said = mlgen("init")
    assert said.code == 0
    notes = [line for line in said.out.splitlines() if line.startswith("note: ")]
    assert len(notes) == 3
    assert "note: setup.cfg was not looked at: it is not UTF-8" in notes
