"""The shape of data/wine.csv, shared by the steps that write, check and read it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

TARGET = "target"
CLASSES = (0, 1, 2)

# What a chemist would believe, a little wider than what the data holds.
RANGES: dict[str, tuple[float, float]] = {
    "alcohol": (9.0, 17.0),
    "malic_acid": (0.1, 10.0),
    "ash": (0.5, 5.0),
    "alcalinity_of_ash": (5.0, 40.0),
    "magnesium": (40.0, 250.0),
    "total_phenols": (0.1, 6.0),
    "flavanoids": (0.0, 8.0),
    "nonflavanoid_phenols": (0.0, 2.0),
    "proanthocyanins": (0.0, 6.0),
    "color_intensity": (0.5, 20.0),
    "hue": (0.1, 3.0),
    "od280/od315_of_diluted_wines": (0.5, 6.0),
    "proline": (100.0, 2500.0),
}
FEATURES = tuple(RANGES)
HEADER = (*FEATURES, TARGET)


@dataclass(frozen=True)
class Table:
    """A CSV file as text: nothing is converted before it has been checked."""

    header: tuple[str, ...]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return the values of one column, top to bottom."""
        index = self.header.index(name)
        return [row[index] for row in self.rows]


def read_table(path: Path) -> Table:
    """Read a CSV file; raise ValueError if it is not one, OSError if it cannot be opened."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path} is not a CSV file with a header: {error}") from error
    return Table(tuple(header), rows)
