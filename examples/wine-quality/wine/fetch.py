"""Fetch the raw data: `python -m wine.fetch` writes data/wine.csv.

The data set ships with scikit-learn, so that the example needs no network. In a project of your own, this is
where a bucket or a database is read.
"""

from __future__ import annotations

import csv
import io
import sys

from sklearn.datasets import load_wine

from wine.files import DATA, write_whole
from wine.table import TARGET


def wine_csv() -> str:
    """Return the wine data set as CSV text, one line a wine, the class last."""
    wine = load_wine()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*wine.feature_names, TARGET])
    for features, target in zip(wine.data.tolist(), wine.target.tolist(), strict=True):
        writer.writerow([*features, target])
    return text.getvalue()


def main() -> int:
    """Write data/wine.csv."""
    text = wine_csv()
    write_whole(DATA, text.encode())
    print(f"wrote {DATA}: {text.count(chr(10)) - 1} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
