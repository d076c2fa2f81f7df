import random

import pytest

from scorecard import roc_auc


def test_perfect_and_reversed() -> None:
    assert roc_auc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 1
    assert roc_auc([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]) == 0


def test_ties_count_as_half() -> None:
    assert roc_auc([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0.5
    assert roc_auc([0, 1, 1], [0.5, 0.5, 0.9]) == 0.75


def test_it_is_the_share_of_ordered_pairs() -> None:
    chance = random.Random(7)
    labels = [chance.randint(0, 1) for _ in range(60)]
    scores = [chance.randrange(10) / 10 for _ in labels]
    wins = [(a > b) + (a == b) / 2 for a, x in zip(scores, labels) for b, y in zip(scores, labels) if (x, y) == (1, 0)]
    assert roc_auc(labels, scores) == pytest.approx(sum(wins) / len(wins))


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_one_class_is_no_ranking(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="positives and negatives"):
        roc_auc(labels, [0.1, 0.2])
