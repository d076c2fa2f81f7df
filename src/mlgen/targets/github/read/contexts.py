"""What GitHub tells a run of the event that started it: which events start it, and the contexts of expressions.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
https://docs.github.com/en/actions/reference/workflows-and-actions/contexts
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.github.read.values import Known, Value, text_of
from mlgen.typed import Any

API_INPUT = "mlgen_event"
"""The input that names the api event, where manual and api runs share `workflow_dispatch`: see docs, design 2.1."""
_BOT = "dependabot[bot]"


class Input(NamedTuple):
    """An input of `workflow_dispatch`."""

    kind: str
    default: Value
    options: tuple[str, ...]


class On(NamedTuple):
    """The events that start the workflow, each with its filters; None: not at all."""

    branches: tuple[str, ...] | None
    """Of pushed branches; `**` is any."""
    tags: tuple[str, ...] | None
    targets: tuple[str, ...] | None
    """Of pull requests."""
    crons: tuple[str, ...]
    inputs: Mapping[str, Input] | None


_KEYS = {
    "push": {"branches", "tags"},
    "pull_request": {"branches"},
    "workflow_dispatch": {"inputs"},
}
_INPUT = {"description", "type", "default", "options", "required"}


def on(data: object) -> On:
    """The `on` of a workflow; Unread for what is not known: it might start runs that the spec does not ask for."""
    if not isinstance(data, dict):
        raise Unread("on: must be a mapping of events")
    for name, said in data.items():
        if name == "schedule":
            continue
        if name not in _KEYS or not isinstance(said or {}, dict) or set(said or {}) - _KEYS[name]:
            raise Unread(f"on.{name}: is not known, or has a filter that is not")
    push, pull, dispatch = (data.get(name) or {} for name in _KEYS)
    filtered = "branches" in push or "tags" in push
    return On(
        branches=_patterns(push, "branches", () if filtered else ("**",)) if "push" in data else None,
        tags=_patterns(push, "tags", () if filtered else ("**",)) if "push" in data else None,
        targets=_patterns(pull, "branches", ("**",)) if "pull_request" in data else None,
        crons=tuple(_cron(entry) for entry in data.get("schedule") or ()),
        inputs=(
            {name: _input(name, said or {}) for name, said in (dispatch.get("inputs") or {}).items()}
            if "workflow_dispatch" in data
            else None
        ),
    )


def _patterns(said: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...] | None:
    found = tuple(map(str, said[name])) if name in said else default
    return found or None


def _cron(entry: object) -> str:
    if not isinstance(entry, dict) or set(entry) != {"cron"}:
        raise Unread("on.schedule: an entry has `cron` only")
    return str(entry["cron"])


def _input(name: str, said: Mapping[str, Any]) -> Input:
    kind = str(said.get("type", "string"))
    if set(said) - _INPUT or kind not in ("string", "number", "boolean", "choice"):
        raise Unread(f"on.workflow_dispatch.inputs.{name}: is not known")
    options = tuple(map(str, said.get("options", ())))
    if kind == "choice" and str(said.get("default", "")) not in options:
        raise Unread(f"on.workflow_dispatch.inputs.{name}: the default is none of the options")
    if name == API_INPUT and kind == "string" and said.get("default"):
        raise Unread(f"on.workflow_dispatch.inputs.{name}: a manual run would be taken for an api event")
    return Input(kind, said.get("default"), options)


def starts(said: On, event: Event) -> bool:
    """Whether the event starts a run."""
    if event.kind == "push":
        return said.branches is not None and passes(said.branches, event.branch)
    if event.kind == "tag":
        return said.tags is not None and passes(said.tags, event.tag)
    if event.kind == "pull_request":
        return said.targets is not None and passes(said.targets, event.branch)
    if event.kind == "schedule":
        return event.cron in said.crons
    return said.inputs is not None and _accepted(said.inputs, event)


def _accepted(inputs: Mapping[str, Input], event: Event) -> bool:
    """Whether GitHub takes these inputs: it refuses those that the workflow does not have, and wrong choices."""
    given = dict(event.inputs) | ({API_INPUT: event.api} if event.api else {})
    return all(
        name in inputs and (inputs[name].kind != "choice" or value in inputs[name].options)
        for name, value in given.items()
    )


def passes(patterns: tuple[str, ...], name: str) -> bool:
    """Whether the filters let the name through: the last pattern that matches decides.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    found = False
    for pattern in patterns:
        if _filter(pattern.removeprefix("!")).fullmatch(name):
            found = not pattern.startswith("!")
    return found


