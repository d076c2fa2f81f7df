"""Triggers: which events start a run, and with which inputs."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.conditions import Condition
from mlgen.ir.expressions import Expr, patterns_expr
from mlgen.ir.model import Input, Schedule, Triggers
from mlgen.ir.source import Source
from mlgen.regex import regex
from mlgen.typed import Any


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
        api="api" in said,
    )
    found = Triggers(
        condition,
        tuple(said.get("push", {}).get("branches", ())),
        tuple(said.get("pull_request", {}).get("branches", ())),
        tuple(said.get("tag", ())),
        schedules,
        inputs,
        tuple(said.get("manual", {}).get("inputs", ())),
        tuple((name, tuple(event["inputs"])) for name, event in said.get("api", {}).items()),
    )
    return found, faults + _alike(source, schedules)


def _branches(said: dict[str, list[str]]) -> Expr:
    return patterns_expr("branch", said["branches"]) if said["branches"] else True


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


_CRON_PART = regex(r"(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_CRON_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)


def _cron_fault(cron: str) -> str:
    for text, (name, low, high, words) in zip(cron.split(), _CRON_FIELDS):
        for part in text.split(","):
            bounds, _, step = part.partition("/")
            numbers = [words.get(n.lower(), n) for n in bounds.split("-")] if bounds != "*" else []
            if not _CRON_PART.fullmatch(part) or not all(str(n).isdigit() for n in numbers):
                return f"the {name} {text} cannot be read"
            values = [int(n) for n in numbers]
            if any(not low <= n <= high for n in values):
                return f"the {name} {text} is outside {low} to {high}"
            if values != sorted(values):
                return f"the {name} {text} ends before it begins"
            if step and not 1 <= int(step) <= high:
                return f"the {name} {text} has a step outside 1 to {high}"
    return ""


def _alike(source: Source, schedules: tuple[Schedule, ...]) -> list[Diagnostic]:
    faults = []
    for index, schedule in enumerate(schedules):
        at = ("triggers", "schedule", index)
        if reason := _cron_fault(schedule.cron):
            hint = "five fields: minute, hour, day, month, weekday; for example 17 3 * * 1"
            faults.append(error("MLG102", source.at(*at, "cron"), f"schedule {schedule.name}: {reason}", hint))
        for other in schedules[:index]:
            if schedule.name.lower() == other.name.lower():
                faults.append(
                    error("MLG307", source.at(*at, "name"), f"two schedules are called {schedule.name}", "rename one")
                )
            elif schedule.cron == other.cron:
                message = f"the schedules {other.name} and {schedule.name} have the same cron expression"
                faults.append(error("MLG307", source.at(*at, "cron"), message, "move one of them by a minute"))
    return faults


def _inputs(source: Source) -> tuple[tuple[Input, ...], list[Diagnostic]]:
    """The inputs of manual runs and of all api events: those of one name are one input, and must be alike."""
    inputs: dict[str, Input] = {}
    faults: list[Diagnostic] = []
    for at, name, said in _said_inputs(source):
        kind = said.get("type", "string")
        options = tuple(said.get("options", ()))
        default = said.get("default", _DEFAULTS.get(kind, options[0] if options else ""))
        text = str(default).lower() if isinstance(default, bool) else str(default)
        entry = Input(name, kind, text, options, said.get("description", ""))
        known = inputs.setdefault(name, entry)
        if fault := _options_fault(entry):
            faults.append(error("MLG213", source.key(*at, name), f"input {name}: {fault[0]}", fault[1]))
        elif reason := _default_fault(entry, default):
            hint = "give a default that the input itself accepts"
            faults.append(error("MLG213", source.at(*at, name, "default"), f"input {name}: {reason}", hint))
        elif known[1:4] != entry[1:4]:
            hint = "an input is one variable, whichever event starts the run: give it one type, default and options"
            faults.append(error("MLG213", source.key(*at, name), f"input {name} is said twice, in two ways", hint))
    return tuple(inputs.values()), faults


def _said_inputs(source: Source) -> Iterator[tuple[tuple[str, ...], str, dict[str, Any]]]:
    said = source.data["triggers"]
    for name, entry in said.get("manual", {}).get("inputs", {}).items():
        yield ("triggers", "manual", "inputs"), name, entry
    for event, words in said.get("api", {}).items():
        for name, entry in words["inputs"].items():
            yield ("triggers", "api", event, "inputs"), name, entry


def _options_fault(entry: Input) -> tuple[str, str] | None:
    if entry.type == "choice" and not entry.options:
        return "a choice needs `options`", "list its values, for example `options: [small, large]`"
    if entry.type != "choice" and entry.options:
        return "`options` belong to the type choice", "write `type: choice`, or leave them out"
    if any(_controls(text) for text in (*entry.options, entry.description)):
        return "its options or description hold a line break or a control character", "remove it"
    return None


def _controls(text: str) -> bool:
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


_DEFAULTS = {"string": "", "integer": 0, "number": 0, "boolean": False}


def _default_fault(entry: Input, default: object) -> str:
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if entry.type == "choice":
        return "" if default in entry.options else f"the default {entry.default} is none of its options"
    if _controls(entry.default):
        return "the default holds a line break or a control character"
    fits = {
        "string": isinstance(default, str),
        "integer": isinstance(default, int) and number,
        "number": number,
        "boolean": isinstance(default, bool),
    }
    shown = f'"{default}"' if isinstance(default, str) else entry.default
    return "" if fits[entry.type] else f"the default {shown} is not of type {entry.type}"
