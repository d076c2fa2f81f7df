"""What a reader raises: everything else that it raises is a fault of its own."""

from __future__ import annotations


class Unread(ValueError):
    """The text cannot be read back; the message says what of it, and where."""
