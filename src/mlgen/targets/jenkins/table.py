"""The jobs of a large pipeline as a table: a row for each job, in methods of some rows, instead of a stage for each.

A stage is code of the one method that Declarative becomes; a row is data, and costs a tenth of it. Groovy of the file's
own starts each row as soon as what it needs has ended, so that the order is the graph's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence

from mlgen.ir import KINDS, Condition, Job, Leg, Pipeline, Service
from mlgen.ir.order import left_to_results
from mlgen.ir.outcomes import exporters
from mlgen.named import NamedTuple
from mlgen.quoting import groovy
from mlgen.quoting.shell import sh_template
from mlgen.targets import ci_py
from mlgen.targets.decide import outside
from mlgen.targets.jenkins import native, outcome, size, sources, steps
from mlgen.targets.jenkins.conditions import has_values, kinds, when
from mlgen.targets.jenkins.levels import after
from mlgen.targets.jenkins.naming import legs, stage_name
from mlgen.targets.jenkins.parts import Agent, agent, bindings, lock, login, variables
from mlgen.typed import Any

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

    agent: Agent
    caches: str
    setup: str


Places = dict[Machine, str]
"""The name of each machine's method."""


class Table(NamedTuple):
    """The methods of all rows of a file."""

    machines: tuple[View, ...]
    methods: tuple[View, ...]
    levels: tuple[tuple[str, ...], ...]
    """Of each table, the names of its methods."""
    alone: dict[str, str]
    """Of each job that is a stage but runs as a row does, the name of its method; by the name of the stage."""


def table(pipeline: Pipeline, tables: Sequence[Sequence[Job]], alone: Sequence[Job]) -> Table:
    """The rows of the jobs of each table, and of jobs that are stages of their own."""
    jobs = [*(job for listed in tables for job in listed), *alone]
    places = _names(pipeline, jobs)
    taken = {*METHODS, *places.values()}
    methods: list[View] = []
    of_level = []
    for listed in tables:
        here = []
        for stage in dict.fromkeys(job.stage for job in listed):
            some = [job for job in listed if job.stage == stage]
            for part in _parts(pipeline, some, {job.id for job in listed}, places):
                name = _unused(_word(stage) + "Jobs", taken)
                here.append(name)
                methods.append({"name": name, "stage": stage, **part})
        of_level.append(tuple(here))
    single: dict[str, str] = {}
    for job in alone:
        for leg in legs(job):
            name = single[stage_name(job, leg)] = _unused(_word(job.name) + "Job", taken)
            methods.append({"name": name, "stage": f"{job.stage}.{job.name}", **_alone(pipeline, job, leg, places)})
    machines = tuple(_machine(name, one) for one, name in places.items())
    return Table(machines, tuple(methods), tuple(of_level), single)


def _alone(pipeline: Pipeline, job: Job, leg: Leg | None, places: Places) -> View:
    """The row of a job that is a stage, which sees to its condition, its lock and what is permitted."""
    own = {"when", "needs", "lock", "allow_failure", "mayTake"}
    some = steps.receive_some(pipeline, job)
    receive = [("receive", f"{{ {'; '.join(some)} }}")] if some else []
    found = [
        ("name", groovy(stage_name(job, leg))),
        *_shared(pipeline, job, (), "", {}),
        *_own(pipeline, job, leg, places),
    ]
    said = [*(field for field in found if field[0] not in own), *receive]
    return {"conditions": [], "rows": [], "row": lines(said)}


def _word(text: str) -> str:
    """The text as the beginning of a name in Groovy."""
    words = [word for word in re.split(r"[^A-Za-z0-9_]+", text) if word]
    name = "".join([words[0], *(word.capitalize() for word in words[1:])]) if words else "some"
    return f"_{name}" if name[0].isdigit() else name


METHODS = ("runJobs", "runJob", "onAgent")
"""Methods of the file whose names those of stages, jobs and machines could have."""


