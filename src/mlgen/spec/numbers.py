"""Numbers that a job would see otherwise than they were written: 3.10 is 3.1 to YAML, 0755 is 755."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.spec.load import Route, Text
from mlgen.typed import Any


def endless(loaded: Text) -> Iterator[Diagnostic]:
    """Numbers that are not finite, which no key takes."""
    for route, value in _scalars(loaded.data, ()):
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            yield error(
                "MLG102",
                loaded.position(route),
                f"{loaded.written(route)} is not a finite number",
                "quote it if it is text",
            )


def changed(loaded: Text) -> Iterator[Diagnostic]:
    """Numbers among variables and axes, which are text to a job; the spec satisfies the schema."""
    places: list[tuple[Route, Any]] = [(("env",), loaded.data.get("env"))]
    for stage, jobs in loaded.data["stages"].items():
        for name, job in jobs.items():
            if name in ("from", "only"):
                continue
            at = ("stages", stage, name)
            places += [((*at, "env"), job.get("env")), ((*at, "matrix"), job.get("matrix"))]
    for place, data in places:
        for route, value in _scalars(data, place):
            if isinstance(value, (int, float)) and not isinstance(value, bool) and route[-1] != "max_parallel":
                written = loaded.written(route)
                if written != str(value):
                    message = f"{_last_name(route)}: YAML reads {written} as the number {value}"
                    yield error("MLG104", loaded.position(route), message, f'quote it: "{written}"')


def _last_name(route: Route) -> str:
    return next(str(step) for step in reversed(route) if isinstance(step, str))


def _scalars(data: Any, route: Route) -> Iterator[tuple[Route, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if route or not key.startswith("x-"):
                yield from _scalars(value, (*route, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _scalars(value, (*route, index))
    else:
        yield route, data
