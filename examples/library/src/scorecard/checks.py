"""What every score asks of its input."""

from collections.abc import Sequence


def checked(labels: Sequence[int], scores: Sequence[float]) -> list[tuple[int, float]]:
    """Return the pairs; a ValueError says what is wrong with them."""
    if len(labels) != len(scores):
        raise ValueError(f"{len(labels)} labels, but {len(scores)} scores")
    if not labels:
        raise ValueError("there is nothing to score")
    for label, score in zip(labels, scores):
        if label not in (0, 1):
            raise ValueError(f"a label is 0 or 1, not {label!r}")
        if not 0 <= score <= 1:  # also false for NaN
            raise ValueError(f"a score is a probability, not {score!r}")
    return list(zip(labels, scores))
