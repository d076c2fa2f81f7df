"""What emitted files say, read from their text alone: the values that every target's reader gives."""

from __future__ import annotations

from mlgen.readback.model import Cached, End, Fetched, Reading, Route, Script, SeenJob, Served, Start
from mlgen.readback.unread import Unread

__all__ = ["Cached", "End", "Fetched", "Reading", "Route", "Script", "SeenJob", "Served", "Start", "Unread"]
