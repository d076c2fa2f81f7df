"""Split the customers into those to learn from and those to judge by."""

import argparse
import random

import table


def main() -> None:
    """Write data/train.csv and data/test.csv."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--part", type=float, required=True, help="what is kept for the test")
    options = parser.parse_args()
    header, rows = table.read("data/churn.csv")
    random.Random(options.seed).shuffle(rows)
    count = round(len(rows) * options.part)
    table.write("data/test.csv", header, rows[:count])
    table.write("data/train.csv", header, rows[count:])
    print(f"{len(rows) - count} customers to learn from, {count} to judge by")


if __name__ == "__main__":
    main()
