"""What is wrong with text that is no YAML, in words that help: the parser's own tell what it expected."""

from __future__ import annotations

from mlgen.diagnostics import Diagnostic, Position, error, source_lines
from mlgen.regex import regex
from mlgen.typed import Any

# https://yaml.org/spec/1.2.2/#51-character-set
_NOT_YAML = regex(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_GENERAL = "look for a missing quote, bracket or space after a colon here or in the line before"
_WORDS = {
    "but found another document": (
        "a second document begins here",
        "a spec is one document; remove the `---` and what follows",
    ),
    "found unknown escape character": ("this escape is unknown", "write `\\\\` for a backslash, or use single quotes"),
    "did not find expected key": (
        "this does not fit the lines before",
        "look at the indentation and the quotes here and above",
    ),
    "did not find expected '-' indicator": (
        "this does not fit the list above",
        "begin it with `- `, or indent it less",
    ),
    "block sequence entries are not allowed in this context": (
        "a list may not begin here",
        "begin it on the next line",
    ),
    "did not find expected node content": ("a value is missing here", "look for a `[` or `{` that is not closed"),
    "found undefined alias": ("there is no anchor of this name above", "quote the value if the * is part of it"),
    "mapping values are not allowed in this context": (
        "a `key: value` may not stand here",
        "quote a value that holds a colon and a space; else look at the indentation, and at the line before",
    ),
}
_OPEN = {
    "while scanning a quoted scalar": ("this quoted text has no end", "add the closing quote"),
    "while parsing a flow sequence": (
        "this list is not closed, or lacks a comma",
        "add the `]`, or a comma between its items",
    ),
    "while parsing a flow mapping": (
        "this mapping is not closed, or lacks a comma",
        "add the `}`, or a comma between its pairs",
    ),
}


def at_mark(text: str, file: str, err: Any) -> Diagnostic:
    """The fault that the parser found at a place."""
    mark = err.problem_mark or err.context_mark
    at = _position(file, mark)
    line = _line(text, at)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return error("MLG002", at, "a tab in the indentation", "indent with spaces; YAML does not allow tabs")
    if err.context in _OPEN and err.context_mark and ("end of stream" in err.problem or "did not find" in err.problem):
        if err.context_mark.line == mark.line and at.column <= len(line):
            end = "]" if "sequence" in err.context else "}"
            return error("MLG002", at, f"a comma or `{end}` is expected here", "look at the quotes before it, too")
        return error("MLG002", _position(file, err.context_mark), *_OPEN[err.context])
    if err.context in ("while scanning an alias", "while scanning an anchor"):
        return error("MLG002", at, f"{err.context[15:]} needs a name", "quote the value if the * or & is part of it")
    if err.problem in _WORDS:
        return error("MLG002", at, *_WORDS[err.problem])
    if err.problem == "found character that cannot start any token" and at.column <= len(line):
        first = line[at.column - 1]
        return error("MLG002", at, f"a value may not begin with {first}", "quote the value")
    return error("MLG002", at, f"not valid YAML: {err.problem or err.context}", _GENERAL)


def _position(file: str, mark: Any) -> Position:
    return Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)


def _line(text: str, at: Position) -> str:
    lines = source_lines(text)
    return lines[at.line - 1] if 0 < at.line <= len(lines) else ""


def without_mark(text: str, file: str, err: Exception) -> Diagnostic:
    """A character that may not stand in YAML at all, whose place the parser does not tell; or nesting without end."""
    found = _NOT_YAML.search(text)
    if found is None:
        return error("MLG002", Position(file), f"not valid YAML: {str(err).splitlines()[0]}")
    lines = source_lines(text[: found.start()])
    at = Position(file, len(lines), len(lines[-1]) + 1)
    hint = "remove it; in double quotes it can be written as an escape"
    return error("MLG002", at, f"the character U+{ord(found[0]):04X} may not stand in YAML", hint)
