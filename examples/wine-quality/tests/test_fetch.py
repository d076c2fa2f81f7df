from __future__ import annotations

from pathlib import Path

from wine import fetch
from wine.table import HEADER, read_table


def test_writes_the_whole_data_set(project: Path) -> None:
    assert fetch.main() == 0
    table = read_table(project / "data/wine.csv")
    assert table.header == HEADER
    assert len(table.rows) == 178
    assert {len(row) for row in table.rows} == {len(HEADER)}


def test_writes_the_same_bytes_again(project: Path) -> None:
    fetch.main()
    first = (project / "data/wine.csv").read_bytes()
    fetch.main()
    assert (project / "data/wine.csv").read_bytes() == first
