"""The code's own rules: who may import whom, how long a module may be, and what may not stand in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlgen.targets import assemble

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for path in (ROOT / "src").rglob("*.py"))


def test_imports_go_in_one_direction() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, env={"PYTHONPATH": "src"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_jinja_is_imported_by_render_alone() -> None:
    found = [
        p.relative_to(ROOT / "src").as_posix()
        for p in MODULES
        if re.search(r"^\s*(import|from) jinja2", p.read_text("utf-8"), re.M)
    ]
    assert found == [f"mlgen/render/{name}.py" for name in ("rules", "sandbox", "sources", "trace")]


def test_only_write_writes_files() -> None:
    """The lock, the outputs and their folders are written in one place, which replaces atomically."""
    writing = re.compile(
        r"\.write_(text|bytes)\(|\bos\.(replace|rename|unlink|remove|makedirs|mkdir)\(|\bopen\([^)]*[\"'][wax]b?[\"']"
    )
    found = {p.relative_to(ROOT / "src/mlgen").as_posix() for p in MODULES if writing.search(p.read_text("utf-8"))}
    # assemble runs in a checkout of mlgen only, and the cache of packs is in no user's repository. A run writes copies
    # of the project, a cache, and a folder in the project that git ignores; a revision goes into a scratch folder.
    run = {f"run/{name}.py" for name in ("caches", "job", "machine", "processes", "pythons", "record", "workspace")}
    assert found - run == {"write/apply.py", "targets/assemble.py", "packs/cache.py", "behaviour/revision.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_schema_is_current() -> None:
    shipped = (ROOT / "schemas/mlgen.schema.json").read_text("utf-8")
    assert shipped == assemble.text(), "run `python -m mlgen.targets.assemble`"


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_folder_of_one_machine() -> None:
    """Absolute paths of a person's or a build's machine; what a container image fixes (/usr, /home/jenkins) is none."""
    machine = re.compile(
        rb"/(work|root)/[a-z]|/home/(?!jenkins|circleci|travis|runner|user|me\b)[a-z]+/|/Users/[A-Za-z]|/tmp/venv"
    )
    assert [
        str(p.relative_to(ROOT)) for p in _tracked() if p != Path(__file__).resolve() and machine.search(p.read_bytes())
    ] == []
