"""An event as the command line names it: its kind and options, held against the pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlgen.diagnostics import Position, SpecError, error
from mlgen.ir import KINDS, Input, Pipeline
from mlgen.ir.events import Event, at_home, starts
from mlgen.ir.paths import in_repository
from mlgen.lower.names import did_you_mean
from mlgen.named import NamedTuple


class EventOptions(NamedTuple):
    """What the user says of an event. `event` is a kind or the name of an api event; `inputs` are NAME=VALUE.

    `changed` are paths as the spec has them: from the project's folder, or, with a slash in front, from the top of the
    repository. `checked_out` is the branch of the working tree, which is meant where no other is named.
    """

    event: str
    branch: str = ""
    tag: str = ""
    schedule: str = ""
    changed: tuple[str, ...] | None = None
    fork: bool = False
    inputs: tuple[str, ...] = ()
    checked_out: str = ""
    message: str = ""
    values: tuple[str, ...] = ()
    """What jobs export in the run, as JOB.NAME=VALUE."""


def event_of(pipeline: Pipeline, options: EventOptions, starting: bool = True) -> Event:
    """The event; a SpecError says what is wrong with the options, or, if it must start a run, why it does not."""
    apis = [name for name, _ in pipeline.triggers.api]
    known = [kind for kind in KINDS if kind != "api"] + apis
    name = options.event
    if name not in known:
        raise _refused(pipeline, f"there is no event {name}", did_you_mean(name, known))
    kind = "api" if name in apis else name
    here = options.checked_out or pipeline.default_branch
    branch = options.branch or (pipeline.default_branch if kind in ("pull_request", "schedule") else here)
    root = pipeline.root
    changed = None if options.changed is None else tuple(in_repository(root, path) for path in options.changed)
    event = Event(kind, branch=branch, fork=options.fork, changed=changed)
    if kind == "pull_request":
        event = event._replace(source=here)
    elif kind == "tag":
        event = event._replace(branch="", tag=_needed(pipeline, options.tag, "tag v1.0 --tag v1.0", "--tag"))
    elif kind == "schedule":
        event = _scheduled(pipeline, event, options)
    if kind in ("push", "pull_request", "tag"):
        event = event._replace(message=options.message)
    if kind in ("manual", "api"):
        event = event._replace(api=name if kind == "api" else "")
        event = event._replace(inputs=_inputs(pipeline, event, options.inputs))
    _check(pipeline, kind, options)
    event = at_home(event._replace(values=_values(pipeline, options.values)), pipeline)
    if starting and not starts(event, pipeline):
        raise _refused(pipeline, f"no run starts on {event._replace(message='')}", _fired(pipeline, kind))
    return event


def _refused(pipeline: Pipeline, message: str, hint: str = "") -> SpecError:
    return SpecError([error("MLG801", Position(pipeline.spec), message, hint)])


def _check(pipeline: Pipeline, kind: str, options: EventOptions) -> None:
    """Options that say nothing about events of this kind are a slip of the user's."""
    of = {
        "--tag": (options.tag, ("tag",)),
        "--schedule": (options.schedule, ("schedule",)),
        "--fork": (options.fork, ("pull_request",)),
        "--input": (options.inputs, ("manual", "api")),
        "--branch": (options.branch, ("push", "pull_request", "manual", "api")),
    }
    for option, (given, kinds) in of.items():
        if given and kind not in kinds:
            raise _refused(pipeline, f"{option} says nothing of the event {kind}", f"it is for {', '.join(kinds)}")


def _needed(pipeline: Pipeline, value: str, example: str, option: str) -> str:
    if not value:
        raise _refused(pipeline, f"which one? {option} tells", f"for example: {example}")
    return value


def _scheduled(pipeline: Pipeline, event: Event, options: EventOptions) -> Event:
    schedules = {schedule.name: schedule for schedule in pipeline.triggers.schedules}
    if not schedules:
        raise _refused(pipeline, "the spec has no schedule", _fired(pipeline, "schedule"))
    name = options.schedule or (next(iter(schedules)) if len(schedules) == 1 else "")
    _needed(pipeline, name, f"schedule --schedule {next(iter(schedules))}", "--schedule")
    if name not in schedules:
        raise _refused(pipeline, f"there is no schedule {name}", did_you_mean(name, schedules))
    return event._replace(schedule=name, branch=schedules[name].branch)


def _inputs(pipeline: Pipeline, event: Event, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    entries = {e.name: e for e in pipeline.triggers.inputs if event.name in pipeline.triggers.asked_on(e.name)}
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise _refused(pipeline, f"--input {text} is not NAME=VALUE", "for example: --input epochs=3")
        if name not in entries:
            raise _refused(pipeline, f"{event.name} has no input {name}", did_you_mean(name, entries))
        if wanted := _unfit(entries[name], value):
            raise _refused(pipeline, f"the input {name} must be {wanted}")
        found[name] = value
    return tuple(found.items())


def _values(pipeline: Pipeline, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    known = [f"{job.id}.{export.name}" for job in pipeline.jobs for export in job.exports]
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise _refused(
                pipeline, f"--value {text} is not JOB.NAME=VALUE", "for example: --value train.fit.score=0.9"
            )
        if name not in known:
            raise _refused(pipeline, f"no job exports {name}", did_you_mean(name, known))
        found[name] = value
    return tuple(found.items())


def _unfit(entry: Input, value: str) -> str:
    """What the input must be, if the value is not so; the same rules as those of `.mlgen/env.sh`."""
    fits = {
        "integer": re.fullmatch(r"-?[0-9]+", value),
        "number": re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value),
        "boolean": value in ("true", "false"),
        "choice": value in entry.options,
        "string": not re.search(r"[\x00-\x1f\x7f]", value),
    }[entry.type]
    words = {"integer": "an integer", "number": "a number", "boolean": "true or false", "string": "one line of text"}
    return "" if fits else words.get(entry.type) or f"one of {', '.join(entry.options)}"


def _fired(pipeline: Pipeline, kind: str) -> str:
    """What does start a run."""
    triggers = pipeline.triggers
    if not triggers.on(kind):
        return f"`triggers` has {', '.join(k for k in KINDS if triggers.on(k))}"
    patterns = {
        "push": triggers.push_branches, "pull_request": triggers.pull_request_branches, "tag": triggers.tags
    }.get(kind, ())  # fmt: skip
    option = "tag" if kind == "tag" else "branch"
    return f"it does for {', '.join(patterns)}; --{option} NAME runs as if it were that one" if patterns else ""
