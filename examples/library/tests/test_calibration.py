import pytest

from scorecard import brier_score, calibration_error


def test_brier() -> None:
    assert brier_score([0, 1], [0.0, 1.0]) == 0
    assert brier_score([0, 1], [0.5, 0.5]) == 0.25


def test_calibrated_scores_have_no_error() -> None:
    assert calibration_error([0, 1, 1, 1], [0.75] * 4) == 0
    assert calibration_error([0] * 4, [0.75] * 4) == 0.75


def test_a_score_of_one_is_in_the_last_bin() -> None:
    assert calibration_error([1, 1], [1.0, 0.95], bins=10) == pytest.approx(0.025)


def test_there_is_at_least_one_bin() -> None:
    with pytest.raises(ValueError, match="at least one bin, not 0"):
        calibration_error([1], [0.5], bins=0)
