"""A small network: random filters, pooled, and a softmax that is trained. On a GPU by CuPy, else by NumPy."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

try:
    import cupy as xp

    xp.cuda.runtime.getDeviceCount()
    DEVICE = "GPU"
except Exception:  # no CuPy, no driver, no device: each says so in its own way
    xp = np
    DEVICE = "CPU"

FILTER = 5
POOL = 3


class Net(NamedTuple):
    """The filters, and the weights of what they find."""

    filters: Any
    weights: Any


def start(filters: int, seed: int, classes: int) -> Net:
    """A network that has learned nothing yet; the same on every device."""
    chance = np.random.default_rng(seed)
    drawn = chance.normal(0, 1, (filters, FILTER * FILTER))
    drawn -= drawn.mean(axis=1, keepdims=True)
    return Net(xp.asarray(drawn, dtype=xp.float32), xp.zeros((filters * POOL * POOL + 1, classes), dtype=xp.float32))


def features(net: Net, pictures: Any) -> Any:
    """What the filters find in each part of each picture, and a one for the intercept."""
    count, size = len(pictures), pictures.shape[1] - FILTER + 1
    seen, steps = xp.asarray(pictures), range(FILTER)
    windows = xp.stack([seen[:, y : y + size, x : x + size] for y in steps for x in steps], axis=-1)
    found = xp.maximum(windows @ net.filters.T, 0)
    edge = size // POOL
    parts = found[:, : edge * POOL, : edge * POOL].reshape(count, POOL, edge, POOL, edge, -1).max(axis=(2, 4))
    return xp.concatenate([parts.reshape(count, -1) / FILTER, xp.ones((count, 1), dtype=xp.float32)], axis=1)


def softmax(scores: Any) -> Any:
    """Scores as probabilities."""
    raised = xp.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def fit(net: Net, pictures: Any, shapes: Any, steps: int, rate: float = 0.05) -> Net:
    """The network after so many steps downhill, with momentum."""
    seen, wanted = features(net, pictures), xp.asarray(np.eye(net.weights.shape[1], dtype=np.float32)[shapes])
    weights, speed = net.weights, xp.zeros_like(net.weights)
    for _ in range(steps):
        slope = seen.T @ (softmax(seen @ weights) - wanted) / len(seen) + 1e-4 * weights
        speed = 0.9 * speed - rate * slope
        weights = weights + speed
    return net._replace(weights=weights)


def predict(net: Net, pictures: Any) -> np.ndarray:
    """The probability of each shape for each picture, as an array of the host."""
    found = softmax(features(net, pictures) @ net.weights)
    return found if xp is np else xp.asnumpy(found)


def save(path: str, net: Net) -> None:
    """Write the network; the file does not tell which device made it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_host = np.asarray if xp is np else xp.asnumpy
    np.savez(path, filters=to_host(net.filters), weights=to_host(net.weights))


def load(path: str) -> Net:
    """The network of a file."""
    with np.load(path) as data:
        return Net(xp.asarray(data["filters"]), xp.asarray(data["weights"]))
