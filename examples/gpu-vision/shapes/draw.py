"""Pictures of shapes, made up the same way every time. python -m shapes.draw data/shapes.npz"""

import sys
from pathlib import Path

import numpy as np

NAMES = ("circle", "square", "triangle")
SIZE = 16


def picture(shape: int, chance: np.random.Generator) -> np.ndarray:
    """One picture: the shape somewhere, in some size, on a noisy ground."""
    y, x = np.mgrid[:SIZE, :SIZE] - chance.uniform(6, SIZE - 7, size=(2, 1, 1))
    reach = chance.uniform(3.5, 5.5)
    if NAMES[shape] == "circle":
        inside = x**2 + y**2 < reach**2
    elif NAMES[shape] == "square":
        inside = np.maximum(abs(x), abs(y)) < reach * 0.8
    else:
        inside = (y < reach * 0.7) & (y > 2 * abs(x) - reach)
    return inside * chance.uniform(0.6, 1.0) + chance.normal(0, 0.1, (SIZE, SIZE))


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, and the number of each one's shape."""
    chance = np.random.default_rng(seed)
    shapes = np.arange(count) % len(NAMES)
    drawn = np.stack([picture(shape, chance) for shape in shapes])
    return drawn.astype(np.float32), shapes


def main(path: str) -> None:
    """Write pictures to train on, and others to measure with."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    (train, train_shapes), (test, test_shapes) = pictures(900, seed=1), pictures(300, seed=2)
    np.savez_compressed(path, train=train, train_shapes=train_shapes, test=test, test_shapes=test_shapes)


if __name__ == "__main__":
    main(sys.argv[1])