def _unused(name: str, taken: set[str]) -> str:
    found, count = name, 2
    while found in taken:
        found, count = f"{name}V{count}" if name[-1].isdigit() else f"{name}{count}", count + 1
    taken.add(found)
    return found


# --- machines


def machine(pipeline: Pipeline, job: Job, leg: Leg | None) -> Machine:
    """The machine of a job or a leg."""
    caches = steps.caches(pipeline, job)
    where = agent(pipeline, job, leg)
    if job.native:
        label, _ = native.job(dict(job.native).get("jenkins"))
        where = where._replace(label=label or where.label)
    return Machine(where, f"[{', '.join(caches)}]" if caches else "", job.setup)


def _names(pipeline: Pipeline, jobs: Iterable[Job]) -> Places:
    """Each machine's name: of its runner and image, numbered where several have the same."""
    taken = set(METHODS)
    found: Places = {}
    for job in jobs:
        for leg in legs(job) if not job.milestone else ():
            one = machine(pipeline, job, leg)
            if one not in found:
                image = f"of {job.built.job.partition('.')[2]}" if job.built else one.agent.image
                image = re.sub(r"@sha256:.*", "", image).rpartition("/")[2]
                image = re.sub(r"(?<=[0-9])[.-](?=[0-9])", "_", image)
                runner = job.runner_of(leg) if leg and "runner" in job.varies else job.runner
                words = ["" if one.setup else "bare", runner.name if one.agent.label else "", image or "agent"]
                found[one] = _unused("on" + _capital(_word(" ".join(words))), taken)
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _machine(name: str, one: Machine) -> View:
    where = one.agent
    fields = [("label", groovy(where.label))] if where.label else []
    if "${" in where.image:
        fields.append(("imageOf", groovy(f"printf %s {sh_template(where.image)}")))
    elif where.image:
        fields.append(("image", groovy(where.image)))
    fields += [("args", groovy(where.args))] if where.args else []
    fields += [("pull", "true")] if where.pull else []
    fields += [("registry", groovy(where.registry)), ("login", groovy(where.login))] if where.login else []
    fields += [("caches", one.caches)] if one.caches else []
    fields += [("setup", groovy(one.setup))] if one.setup else []
    return {"name": name, "lines": lines(fields) if fields else ["[:]"]}


# --- methods


def _parts(pipeline: Pipeline, jobs: Sequence[Job], beside: Collection[str], places: Places) -> Iterator[View]:
    """The jobs of a stage in methods that are small enough."""
    rows: list[list[str]] = []
    conditions: dict[tuple[str, ...], str] = {}
    weight = 0
    for job in jobs:
        known = dict(conditions)
        row = lines(fields(pipeline, job, beside, known, places))
        new = [" ".join(condition) for condition in known if condition not in conditions]
        own = size.of_text("\n".join([*row, *new]))
        if rows and (len(rows) == ROWS or weight + own > _BYTES):
            yield _part(conditions, rows)
            rows, known, weight = [], {}, 0
            row = lines(fields(pipeline, job, beside, known, places))
        conditions = known
        rows.append(row)
        weight += own
    yield _part(conditions, rows)


def _part(conditions: dict[tuple[str, ...], str], rows: list[list[str]]) -> View:
    said = [{"name": name, "lines": list(condition)} for condition, name in conditions.items()]
    return {"conditions": said, "rows": rows, "row": []}


def _condition(pipeline: Pipeline, job: Job, known: dict[tuple[str, ...], str]) -> str:
    """The name of the job's condition, which is noted; what the run exports is not asked yet."""
    condition = outside(job.condition, ("value",))
    said = when(pipeline, condition)
    if said not in known:
        known[said] = _condition_name(pipeline, condition, set(known.values()))
    return known[said]


