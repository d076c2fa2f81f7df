"""Groovy string literals that are never interpolated."""

from __future__ import annotations

import re


def groovy(value: object) -> str:
    """The value as a Groovy literal: true, false, a number, or a single-quoted string (`'''` for several lines)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\")
    if "\n" not in text:
        return "'" + _escaped(text.replace("'", "\\'")) + "'"
    # In a long string a quote needs a backslash only where it could end it.
    body = re.sub(r"'''|'\Z", lambda found: "\\'" * len(found[0]), text)
    return "'''" + _escaped(body, keep="\n") + "'''"


def _escaped(text: str, keep: str = "") -> str:
    if text.isascii() and text.replace("\n", "" if keep else "\n").isprintable():  # nearly always
        return text
    names = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
    return "".join(
        c if c in keep or (c.isprintable() and ord(c) < 0xD800) or (c == "\t" and keep) else names.get(c) or _unicode(c)
        for c in text
    )


def _unicode(c: str) -> str:
    units = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
