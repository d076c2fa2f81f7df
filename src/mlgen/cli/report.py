"""Diagnostics for people and for programs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

from mlgen import __version__
from mlgen.diagnostics import CODES, Diagnostic, Position, ordered, source_lines
from mlgen.typed import Any, Literal, Protocol

Format = Literal["text", "json", "annotations", "sarif"]


class ReportOptions(Protocol):
    """What reporting reads of a command's options."""

    @property
    def directory(self) -> str:
        """The project's root."""

    @property
    def format(self) -> str:
        """One of `Format`."""


def report(diagnostics: Iterable[Diagnostic], options: ReportOptions) -> None:
    """Print all of them, sorted, each once: text on standard error, what programs read on standard output."""
    found = ordered(diagnostics)
    if options.format == "json":
        print_json({"diagnostics": [as_json(d) for d in found]})
    elif options.format == "sarif":
        print_json(_sarif(found))
    elif options.format == "annotations":
        for d in found:
            print(_annotation(d))
    else:
        for d in found:
            print(_text(d, options.directory), file=sys.stderr)


def print_json(data: object) -> None:
    """Print data for another program."""
    import json

    text = json.dumps(data, indent=2, ensure_ascii=False)
    # JSON allows these as they are; a terminal would obey them.
    print(re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text))


def as_json(d: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain data."""
    return {
        "file": d.position.file,
        "line": d.position.line,
        "column": d.position.column,
        "severity": d.severity,
        "code": d.code,
        "message": d.message,
        "hint": d.hint,
    }


def colored() -> bool:
    """Whether standard error takes colours; https://no-color.org."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _text(d: Diagnostic, root: str) -> str:
    bold, red, yellow, dim, off = ("\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m") if colored() else ("",) * 5
    tint = red if d.severity == "error" else yellow
    lines = [f"{bold}{visible(str(d.position))}: {tint}{d.severity} {d.code}{off}{bold}: {visible(d.message)}{off}"]
    source = _line(os.path.join(root, d.position.file), d.position.line)
    if source is not None:
        number = str(d.position.line)
        lead = "".join(map(_blank, source[: d.position.column - 1]))
        lines += [f"{dim}  {number} |{off} {visible(source)}", f"{dim}  {' ' * len(number)} |{off} {lead}{tint}^{off}"]
    if d.hint:
        lines.append(f"  hint: {visible(d.hint)}")
    return "\n".join(lines)


def _line(path: str, number: int) -> str | None:
    if number < 1:
        return None
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = source_lines(file.read())
    except (OSError, UnicodeDecodeError):
        return None
    return lines[number - 1] if number <= len(lines) else None


def _blank(c: str) -> str:
    """White space as wide as the character."""
    from unicodedata import combining, east_asian_width

    return c if c == "\t" else "" if combining(c) else "  " if east_asian_width(c) in "WF" else " "


def visible(text: str) -> str:
    """The text without control characters, which could drive the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


def _annotation(d: Diagnostic) -> str:
    """A workflow command, which several CI systems show beside the line."""

    def escape(text: str, more: str = "") -> str:
        text = "".join(c if c in "\r\n" else visible(c) for c in text)
        text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        for c in more:
            text = text.replace(c, f"%{ord(c):02X}")
        return text

    place = f"file={escape(d.position.file, ':,')},line={max(d.position.line, 1)},col={max(d.position.column, 1)}"
    message = f"{d.message} ({d.hint})" if d.hint else d.message
    return f"::{d.severity} {place},title={d.code}::{escape(message)}"


def _sarif(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    codes = sorted({d.code for d in found})
    rules = [
        {"id": c, "shortDescription": {"text": CODES[c].title}, "fullDescription": {"text": CODES[c].text}}
        for c in codes
    ]
    results = [
        {
            "ruleId": d.code,
            "level": d.severity,
            "message": {"text": f"{d.message}. {d.hint}" if d.hint else d.message},
            "locations": [{"physicalLocation": _location(d.position)}],
        }
        for d in found
    ]
    driver = {"name": "mlgen", "version": __version__, "rules": rules}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": schema, "version": "2.1.0", "runs": [run]}


def _location(at: Position) -> dict[str, Any]:
    from urllib.parse import quote

    place: dict[str, Any] = {"artifactLocation": {"uri": quote(at.file)}}
    return {**place, "region": {"startLine": at.line, "startColumn": at.column}} if at.line else place
