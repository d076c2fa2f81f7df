"""Takes the best network of the sweep. python -m shapes.choose"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np

from shapes import net
from shapes.draw import NAMES


def confusion(path: Path, pictures: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """How often each shape (a row) was taken for each (a column)."""
    said = net.predict(net.load(str(path)), pictures).argmax(axis=1)
    return np.histogram2d(shapes, said, bins=len(NAMES), range=[[0, len(NAMES)]] * 2)[0].astype(int)


def main() -> None:
    """Write the model, its metrics and its confusions."""
    with np.load("data/shapes.npz") as data:
        pictures, shapes = data["test"], data["test_shapes"]
    tables = {path: confusion(path, pictures, shapes) for path in sorted(Path("runs").glob("*.npz"))}
    if not tables:
        raise SystemExit("error: there is nothing in runs/")
    best = max(tables, key=lambda path: tables[path].trace())
    table = tables[best]
    for folder in ("models", "plots"):
        Path(folder).mkdir(exist_ok=True)
    shutil.copyfile(best, "models/shapes.npz")
    metrics = {
        "accuracy": round(table.trace() / table.sum(), 4),
        "worst_recall": round((table.diagonal() / table.sum(axis=1)).min(), 4),
        "candidates": len(tables),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    with open("plots/confusion.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("actual", "predicted", "count"))
        writer.writerows((NAMES[a], NAMES[p], table[a, p]) for a in range(len(NAMES)) for p in range(len(NAMES)))
    print(f"{best}: {metrics}")


if __name__ == "__main__":
    main()
