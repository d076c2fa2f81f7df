"""The committed outputs of examples/monorepo: current, the same in whatever order, and clean under every checker."""

import shutil
from pathlib import Path

import pytest

from mlgen import targets
from mlgen.cli.main import run
from mlgen.compiler import compile_spec
from tests.engines import checkers

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/monorepo"
PROJECTS = ("churn", "demand")
OF_A_PROJECT = {
    "github": ".github/workflows/{}.yml",
    "gitlab": ".gitlab/ci/{}.yml",
    "circleci": ".circleci/{}.yml",
    "jenkins": "projects/{}/Jenkinsfile",
    "travis": ".travis/{}.yml",
}
SHARED = {"gitlab": ".gitlab-ci.yml", "travis": ".travis.yml"}


@pytest.mark.parametrize("name", PROJECTS)
def test_compiles_for_every_target_without_a_warning(name: str) -> None:
    compiled = compile_spec(str(EXAMPLE / "projects" / name), "mlgen.yaml")
    assert compiled.warnings == ()
    assert {file.target for file in compiled.files} == {*targets.names(), ""}
    own = {(EXAMPLE / "projects" / name / file.path).resolve() for file in compiled.files}
    wanted = {path.format(name) for path in OF_A_PROJECT.values()} | set(SHARED.values())
    tools = {f"projects/{name}/.mlgen/env.sh", f"projects/{name}/.mlgen/ci.py"}
    assert own == {EXAMPLE / path for path in wanted | tools}


@pytest.mark.parametrize("order", [PROJECTS, PROJECTS[::-1]])
def test_compiled_anew_in_any_order_the_files_are_those_committed(tmp_path: Path, order: tuple[str, ...]) -> None:
    root = tmp_path / "repo"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", ".cache", "data", "*.json"))
    texts = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for path in [
        *(root / p.format(n) for p in OF_A_PROJECT.values() for n in order),
        *map(root.joinpath, SHARED.values()),
    ]:
        path.unlink()
    for name in order:
        (root / "projects" / name / "mlgen.lock").unlink()
        assert run(["compile", "-C", str(root / "projects" / name)]) == 0
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == texts
    assert [run(["check", "-C", str(root / "projects" / name)]) for name in order] == [0, 0]


@pytest.mark.parametrize("system", targets.names())
@pytest.mark.parametrize("name", PROJECTS)
def test_clean_under_all_checkers(name: str, system: str) -> None:
    path = EXAMPLE / OF_A_PROJECT[system].format(name)
    # GitLab reads this one as a part of the other only.
    found = checkers.schema(path, system) if system == "gitlab" else checkers.check_all(path, system)
    assert found == []


def test_the_files_of_both_are_clean_under_all_checkers() -> None:
    assert checkers.check_all(EXAMPLE / ".travis.yml", "travis") == []
    assert checkers.schema(EXAMPLE / ".gitlab-ci.yml", "gitlab") == []
    assert checkers.gitlab_listing(EXAMPLE / ".gitlab-ci.yml", root=EXAMPLE).findings == []
