"""Pieces of Markdown."""

import json
from typing import Any

import yaml

MADE = "<!-- Made by `make docs` from {source}; change that instead. -->\n"
"""The first line of a page that nobody edits."""


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str) and value == "":
        return '""'
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def example(key: str, value: Any) -> str:
    """A fenced block that gives `key` this value: in the lines of a block where one line would be long."""
    line = f"{key}: {flow(value)}"
    if len(line) > 100:
        line = yaml.safe_dump({key: value}, default_flow_style=None, sort_keys=False, width=100).strip()
    return f"```yaml\n{line}\n```"


def code(text: str) -> str:
    """Text as code, also where it holds backquotes."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def cell(text: str) -> str:
    """Text inside a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table; an empty text if there is nothing in it."""
    if not rows:
        return ""
    lines = [" | ".join(heads), "|".join("---" for _ in heads), *(" | ".join(map(cell, row)) for row in rows)]
    return "\n".join(f"| {line} |" if "---" not in line[:4] else f"|{line}|" for line in lines)


def sentence(text: str) -> str:
    """A phrase with a full stop."""
    return text if not text or text.endswith((".", ":", "?", "!")) else text + "."


def join(*parts: str) -> str:
    """The parts that are not empty, with a line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def literal(value: Any) -> str:
    """A value of an enumeration as the spec would say it."""
    return code(json.dumps(value) if not isinstance(value, str) else value or '""')
