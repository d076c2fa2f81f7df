"""The file as such: readable, typed, for every Python, and of no CI system."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATES, render

from mlgen.emitted import PARTS

COMMANDS = [name for part in PARTS for name, _ in part.commands]
BIN = Path(sys.executable).parent


def rendered(tmp_path: Path, fragments: tuple[str, ...], parts: tuple[str, ...] = ()) -> str:
    path = tmp_path / "ci.py"
    path.write_text(render(*fragments, parts=parts))
    return str(path)


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the standard library, for all of its runs."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("parts", [(), *((part.name,) for part in PARTS)], ids=lambda parts: "-".join(parts) or "all")
@pytest.mark.parametrize("fragments", [(), ("github",)])
@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "--isolated", "--line-length=120", "--target-version=py38"],
        ["ruff", "check", "--isolated", "--line-length=120"],
        ["ruff", "format", "--isolated", "--line-length=120", "--diff"],
        ["mypy", "--strict", "--config-file="],
    ],
    ids=["ruff38", "ruff", "format", "mypy"],
)
def test_clean(
    tmp_path: Path, mypy_cache: Path, fragments: tuple[str, ...], tool: list[str], parts: tuple[str, ...]
) -> None:
    cache = [f"--cache-dir={mypy_cache}"] if tool[0] == "mypy" else []
    command = [str(BIN / tool[0]), *tool[1:], *cache, rendered(tmp_path, fragments, parts)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fragments", [(), ("github",)])
def test_parses_as_python_3_8(fragments: tuple[str, ...]) -> None:
    ast.parse(render(*fragments), feature_version=(3, 8))


def pythons() -> list[str]:
    """This interpreter, and every other version that the machine has; `test_parses_as_python_3_8` is for the rest."""
    names = [shutil.which(f"python3.{minor}") for minor in range(8, 16)]
    found = [p for p in names if p and not subprocess.run([p, "-c", ""], check=False, capture_output=True).returncode]
    return [sys.executable, *found]


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).name)
def test_runs_on_the_pythons_of_this_machine(ci_py: Path, python: str) -> None:
    Path("m.json").write_text('{"a": 1}')
    Path("r.xml").write_text('<testsuite><testcase name="x"><failure message="m"/></testcase></testsuite>')
    for command in (
        ["gate", "g", "--metrics", "m.json", "--require", "a >= 0.5"],
        ["exports", "--out", "o", "--json", "x=m.json:a"],
        ["report", "--junit", "r.xml"],
        ["legs", "--job", "j", "--leg", "l", "--out", "l.json", "m.json"],
        ["merge", "--job", "j", "l.json"],
    ):
        done = subprocess.run([python, str(ci_py), *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_standard_library_only() -> None:
    tree = ast.parse(render("github"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_heavy_imports_are_where_used() -> None:
    top = {
        alias.name for node in ast.parse(render("github")).body if isinstance(node, ast.Import) for alias in node.names
    }
    assert not top & {"urllib.request", "http.client", "hashlib", "xml.etree.ElementTree"}


def test_functions_fit_a_screen_and_are_documented() -> None:
    for node in ast.walk(ast.parse(render("github"))):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
    for node in ast.parse(render()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            assert ast.get_docstring(node), node.name


def test_the_common_part_names_no_ci_system() -> None:
    text = (TEMPLATES / "common" / "ci.py.j2").read_text().lower()
    assert not [name for name in ("github", "gitlab", "circleci", "jenkins", "travis") if name in text]


def test_the_fragment_has_no_templating() -> None:
    text = (TEMPLATES / "github" / "guard.py.j2").read_text()
    assert not [
        mark for mark in ("[%%", "%%]", "[[=", "[##", "##]") if mark in text.replace('"##["', "").replace("`##[`", "")
    ]


def test_several_fragments_stand_side_by_side() -> None:
    ast.parse(render("github", "github"))


def test_help(run) -> None:
    result = run("--help")
    result.passed()
    assert all(f"    {command} " in result.out for command in COMMANDS)
    for command in COMMANDS:
        result = run(command, "--help")
        result.passed()
        assert "--" in result.out


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["nothing"],
        ["gate"],
        ["gate", "g", "--metrics", "m.json"],
        ["gate", "g", "--metric", "m.json", "--require", "a > 1"],
        ["report", "--coverage", "jacoco:x.xml"],
        ["report", "--coverage", "cobertura"],
        ["exports", "--out", "o", "--json", "a"],
        ["exports", "--out", "o", "--name", "a"],
        ["legs", "--job", "a", "--leg", "b", "--out", "c"],
        ["guard"],
    ],
)
def test_wrong_usage(run, args: list[str]) -> None:
    run(*args).failed(code=2)


def test_a_bug_is_one_line_too(ci_py: Path, tmp_path: Path) -> None:
    broken = tmp_path / "ci.py"
    broken.write_text(
        ci_py.read_text().replace("def guard(args: argparse.Namespace) -> None:", "def guard(args):\n    1 / 0", 1)
    )
    done = subprocess.run(
        [sys.executable, broken, "guard", "--environment", "e"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "mlgen: unexpected ZeroDivisionError: division by zero\n")
