"""Diagnostics for people and for programs."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from mlgen import __version__
from mlgen.diagnostics import CODES, Diagnostic, ordered

Format = Literal["text", "json", "annotations", "sarif"]


class _Options(Protocol):
    @property
    def directory(self) -> str: ...
    @property
    def format(self) -> str: ...


def report(diagnostics: Iterable[Diagnostic], options: _Options) -> None:
    """Print all of them, sorted, each once: text and annotations on standard error, JSON and SARIF on standard output."""
    found = ordered(diagnostics)
    if options.format == "json":
        print(json.dumps({"diagnostics": [as_json(d) for d in found]}, indent=2, ensure_ascii=False))
    elif options.format == "sarif":
        print(json.dumps(_sarif(found), indent=2, ensure_ascii=False))
    elif options.format == "annotations":
        for d in found:
            print(_annotation(d))
    else:
        for d in found:
            print(_text(d, Path(options.directory)), file=sys.stderr)


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


def _text(d: Diagnostic, root: Path) -> str:
    bold, red, yellow, dim, off = ("\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m") if colored() else ("",) * 5
    tint = red if d.severity == "error" else yellow
    lines = [f"{bold}{d.position}: {tint}{d.severity} {d.code}{off}{bold}: {_visible(d.message)}{off}"]
    source = _line(root / d.position.file, d.position.line)
    if source is not None:
        number = str(d.position.line)
        lead = "".join(c if c == "\t" else " " for c in source[: d.position.column - 1])
        lines += [f"{dim}  {number} |{off} {_visible(source)}", f"{dim}  {' ' * len(number)} |{off} {lead}{tint}^{off}"]
    if d.hint:
        lines.append(f"  hint: {_visible(d.hint)}")
    return "\n".join(lines)


def _line(path: Path, number: int) -> str | None:
    if number < 1:
        return None
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return lines[number - 1] if number <= len(lines) else None


def _visible(text: str) -> str:
    """The text without control characters, which could drive the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


def _annotation(d: Diagnostic) -> str:
    """A workflow command, which several CI systems show beside the line."""

    def escape(text: str, more: str = "") -> str:
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
    rules = [{"id": c, "shortDescription": {"text": CODES[c].title}, "fullDescription": {"text": CODES[c].text}} for c in codes]
    results = [
        {
            "ruleId": d.code,
            "level": d.severity,
            "message": {"text": f"{d.message}. {d.hint}" if d.hint else d.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": d.position.file},
                        "region": {"startLine": max(d.position.line, 1), "startColumn": max(d.position.column, 1)},
                    }
                }
            ],
        }
        for d in found
    ]
    driver = {"name": "mlgen", "version": __version__, "rules": rules}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
