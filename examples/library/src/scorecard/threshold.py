"""Scores of decisions: a case counts as positive from a threshold on."""

from collections.abc import Sequence
from typing import NamedTuple

from scorecard.checks import checked


class Confusion(NamedTuple):
    """Counts of decisions, and what they are worth; a ratio of nothing is 0."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def precision(self) -> float:
        """Of the decisions for positive, the part that is right."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Of the positives, the part that is found."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def accuracy(self) -> float:
        """The part of all decisions that is right."""
        return _ratio(self.true_positive + self.true_negative, sum(self))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def confusion(labels: Sequence[int], scores: Sequence[float], threshold: float = 0.5) -> Confusion:
    """Count the decisions at a threshold."""
    counts = {(label, decision): 0 for label in (0, 1) for decision in (False, True)}
    for label, score in checked(labels, scores):
        counts[int(label), score >= threshold] += 1
    return Confusion(counts[1, True], counts[0, True], counts[0, False], counts[1, False])


def best_threshold(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Return the score at which F1 is highest; the lowest of several."""
    return max(sorted(set(scores)), key=lambda threshold: confusion(labels, scores, threshold).f1)
