"""mlgen as its users have it: installed, away from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import Dist
from tests.packaging.source import REPOSITORY, copy_example, copy_source, fresh_environment, run

EXAMPLES = sorted(spec.parent.name for spec in (REPOSITORY / "examples").glob("*/mlgen.yaml"))


def _texts(project: Path) -> dict[str, bytes]:
    return {p.relative_to(project).as_posix(): p.read_bytes() for p in sorted(project.rglob("*")) if p.is_file()}


def _by_checkout(project: Path) -> dict[str, bytes]:
    """The project's files after a compilation by the checkout's own code and templates."""
    env = {"PYTHONPATH": str(REPOSITORY / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    run(sys.executable, "-m", "mlgen", "compile", cwd=project, **env)
    return _texts(project)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_installed_mlgen_writes_what_the_checkout_writes(installed: Path, tmp_path: Path, name: str) -> None:
    project = copy_example(tmp_path / "project", name)
    run(installed / "mlgen", "compile", cwd=project)
    assert _texts(project) == _by_checkout(copy_example(tmp_path / "expected", name))
    assert "files are current" in run(installed / "mlgen", "check", cwd=project)
    assert "files are current" in run(installed / "python", "-m", "mlgen", "check", "-C", project, cwd=tmp_path)


def test_every_command_finds_its_data(installed: Path, tmp_path: Path) -> None:
    project = copy_example(tmp_path / "project")
    for command in ("validate", "settings", "ir", "schema", "targets", "--version", "--help"):
        assert run(installed / "mlgen", command, cwd=project)


def test_check_notices_each_change(installed: Path, tmp_path: Path) -> None:
    project = copy_example(tmp_path / "project")
    run(installed / "mlgen", "compile", cwd=project)
    for path in _texts(project).keys() - _texts(copy_example(tmp_path / "before")).keys():
        file = project / path
        text = file.read_text()
        if path == "mlgen.lock":
            file.unlink()
        else:
            file.write_text(text + "# by hand\n")
        run(installed / "mlgen", "check", cwd=project, code=1)
        file.write_text(text)
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text() + "# a comment\n")
    run(installed / "mlgen", "check", cwd=project, code=1)  # the lock names another spec
    run(installed / "mlgen", "compile", cwd=project)
    (project / ".mlgen" / "env.sh").unlink()
    run(installed / "mlgen", "check", cwd=project, code=1)


def _imported(python: Path, project: Path, command: str) -> set[str]:
    """The modules that a command imports, beyond those of the interpreter's own start."""
    script = (
        f"import sys; before = set(sys.modules); sys.argv = ['mlgen', {command!r}]\n"
        "from mlgen.entry import main; assert main() == 0\n"
        "print(*(set(sys.modules) - before))"
    )
    return set(run(python, "-I", "-c", script, cwd=project).splitlines()[-1].split())


def test_a_compilation_does_without_the_heavy_libraries(installed: Path, tmp_path: Path) -> None:
    loaded = _imported(installed / "python", copy_example(tmp_path / "project"), "compile")
    assert "yaml" in loaded
    assert not loaded & {"jinja2", "jsonschema", "typer", "click", "pathlib", "tempfile", "difflib", "dataclasses"}


def test_a_check_without_changes_imports_nothing_heavy(installed: Path, tmp_path: Path) -> None:
    project = copy_example(tmp_path / "project")
    run(installed / "mlgen", "compile", cwd=project)
    loaded = _imported(installed / "python", project, "check")
    own = {"mlgen", "mlgen.entry", "mlgen.resources", "mlgen.write", "mlgen.write.lock", "mlgen.write.digest"}
    assert loaded <= own | {"_blake2"}


def _unpacked(dist: Dist, to: Path) -> Path:
    with zipfile.ZipFile(dist.wheel) as file:
        file.extractall(to)
    return to


def _compile(python: Path, package: Path, project: Path) -> subprocess.CompletedProcess[str]:
    """Compile with this copy of the package, in the environment that has what it needs."""
    env = {"PYTHONPATH": str(package), "PATH": "/usr/bin:/bin"}
    argv = [str(python), "-m", "mlgen", "compile", "-C", str(project)]
    return subprocess.run(argv, cwd=project.parent, env=env, capture_output=True, text=True, check=False)


def _drop_rendered_sources(package: Path) -> None:
    """Empty the templates that are rendered; those that are only joined to others are read as they are."""
    joined = {"env.sh.j2", "guard.py.j2"}
    for template in (package / "mlgen/_data/templates").glob("*/*.j2"):
        if template.name not in joined or template.parent.name == "common":
            template.unlink()


def test_the_compiled_templates_are_used_and_say_the_same_as_their_sources(
    installed: Path, dist: Dist, tmp_path: Path
) -> None:
    expected = _by_checkout(copy_example(tmp_path / "expected"))

    compiled_only = _unpacked(dist, tmp_path / "compiled-only")
    _drop_rendered_sources(compiled_only)
    project = copy_example(tmp_path / "project-1")
    done = _compile(installed / "python", compiled_only, project)
    assert done.returncode == 0, done.stderr
    assert _texts(project) == expected

    sources_only = _unpacked(dist, tmp_path / "sources-only")
    for module in (sources_only / "mlgen/render/compiled").glob("*_j2.py"):
        module.unlink()
    project = copy_example(tmp_path / "project-2")
    done = _compile(installed / "python", sources_only, project)
    assert done.returncode == 0, done.stderr
    assert _texts(project) == expected

    neither = sources_only
    _drop_rendered_sources(neither)
    assert _compile(installed / "python", neither, copy_example(tmp_path / "project-3")).returncode == 3


def test_an_editable_install_reads_the_checkouts_templates(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = copy_source(tmp_path / "source")
    mlgen = fresh_environment(tmp_path / "venv", "--editable", source) / "mlgen"
    project = copy_example(tmp_path / "project")
    run(mlgen, "compile", cwd=project)
    assert _texts(project) == _by_checkout(copy_example(tmp_path / "expected"))
    assert "files are current" in run(mlgen, "check", cwd=project)

    template = source / "templates" / "common" / "env.sh.j2"
    template.write_text(template.read_text() + "# a new last line\n")
    assert "+# a new last line" in run(mlgen, "check", cwd=project, code=1)

    shutil.rmtree(source / "schemas")  # nothing was copied into the environment
    run(mlgen, "check", cwd=project, code=3)
