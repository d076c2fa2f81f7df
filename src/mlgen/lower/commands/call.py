"""One use of an action, with what its script is made of."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Position
from mlgen.ir.source import Source
from mlgen.lower.runtime import REFERENCE
from mlgen.named import NamedTuple
from mlgen.quoting.shell import sh, sh_template
from mlgen.typed import Any

Route = tuple[str | int, ...]


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

    def texts(self) -> Iterator[tuple[Route, str]]:
        """Every text of the action, with its place in it."""
        yield from _texts(self.words, ())

    def secrets(self) -> list[str]:
        """The secrets that the action names, as references or by `login` and `cluster`."""
        known = self.data["secrets"]
        found = [name for _, text in self.texts() for name in REFERENCE.findall(text) if name in known]
        found += [name for _, name in self.secret_names() if name in known]
        listed = {use["variable"] for use in self.job["secrets"]}
        return [name for name in dict.fromkeys(found) if name not in listed]

    def secret_names(self) -> Iterator[tuple[Route, str]]:
        """The secrets that the action names without `${…}`, with their place in it."""
        login = self.words.get("login")
        if isinstance(login, dict):
            yield from ((("login", key), name) for key, name in login.items())
        if "kubeconfig" in (self.words.get("cluster") or {}):
            yield ("cluster", "kubeconfig"), self.words["cluster"]["kubeconfig"]


def _texts(value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    if isinstance(value, str):
        yield route, value
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*route, key))


def word(text: str) -> str:
    """A text of the spec as one word of the shell, its references expanded."""
    return sh_template(text) if REFERENCE.search(text) else sh(text)


def lines(*words: str) -> str:
    """A command: on one line if it is short, else an option a line."""
    whole = " ".join(words)
    if len(whole) <= 100:
        return whole
    return " \\\n  ".join(words)