@lru_cache(maxsize=1024)
def _filter(pattern: str) -> re.Pattern[str]:
    """`*`: not `/`; `**`: anything; `?` and `+`: none or one, or some, of what precedes; `[]`: one of these."""
    written, at = "", 0
    while at < len(pattern):
        c = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            written, at = written + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            written, at = written + ".*", at + 2
        elif c == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            written, at = written + pattern[at : end + 1], end + 1
        elif c == "\\" and at + 1 < len(pattern):
            written, at = written + re.escape(pattern[at + 1]), at + 2
        else:
            written, at = written + {"*": "[^/]*", "?": "?", "+": "+"}.get(c, re.escape(c)), at + 1
    return re.compile(written, re.S)


def contexts(said: On, event: Event) -> dict[str, Value]:
    """The contexts `github` and `inputs` on the event. A property that is not here is not known to the reader."""
    repository = event.repository or "owner/project"
    name, ref, event_data = "push", f"refs/heads/{event.branch}", _payload(said, event, repository)
    if event.kind == "tag":
        ref = f"refs/tags/{event.tag}"
    elif event.kind == "pull_request":
        name, ref = "pull_request", "refs/pull/7/merge"
    elif event.kind == "schedule":
        name = "schedule"
    elif event.kind in ("manual", "api"):
        name = "workflow_dispatch"
    pull = event.kind == "pull_request"
    github = Known(
        event_name=name,
        ref=ref,
        ref_name=ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/pull/"),
        ref_type="tag" if event.kind == "tag" else "branch",
        base_ref=event.branch if pull else "",
        head_ref=event.source if pull else "",
        repository=repository,
        workflow="workflow",
        run_id="101",
        run_number="11",
        sha="c" * 40,
        actor=_BOT if event.bot else "someone",
        event=event_data,
    )
    return {"github": github, "inputs": event_data["inputs"] or _no_inputs(said)}


def _no_inputs(said: On) -> Known:
    """`inputs` where nothing was asked for: each is null."""
    return Known({name.lower(): None for name in said.inputs or ()})


def _payload(said: On, event: Event, repository: str) -> Known:
    found: dict[str, Value] = {"before": None, "schedule": None, "pull_request": None, "inputs": None}
    if event.kind in ("push", "tag"):
        found["before"] = "b" * 40
    elif event.kind == "schedule":
        found["schedule"] = event.cron
    elif event.kind == "pull_request":
        home = "someone/copy" if event.fork and not event.bot else repository
        head = Known(sha="d" * 40, repo=Known(full_name=home), ref=event.source)
        user = Known(login=_BOT if event.bot else "someone")
        found["pull_request"] = Known(number=7, head=head, base=Known(sha="a" * 40, ref=event.branch), user=user)
    elif event.kind in ("manual", "api"):
        given = dict(event.inputs) | ({API_INPUT: event.api} if event.api else {})
        values = {name: given.get(name, entry.default) for name, entry in (said.inputs or {}).items()}
        found["inputs"] = Known({name.lower(): _typed((said.inputs or {})[name], v) for name, v in values.items()})
    return Known(found)


def _typed(entry: Input, value: Value) -> Value:
    """`inputs` keeps booleans; all else is text."""
    if entry.kind == "boolean":
        return value in (True, "true")
    return text_of(value) if value is not None else ""
