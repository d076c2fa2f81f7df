"""Ranges of Python versions, as PEP 440, Poetry and conda write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgen.init.project import Project
from mlgen.init.versions import admits, python_version
from tests.init.projects import make

RANGES = {
    ">=3.9": "9 10 11 12 13",
    ">=3.9,<3.12": "9 10 11",
    ">= 3.9, < 3.12": "9 10 11",
    ">=3.9 <3.12": "9 10 11",
    "<=3.10": "8 9 10",
    "<3.10.5": "8 9 10",
    ">3.10": "11 12 13",
    ">3.10.2": "10 11 12 13",
    "==3.11.*": "11",
    "==3.11": "11",
    "===3.11.2": "11",
    "=3.11": "11",
    "3.11": "11",
    "3.11.*": "11",
    "!=3.9,!=3.10.*,>=3.8": "8 11 12 13",
    "!=3.9.1": "8 9 10 11 12 13",
    "~=3.10": "10 11 12 13",
    "~=3.10.2": "10",
    "~3.10": "10",
    "^3.10": "10 11 12 13",
    "^3.9 || ~3.8": "8 9 10 11 12 13",
    ">=3": "8 9 10 11 12 13",
    "<4": "8 9 10 11 12 13",
    "<4.0,>=3.12": "12 13",
    ">=2.7": "8 9 10 11 12 13",
    ">=2.7,!=3.0.*,!=3.1.*": "8 9 10 11 12 13",
    ">=4": "",
    "==2.7.*": "",
    "": "8 9 10 11 12 13",
    "=3.10.4=h12debd9_0": "10",
    "whatever": "8 9 10 11 12 13",
}


@pytest.mark.parametrize("text", RANGES)
def test_a_range_admits(text: str) -> None:
    assert " ".join(str(minor) for minor in range(8, 14) if admits(text, minor)) == RANGES[text]


@given(st.text(st.sampled_from("3.129<>=!~^*, |x"), max_size=12), st.integers(0, 20))
def test_no_text_is_too_odd(text: str, minor: int) -> None:
    assert admits(text, minor) in (True, False)


FILES: list[tuple[dict[str, str], str, str]] = [
    ({}, "3.12", ""),
    ({".python-version": "3.11.4\n3.10\n"}, "3.11", ".python-version"),
    ({".python-version": "pypy3.9-7.3\n", "runtime.txt": "python-3.9.1"}, "3.9", "runtime.txt"),
    ({".tool-versions": "nodejs 20\npython 3.10.1 3.9.1\n"}, "3.10", ".tool-versions"),
    ({"Dockerfile": "FROM ubuntu\nFROM docker.io/library/python:3.8-slim AS x\n"}, "3.8", "Dockerfile"),
    ({".venv/pyvenv.cfg": "home = /usr\nversion = 3.13.1\n"}, "3.13", ".venv/pyvenv.cfg"),
    ({"pyproject.toml": '[project]\nrequires-python = ">=3.10,<3.12"\n'}, "3.11", "pyproject.toml"),
    ({"pyproject.toml": '[project]\nrequires-python = ">=3.10"\n', "Dockerfile": "FROM python:3.8\n"}, "3.12",
     "pyproject.toml"),
    ({"pyproject.toml": '[tool.poetry.dependencies]\npython = {version = "~3.9"}\n'}, "3.9", "pyproject.toml"),
    ({"setup.cfg": "[options]\npython_requires = >=3.14\n"}, "3.14", "setup.cfg"),
    ({"environment.yml": "dependencies: [conda-forge::python=3.10.4, pip]\n"}, "3.10", "environment.yml"),
    ({"environment.yml": "dependencies: [python-dateutil=2.8, 'python >=3.7,<3.9']\n"}, "3.8", "environment.yml"),
    ({"pyproject.toml": '[project]\nrequires-python = ">=3.20"\n'}, "3.12", ""),
    ({"pyproject.toml": "[project]\nrequires-python = 3\n"}, "3.12", ""),
    ({".python-version": "2.7\n"}, "3.12", ""),
]  # fmt: skip


@pytest.mark.parametrize("files, version, source", FILES)
def test_the_version_of_a_project(tmp_path: Path, files: dict[str, str], version: str, source: str) -> None:
    assert python_version(Project(str(make(tmp_path, files)))) == (version, source)
