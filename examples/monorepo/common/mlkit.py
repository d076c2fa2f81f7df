"""What the projects of this repository have in common: tables, and results that are the same each time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def read_rows(path: str) -> list[dict[str, float]]:
    """Return the rows of a table of numbers."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def write_rows(path: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Write a table of numbers, making the folders above it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: str, value: object) -> None:
    """Write a value as JSON."""
    Path(path).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def mean(values: Iterable[float]) -> float:
    """Return the mean of some numbers."""
    given = list(values)
    return sum(given) / len(given)


Rows = Sequence[dict[str, float]]


def split(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Return the first rows, for training, and the rest."""
    cut = int(len(rows) * share)
    return rows[:cut], rows[cut:]
