"""What a piece of Groovy sees: names, methods, and what comes from outside."""

from __future__ import annotations

from collections.abc import Callable

from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.targets.jenkins.reader import Token

Run = Callable[["Frame"], Value]
Given = tuple[list[Value], dict[str, Value]]


class World:
    """What all code of a file sees: its methods, its fields, and the values and steps that come from outside."""

    def __init__(self) -> None:
        self.fields: dict[str, Value] = {}
        self.methods: dict[str, Closure] = {}

    def variable(self, name: str) -> Value:
        """A name that is neither a local variable nor a field."""
        raise Unread(f"nothing is known of {name}")

    def step(self, name: str, given: list[Value], token: Token, source: str) -> Value:
        """A call of what is no method of the file; named arguments are one map, a block is the last argument."""
        raise Unread(f"nothing is known of the step {name}")

    def unstash_if(self, condition: Callable[[], bool], names: list[str]) -> None:
        """`if (condition) { unstash …; … }` and nothing else."""
        if condition():
            for name in names:
                self.step("unstash", [name], Token("word", "unstash", 0), "")


class Frame:
    """The local names of a block, above those of the block around it."""

    __slots__ = ("names", "up", "world")

    def __init__(self, world: World, up: Frame | None = None) -> None:
        self.world = world
        self.up = up
        self.names: dict[str, Value] = {}

    def holder(self, name: str) -> dict[str, Value] | None:
        """Where the name stands; None if it is no local one and no field."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names
            frame = frame.up
        return self.world.fields if name in self.world.fields else None


class Returned(Exception):
    """`return`, on its way to its method or block."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Thrown(Exception):
    """A failure of a step, which `try` and `catchError` may catch."""


def bound(
    body: Run, names: list[str], world: World, up: Frame | None, defaults: dict[str, Run] | None = None
) -> Callable[[list[Value]], Value]:
    """The body as a function of its parameters."""

    def run(given: list[Value]) -> Value:
        frame = Frame(world, up)
        if len(given) > len(names) and names != ["it"]:
            raise Unread(f"{len(given)} values for {', '.join(names) or 'nothing'}")
        for index, name in enumerate(names):
            if index < len(given):
                frame.names[name] = given[index]
            else:
                frame.names[name] = defaults[name](frame) if defaults and name in defaults else None
        try:
            return body(frame)
        except Returned as returned:
            return returned.value

    return run
