"""The model finds the trend and the week-ends."""

import unittest

from fetch import sales
from train import fit


class Demand(unittest.TestCase):
    def test_trend_and_week_end(self) -> None:
        model = fit(sales(420))
        self.assertAlmostEqual(model["slope"], 0.2, delta=0.02)
        self.assertGreater(model["weekday"][5], model["weekday"][2] + 20)


if __name__ == "__main__":
    unittest.main()
