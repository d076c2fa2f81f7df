"""Fits the model on the first days and measures it on the last. python -m demand.train"""

import json
import math
from pathlib import Path

from demand.data import read
from demand.model import fit, predict, save


def main() -> None:
    """Write the model and its metrics."""
    params = json.loads(Path("params.json").read_text(encoding="utf-8"))
    rows = read("data/hires.csv")
    cut = len(rows) - params["test_days"]
    weights = fit(rows[:cut], params["ridge"])
    errors = [row["hires"] - predict(weights, row) for row in rows[cut:]]
    mean = sum(row["hires"] for row in rows[cut:]) / len(errors)
    spread = sum((row["hires"] - mean) ** 2 for row in rows[cut:])
    metrics = {
        "mae": round(sum(map(abs, errors)) / len(errors), 3),
        "rmse": round(math.sqrt(sum(error**2 for error in errors) / len(errors)), 3),
        "r2": round(1 - sum(error**2 for error in errors) / spread, 4),
    }
    save("models/demand.json", weights)
    Path("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    print(metrics)


if __name__ == "__main__":
    main()
