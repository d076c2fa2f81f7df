"""mlgen compiles one ML project spec into native CI configs that mean the same."""

from __future__ import annotations

__version__ = "0.1.0"
