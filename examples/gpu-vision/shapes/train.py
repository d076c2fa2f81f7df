"""Trains one network of the sweep. python -m shapes.train --width 16 --seed 1"""

import argparse
import time

import numpy as np

from shapes import net
from shapes.draw import NAMES


def main() -> None:
    """Write runs/WIDTH-SEED.npz."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    with np.load("data/shapes.npz") as data:
        pictures, shapes = data["train"], data["train_shapes"]
    began = time.monotonic()
    trained = net.fit(net.start(args.width, args.seed, len(NAMES)), pictures, shapes, args.steps)
    net.save(f"runs/{args.width}-{args.seed}.npz", trained)
    print(
        f"{args.width} filters, seed {args.seed}: {args.steps} steps in {time.monotonic() - began:.1f} s, {net.DEVICE}"
    )


if __name__ == "__main__":
    main()
