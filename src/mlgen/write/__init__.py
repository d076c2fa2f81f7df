"""The only writer into a user's repository: header, lock, comparison, atomic replacement."""

from __future__ import annotations
