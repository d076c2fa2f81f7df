"""The rendered file held against the pipeline: that it reads, its jobs, their order, files, secrets and approvals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Edge, Job, Leg, Pipeline
from mlgen.targets.contract import Output
from mlgen.targets.jenkins import size
from mlgen.targets.jenkins.naming import legs, stage_name, stash_name
from mlgen.targets.jenkins.parts import bound
from mlgen.targets.jenkins.reader import Node, Unreadable, read
from mlgen.targets.jenkins.rows import Row, credentials, methods, rows
from mlgen.targets.jenkins.units import BODIES, PLAN, Unit, called, name_of, units


def check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """Every structural fault of the text."""
    try:
        root = read(text)
    except Unreadable as fault:
        return [error("MLG601", Position(output.path, fault.line, 1), str(fault))]
    main = root.child("pipeline")
    listed = main.child("stages") if main else None
    if main is None or listed is None:
        return [error("MLG601", Position(output.path), "there is no pipeline with stages")]
    table = rows(root)
    faults = [(node.line, "MLG601", message) for node, message in (*_twice(main), *_shape(listed))]
    faults += _limits(root, len(table))
    if not faults:
        faults += [(line, "MLG601", message) for line, message in _machinery(root, main, table)]
        found = units(listed, table, main.child("post"))
        for against in (_jobs, _order, _stashes):
            faults += [(line, "MLG601", message) for line, message in against(found, pipeline)]
        faults += [(line, "MLG601", message) for line, message in _secrets(root, table, found, pipeline)]
    return [error(code, Position(output.path, line, 1), message, _hint(code)) for line, code, message in faults]


def _hint(code: str) -> str:
    if code != "MLG404":
        return ""
    return "split the spec, use fewer legs or jobs that deploy, or move scripts to files"


# --- the shape


def _twice(main: Node) -> Iterator[tuple[Node, str]]:
    """Sections that stand twice in the pipeline, or conditions in its `post`: a hook or template may add one."""
    for part in (main, main.child("post")):
        seen: set[str] = set()
        for node in part.children if part else ():
            if node.block and node.name in seen:
                yield node, f"{node.name} stands twice in {main.name if part is main else 'its post'}"
            seen.add(node.name)


def _shape(stages: Node) -> Iterator[tuple[Node, str]]:
    """What Declarative demands of stages: https://www.jenkins.io/doc/book/pipeline/syntax/#stages"""
    if not stages.children:
        yield stages, f"no stage in {stages.name}"
    names = [name_of(child) for child in stages.children]
    for index, child in enumerate(stages.children):
        if child.name != "stage" or not child.block:
            yield child, f"only stages may stand in {stages.name}"
            continue
        if names[index] in names[:index]:
            yield child, f"two stages side by side are called {names[index]}"
        bodies = [node for node in child.children if node.name in BODIES]
        if len(bodies) != 1:
            yield child, f"stage {names[index]} needs one of steps, stages, parallel"
        for body in bodies:
            if body.name == "parallel" and any(node.name == "parallel" for node in body.walk() if node is not body):
                yield body, f"stage {names[index]} has a parallel in a parallel"
            if body.name != "steps":
                yield from _shape(body)
            elif not body.children:
                yield body, f"stage {names[index]} has no steps"


def _limits(root: Node, count: int) -> list[tuple[int, str, str]]:
    faults = []
    surely = f"Jenkins surely takes {size.LIMIT}, and 65535 at most"
    bytes_ = size.estimate(root)
    if bytes_ > size.LIMIT:
        stages = sum(node.name == "stage" for node in root.walk())
        faults.append((0, "MLG404", f"{stages} stages make about {bytes_} bytes of code; {surely}"))
    total = 0
    for name, node in methods(root).items() if count else ():
        own = size.of_method(node)
        total += own
        if own > size.LIMIT:
            faults.append((node.line, "MLG404", f"the method {name} makes about {own} bytes of code; {surely}"))
    if total > size.TABLES:
        said = f"{count} jobs and legs make about {total} bytes of code; Jenkins surely takes {size.TABLES} in all"
        faults.append((0, "MLG404", said))
    for node in root.walk():
        for text in node.strings():
            if len(text.encode("utf-8", "surrogatepass")) > size.LONGEST_STRING:
                faults.append((node.line, "MLG404", f"a script of more than {size.LONGEST_STRING} bytes"))
    return faults


# --- against the pipeline


def _runs(pipeline: Pipeline) -> Iterator[tuple[str, Job, Leg | None]]:
    for job in pipeline.jobs:
        for leg in legs(job):
            yield stage_name(job, leg), job, leg


