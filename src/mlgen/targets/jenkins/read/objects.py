"""The objects that every Pipeline has: `env`, `currentBuild`, `docker`, and what they give."""

from __future__ import annotations

from mlgen.targets.jenkins.read.values import Thing, Value, text
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.targets.jenkins.read.noted import Noted
    from mlgen.targets.jenkins.read.steps import Steps

VARIABLE = "\0env:"
"""What begins the value of a variable of which only the name is known."""


class Env(Thing):
    """`env`: those of the run, above those of the blocks; in a trial, of any other the mark of its name."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def get(self, name: str) -> Value:
        """A variable's value."""
        steps = self.steps
        if name in steps.inner:
            return steps.inner[name]
        if name in steps.env:
            return steps.env[name]
        return f"{VARIABLE}{name}" if steps.trial and name not in UNSET else None


UNSET = frozenset((
    "CHANGE_AUTHOR", "CHANGE_BRANCH", "CHANGE_FORK", "CHANGE_ID", "CHANGE_TARGET", "CHANGE_TITLE", "TAG_NAME",
    "TAG_TIMESTAMP", "JENKINS_SCHEDULE",
))  # fmt: skip
"""https://www.jenkins.io/doc/book/pipeline/multibranch/#additional-environment-variables: not there on all runs."""


class CurrentBuild(Thing):
    """`currentBuild`: its description and what caused it."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def put(self, name: str, value: Value) -> None:
        """The description alone."""
        if name != "description" or not isinstance(value, str):
            super().put(name, value)
        self.steps.noted.told_url = True

    def call(self, name: str, given: list[Value]) -> Value:
        """The methods that are known."""
        if name != "getBuildCauses" or len(given) != 1:
            return super().call(name, given)
        return [cause for cause in self.steps.causes if cause == given[0]]


class Docker(Thing):
    """https://www.jenkins.io/doc/book/pipeline/docker/"""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def call(self, name: str, given: list[Value]) -> Value:
        """The methods that are known."""
        if name == "image":
            return Image(self.steps, text(given[0]))
        if name != "withRegistry" or len(given) != 3:
            return super().call(name, given)
        for part in ("username", "password"):
            self.steps.see("", f"{given[1]}#{part}")
            self.steps.bindings.pop()
        return given[2].run([])


class Image(Thing):
    """A container's image."""

    def __init__(self, steps: Steps, name: str) -> None:
        self.steps = steps
        self.name = name

    def call(self, name: str, given: list[Value]) -> Value:
        """The methods that are known."""
        noted = self.steps.noted
        if name == "pull":
            return None
        if name == "inside" and not noted.image:
            noted.image, noted.args = self.name, str(given[0])
            return given[1].run([])
        if name == "withRun":
            self.steps.started = str(given[0]), str(given[1])
            return given[2].run([{"id": "container"}])
        return super().call(name, given)


class Text(Thing):
    """A file that is read."""

    def __init__(self, path: str, noted: Noted) -> None:
        self.path = path
        self.noted = noted

    def call(self, name: str, given: list[Value]) -> Value:
        """The methods that are known."""
        if name != "readLines":
            return super().call(name, given)
        self.noted.read.add(self.path)
        return [f"\0{self.path}"]
