from __future__ import annotations

import json
from pathlib import Path

from train import fit, make_points, r2


def test_finds_an_exact_line() -> None:
    assert fit([(0, 1), (1, 3), (2, 5)]) == {"slope": 2, "intercept": 1}


def test_the_same_seed_gives_the_same_points() -> None:
    assert make_points(5, seed=1) == make_points(5, seed=1) != make_points(5, seed=2)


def test_the_trained_model_is_good() -> None:
    """Needs model.json, which the job `fit` made (by hand: `python train.py` first)."""
    model = json.loads(Path("model.json").read_text())
    assert r2(model, make_points(100, seed=3)) > 0.95
