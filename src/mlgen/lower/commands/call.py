"""One use of an action, with what its script is made of."""

from typing import Any, NamedTuple

from mlgen.diagnostics import Position
from mlgen.ir.source import Source


class Call(NamedTuple):
    """The job `stage.name`, which says `job`, does `action`."""

    source: Source
    stage: str
    name: str
    job: dict[str, Any]
    action: str

    @property
    def data(self) -> dict[str, Any]:
        """The whole spec."""
        return self.source.data

    @property
    def id(self) -> str:
        """The job's id."""
        return f"{self.stage}.{self.name}"

    @property
    def words(self) -> dict[str, Any]:
        """What the action says."""
        words: dict[str, Any] = self.job[self.action]
        return words

    def at(self, *path: str | int) -> Position:
        """The position of a part of the action."""
        return self.source.at("stages", self.stage, self.name, self.action, *path)


def lines(*words: str) -> str:
    """A command: on one line if it is short, else an option a line."""
    whole = " ".join(words)
    if len(whole) <= 100:
        return whole
    return " \\\n  ".join(words)
