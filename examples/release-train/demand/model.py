"""A linear model: fitted by the normal equations, kept as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

FEATURES = ("warm", "weekend", "rain")


def features(row: dict[str, float]) -> list[float]:
    """What the model sees of a day; the first is the intercept."""
    return [1.0, *(row[name] for name in FEATURES)]


def fit(rows: Sequence[dict[str, float]], ridge: float) -> list[float]:
    """The weights that are best over these days."""
    size = len(FEATURES) + 1
    left = [[ridge if i == j and i else 0.0 for j in range(size)] for i in range(size)]
    right = [0.0] * size
    for row in rows:
        seen = features(row)
        for i in range(size):
            right[i] += seen[i] * row["hires"]
            for j in range(size):
                left[i][j] += seen[i] * seen[j]
    return solve(left, right)


def solve(left: list[list[float]], right: list[float]) -> list[float]:
    """The solution of linear equations, by elimination with pivots."""
    rows = [[*line, value] for line, value in zip(left, right)]
    for step in range(len(rows)):
        pivot = max(range(step, len(rows)), key=lambda line: abs(rows[line][step]))
        rows[step], rows[pivot] = rows[pivot], rows[step]
        rows[step] = [value / rows[step][step] for value in rows[step]]
        for line in range(len(rows)):
            if line != step:
                factor = rows[line][step]
                rows[line] = [value - factor * other for value, other in zip(rows[line], rows[step])]
    return [line[-1] for line in rows]


def predict(weights: Sequence[float], row: dict[str, float]) -> float:
    """The hires of a day."""
    return sum(weight * value for weight, value in zip(weights, features(row)))


def save(path: str, weights: Sequence[float]) -> None:
    """Write the weights by name."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    named = dict(zip(("intercept", *FEATURES), (round(weight, 6) for weight in weights)))
    Path(path).write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")


def load(path: str) -> list[float]:
    """The weights of a file."""
    named = json.loads(Path(path).read_text(encoding="utf-8"))
    return [named[name] for name in ("intercept", *FEATURES)]
