"""Judge the models by customers that none has seen, and keep the best."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import table
from fit import probability


def auc(pairs: list[tuple[float, float]]) -> float:
    """Return the chance that one who leaves is scored above one who stays."""
    leave = [score for score, label in pairs if label]
    stay = [score for score, label in pairs if not label]
    return sum((a > b) + (a == b) / 2 for a in leave for b in stay) / (len(leave) * len(stay))


def roc(pairs: list[tuple[float, float]]) -> list[table.Row]:
    """Return the points of the curve, from the strictest threshold to the mildest."""
    positives = sum(label for _, label in pairs)
    negatives = len(pairs) - positives
    points, hits, alarms = [[0.0, 0.0]], 0.0, 0.0
    for _, label in sorted(pairs, reverse=True):
        hits, alarms = hits + label, alarms + 1 - label
        points.append([alarms / negatives, hits / positives])
    return points


def main(paths: list[str]) -> None:
    """Write metrics.json, roc.csv and models/best.json."""
    _, rows = table.read("data/test.csv")
    judged: dict[str, list[tuple[float, float]]] = {}
    for path in paths:
        model: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        judged[path] = [(probability(model, row[:-1]), row[-1]) for row in rows]
    best = max(judged, key=lambda path: auc(judged[path]))
    shutil.copyfile(best, "models/best.json")
    right = sum((score >= 0.5) == bool(label) for score, label in judged[best])
    metrics = {"auc": round(auc(judged[best]), 6), "accuracy": round(right / len(rows), 6), "customers": len(rows)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    table.write("roc.csv", ["false_positive_rate", "true_positive_rate"], roc(judged[best]))
    print(f"{best} is the best: {metrics}")


if __name__ == "__main__":
    main(sys.argv[1:])
