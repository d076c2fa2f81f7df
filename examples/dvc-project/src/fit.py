"""Fit a logistic regression by gradient descent, in plain Python."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import table


def probability(model: dict[str, Any], features: table.Row) -> float:
    """Return the chance that the customer leaves."""
    scaled = [(x - m) / s for x, m, s in zip(features, model["mean"], model["spread"])]
    z = model["bias"] + sum(w * x for w, x in zip(model["weights"], scaled))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


def fit(rows: list[table.Row], rate: float, epochs: int, decay: float = 0.0) -> dict[str, Any]:
    """Return the model; `decay` pulls the weights towards zero."""
    columns = list(zip(*(row[:-1] for row in rows)))
    mean = [sum(column) / len(column) for column in columns]
    spread = [math.sqrt(sum((x - m) ** 2 for x in c) / len(c)) or 1.0 for c, m in zip(columns, mean)]
    model: dict[str, Any] = {"mean": mean, "spread": spread, "weights": [0.0] * len(mean), "bias": 0.0}
    for _ in range(epochs):
        errors = [probability(model, row[:-1]) - row[-1] for row in rows]
        for index, weight in enumerate(model["weights"]):
            slope = sum(e * (row[index] - mean[index]) / spread[index] for e, row in zip(errors, rows)) / len(rows)
            model["weights"][index] = weight - rate * (slope + decay * weight)
        model["bias"] -= rate * sum(errors) / len(rows)
    return model


def main() -> None:
    """Write the model as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--decay", type=float, default=0.0)
    options = parser.parse_args()
    _, rows = table.read("data/train.csv")
    model = fit(rows, options.rate, options.epochs, options.decay)
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    Path(options.out).write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(f"{options.out}: fitted to {len(rows)} customers")


if __name__ == "__main__":
    main()
