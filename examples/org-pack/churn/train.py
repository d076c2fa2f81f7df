"""Fit a straight line to noisy points: writes model.json and metrics.json."""

from __future__ import annotations

import json
import random
from pathlib import Path

Point = tuple[float, float]


def make_points(count: int, seed: int) -> list[Point]:
    """Return points near y = 3x + 2; the same seed gives the same points."""
    source = random.Random(seed)
    xs = [source.uniform(0, 10) for _ in range(count)]
    return [(x, 3 * x + 2 + source.gauss(0, 0.5)) for x in xs]


def fit(points: list[Point]) -> dict[str, float]:
    """Return the slope and intercept of the least-squares line."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return {"slope": slope, "intercept": mean_y - slope * mean_x}


def r2(model: dict[str, float], points: list[Point]) -> float:
    """Return the share of the variance of y that the line explains."""
    mean_y = sum(y for _, y in points) / len(points)
    residual = sum((y - model["slope"] * x - model["intercept"]) ** 2 for x, y in points)
    return 1 - residual / sum((y - mean_y) ** 2 for _, y in points)


def main() -> None:
    """Train on some points, evaluate on others."""
    model = fit(make_points(200, seed=1))
    metrics = {"r2": round(r2(model, make_points(100, seed=2)), 4)}
    Path("model.json").write_text(json.dumps(model) + "\n")
    Path("metrics.json").write_text(json.dumps(metrics) + "\n")
    print(f"trained: {model}, {metrics}")


if __name__ == "__main__":
    main()