def _condition_name(pipeline: Pipeline, condition: Condition, taken: set[str]) -> str:
    """Of the events on which a job can run."""
    on = kinds(pipeline, condition)
    every = [kind for kind in KINDS if pipeline.triggers.on(kind)]
    words = [_capital(_word(kind.replace("_", " "))) for kind in on]
    if len(on) > 1 and on == every:
        words = ["Any"]
    elif len(on) == len(every) - 1 > 2:
        words = ["AllBut", *(_capital(_word(kind.replace("_", " "))) for kind in every if kind not in on)]
    return _unused("on" + "".join(words), set(taken))


# --- rows


def fields(
    pipeline: Pipeline, job: Job, beside: Collection[str], known: dict[tuple[str, ...], str], places: Places
) -> list[Field]:
    """The row of a job beside others. What differs between the legs of a matrix stands in rows inside of it."""
    shared = _shared(pipeline, job, beside, _condition(pipeline, job, known), known)
    if job.milestone:
        return [("name", groovy(stage_name(job, None))), *shared]
    if job.matrix is None:
        return [("name", groovy(stage_name(job, None))), *shared, *_own(pipeline, job, None, places)]
    found = [[("name", groovy(stage_name(job, leg))), *_own(pipeline, job, leg, places)] for leg in job.matrix.legs]
    if len(found) == 1:
        return [found[0][0], *shared, *found[0][1:]]
    same = [field for field in found[0] if all(field in leg for leg in found)]
    own = [[field for field in leg if field not in same] for leg in found]
    return [*shared, *same, ("legs", _rows([lines(leg) for leg in own]))]


def _shared(
    pipeline: Pipeline, job: Job, beside: Collection[str], condition: str, known: dict[tuple[str, ...], str]
) -> list[Field]:
    """What all legs of a job have alike."""
    found: list[Field] = [("job", groovy(job.id)), ("when", condition)]
    if has_values(job.condition):
        found.append(("values", _list(map(groovy, exporters(job.condition)))))
        found.append(("asks", f"{{ {' '.join(when(pipeline, job.condition))} }}"))
    found.append(("needs", _list(groovy(e.job) for e in job.waits if e.job in beside)))
    told = left_to_results(pipeline.jobs)
    follows = [edge.job for edge in job.edges if edge.hard and edge.job in told]
    found += [("follows", _list(map(groovy, follows)))] if follows else []
    if job.result:
        seen = [_seen(pipeline, pipeline.job(edge.job), beside, known) for edge in job.edges]
        found += [("result", groovy(job.result)), ("sees", _rows(seen))]
    elif (behind := [edge.job for edge in job.waits if edge.job not in beside]) and job.id in after(pipeline):
        seen = [_seen(pipeline, pipeline.job(name), beside, known) for name in behind]
        found.append(("behind", _rows(seen)))
    received = [name for _, name in steps.received(pipeline, job)]
    found += [("takes", _list(map(groovy, received)))] if received else []
    some: dict[str, list[str]] = {}
    for take, name in steps.received(pipeline, job, optional=True):
        some.setdefault(take.job, []).append(name)
    found += (
        [("mayTake", _map((groovy(name), _list(map(groovy, stashes))) for name, stashes in some.items()))]
        if some
        else []
    )
    found += [("merge", groovy(script))] if (script := steps.merge(pipeline, job)) else []
    bound = bindings(pipeline, job)
    found += [("secrets", _list(bound))] if bound else []
    found += [("allow_failure", "true")] if job.allow_failure else []
    return found


def _seen(pipeline: Pipeline, job: Job, beside: Collection[str], known: dict[tuple[str, ...], str]) -> list[str]:
    """A job of which another sees the result; whether one that did not start should have is asked of its condition."""
    name = f"MLGEN_RESULT_{job.key.upper().replace('-', '_')}"
    said = [("job", groovy(job.id)), ("variable", groovy(name))]
    if job.id not in beside:
        said.append(("runs", _condition(pipeline, job, known)))
        if told := exporters(job.condition):  # one that told nothing did not pass, and stopped the job
            untold = [f"!exported[{groovy(name)}]" for name in told]
            said.append(("asks", f"{{ {' || '.join(untold)} || {' '.join(when(pipeline, job.condition))} }}"))
    said += [("permitted", "true")] if job.allow_failure else []
    return lines(said)


