"""A valid, expanded spec to the pipeline graph."""

from mlgen.lower.pipeline import lower

__all__ = ["lower"]
