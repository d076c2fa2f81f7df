"""The file as CircleCI takes it apart: parameters, executors, commands, jobs, and the workflow's invocations of these.

https://circleci.com/docs/reference/configuration-reference/, https://circleci.com/docs/reference/reusing-config/
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.circleci.read.inserted import filled, plain
from mlgen.targets.rendered import document
from mlgen.typed import Any

Data = dict[str, Any]

KEYS = frozenset(("version", "parameters", "executors", "commands", "jobs", "workflows"))
STATUSES = frozenset(("success", "failed", "canceled", "unauthorized", "not_run", "terminal"))
"""https://circleci.com/docs/reference/configuration-reference/#requires"""
TYPES = frozenset(("string", "boolean", "integer", "enum", "executor", "steps", "env_var_name"))
_ENTRY = ("type", "name", "matrix", "requires", "context", "serial-group", "filters")


class Parameter(NamedTuple):
    """A parameter; `default` is None where one must be given."""

    type: str
    default: Any
    enum: tuple[str, ...]


class Entry(NamedTuple):
    """One job of the workflow: an invocation, of a matrix one leg."""

    name: str
    job: str
    """The job that it invokes; empty: an approval."""
    given: Mapping[str, Any]
    """Its parameters."""
    requires: tuple[tuple[str, frozenset[str]], ...]
    """The jobs that it waits for, and how each may have ended."""
    contexts: tuple[str, ...]
    group: str
    filters: str
    """The expression, empty if there is none."""
    route: tuple[str | int, ...]


class File(NamedTuple):
    """What the file says."""

    parameters: Mapping[str, Parameter]
    executors: Mapping[str, Data]
    commands: Mapping[str, Data]
    jobs: Mapping[str, Data]
    workflow: str
    entries: tuple[Entry, ...]


def read(text: str) -> File:
    """The file; Unread where it says something that this reader does not know."""
    import yaml

    try:
        said = document(text)
    except yaml.YAMLError as fault:
        raise Unread(f"it is not YAML: {' '.join(str(fault).split())}") from fault
    known(said, KEYS, "the file")
    if said.get("version") != 2.1:
        raise Unread("version: it is not 2.1")
    for part in ("parameters", "executors", "commands", "jobs", "workflows"):
        mapping(said.get(part, {}), part)
    parameters = declared(said.get("parameters", {}), "parameters")
    for name, each in parameters.items():
        if each.type not in ("string", "boolean", "integer", "enum") or each.default is None:
            raise Unread(f"parameters.{name}: a pipeline's parameter has a simple type and a default")
    workflows = said.get("workflows", {})
    if len(workflows) != 1:
        raise Unread("workflows: there is not one workflow, but several or none")
    ((name, workflow),) = workflows.items()
    known(workflow, ("jobs",), f"workflows.{name}")
    jobs = said.get("jobs", {})
    entries = tuple(_entries(name, workflow.get("jobs"), jobs))
    return File(
        parameters, said.get("executors", {}), said.get("commands", {}), jobs, name, tuple(_named(entries, jobs))
    )


def known(said: Any, keys: Collection[str], where: str) -> None:
    """Unread if the value is no mapping, or has a key that is not among these."""
    for key in mapping(said, where):
        if key not in keys:
            raise Unread(f"{where}: the key {key} is not known")


def mapping(said: Any, where: str) -> Data:
    """The value, which must be a mapping with texts as keys."""
    if not isinstance(said, dict) or not all(isinstance(key, str) for key in said):
        raise Unread(f"{where}: it is no mapping")
    return said


def texts(said: Any, where: str) -> list[str]:
    """The value, which must be a list of texts, or one text."""
    found = [said] if isinstance(said, str) else said
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Unread(f"{where}: it is no list of texts")
    return found


def declared(said: Any, where: str) -> dict[str, Parameter]:
    """Declarations of parameters."""
    found = {}
    for name, each in mapping(said, where).items():
        known(each, ("type", "default", "enum", "description"), f"{where}.{name}")
        kind, enum = each.get("type"), each.get("enum", [])
        if kind not in TYPES or (kind == "enum") != bool(enum):
            raise Unread(f"{where}.{name}: its type {kind} is not known")
        found[name] = Parameter(kind, each.get("default"), tuple(texts(enum, f"{where}.{name}.enum")))
    return found


def given(said: Mapping[str, Any], parameters: Mapping[str, Parameter], where: str) -> Data:
    """The values of the parameters; Unread for one that is not declared, or missing, or of another type."""
    known(dict(said), parameters.keys(), where)
    found = {}
    for name, parameter in parameters.items():
        value = said.get(name, parameter.default)
        wanted = {"boolean": bool, "integer": int, "steps": list}.get(parameter.type, str)
        if not isinstance(value, wanted) or (parameter.enum and value not in parameter.enum):
            raise Unread(f"{where}: {name} is {value!r}, which is no {parameter.type}")
        found[name] = value
    return found


