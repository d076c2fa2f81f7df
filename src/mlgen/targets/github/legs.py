"""What the legs of a matrix have of their own."""

from __future__ import annotations

from collections.abc import Iterable

from mlgen.ir import Job, Leg
from mlgen.named import NamedTuple
from mlgen.targets.github.machines import runs_on
from mlgen.typed import Any


class Columns(NamedTuple):
    """What the legs have of their own: expressions over the matrix, and the columns that it has besides the axes."""

    runs_on: Any
    python: str
    image: str
    more: tuple[tuple[str, tuple[Any, ...]], ...]

    def row(self, index: int) -> dict[str, Any]:
        """The further columns of a leg."""
        return {name: values[index] for name, values in self.more}


def legs(job: Job) -> Columns:
    """What the legs of the job, which vary, have of their own; empty where it is the same for all."""
    assert job.matrix is not None
    more: dict[str, tuple[Any, ...]] = {}
    members = job.matrix.legs

    def column(name: str, values: list[Any]) -> str:
        written = _by_axis(members, values)
        if not written:
            more[name] = tuple(values)
        return written or f"${{{{ matrix.{name} }}}}"

    where = runs_on(job.runner)
    if "runner" in job.varies:
        where = column("runs-on", [runs_on(job.runner_of(leg)) for leg in members])
    python = column("python-version", [leg.python for leg in members]) if "python" in job.varies else ""
    image = column("container-image", [leg.image for leg in members]) if "image" in job.varies else ""
    return Columns(where, python, image, tuple(more.items()))


def _by_axis(legs: Iterable[Leg], values: list[Any]) -> str:
    """The values as text around the value of one axis; empty if they are not."""
    rows = [dict(leg.values) for leg in legs]
    for axis, first in rows[0].items():
        if not first or not all(isinstance(value, str) for value in values):
            continue
        before, found, after = values[0].partition(first)
        if found and all(f"{before}{row.get(axis)}{after}" == value for row, value in zip(rows, values)):
            return f"{before}${{{{ matrix.{axis} }}}}{after}"
    return ""
