"""What mlgen has to say about its input: typed, placed, each with a code and a hint."""

from __future__ import annotations

from mlgen.diagnostics.codes import CODES, Code
from mlgen.diagnostics.model import Diagnostic, Position, Severity, SpecError, error, ordered, source_lines, warning

__all__ = [
    "CODES", "Code", "Diagnostic", "Position", "Severity", "SpecError", "error", "ordered", "source_lines", "warning",
]  # fmt: skip