def _entries(workflow: str, said: Any, jobs: Mapping[str, Data]) -> Iterator[Entry]:
    where = f"workflows.{workflow}.jobs"
    if not isinstance(said, list):
        raise Unread(f"{where}: it is no list")
    for number, entry in enumerate(said):
        entry = {entry: {}} if isinstance(entry, str) else entry
        if len(mapping(entry, f"{where}[{number}]")) != 1:
            raise Unread(f"{where}[{number}]: it does not name one job")
        ((job, words),) = entry.items()
        words = mapping({} if words is None else words, f"{where}.{job}")
        approval = words.get("type") == "approval"
        if ("type" in words and not approval) or approval == (job in jobs):
            raise Unread(f"{where}.{job}: it is no job of this file, or of a type that is not known")
        route = ("workflows", workflow, "jobs", number)
        for leg in _legs(words.get("matrix"), f"{where}.{job}"):
            yield _entry(job, words, leg, approval, route)


def _entry(job: str, words: Data, leg: Data | None, approval: bool, route: tuple[str | int, ...]) -> Entry:
    where = f"workflows.{route[1]}.jobs.{job}"
    own = {key: value for key, value in words.items() if key not in _ENTRY}
    filters = words.get("filters", "")
    if not isinstance(filters, str):
        raise Unread(f"{where}.filters: it is no expression")
    name = words.get("name", job)
    if leg is not None:
        if "name" not in words:  # https://circleci.com/docs/guides/orchestrate/using-matrix-jobs/
            name = "-".join([job, *(str(leg[axis]) for axis in sorted(leg))])
        if own.keys() & leg.keys():
            raise Unread(f"{where}: a parameter is given twice")
    group = words.get("serial-group", "")
    if not isinstance(group, str) or not isinstance(name, str):
        raise Unread(f"{where}: its name or serial-group is no text")
    return Entry(
        plain(filled(name, leg or {}, "matrix")),
        "" if approval else job,
        {**own, **(leg or {})},
        tuple(_requires(words.get("requires", []), f"{where}.requires")),
        tuple(plain(each) for each in texts(words.get("context", []), f"{where}.context")),
        filled(group, leg or {}, "matrix"),
        filters.strip(),
        route,
    )


def _legs(said: Any, where: str) -> Iterator[Data | None]:
    """https://circleci.com/docs/reference/configuration-reference/#matrix"""
    if said is None:
        yield None
        return
    known(said, ("parameters", "exclude"), f"{where}.matrix")
    axes = mapping(said.get("parameters"), f"{where}.matrix.parameters")
    excluded = said.get("exclude", [])
    for values in itertools.product(*(axis if isinstance(axis, list) else [axis] for axis in axes.values())):
        leg = dict(zip(axes, values))
        if leg not in excluded:
            yield leg


def _requires(said: Any, where: str) -> Iterator[tuple[str, frozenset[str]]]:
    if not isinstance(said, list):
        raise Unread(f"{where}: it is no list")
    for item in said:
        item = {item: "success"} if isinstance(item, str) else mapping(item, where)
        for name, statuses in item.items():
            found = frozenset(texts(statuses, f"{where}.{name}"))
            if unknown := sorted(found - STATUSES):
                raise Unread(f"{where}.{name}: the status {unknown[0]} is not known")
            yield name, found


def _named(entries: tuple[Entry, ...], jobs: Mapping[str, Data]) -> Iterator[Entry]:
    """The invocations, each with the names of those that it requires: a matrix is required by its job's name."""
    names: dict[str, list[str]] = {}
    legs: dict[str, list[str]] = {}
    for entry in entries:
        names.setdefault(entry.name, []).append(entry.name)
        legs.setdefault(entry.job, []).append(entry.name)
    if twice := [name for name, all_of_it in names.items() if len(all_of_it) > 1]:
        raise Unread(f"workflows: two jobs have the name {twice[0]}")
    groups: dict[str, str] = {}
    for entry in entries:
        if entry.group and groups.setdefault(entry.group, entry.name) != entry.name:
            raise Unread(f"workflows: {entry.name} and {groups[entry.group]} have one serial-group")
    for entry in entries:
        requires = []
        for name, statuses in entry.requires:
            if name not in names and name not in legs:
                raise Unread(f"workflows: {entry.name} requires {name}, which is not there")
            requires += [(each, statuses) for each in (names.get(name) or legs[name])]
        yield entry._replace(requires=tuple(requires))
    if unused := jobs.keys() - {entry.job for entry in entries}:
        raise Unread(f"jobs: no workflow has {', '.join(sorted(unused))}")