def _own(pipeline: Pipeline, job: Job, leg: Leg | None, places: Places) -> list[Field]:
    """What each leg of a job has for itself."""
    found: list[Field] = [("on", f"{places[machine(pipeline, job, leg)]}()")]
    if not sources.plain(job):
        found.append(("sources", f"{{ {'; '.join(sources.statements(pipeline, job))} }}"))
    given = [_setting(name, value) for name, value in variables(pipeline, job, leg)]
    found += [("env", _list(given))] if given else []
    held = lock(pipeline, job, leg)
    found += [("lock", held)] if held else []
    blank = steps.blank(pipeline, job, leg)
    found += [("blank", groovy(blank))] if blank else []
    services = [_map(_service(one)) for one in job.services]
    found += [("services", _list(services))] if services else []
    found += [("login", groovy(script))] if (script := login(job)) else []
    found += _commands(job)
    texts = {
        "check": outcome.checks(job, leg),
        "archive": outcome.archived(job, leg),
        "keep": outcome.kept(job, leg, "success"),
    }
    found += [(name, groovy(text)) for name, text in texts.items() if text]
    gives = outcome.given(job, leg)
    found += [("gives", _map((groovy(name), groovy(files)) for name, files in gives))] if gives else []
    if outcome.asked(pipeline, job):
        found.append(("exports", groovy(ci_py.exports_file(job))))
    return [*found, *_afterwards(pipeline, job, leg)]


def _setting(name: str, value: str) -> str:
    """`NAME=VALUE`, of a value that is Groovy."""
    quote = "'''" if value.startswith("'''") else value[0]
    return f"{quote}{name}={value[len(quote) :]}"


def _commands(job: Job) -> list[Field]:
    """What the job does."""
    if job.native:
        _, found = native.job(dict(job.native).get("jenkins"))
        return [("steps", _rows([[f"{{ j -> {step} }}"] for step in found]))]
    if not job.steps:
        return [("run", groovy(steps.command(job)))]
    calls = []
    for (text, step), own in zip(steps.own_steps(job, ""), job.steps):
        call = f"bash(j, {groovy(own.name or job.name)}, {groovy(text)})" if text else step
        calls.append([f"{{ j -> {call} }}"])
    return [("steps", _rows(calls))]


def _service(one: Service) -> Iterator[Field]:
    yield "image", groovy(one.image)
    yield "variable", groovy(one.variable)
    words = " ".join(f"-e {shlex.quote(f'{name}={value}')}" for name, value in one.env)
    yield from [("args", groovy(words))] if words else []
    yield from [("command", groovy(shlex.join(one.command)))] if one.command else []
    yield from [("ready", groovy(one.ready))] if one.ready else []
    yield from [("ports", groovy(" ".join(map(str, one.ports))))] if one.ports else []


def _afterwards(pipeline: Pipeline, job: Job, leg: Leg | None) -> Iterator[Field]:
    """What is said and done of the job at its end."""
    found = outcome.reports(job, leg)
    yield from ((name, groovy(text)) for name, text in found.items() if name != "coverage")
    if "coverage" in found:
        yield "coverage", found["coverage"]
    if lasting := outcome.kept(job, leg, "any"):
        yield "keepAnyway", groovy(lasting)
    if job.on_failure:
        yield "onFailure", groovy(steps.inside(job, job.on_failure))
    if job.finally_:
        yield "last", groovy(steps.inside(job, job.finally_))
    if url := outcome.description(pipeline, job, leg):
        yield "description", f"{{ {url} }}"


def _map(items: Iterable[Field]) -> str:
    return f"[{', '.join(f'{name}: {value}' for name, value in items)}]"


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
