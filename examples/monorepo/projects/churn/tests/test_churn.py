"""The model learns what the data hold."""

import unittest

from fetch import customers
from train import accuracy, fit


class Churn(unittest.TestCase):
    def test_training_helps(self) -> None:
        rows = customers(200)
        self.assertGreater(accuracy(fit(rows, 20, 0.3), rows), accuracy(fit(rows, 0, 0.3), rows))


if __name__ == "__main__":
    unittest.main()
