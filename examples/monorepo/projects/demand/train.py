"""Fit a trend with a mean for each day of the week: writes model.json and metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from mlkit import mean, read_rows, split, write_json

Row = dict[str, float]


class Model(TypedDict):
    """Sales start at `base`, grow by `slope` a day, and differ by weekday."""

    base: float
    slope: float
    weekday: list[float]


def fit(rows: Sequence[Row]) -> Model:
    """Return the least-squares trend, and what is left of it by weekday."""
    middle, level = mean(row["day"] for row in rows), mean(row["sold"] for row in rows)
    spread = sum((row["day"] - middle) ** 2 for row in rows)
    slope = sum((row["day"] - middle) * (row["sold"] - level) for row in rows) / spread
    base = level - slope * middle
    left = {row["day"]: row["sold"] - base - slope * row["day"] for row in rows}
    weekday = [round(mean(rest for day, rest in left.items() if day % 7 == number), 4) for number in range(7)]
    return {"base": round(base, 4), "slope": round(slope, 6), "weekday": weekday}


def forecast(model: Model, day: float) -> float:
    """Return what the model says will be sold on a day."""
    return model["base"] + model["slope"] * day + model["weekday"][int(day) % 7]


def main() -> None:
    """Train on the first days, evaluate on the last."""
    seen, unseen = split(read_rows("data/sales.csv"), 0.8)
    model = fit(seen)
    error = mean(abs(forecast(model, row["day"]) - row["sold"]) / row["sold"] for row in unseen)
    write_json("model.json", model)
    write_json("metrics.json", {"mape": round(error, 4)})
    print(Path("metrics.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