def _jobs(found: list[Unit], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    wanted = {name: job for name, job, _ in _runs(pipeline)}
    for unit in found:
        if unit.name not in wanted:
            if unit.name == PLAN and not unit.runs and not unit.credentials:
                continue
            if not unit.asks:
                yield unit.line, f"the stage {unit.name} is no job of the pipeline"
            elif unit.runs:
                yield unit.line, f"the stage {unit.name} asks for an approval and runs something"
            continue
        job = wanted[unit.name]
        if unit.job != job.id:
            yield unit.line, f"the stage {unit.name} does not set MLGEN_JOB to {job.id}"
        if job.approval and not any(o.asks and o.path[:-1] == unit.path[:-1] and o.level < unit.level for o in found):
            yield unit.line, f"{job.id} needs an approval, and no stage before it asks for one"
        if job.lock and not unit.locked:
            yield unit.line, f"{job.id} does not hold its lock"
    counts = Counter(unit.name for unit in found)
    for name in wanted:
        if counts[name] != 1:
            yield 0, f"{'more than one' if counts[name] else 'no'} stage is called {name}"


def _order(found: list[Unit], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """A job waits for those it must wait for: they stand in earlier levels, or among the needs of its rows."""
    of_job: dict[str, list[Unit]] = {}
    for unit in found:
        of_job.setdefault(unit.job, []).append(unit)
    for job in pipeline.jobs:
        mine = of_job.get(job.id)
        for edge in job.edges if mine else ():
            others = of_job.get(edge.job)
            if mine and others and not _comes_later(mine, others, edge):
                yield mine[0].line, f"{job.id} does not wait for {edge.job}"
    for unit in found:
        for name in sorted(unit.needs or ()):
            if name not in of_job:
                yield unit.line, f"{unit.name} waits for {name}, which is no job"
            elif unit.job in (need for other in of_job[name] for need in other.needs or ()):
                yield unit.line, f"{unit.name} and {name} wait for each other"


def _comes_later(mine: list[Unit], others: list[Unit], edge: Edge) -> bool:
    """Of two rows of one table, one that another need implies may be left out of the needs."""
    if max(unit.level for unit in others) < min(unit.level for unit in mine):
        return True
    table = all(unit.needs is not None and unit.level == others[0].level for unit in (*mine, *others))
    return table and (edge.implied or all(edge.job in (unit.needs or ()) for unit in mine))


def _stashes(found: list[Unit], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """Every file is handed on once, and received after that by the jobs that declare it alone."""
    made: dict[str, Unit] = {}
    for unit in found:
        for name, line in unit.gives:
            if name in made:
                yield line, f"two stashes are called {name}"
            made[name] = unit
    wanted: dict[str, set[str]] = {}
    jobs = {name: job for name, job, _ in _runs(pipeline)}
    for name, job in jobs.items():
        takes = {(take.bundle, leg) for take in job.takes for leg in legs(pipeline.job(take.job))}
        wanted[name] = {stash_name(bundle, leg) for bundle, leg in takes}
    for unit in found:
        taken = dict(unit.takes)
        for name, line in taken.items():
            awaited = (
                {*(unit.needs or ()), *(e.job for e in jobs[unit.name].edges if e.implied)} if unit.name in jobs else ()
            )
            if name not in made or not (made[name].level < unit.level or made[name].job in awaited):
                yield line, f"no earlier stage makes the stash {name}"
            if name not in wanted.get(unit.name, ()):
                yield line, f"{unit.name} receives {name}, which it does not declare"
        for name in sorted(wanted.get(unit.name, set()) - set(taken)):
            yield unit.line, f"{unit.name} does not receive {name}"


def _secrets(root: Node, table: list[Row], found: list[Unit], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """A credential is bound in jobs that list it, and nowhere else."""
    listed = {name: bound(pipeline, job) for name, job, _ in _runs(pipeline)}
    for unit in found:
        for name in sorted(unit.credentials - listed.get(unit.name, set())):
            yield unit.line, f"{unit.name} binds the credential {name}, which it does not list"
        for name in sorted(listed.get(unit.name, set()) - unit.credentials):
            yield unit.line, f"{unit.name} does not bind the credential {name}"
    allowed: set[int] = set()
    for node in root.walk():
        if node.name == "stage" and any(child.name == "steps" and not called(child) for child in node.children):
            allowed |= {id(inner) for inner in node.walk()}
    tables = {row.method for row in table}
    for name, node in methods(root).items():
        if name in tables:
            allowed |= {id(inner) for inner in node.walk()}
    for node in root.walk():
        if id(node) not in allowed and credentials(node.tokens):
            yield node.line, "a credential is bound outside of the stages of jobs"


# --- the Groovy that runs tables

_TABLE = {
    "runJobs": ("when", "startReady", "error"),
    "startReady": ("endAtOnce", "parallel"),
    "takeReady": ("needs", "open"),
    "endAtOnce": ("needs", "stopped"),
    "runJob": ("catchError", "lock", "onAgent", "startReady"),
}
_ROW = {
    "onAgent": ("node", "checkout", "inContainer", "deleteDir"),
    "inContainer": ("inside",),
    "withSecrets": ("withCredentials",),
}
_WORK = ("unstash", "stash", "archiveArtifacts", "junit", "finally")


def _machinery(root: Node, main: Node, table: list[Row]) -> Iterator[tuple[int, str]]:
    """Each table runs once, by methods that do what its rows say."""
    mine = methods(root)
    tables = list(dict.fromkeys(row.method for row in table))
    started = Counter(name for node in main.walk() if node.name in ("steps", "post") for name in called(node))
    for name in tables:
        if started[name] != 1:
            yield mine[name].line, f"the jobs of {name} run {started[name]} times"
    work = {"inProject" if "inProject" in mine else "inWorkspace": _WORK}
    needed = {**(_TABLE if "runJobs" in mine else {}), **_ROW, **work}
    for name, words in needed.items() if tables else ():
        if name not in mine:
            yield 0, f"the method {name} is not there"
            continue
        said = {token.text for node in mine[name].walk() for token in node.tokens}
        for word in words:
            if word not in said:
                yield mine[name].line, f"the method {name} does without {word}"
