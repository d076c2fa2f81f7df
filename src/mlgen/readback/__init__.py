"""What emitted files say, read from their text alone: the values that every target's reader gives."""

from mlgen.readback.model import End, Fetched, Reading, Route, Script, SeenJob, Start

__all__ = ["End", "Fetched", "Reading", "Route", "Script", "SeenJob", "Start"]
