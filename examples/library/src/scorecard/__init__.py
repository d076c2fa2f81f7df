"""Scores of binary classifiers, from labels (0 or 1) and predicted probabilities."""

from scorecard.calibration import brier_score, calibration_error
from scorecard.ranking import roc_auc
from scorecard.threshold import Confusion, best_threshold, confusion

__version__ = "1.2.0"

__all__ = ["Confusion", "best_threshold", "brier_score", "calibration_error", "confusion", "roc_auc"]
