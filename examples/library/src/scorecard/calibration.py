"""How far probabilities are from what happens."""

from collections.abc import Sequence

from scorecard.checks import checked


def brier_score(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Return the mean squared distance of score and label; 0 is perfect."""
    pairs = checked(labels, scores)
    return sum((score - label) ** 2 for label, score in pairs) / len(pairs)


def calibration_error(labels: Sequence[int], scores: Sequence[float], bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of score and frequency, over bins of equal width."""
    if bins < 1:
        raise ValueError(f"there must be at least one bin, not {bins}")
    pairs = checked(labels, scores)
    found: dict[int, list[tuple[int, float]]] = {}
    for label, score in pairs:
        found.setdefault(min(int(score * bins), bins - 1), []).append((label, score))
    return sum(abs(sum(score - label for label, score in rows)) for rows in found.values()) / len(pairs)
