import pytest

from scorecard import Confusion, best_threshold, confusion

LABELS = [0, 0, 1, 1, 1]
SCORES = [0.1, 0.6, 0.4, 0.7, 0.9]


def test_counts() -> None:
    found = confusion(LABELS, SCORES)
    assert found == Confusion(true_positive=2, false_positive=1, true_negative=1, false_negative=1)
    assert found.precision == found.recall == found.f1 == pytest.approx(2 / 3)
    assert found.accuracy == 0.6


def test_the_threshold_itself_is_positive() -> None:
    assert confusion([1], [0.5], 0.5).true_positive == 1


def test_a_ratio_of_nothing_is_zero() -> None:
    found = confusion([0, 1], [0.1, 0.2], 1.0)
    assert (found.precision, found.recall, found.f1) == (0, 0, 0)


def test_best_threshold() -> None:
    assert best_threshold(LABELS, SCORES) == 0.4
    assert best_threshold([0, 1], [0.3, 0.8]) == 0.8


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "nothing to score"),
        ([1], [0.1, 0.2], "1 labels, but 2 scores"),
        ([2], [0.1], "0 or 1, not 2"),
        ([1], [1.5], "a probability, not 1.5"),
        ([1], [float("nan")], "a probability, not nan"),
    ],
)
def test_input_is_checked(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion(labels, scores)
