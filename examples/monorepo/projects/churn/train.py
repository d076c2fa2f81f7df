"""Fit a logistic regression by gradient descent: writes model.json and metrics.json."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

from fetch import FEATURES
from mlkit import mean, read_rows, split, write_json

Row = dict[str, float]
SCALE = {"months": 60.0, "calls": 9.0, "discount": 1.0}


def probability(weights: dict[str, float], row: Row) -> float:
    """Return how likely the customer leaves."""
    score = weights["bias"] + sum(weights[name] * row[name] / SCALE[name] for name in FEATURES)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def fit(rows: Sequence[Row], epochs: int, rate: float) -> dict[str, float]:
    """Return the weights after some passes over the rows."""
    weights = dict.fromkeys(("bias", *FEATURES), 0.0)
    for _ in range(epochs):
        for row in rows:
            error = row["left"] - probability(weights, row)
            weights["bias"] += rate * error
            for name in FEATURES:
                weights[name] += rate * error * row[name] / SCALE[name]
    return {name: round(value, 6) for name, value in weights.items()}


def accuracy(weights: dict[str, float], rows: Sequence[Row]) -> float:
    """Return the share of customers that the model is right about."""
    return mean(float((probability(weights, row) > 0.5) == bool(row["left"])) for row in rows)


def main() -> None:
    """Train on the first customers, evaluate on the others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    params = json.loads(Path("params.json").read_text(encoding="utf-8"))
    seen, unseen = split(read_rows("data/customers.csv"), params["share"])
    weights = fit(seen, arguments.epochs, params["rate"])
    write_json("model.json", weights)
    write_json("metrics.json", {"accuracy": round(accuracy(weights, unseen), 4)})
    print(Path("metrics.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
