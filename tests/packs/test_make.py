"""Making packs: `mlgen pack new` and `mlgen pack test`."""

import json
from pathlib import Path

import pytest

from mlgen.cli.main import run
from tests.packs.conftest import SPEC, Mlgen, write


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert run(["pack", "new", str(tmp_path / "ml-pack")]) == 0
    return tmp_path / "ml-pack"


def test_a_new_pack_compiles_and_passes_its_own_test(made: Path, mlgen: Mlgen) -> None:
    assert 'name: ml-pack\nversion: "0.1.0"\n' in (made / "pack.yaml").read_text()
    done = mlgen("pack", "test", "-C", made)
    assert (done.code, done.out, done.err) == (0, "basic: as committed\n", "")
    assert not (made / "tests/basic/mlgen.lock").exists()


def test_a_project_takes_a_new_pack(made: Path, project: Path, mlgen: Mlgen) -> None:
    spec = SPEC.replace("../pack", "../ml-pack").replace("stages:", "stages:\n  test: {lint: {use: lint}}")
    write(project, {"mlgen.yaml": spec.replace(", environment: production, secrets: [TOKEN]", "")})
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        ("there", [], "MLG501: FOLDER is not an empty folder"),
        ("file", [], "MLG501: FOLDER is not an empty folder"),
        ("123", [], "MLG703: '123' is not a name for a pack"),
        ("x", ["--name", "My Pack"], "MLG703: 'My Pack' is not a name for a pack"),
    ],
)
def test_a_new_pack_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, options: list[str], message: str
) -> None:
    write(tmp_path, {"there/README.md": "mine", "file": "mine"})
    assert run(["pack", "new", str(tmp_path / folder), *options]) in (1, 2)
    assert message.replace("FOLDER", str(tmp_path / folder)) in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.rglob("*") if p.name != "project" and p.name != "mlgen.yaml") == [
        "README.md", "file", "there",
    ]  # fmt: skip


def test_into_a_fresh_git_repository(tmp_path: Path) -> None:
    (tmp_path / "pack/.git").mkdir(parents=True)
    assert run(["pack", "new", str(tmp_path / "pack"), "--name", "ours"]) == 0
    assert "name: ours\n" in (tmp_path / "pack/pack.yaml").read_text()


def test_a_change_of_the_pack_shows_in_its_tests(made: Path, mlgen: Mlgen) -> None:
    write(made, {"jobs/lint.yaml": "run: flake8\n"})
    before = {p: p.read_bytes() for p in made.rglob("*") if p.is_file()}
    done = mlgen("pack", "test", "-C", made)
    assert done.code == 1
    assert done.out.startswith("basic: 2 files are other than committed\n--- a/")
    assert "flake8" in done.out and "`mlgen pack test --update` takes them" in done.out
    assert {p: p.read_bytes() for p in made.rglob("*") if p.is_file()} == before
    shown = json.loads(mlgen("pack", "test", "-C", made, "--format", "json").out)
    assert len(shown["basic"]) == 2
    assert mlgen("pack", "test", "--update", "-C", made).code == 0
    assert mlgen("pack", "test", "basic", "-C", made).out == "basic: as committed\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"jobs/unused.yaml": "- a\n"}, "jobs/unused.yaml:1:1: error MLG703: a job snippet must be a mapping"),
        ({"templates/nosuch.j2": "x"}, "templates/nosuch.j2: error MLG711"),
        ({"spec.yaml": "rutime: {}\n"}, "error MLG101: unknown key 'rutime'"),
        ({"pack.yaml": "name: x\n"}, "pack.yaml:1:1: error MLG703"),
        ({"tests/basic/mlgen.yaml": "version: 2\n"}, "mlgen.yaml:1:10: error MLG102"),
        ({"tests/basic/mlgen.yaml": SPEC.replace("../pack", "nosuch")}, "MLG701: there is no folder nosuch"),
    ],
)
def test_a_pack_that_is_wrong(made: Path, mlgen: Mlgen, files: dict[str, str], message: str) -> None:
    write(made, files)
    done = mlgen("pack", "test", "-C", made)
    assert (done.code, message in done.err) == (2, True), done.err


def test_a_pack_without_tests(pack: Path, mlgen: Mlgen) -> None:
    done = mlgen("pack", "test", "-C", pack)
    assert (done.code, "MLG703: the pack has no tests" in done.err) == (2, True)
    done = mlgen("pack", "test", "nosuch", "-C", pack)
    assert (done.code, "MLG703: the pack has no test nosuch" in done.err) == (2, True)
    done = mlgen("pack", "test", "-C", pack / "nosuch")
    assert (done.code, "MLG701: there is no folder" in done.err) == (2, True)


def test_options_that_do_not_fit(mlgen: Mlgen) -> None:
    for words in (["pack"], ["pack", "test", "--format", "sarif"], ["pack", "nosuch"]):
        assert run(words) in (0, 2)
