"""What emitted files say, read from their text alone: the values that every target's reader gives."""

from mlgen.readback.model import End, Fetched, Reading, Route, Script, SeenJob, Start
from mlgen.readback.unread import Unread

__all__ = ["End", "Fetched", "Reading", "Route", "Script", "SeenJob", "Start", "Unread"]
