"""The jobs of a large pipeline as a table: a row for each job, in methods of some rows, instead of a stage for each.

A stage is code of the one method that Declarative becomes; a row is data, and costs a tenth of it. Groovy of the file's
own starts each row as soon as what it needs has ended, so that the order is the graph's.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mlgen.ir import KINDS, Job, Leg, Pipeline
from mlgen.quoting import groovy
from mlgen.targets.jenkins import size, steps
from mlgen.targets.jenkins.conditions import kinds, when
from mlgen.targets.jenkins.levels import Level
from mlgen.targets.jenkins.naming import stage_name
from mlgen.targets.jenkins.parts import agent, lock, variables

View = dict[str, Any]
Field = tuple[str, str]
"""A key of a row, and its value as Groovy."""

ROWS = 40
"""Rows of one method at most."""
_BYTES = 40_000
_WIDTH = 140
_PAD = " " * 8


class Machine(NamedTuple):
    """Where a job runs and how it is set up: what rows share, and so a method that they call."""

    label: str
    image: str
    args: str
    caches: str
    setup: str


class Table(NamedTuple):
    """The methods of all tables of a file."""

    machines: tuple[View, ...]
    methods: tuple[View, ...]
    levels: tuple[tuple[str, ...], ...]
    """Of each level that is a table, the names of its methods."""


def table(pipeline: Pipeline, found: Sequence[Level]) -> Table:
    """The tables of these levels."""
    machines = {job.id: machine(pipeline, job) for level in found if level.table for job in level.jobs}
    names = _names(pipeline, machines)
    taken: set[str] = set(names.values())
    methods: list[View] = []
    of_level = []
    for level in found:
        here = []
        for stage in dict.fromkeys(job.stage for job in level.jobs) if level.table else ():
            jobs = [job for job in level.jobs if job.stage == stage]
            places = {job.id: names[machines[job.id]] for job in jobs}
            for part in _parts(pipeline, jobs, {job.id for job in level.jobs}, places):
                name = _unused(_word(stage) + "Jobs", taken)
                here.append(name)
                methods.append({"name": name, "stage": stage, **part})
        if level.table:
            of_level.append(tuple(here))
    return Table(tuple(_machine(name, one) for one, name in names.items()), tuple(methods), tuple(of_level))


def _word(text: str) -> str:
    """The text as the beginning of a name in Groovy."""
    words = [word for word in re.split(r"[^A-Za-z0-9_]+", text) if word]
    name = "".join([words[0], *(word.capitalize() for word in words[1:])]) if words else "some"
    return f"_{name}" if name[0].isdigit() else name


def _unused(name: str, taken: set[str]) -> str:
    found, count = name, 2
    while found in taken:
        found, count = f"{name}V{count}" if name[-1].isdigit() else f"{name}{count}", count + 1
    taken.add(found)
    return found


# --- machines


def machine(pipeline: Pipeline, job: Job) -> Machine:
    """The machine of a job."""
    said = agent(job)
    caches = steps.caches(pipeline, job)
    return Machine(said.label, said.image, said.args, f"[{', '.join(caches)}]" if caches else "", job.setup)


def _names(pipeline: Pipeline, machines: dict[str, Machine]) -> dict[Machine, str]:
    """Each machine's name: of its runner and image, numbered where several have the same."""
    taken: set[str] = set()
    found: dict[Machine, str] = {}
    for job in pipeline.jobs:
        one = machines.get(job.id)
        if one and one not in found:
            image = re.sub(r"@sha256:.*", "", one.image).rpartition("/")[2]
            image = re.sub(r"(?<=[0-9])[.-](?=[0-9])", "_", image)
            words = ["" if one.setup else "bare", job.runner.name if job.runner.options else "", image or "agent"]
            found[one] = _unused("on" + _capital(_word(" ".join(words))), taken)
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _machine(name: str, one: Machine) -> View:
    fields = [("label", groovy(one.label))] if one.label else []
    fields += [("image", groovy(one.image))] if one.image else []
    fields += [("args", groovy(one.args))] if one.args else []
    fields += [("caches", one.caches)] if one.caches else []
    fields += [("setup", groovy(one.setup))] if one.setup else []
    return {"name": name, "lines": lines(fields) if fields else ["[:]"]}


# --- methods


