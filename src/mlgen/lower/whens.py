"""Faults of a job's `when`: names of events, schedules, inputs and exported values, and what cannot stand together."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.conditions import KINDS
from mlgen.ir.source import Source
from mlgen.lower.names import Route, did_you_mean, named, patterns
from mlgen.lower.texts import scalar_text
from mlgen.typed import Any


def check(source: Source, where: tuple[str, str], at: Route, when: dict[str, Any]) -> Iterator[Diagnostic]:
    """The faults of one mapping at this place, and of those inside it."""
    known = [s["name"] for s in source.data["triggers"].get("schedule", ())]
    events = [*KINDS, *source.data["triggers"].get("api", {})]
    for key, what, names in (("event", "event", events), ("schedule", "schedule", known)):
        for index, name in enumerate(when.get(key, ())):
            if name not in names:
                yield error(
                    "MLG201", source.at(*at, key, index), f"there is no {what} {name}", did_you_mean(name, names)
                )
    for key in ("branch", "tag"):
        yield from patterns(source, (*at, key), when.get(key, ()))
    yield from _inputs(source, (*at, "input"), when.get("input", {}))
    for name in when.get("value", {}):
        yield from _value(source, where, (*at, "value", name), name)
    if "result" in when and (at[-1] == "not" or len(source.data["stages"][where[0]][where[1]]["when"]) > 1):
        hint = "write it once, in the one mapping of `when`"
        yield error("MLG222", source.at(*at, "result"), "`result` cannot be negated or stand in a list", hint)
    if "result" in when and "value" in when.get("not", {}):
        hint = "name the values with which it is to run"
        yield error("MLG222", source.at(*at, "not", "value"), "a value cannot be negated beside `result`", hint)
    if "not" in when:
        yield from check(source, where, (*at, "not"), when["not"])


def _inputs(source: Source, at: Route, said: dict[str, list[Any]]) -> Iterator[Diagnostic]:
    triggers = source.data["triggers"]
    inputs = dict(triggers.get("manual", {}).get("inputs", {}))
    for event in triggers.get("api", {}).values():
        inputs.update(event["inputs"])
    for name, values in said.items():
        if name not in inputs:
            yield error("MLG201", source.key(*at, name), f"there is no input {name}", did_you_mean(name, inputs))
            continue
        options = inputs[name].get("options", ())
        for value in map(scalar_text, values):
            if options and value not in options:
                hint = did_you_mean(value, options)
                yield error("MLG201", source.at(*at, name), f"the input {name} has no option {value}", hint)


def _value(source: Source, where: tuple[str, str], at: Route, name: str) -> Iterator[Diagnostic]:
    job, _, export = name.rpartition(".")
    found = named(source.data, job)
    if len(found) > 1:
        yield error("MLG202", source.key(*at), f"more than one job is called {job}", f"write {' or '.join(found)}")
    elif not found:
        jobs = [f"{s}.{j}" for s, members in source.data["stages"].items() for j in members]
        yield error("MLG201", source.key(*at), f"there is no job {job}", did_you_mean(job, jobs))
    else:
        stage, other = found[0].split(".")
        exports = source.data["stages"][stage][other]["exports"]
        if export not in exports:
            yield error("MLG201", source.key(*at), f"{job} exports no {export}", did_you_mean(export, exports))
        elif (stage, other) == where:
            yield error("MLG222", source.key(*at), f"{job} cannot wait for its own value", "let a later job ask for it")
        elif source.data["stages"][stage][other].get("allow_failure"):
            message = f"{job} may fail, and then there is no {export} to decide by"
            hint = f"take `allow_failure` away from {job}; if its command may fail, let it export a value that says so"
            yield error("MLG222", source.key(*at), message, hint)
