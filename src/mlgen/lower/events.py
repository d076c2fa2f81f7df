"""Triggers: which events start a run, and with which inputs."""

import re

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.conditions import Condition
from mlgen.ir.expressions import patterns_expr
from mlgen.ir.model import Input, Schedule, Triggers
from mlgen.ir.source import Source


def triggers(source: Source) -> tuple[Triggers, list[Diagnostic]]:
    """The triggers, and the faults found in them."""
    said = source.data["triggers"]
    schedules = _schedules(source)
    inputs, faults = _inputs(source)
    condition = Condition(
        push="push" in said and _branches(said["push"]),
        pull_request="pull_request" in said and _branches(said["pull_request"]),
        tag="tag" in said and patterns_expr("tag", said["tag"]),
        schedule=bool(schedules),
        manual="manual" in said,
    )
    found = Triggers(
        condition,
        tuple(said.get("push", {}).get("branches", ())),
        tuple(said.get("pull_request", {}).get("branches", ())),
        tuple(said.get("tag", ())),
        schedules,
        inputs,
    )
    return found, faults + _alike(schedules)


def _branches(said: dict[str, list[str]]) -> "Condition | bool":
    return patterns_expr("branch", said["branches"]) if said["branches"] else True  # type: ignore[return-value]


def _schedules(source: Source) -> tuple[Schedule, ...]:
    default = source.data["project"]["default_branch"]
    return tuple(
        Schedule(
            s["name"],
            " ".join(s["cron"].split()),
            s.get("branch", default),
            tuple(s["stages"]),
            source.at("triggers", "schedule", index),
        )
        for index, s in enumerate(source.data["triggers"].get("schedule", ()))
    )


_CRON_FIELD = re.compile(r"(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?")
_CRON_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def _cron_fault(cron: str) -> str:
    for field, (low, high) in zip(cron.split(), _CRON_BOUNDS):
        for part in field.split(","):
            if not _CRON_FIELD.fullmatch(part):
                return f"the field {field!r} cannot be read"
            numbers = [int(n) for n in re.findall(r"[0-9]+", part.split("/")[0])]
            if any(not low <= n <= high for n in numbers):
                return f"the field {field!r} is outside {low} to {high}"
    return ""


def _alike(schedules: tuple[Schedule, ...]) -> list[Diagnostic]:
    faults = []
    for index, schedule in enumerate(schedules):
        if reason := _cron_fault(schedule.cron):
            hint = "five fields: minute, hour, day, month, weekday; for example 17 3 * * 1"
            faults.append(error("MLG102", schedule.position, f"schedule {schedule.name}: {reason}", hint))
        for other in schedules[:index]:
            if schedule.name.lower() == other.name.lower():
                faults.append(error("MLG307", schedule.position, f"two schedules are called {schedule.name}", "rename one"))
            elif schedule.cron == other.cron:
                message = f"the schedules {other.name} and {schedule.name} have the same cron expression"
                faults.append(error("MLG307", schedule.position, message, "move one of them by a minute"))
    return faults


def _inputs(source: Source) -> tuple[tuple[Input, ...], list[Diagnostic]]:
    inputs: list[Input] = []
    faults: list[Diagnostic] = []
    for name, said in source.data["triggers"].get("manual", {}).get("inputs", {}).items():
        kind = said.get("type", "string")
        options = tuple(said.get("options", ()))
        default = said.get("default", _DEFAULTS.get(kind, options[0] if options else ""))
        text = str(default).lower() if isinstance(default, bool) else str(default)
        entry = Input(name, kind, text, options, said.get("description", ""))
        inputs.append(entry)
        if reason := _default_fault(entry, default):
            at = source.at("triggers", "manual", "inputs", name)
            faults.append(error("MLG213", at, f"input {name}: {reason}", "give a default that the input itself accepts"))
    return tuple(inputs), faults


_DEFAULTS = {"string": "", "integer": 0, "number": 0, "boolean": False}


def _default_fault(entry: Input, default: object) -> str:
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if entry.type == "choice":
        if not entry.options:
            return "a choice needs `options`"
        return "" if default in entry.options else f"the default {default!r} is none of its options"
    if entry.options:
        return "`options` belong to the type choice"
    if any(ord(c) < 32 or ord(c) == 127 for c in entry.default):
        return "the default holds a control character"
    fits = {
        "string": isinstance(default, str),
        "integer": isinstance(default, int) and number,
        "number": number,
        "boolean": isinstance(default, bool),
    }
    return "" if fits[entry.type] else f"the default {default!r} is no {entry.type}"
