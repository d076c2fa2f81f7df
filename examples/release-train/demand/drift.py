"""How far the last days are from those of the training: the population stability index. python -m demand.drift"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from demand.data import rows
from demand.model import FEATURES


def psi(reference: Sequence[float], recent: Sequence[float], bins: int = 8) -> float:
    """0: the same; over 0.2 is usually taken for a change that matters."""
    ordered = sorted(reference)
    edges = [ordered[len(ordered) * step // bins] for step in range(1, bins)]

    def shares(values: Sequence[float]) -> list[float]:
        counts = [0] * bins
        for value in values:
            counts[sum(value >= edge for edge in edges)] += 1
        return [max(count / len(values), 1e-4) for count in counts]

    return sum((b - a) * math.log(b / a) for a, b in zip(shares(reference), shares(recent)))


def main() -> None:
    """Write the index of the feature that moved most."""
    reference, recent = rows(730, seed=7), rows(365, seed=8)
    found = {name: psi([row[name] for row in reference], [row[name] for row in recent]) for name in FEATURES}
    worst = {"psi": round(max(found.values()), 4), **{f"psi_{name}": round(value, 4) for name, value in found.items()}}
    Path("drift.json").write_text(json.dumps(worst, indent=1) + "\n", encoding="utf-8")
    print(worst)


if __name__ == "__main__":
    main()
