"""A valid, expanded spec to the pipeline graph."""

from __future__ import annotations

from mlgen.lower.pipeline import lower

__all__ = ["lower"]
