"""Train and evaluate the model: `python -m wine.train --epochs 10`.

Reads data/wine.csv and params.yaml, writes models/model.pkl and metrics.json. The same input gives the same bytes:
every random choice comes from the seed, and nothing of the clock or of a path is stored.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from wine.files import DATA, METRICS, MODEL, PARAMS, write_whole
from wine.table import CLASSES, FEATURES, TARGET, read_table

# Fixed, because the default differs between versions of Python.
PICKLE_PROTOCOL = 5


@dataclass(frozen=True)
class Params:
    """The settings in params.yaml."""

    seed: int
    test_share: float
    hidden_units: int
    batch_size: int
    learning_rate: float


def load_params(path: Path) -> Params:
    """Read the settings; a missing or unknown one is a TypeError that names it."""
    return Params(**yaml.safe_load(path.read_text(encoding="utf-8")))


def load_data(path: Path) -> tuple[Any, Any]:
    """Return the features and the classes as arrays."""
    table = read_table(path)
    features = np.array([table.column(name) for name in FEATURES], dtype=np.float64).T
    return np.ascontiguousarray(features), np.array(table.column(TARGET), dtype=np.int64)


def build_model(params: Params, epochs: int) -> Pipeline:
    """Return the untrained model: scaled features into a small neural network."""
    network = MLPClassifier(
        hidden_layer_sizes=(params.hidden_units,),
        batch_size=params.batch_size,
        learning_rate_init=params.learning_rate,
        max_iter=epochs,
        n_iter_no_change=epochs,  # never stops early: as many epochs as were asked for
        random_state=params.seed,
    )
    return Pipeline([("scale", StandardScaler()), ("network", network)])


def evaluate(model: Pipeline, features: Any, classes: Any) -> dict[str, Any]:
    """Return the model's metrics on data that it has not seen, rounded to what is reproducible across machines."""
    predicted = model.predict(features)
    loss = log_loss(classes, model.predict_proba(features), labels=list(CLASSES))
    return {
        "accuracy": round(float(accuracy_score(classes, predicted)), 6),
        "f1": round(float(f1_score(classes, predicted, average="macro")), 6),
        "test": {"log_loss": round(float(loss), 6)},
    }


def train(features: Any, classes: Any, params: Params, epochs: int) -> tuple[Pipeline, dict[str, Any]]:
    """Train on a part of the data and evaluate on the rest."""
    train_x, test_x, train_y, test_y = train_test_split(
        features, classes, test_size=params.test_share, stratify=classes, random_state=params.seed
    )
    model = build_model(params, epochs)
    # One thread: with several, sums are added up in an order that depends on the number of cores.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Stopping after a given number of epochs is the intention here, not an accident.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train_x, train_y)
        return model, evaluate(model, test_x, test_y)


def positive_int(text: str) -> int:
    """Return `text` as a whole number of at least 1 (for argparse)."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Train the model and write it with its metrics."""
    parser = argparse.ArgumentParser(prog="python -m wine.train", description="Train and evaluate the model.")
    parser.add_argument("--epochs", type=positive_int, default=10, help="passes over the training data (default: 10)")
    epochs = parser.parse_args(argv).epochs
    if not DATA.is_file():
        print(f"error: {DATA} is missing; run `python -m wine.fetch` first", file=sys.stderr)
        return 1
    features, classes = load_data(DATA)
    model, metrics = train(features, classes, load_params(PARAMS), epochs)
    write_whole(MODEL, pickle.dumps(model, protocol=PICKLE_PROTOCOL))
    write_whole(METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
    print(f"trained for {epochs} epochs: {json.dumps(metrics)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
