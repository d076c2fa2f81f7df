"""Scalars of the spec as the texts and numbers that the graph holds."""

from __future__ import annotations

from mlgen.typed import Any

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """A duration such as 30s, 20m, 2h or 7d in seconds."""
    return int(duration[:-1]) * UNITS[duration[-1]]


def scalar_text(value: Any) -> str:
    """A scalar of the spec as the text that a variable holds."""
    if isinstance(value, dict):
        value = value["public"]
    return str(value).lower() if isinstance(value, bool) else str(value)
