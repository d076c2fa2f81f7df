"""`report` as a job: it stands in a stage of its own, last, and waits for the jobs that make what it shows."""

from __future__ import annotations

from collections.abc import Callable

from mlgen.diagnostics import Position
from mlgen.ir.source import REPORT, REPORT_FILE
from mlgen.spec.load import Route
from mlgen.typed import Any


def job(said: dict[str, Any]) -> dict[str, Any]:
    """The job, in the language's own words: with the history of the branch that it compares with.

    It needs no setup, but the system packages may hold the git that an image lacks.
    """
    lists = {key: _list(said.get(key)) for key in ("metrics", "params", "plots", "files")}
    words = {**lists, "pull_request": said.get("pull_request", ""), "against": said.get("against", "")}
    bare = {"setup": [], "tools": {}, "activate": [], "cache": "none", "checkout": {"depth": 0}}
    return {"report": words, "needs": [], "outs": [REPORT_FILE], **bare}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def positions(found: Callable[[Route, bool], Position]) -> Callable[[Route, bool], Position]:
    """Positions as `found` tells them, of the job and its parts where the report is written."""

    def position(path: Route, key: bool = False) -> Position:
        if path[:3] != ("stages", *REPORT):
            return found(path, key)
        return found(("report", *path[4:]) if path[3:4] == ("report",) else ("report",), key)

    return position
