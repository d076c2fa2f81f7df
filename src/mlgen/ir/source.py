"""What lowering reads: a spec's expanded data, and where each value stands."""

from __future__ import annotations

from collections.abc import Callable

from mlgen.diagnostics import Diagnostic, Position
from mlgen.named import NamedTuple
from mlgen.typed import Any

COMMANDS = ("register", "promote", "build", "package", "release", "kubernetes", "helm", "smoke", "report")
"""The keys by which a job runs commands of other tools."""
ACTIONS = ("run", "gate", "steps", "native", *COMMANDS)
"""The keys by which a job does something; one that has none of them is a milestone."""


REPORT = ("report", "report")
"""The stage and the name of the job that `report` is."""
REPORT_FILE = ".mlgen/report.md"
"""What that job writes."""


class Source(NamedTuple):
    """A valid spec with every shorthand expanded; `at(*path)` is the position of a value in the user's text.

    `inputs` are the paths of the other files that went into it, and `warnings` what was found on the way.
    """

    file: str
    data: dict[str, Any]
    position: Callable[[tuple[str | int, ...], bool], Position]
    inputs: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    def at(self, *path: str | int) -> Position:
        """The position of the value at the path, or of its nearest parent that the user wrote."""
        return self.position(path, False)

    def key(self, *path: str | int) -> Position:
        """The position of the last key of the path, where the value has a place of its own."""
        return self.position(path, True)