def _parts(pipeline: Pipeline, jobs: Sequence[Job], beside: Collection[str], places: dict[str, str]) -> Iterator[View]:
    """The jobs of a stage in methods that are small enough."""
    rows: list[list[str]] = []
    conditions: dict[tuple[str, ...], str] = {}
    weight = 0
    for job in jobs:
        condition = when(pipeline, job.condition)
        name = conditions.get(condition) or _condition_name(pipeline, job, set(conditions.values()))
        row = lines(fields(pipeline, job, beside, name, places[job.id]))
        own = size.of_text("\n".join(row)) + (0 if condition in conditions else size.of_text(" ".join(condition)))
        if rows and (len(rows) == ROWS or weight + own > _BYTES):
            yield _part(conditions, rows)
            rows, conditions, weight = [], {}, 0
        conditions.setdefault(condition, name)
        rows.append(row)
        weight += own
    yield _part(conditions, rows)


def _part(conditions: dict[tuple[str, ...], str], rows: list[list[str]]) -> View:
    said = [{"name": name, "lines": list(condition)} for condition, name in conditions.items()]
    return {"conditions": said, "rows": rows}


def _condition_name(pipeline: Pipeline, job: Job, taken: set[str]) -> str:
    """Of the events on which the job can run."""
    on = kinds(pipeline, job.condition)
    every = [kind for kind in KINDS if pipeline.triggers.on(kind)]
    words = [_capital(_word(kind.replace("_", " "))) for kind in on]
    if len(on) > 1 and on == every:
        words = ["Any"]
    elif len(on) == len(every) - 1 > 2:
        words = ["AllBut", *(_capital(_word(kind)) for kind in every if kind not in on)]
    return _unused("on" + "".join(words), set(taken))


# --- rows


def fields(pipeline: Pipeline, job: Job, beside: Collection[str], condition: str, place: str) -> list[Field]:
    """The row of a job beside others. What differs between the legs of a matrix stands in rows inside of it."""
    shared: list[Field] = [("job", groovy(job.id)), ("when", condition), ("on", f"{place}()")]
    awaited = [edge.job for edge in job.waits if edge.job in beside]
    shared.append(("needs", _list(map(groovy, awaited))))
    received = steps.received(pipeline, job)
    shared += [("takes", _list(map(groovy, received)))] if received else []
    shared += [("merge", groovy(script))] if (script := steps.merge(pipeline, job)) else []
    bindings = steps.bindings(job)
    shared += [("secrets", _list(bindings))] if bindings else []
    shared += [("allow_failure", "true")] if job.allow_failure else []
    if job.matrix is None:
        return [("name", groovy(stage_name(job, None))), *shared, *_own(pipeline, job, None)]
    legs = [[("name", groovy(stage_name(job, leg))), *_own(pipeline, job, leg)] for leg in job.matrix.legs]
    same = [field for field in legs[0] if all(field in leg for leg in legs)]
    own = [[field for field in leg if field not in same] for leg in legs]
    return [*shared, *same, ("legs", _rows([lines(leg) for leg in own]))]


def _own(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[Field]:
    """What each leg of a job has for itself."""
    found: list[Field] = []
    given = [f"{name}={value}" for name, value in variables(job, leg)]
    found += [("env", _list(map(groovy, given)))] if given else []
    held = lock(pipeline, job, leg)
    found += [("lock", held)] if held else []
    blank = steps.blank(pipeline, job, leg)
    found += [("blank", groovy(blank))] if blank else []
    found.append(("run", groovy(steps.command(job))))
    texts = {
        "check": steps.checks(job, leg),
        "archive": steps.archived(job, leg),
    }
    found += [(name, groovy(text)) for name, text in texts.items() if text]
    gives = steps.given(job, leg)
    if gives:
        found.append(("gives", f"[{', '.join(f'{groovy(name)}: {groovy(files)}' for name, files in gives)}]"))
    reports = steps.reports(job, leg)
    found += [(name, groovy(text)) for name, text in reports.items() if name != "coverage"]
    if "coverage" in reports:
        found.append(("coverage", reports["coverage"]))
    found += [("last", groovy(job.finally_))] if job.finally_ else []
    url = steps.description(job)
    found += [("description", groovy(url))] if url else []
    return found


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _rows(rows: Sequence[Sequence[str]]) -> str:
    """A list of rows inside a row."""
    text = "".join(f"{_PAD}    " + f"\n{_PAD}    ".join(row) + ",\n" for row in rows)
    return f"[\n{text}{_PAD} ]"


def lines(found: Sequence[Field]) -> list[str]:
    """A map of these fields in lines of some width; a script ends its line."""
    result: list[str] = []
    line = "["
    for index, (name, value) in enumerate(found):
        text = f"{name}: {value}" + ("]" if index == len(found) - 1 else ",")
        first = text.partition("\n")[0]
        if line.strip(" [") and len(line) + 1 + len(first) > _WIDTH:
            result.append(line)
            line = f" {text}"
        else:
            line += text if line.endswith("[") else f" {text}"
        if "\n" in text and index < len(found) - 1:
            result.append(line)
            line = ""
    return [*result, line]
