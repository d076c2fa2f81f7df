"""What a job does: exactly one thing, or nothing at all, which makes it a milestone."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.source import ACTIONS, COMMANDS, Source
from mlgen.typed import Any

_NOT_OF_A_MILESTONE = (
    "outs", "metrics", "plots", "exports", "deps", "params", "secrets", "matrix", "finally", "on_failure", "services",
    "retry", "timeout", "keep", "environment", "approval", "oidc", "permissions", "checkout", "allow_failure",
)  # fmt: skip
_OF_THE_COMMAND = ("retry", "timeout")


def check(source: Source, where: tuple[str, str], said: dict[str, Any]) -> Iterator[Diagnostic]:
    """The faults of what the job does."""
    at = ("stages", *where)
    name = ".".join(where)
    does = [f"`{key}`" for key in ACTIONS if said.get(key) or (key in COMMANDS and key in said)]
    if len(does) > 1:
        yield error("MLG203", source.key(*at), f"{name} has {' and '.join(does)}", "keep one of them")
    if not does:
        wrong = [key for key in _NOT_OF_A_MILESTONE if said.get(key)]
        if wrong:
            hint = "give it `run`; a job that does nothing is a milestone, which only waits"
            yield error("MLG203", source.key(*at), f"{name} does nothing, and yet has `{wrong[0]}`", hint)
    for index, step in enumerate(said["steps"]):
        if not step["run"] and not step["natives"]:
            hint = "give it `run`, or a target's own words"
            yield error("MLG203", source.at(*at, "steps", index), f"{name}: a step does nothing", hint)
    for key in _OF_THE_COMMAND if said.get("native") else ():
        if said.get(key):
            hint = "say it in the target's own words, or write `run`"
            yield error("MLG203", source.at(*at, key), f"{name}: `{key}` bounds a command, and `native` has none", hint)
