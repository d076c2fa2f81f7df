"""What a file says in the target's own words, as one text that is the same for the same words."""

from __future__ import annotations


def words_of(value: object) -> str:
    """The value as text: keys and values in order, nothing lost; of a plain text, that text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {words_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(words_of, value)) + "]"
    return value if isinstance(value, str) else repr(value)
