"""Several specs in one repository: where their files are, what they share, and that none spoils another's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen.cli.main import run
from mlgen.write.lock import is_current

SPEC = """\
version: 1
project: {{name: {name}, root: {root}}}
targets: {{{targets}}}
triggers: {{push: {{branches: [main]}}, manual: {{inputs: {{epochs: {{type: integer, default: 3}}}}}}}}
stages:
  train:
    fit: {{run: python train.py, outs: [model.json]}}
"""
ALL = "github: {}, gitlab: {}, circleci: {}, jenkins: {}, travis: {fallback: {root: together}}"

Compile = Callable[..., int]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    for name in ("a", "b"):
        write(root, name)
        assert run(["compile", "-C", str(root / "apps" / name)]) == 0
    return root


def write(root: Path, name: str, folder: str = "", targets: str = ALL, said: str = "") -> Path:
    place = root / (folder or f"apps/{name}")
    place.mkdir(parents=True, exist_ok=True)
    text = SPEC.format(name=name, root=said or folder or f"apps/{name}", targets=targets)
    (place / "mlgen.yaml").write_text(text, "utf-8")
    return place


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def check(root: Path, name: str) -> tuple[int, int]:
    """What `check` says of a project, and what the digests in its lock do."""
    place = str(root / "apps" / name)
    return run(["check", "-C", place]), is_current(place, "mlgen.yaml")


def test_each_project_has_files_of_its_own_and_a_share_of_the_others(repository: Path) -> None:
    of_a = {
        ".circleci/a.yml", ".github/workflows/a.yml", ".gitlab/ci/a.yml", ".travis/a.yml",
        "apps/a/.mlgen/env.sh", "apps/a/Jenkinsfile", "apps/a/mlgen.lock", "apps/a/mlgen.yaml",
    }  # fmt: skip
    of_b = {path.replace("/a", "/b").replace("/bpps", "/apps").replace("bpps", "apps") for path in of_a}
    assert set(files(repository)) == of_a | of_b | {".gitlab-ci.yml", ".travis.yml"}
    assert [check(repository, name) for name in "ab"] == [(0, 8), (0, 8)]
    for shared in (".gitlab-ci.yml", ".travis.yml"):
        text = (repository / shared).read_text("utf-8")
        assert "apps/a/mlgen.yaml" in text and "apps/b/mlgen.yaml" in text


def test_compiling_one_again_changes_nothing(repository: Path) -> None:
    before = files(repository)
    for name in "aba":
        assert run(["compile", "-C", str(repository / "apps" / name)]) == 0
    assert files(repository) == before


def test_a_project_more_leaves_the_others_current(repository: Path) -> None:
    place = write(repository, "c")
    assert run(["compile", "-C", str(place)]) == 0
    assert [check(repository, name) for name in "abc"] == [(0, 8)] * 3
    assert (repository / ".gitlab-ci.yml").read_text("utf-8").count("- local:") == 3


def test_a_share_that_is_lost_is_told_to_whom_it_belongs(repository: Path) -> None:
    """Such as by a merge of two branches of which each has added a project."""
    whole = (repository / ".gitlab-ci.yml").read_bytes()
    place = write(repository, "c")
    assert run(["compile", "-C", str(place)]) == 0
    (repository / ".gitlab-ci.yml").write_bytes(whole)
    assert check(repository, "c") == (1, 0)
    assert check(repository, "a") == (1, 8)  # its own share is there; but the file is not that of all
    assert run(["compile", "-C", str(repository / "apps/a")]) == 0
    assert [check(repository, name) for name in "abc"] == [(0, 8)] * 3


@pytest.mark.parametrize("shared", [".gitlab-ci.yml", ".travis.yml"])
def test_a_shared_file_edited_by_hand_is_told_to_all(
    repository: Path, shared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / shared
    path.write_text(path.read_text("utf-8") + "# by hand\n", "utf-8")
    assert [check(repository, name) for name in "ab"] == [(1, 0), (1, 0)]
    assert f"../../{shared}" in (said := capsys.readouterr().err) and "MLG504" in said
    assert run(["compile", "-C", str(repository / "apps/b")]) == 0
    assert [check(repository, name) for name in "ab"] == [(0, 8), (0, 8)]


def test_inputs_that_change_change_the_share(repository: Path) -> None:
    spec = repository / "apps/a/mlgen.yaml"
    spec.write_text(spec.read_text("utf-8").replace("default: 3", "default: 4"), "utf-8")
    assert check(repository, "a") == (1, 0)
    assert run(["compile", "-C", str(spec.parent)]) == 0
    assert 'a_epochs:\n      default: "4"' in (repository / ".gitlab-ci.yml").read_text("utf-8")
    assert [check(repository, name) for name in "ab"] == [(0, 8), (0, 8)]


def test_a_project_leaves_a_system(repository: Path) -> None:
    write(repository, "a", targets="github: {}")
    assert run(["compile", "-C", str(repository / "apps/a")]) == 0
    assert not (repository / ".gitlab/ci/a.yml").exists() and not (repository / ".travis/a.yml").exists()
    assert "apps/a" not in (repository / ".gitlab-ci.yml").read_text("utf-8")
    assert check(repository, "b") == (0, 8)
    write(repository, "b", targets="github: {}")
    assert run(["compile", "-C", str(repository / "apps/b")]) == 0
    assert sorted(p for p in files(repository) if not p.startswith(("apps", ".github"))) == []


def test_a_project_that_is_gone_has_no_share(repository: Path) -> None:
    (repository / "apps/b/mlgen.yaml").unlink()
    assert run(["compile", "-C", str(repository / "apps/a")]) == 0
    assert "b.yml" not in (repository / ".gitlab-ci.yml").read_text("utf-8")


def test_two_projects_of_one_name_are_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write(repository, "a", folder="other/a")
    before = files(repository)
    assert run(["compile", "-C", str(place)]) == 1
    said = capsys.readouterr().err
    assert "MLG501" in said and "was written by mlgen from apps/a/mlgen.yaml" in said
    assert "a `project` name of its own" in said
    assert files(repository) == before


def test_two_specs_of_one_folder_are_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "apps/a/other.yaml").write_text(
        SPEC.format(name="other", root="apps/a", targets=ALL), "utf-8"
    )  # fmt: skip
    before = files(repository)
    assert run(["compile", "-C", str(repository / "apps/a"), "-f", "other.yaml"]) == 1
    assert "MLG501" in capsys.readouterr().err
    assert files(repository) == before


def test_a_spec_that_was_copied_says_another_folder(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write(repository, "c", folder="apps/c", said="apps/a")
    assert run(["compile", "-C", str(place)]) == 2
    assert "MLG225" in capsys.readouterr().err


def test_a_spec_at_the_root_does_not_take_over_what_projects_share(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "mlgen.yaml").write_text(SPEC.format(name="top", root=".", targets="gitlab: {}"), "utf-8")
    before = files(repository)
    assert run(["compile", "-C", str(repository)]) == 1
    assert "MLG501" in capsys.readouterr().err
    assert files(repository) == before
    # Where each has a file of its own, nothing is in the way.
    (repository / "mlgen.yaml").write_text(SPEC.format(name="top", root=".", targets="github: {}"), "utf-8")
    assert run(["compile", "-C", str(repository)]) == 0
    assert (repository / ".github/workflows/ml.yml").exists()


def test_nothing_is_written_above_the_repository(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = repository.parent / "away"
    away.mkdir()
    (repository / ".circleci/a.yml").unlink()
    (repository / ".circleci/b.yml").unlink()
    (repository / ".circleci").rmdir()
    (repository / ".circleci").symlink_to(away)
    assert run(["compile", "-C", str(repository / "apps/a")]) == 1
    assert "MLG503" in capsys.readouterr().err
    assert list(away.iterdir()) == []
