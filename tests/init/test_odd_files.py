"""Whatever stands in a repository, `init` writes a spec that compiles, in time, and says what it could not read."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen import targets
from mlgen.init import Wishes, draft, look, propose
from mlgen.init.project import LARGEST, MOST_FILES
from tests.init.projects import PROJECTS, make

READ = [
    "pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "Pipfile", "Pipfile.lock", "uv.lock", "poetry.lock",
    "pdm.lock", "requirements.txt", "requirements-dev.txt", "environment.yml", "dvc.yaml", "MLproject", "Dockerfile",
    ".python-version", ".tool-versions", "runtime.txt", ".venv/pyvenv.cfg", "train.py", "metrics.json",
    "tests/test_x.py", "k8s/a.yaml", "charts/x/Chart.yaml", "a.ipynb", ".gitlab-ci.yml",
]  # fmt: skip


def proposed(root: Path) -> None:
    found = look(str(root))
    propose(str(root), "mlgen.yaml", draft(found, Wishes(targets=targets.names())))


def values(depth: int = 3) -> st.SearchStrategy[object]:
    """Anything that YAML, TOML and JSON can hold, with the keys that `init` asks for."""
    keys = st.sampled_from(
        ["stages", "cmd", "deps", "outs", "metrics", "plots", "dependencies", "name", "python", "entry_points", "main",
         "project", "tool", "poetry", "uv", "pdm", "group", "dependency-groups", "optional-dependencies", "dev",
         "dev-dependencies", "requires-python", "build-system", "pip", "packages", "requires", "python_version", "ruff",
         "pytest", "a b", "", "é", "wdir", "foreach"]
    )  # fmt: skip
    leaf = st.one_of(
        st.text(max_size=12), st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.none(),
        st.sampled_from(["pytest", "python=3.9", "a/../b", "-x", "$(id)", "data.csv", "numpy>=1", ">=3.9", "a: b #"]),
    )  # fmt: skip
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
    )


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from(READ), st.binary(max_size=200), max_size=12))
def test_files_of_any_bytes(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        proposed(Path(folder))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from([n for n in READ if n.endswith((".yaml", ".yml", ".json", "MLproject"))]),
                       values(), max_size=6), st.sampled_from(list(PROJECTS)))  # fmt: skip
def test_data_of_any_form(data: dict[str, object], kind: str) -> None:
    import json

    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), {**PROJECTS[kind], **{name: json.dumps(value) for name, value in data.items()}})
        proposed(Path(folder))


def toml(value: object) -> str:
    """A value as TOML writes it in one line."""
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return '""' if value is None else json.dumps(value)


@settings(deadline=None, max_examples=50)
@given(values(), values(), st.sampled_from(["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "x"]))
def test_toml_of_any_form(one: object, two: object, lock: str) -> None:
    text = f"project = {toml(one)}\ntool = {{poetry = {toml(two)}, uv = {toml(one)}, pdm = {toml(two)}}}\n"
    text += f'build-system = {toml(two)}\n"dependency-groups" = {toml(one)}\n'
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), {"pyproject.toml": text, "Pipfile": text, lock: ""})
        proposed(Path(folder))


FILES = ["train.py", "test_x.py", "a.ipynb", "Chart.yaml", "k.yaml"]
NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=20)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from(["train.py", "test_x.py", "a.ipynb", "Chart.yaml", "k.yaml"])), max_size=5
    )
)
def test_names_of_any_kind(names: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for inside, name in names:
            try:
                make(Path(folder), {f"{inside}/{name}": PROJECTS["helm"]["charts/wine/templates/api.yaml"]})
            except OSError:  # `.` or what this file system refuses
                continue
        proposed(Path(folder))


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    os.makedirs(os.fsencode(tmp_path) + b"/\xff\xfe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe/train.py")).write_text("")
    proposed(tmp_path)


def test_links_pipes_and_folders_where_files_belong(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "pyproject.toml").symlink_to("pyproject.toml")
    (tmp_path / "dvc.yaml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "environment.yml")
    os.mkfifo(tmp_path / "train.py")
    (tmp_path / "requirements.txt").mkdir()
    (tmp_path / "MLproject").mkdir()
    (tmp_path / "setup.cfg").symlink_to("/dev/zero")
    started = time.monotonic()
    proposed(tmp_path)
    assert time.monotonic() - started < 20
    assert any("pyproject.toml" in note for note in look(str(tmp_path)).notes)


def test_huge_files_and_many_of_them(tmp_path: Path) -> None:
    with (tmp_path / "pyproject.toml").open("wb") as file:
        file.truncate(LARGEST + 1)
    (tmp_path / "many").mkdir()
    for number in range(MOST_FILES + 10):
        (tmp_path / "many" / str(number)).touch()
    notes = look(str(tmp_path)).notes
    assert "pyproject.toml was not looked at: it is too large" in notes
    assert any("more than" in note for note in notes)


@pytest.mark.parametrize("name", ["dvc.yaml", "environment.yml", "MLproject"])
def test_a_bomb_of_aliases(tmp_path: Path, name: str) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (tmp_path / name).write_text("\n".join(lines) + "\nstages: *a11\n")
    proposed(tmp_path)
    assert any(name in note for note in look(str(tmp_path)).notes)


@pytest.mark.parametrize("name, text", [("pyproject.toml", "a = " + "[" * 5000), ("metrics.json", "[" * 100_000),
                                        ("metrics.json", "1" * 10_000), ("dvc.yaml", "[" * 5000)])  # fmt: skip
def test_deep_or_long_values(tmp_path: Path, name: str, text: str) -> None:
    make(tmp_path, {name: text, "train.py": "metrics.json"})
    proposed(tmp_path)


def test_a_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    make(tmp_path, {"secret/train.py": ""})
    (tmp_path / "secret").chmod(0)
    try:
        proposed(tmp_path)
    finally:
        (tmp_path / "secret").chmod(0o700)
