"""Text in HTML and XML: between tags, and in a quoted attribute."""

from __future__ import annotations

_NAMES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;"}
_BARRED = (*range(9), *range(11, 32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_NONE = dict.fromkeys(_BARRED, "\ufffd")
"""What no XML document may hold, https://www.w3.org/TR/xml/#charsets, and control characters that none should."""


def html(value: object) -> str:
    """The value as text; numbers as they are."""
    return str(value).translate({**_NAMES, **_NONE})
