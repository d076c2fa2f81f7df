from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from wine import validate

Lines = list[str]


def failed(path: Path) -> set[str]:
    return {result.name for result in validate.validate(path) if result.problems}


def set_first(lines: Lines, column: int, value: str) -> Lines:
    """Return the lines with one value of the first row replaced."""
    values = lines[1].split(",")
    values[column] = value
    return [lines[0], ",".join(values), *lines[2:]]


def test_the_real_data_is_good(tmp_path: Path, wine_text: str) -> None:
    path = tmp_path / "wine.csv"
    path.write_text(wine_text)
    assert failed(path) == set()
    assert not any(result.skipped for result in validate.validate(path))


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        pytest.param(lambda lines: [], "readable", id="empty-file"),
        pytest.param(lambda lines: [lines[0].replace("alcohol", "alkohol"), *lines[1:]], "schema", id="column-renamed"),
        pytest.param(lambda lines: [line.split(",", 1)[1] for line in lines], "schema", id="column-missing"),
        pytest.param(lambda lines: [*lines, "1,2,3"], "schema", id="short-row"),
        pytest.param(lambda lines: lines[:1] + lines[1::2], "rows", id="too-few-rows"),
        pytest.param(lambda lines: set_first(lines, 0, ""), "nulls", id="empty-value"),
        pytest.param(lambda lines: set_first(lines, 3, "NaN"), "nulls", id="nan"),
        pytest.param(lambda lines: set_first(lines, 0, "-1"), "ranges", id="negative"),
        pytest.param(lambda lines: set_first(lines, 12, "inf"), "ranges", id="infinite"),
        pytest.param(lambda lines: set_first(lines, 1, "dry"), "ranges", id="not-a-number"),
        pytest.param(lambda lines: set_first(lines, -1, "3"), "classes", id="unknown-class"),
        pytest.param(lambda lines: [line for line in lines if line[-2:] != ",2"], "classes", id="class-missing"),
    ],
)
def test_bad_data_fails_its_check(tmp_path: Path, wine_text: str, spoil: Callable[[Lines], Lines], check: str) -> None:
    path = tmp_path / "wine.csv"
    path.write_text("".join(f"{line}\n" for line in spoil(wine_text.splitlines())))
    assert failed(path) == {check}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\x00b\n"])
def test_a_file_of_another_kind_is_bad_data(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wine.csv"
    path.write_bytes(content)
    assert failed(path) <= {"readable", "schema"} != set()
    ElementTree.fromstring(validate.junit(validate.validate(path)))


def test_main_reports_and_fails(project: Path, wine_text: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = project / "data/wine.csv"
    data.parent.mkdir()
    data.write_text(wine_text)
    assert validate.main() == 0
    data.write_text(wine_text.replace("14.23,", "99,", 1))
    assert validate.main() == 1
    assert "FAILED  ranges\n        row 1: alcohol is '99', expected 9.0 to 17.0" in capsys.readouterr().out

    suite = ElementTree.parse(project / "reports/data.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "1", "0")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["ranges"]


def test_missing_data_is_reported(project: Path) -> None:
    assert validate.main() == 1
    suite = ElementTree.parse(project / "reports/data.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "1", "5")


def test_a_long_list_of_problems_is_cut(tmp_path: Path, wine_text: str) -> None:
    lines = wine_text.splitlines()
    path = tmp_path / "wine.csv"
    path.write_text("\n".join([lines[0], *("," + line.split(",", 1)[1] for line in lines[1:])]))
    assert b"... and 168 more" in validate.junit(validate.validate(path))
