"""Diagnostics as frozen values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlgen.diagnostics.codes import CODES
from mlgen.named import NamedTuple
from mlgen.typed import Literal

Severity = Literal["error", "warning"]


class Position(NamedTuple):
    """A place in a file; line and column count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Diagnostic(NamedTuple):
    """One finding: where, which code, what is wrong, and how to mend it."""

    position: Position
    severity: Severity
    code: str
    message: str
    hint: str = ""


class SpecError(Exception):
    """The input cannot be compiled; carries every diagnostic found, never none."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = ordered(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))


def error(code: str, position: Position, message: str, hint: str = "") -> Diagnostic:
    """An error; `code` must stand in the catalogue, a KeyError is a bug in mlgen."""
    CODES[code]
    return Diagnostic(position, "error", code, message, hint)


def warning(code: str, position: Position, message: str, hint: str = "") -> Diagnostic:
    """A warning: the outputs are written all the same."""
    CODES[code]
    return Diagnostic(position, "warning", code, message, hint)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """All of them by file, line and column, each once."""
    return tuple(sorted(set(diagnostics)))


def source_lines(text: str) -> list[str]:
    """The lines of a spec as the positions count them: by every line break that YAML 1.1 parsers know."""
    return re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
