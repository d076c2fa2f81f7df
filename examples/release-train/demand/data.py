"""Two years of hires, made up the same way every time. A real project reads them from its warehouse.

python -m demand.data data/hires.csv
"""

import csv
import math
import random
import sys
from pathlib import Path

FIELDS = ("day", "warm", "weekend", "rain", "hires")


def rows(days: int, seed: int, shift: float = 0.0) -> list[dict[str, float]]:
    """One row a day; `shift` makes all days warmer than they were."""
    chance = random.Random(seed)
    found = []
    for day in range(days):
        warm = 12 - 11 * math.cos(2 * math.pi * day / 365) + chance.gauss(0, 3) + shift
        weekend = float(day % 7 in (5, 6))
        rain = max(0.0, chance.gauss(0, 4))
        hires = 400 + 30 * warm - 120 * weekend - 25 * rain + chance.gauss(0, 40)
        values = (day, round(warm, 2), weekend, round(rain, 2), round(hires))
        found.append(dict(zip(FIELDS, values)))
    return found


def read(path: str) -> list[dict[str, float]]:
    """The rows of a file."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def main(path: str) -> None:
    """Write the rows."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows(730, seed=7))


if __name__ == "__main__":
    main(sys.argv[1])
