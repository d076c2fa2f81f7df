import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import choose
import fit
import table


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "t.csv")
    table.write(path, ["a", "label"], [[1.5, 0.0], [-2.0, 1.0]])
    assert table.read(path) == (["a", "label"], [[1.5, 0.0], [-2.0, 1.0]])


def test_a_table_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,label\n")
    with pytest.raises(SystemExit, match="has no rows"):
        table.read(str(tmp_path / "t.csv"))


def test_what_can_be_told_apart_is() -> None:
    rows = [[float(x), float(x > 4)] for x in range(10)]
    model = fit.fit(rows, rate=0.5, epochs=300)
    assert all((fit.probability(model, row[:-1]) > 0.5) == bool(row[-1]) for row in rows)


def test_decay_makes_weights_smaller() -> None:
    rows = [[float(x), float(x > 4)] for x in range(10)]
    plain, decayed = (fit.fit(rows, 0.5, 100, decay)["weights"][0] for decay in (0.0, 0.5))
    assert 0 < decayed < plain


def test_a_constant_column_does_no_harm() -> None:
    model = fit.fit([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]], 0.5, 10)
    assert 0 < fit.probability(model, [1.0, 1.0]) < 1


def test_auc_and_roc() -> None:
    pairs = [(0.9, 1.0), (0.6, 0.0), (0.4, 1.0), (0.1, 0.0)]
    assert choose.auc(pairs) == 0.75
    assert choose.roc(pairs) == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
