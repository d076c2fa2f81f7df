"""Tables of numbers as CSV: the label is the last column."""

import csv
from pathlib import Path

Row = list[float]


def read(path: str) -> tuple[list[str], list[Row]]:
    """Return the header and the rows."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    if not rows:
        raise SystemExit(f"error: {path} has no rows")
    return header, [[float(cell) for cell in row] for row in rows]


def write(path: str, header: list[str], rows: list[Row]) -> None:
    """Write the rows; the same ones give the same bytes."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([f"{cell:.10g}" for cell in row] for row in rows)
