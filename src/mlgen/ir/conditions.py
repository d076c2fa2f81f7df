"""When a job runs: for each kind of event, an expression over the run's attributes."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir.expressions import Expr, all_of, evaluate, implies
from mlgen.named import NamedTuple

KINDS = ("push", "pull_request", "tag", "schedule", "manual", "api")
"""The kinds of events, in the order in which outputs name them."""


class Condition(NamedTuple):
    """One expression a kind of event; an absent kind is False there."""

    push: Expr = False
    pull_request: Expr = False
    tag: Expr = False
    schedule: Expr = False
    manual: Expr = False
    api: Expr = False

    def on(self, kind: str) -> Expr:
        """The expression that decides on events of this kind."""
        value: Expr = getattr(self, kind)
        return value

    def both(self, other: Condition) -> Condition:
        """Holds where both hold."""
        return Condition(*(all_of(pair) for pair in zip(self, other)))

    def implies(self, other: Condition) -> bool:
        """Whether on every event where this holds, the other is seen to hold."""
        return all(implies(mine, theirs) for mine, theirs in zip(self, other))

    def holds(self, kind: str, attributes: Mapping[str, str]) -> bool:
        """Whether a job with this condition runs on the event."""
        return evaluate(self.on(kind), attributes)

    def kinds(self) -> tuple[str, ...]:
        """The kinds on which it can hold at all."""
        return tuple(kind for kind in KINDS if self.on(kind) is not False)

    def grouped(self) -> tuple[tuple[tuple[str, ...], Expr], ...]:
        """Kinds that share an expression, together: what a target prints as one clause."""
        groups: dict[Expr, list[str]] = {}
        for kind in self.kinds():
            groups.setdefault(self.on(kind), []).append(kind)
        return tuple((tuple(kinds), expr) for expr, kinds in groups.items())


ALWAYS = Condition(True, True, True, True, True, True)
