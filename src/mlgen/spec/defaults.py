"""Where a value of a job stands that it takes from the defaults of its stage, or of all jobs."""

from __future__ import annotations

from collections.abc import Callable

from mlgen.diagnostics import Position
from mlgen.spec.load import Route
from mlgen.typed import Any


def positions(data: Any, found: Callable[[Route, bool], Position]) -> Callable[[Route, bool], Position]:
    """Positions as `found` tells them, of a job's key under `defaults` where the job itself does not have it."""

    def position(path: Route, key: bool = False) -> Position:
        if len(path) > 3 and path[0] == "stages":
            stage, job, *rest = path[1:]
            for place in (("stages", stage, job), ("stages", stage, "defaults"), ("defaults",)):
                if _holds(data, (*place, rest[0])):
                    return found((*place, *rest), key)
        return found(path, key)

    return position


def _holds(data: Any, path: Route) -> bool:
    for step in path:
        if not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    return True
