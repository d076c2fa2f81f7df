"""How well the scores rank positives above negatives."""

from collections.abc import Sequence
from itertools import groupby

from scorecard.checks import checked


def roc_auc(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Return the chance that a positive is scored above a negative; ties count as half.

    By the rank sum of Mann and Whitney, in O(n log n).
    """
    pairs = sorted(checked(labels, scores), key=lambda pair: pair[1])
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError("a ranking needs positives and negatives")
    rank_sum, rank = 0.0, 1
    for _, group in groupby(pairs, key=lambda pair: pair[1]):
        tied = [label for label, _ in group]
        rank_sum += sum(tied) * (rank + (len(tied) - 1) / 2)
        rank += len(tied)
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
