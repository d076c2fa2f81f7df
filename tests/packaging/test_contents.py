"""What the sdist and the wheel hold."""

from __future__ import annotations

import email
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mlgen.render.compiled import module_name
from tests.packaging.conftest import Dist
from tests.packaging.source import FOLDERS, REPOSITORY, copy_source, run


def _files(folder: str) -> set[str]:
    """The files of a folder of the checkout, by their paths in it."""
    top = REPOSITORY / folder
    found = (p for p in top.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(top).as_posix() for p in found}


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_the_wheel_holds_the_whole_package_and_its_data(dist: Dist) -> None:
    expected = {f"mlgen/{name}" for name in _files("src/mlgen")}
    expected |= {f"mlgen/_data/templates/{name}" for name in _files("templates")}
    expected |= {"mlgen/_data/schemas/mlgen.schema.json", "mlgen/py.typed"}
    info = f"{dist.wheel.name.rpartition('-py3')[0]}.dist-info"
    own = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    names = _names(dist.wheel)
    compiled = {f"mlgen/render/compiled/{module_name(name)}.py" for name in _files("templates")}
    assert names == expected | own | compiled


@pytest.mark.parametrize("name", ["schema.yaml", "pins.json"])
def test_the_wheel_holds_each_targets_data(dist: Dist, name: str) -> None:
    wanted = {f"mlgen/targets/{p.parent.name}/{name}" for p in (REPOSITORY / "src/mlgen/targets").glob(f"*/{name}")}
    assert wanted
    assert wanted <= _names(dist.wheel)


def test_the_metadata(dist: Dist) -> None:
    with zipfile.ZipFile(dist.wheel) as file:
        name = next(n for n in file.namelist() if n.endswith("METADATA"))
        metadata = email.message_from_bytes(file.read(name))
        points = file.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert metadata["Name"] == "mlgen-ci"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "mlgen = mlgen.entry:main" in points


def test_the_sdist_holds_what_a_build_needs_and_nothing_else(dist: Dist) -> None:
    with tarfile.open(dist.sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    expected = {f"{folder}/{name}" for folder in FOLDERS for name in _files(folder)}
    expected |= {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore", "PKG-INFO"}
    assert names - {"CHANGELOG.md"} == expected


def test_building_twice_makes_the_same_wheel_and_leaves_the_source_alone(tmp_path: Path) -> None:
    wheels = []
    for seed in ("1", "2"):
        source = tmp_path / f"source-{seed}"
        source.mkdir()
        before = sorted(copy_source(source).rglob("*"))
        build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / seed)
        run(*build, cwd=source, PYTHONHASHSEED=seed, PYTHONDONTWRITEBYTECODE="1")
        assert sorted(source.rglob("*")) == before
        wheels += (tmp_path / seed).glob("*.whl")
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
