"""The rendered file held against the pipeline: that it reads, its jobs, their order, files, secrets and approvals."""

from collections.abc import Iterator
from typing import NamedTuple

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Job, Leg, Pipeline
from mlgen.targets.contract import Output
from mlgen.targets.jenkins import size
from mlgen.targets.jenkins.reader import Node, Unreadable, read
from mlgen.targets.jenkins.steps import stash_name

_BODIES = ("steps", "stages", "parallel")


class Stage(NamedTuple):
    """A stage that does something, and where it stands: two stages with one `row` run side by side."""

    name: str
    node: Node
    row: int
    path: tuple[str, ...]


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
    faults = [(node.line, "MLG601", message) for node, message in _shape(listed)]
    faults += _limits(root)
    if not faults:
        stages = list(_stages(listed))
        for found in (_jobs, _order, _stashes):
            faults += [(line, "MLG601", message) for line, message in found(stages, pipeline)]
        faults += [(line, "MLG601", message) for line, message in _secrets(root, stages, pipeline)]
    return [error(code, Position(output.path, line, 1), message, _hint(code)) for line, code, message in faults]


def _hint(code: str) -> str:
    if code != "MLG404":
        return ""
    return "split the spec, use fewer legs or move scripts to files; a form for large pipelines is not built yet"


# --- the shape


def _shape(stages: Node) -> Iterator[tuple[Node, str]]:
    """What Declarative demands of stages: https://www.jenkins.io/doc/book/pipeline/syntax/#stages"""
    if not stages.children:
        yield stages, f"no stage in {stages.name}"
    names = [_name(child) for child in stages.children]
    for index, child in enumerate(stages.children):
        if child.name != "stage" or not child.block:
            yield child, f"only stages may stand in {stages.name}"
            continue
        if names[index] in names[:index]:
            yield child, f"two stages side by side are called {names[index]}"
        bodies = [node for node in child.children if node.name in _BODIES]
        if len(bodies) != 1:
            yield child, f"stage {names[index]} needs one of steps, stages, parallel"
        for body in bodies:
            if body.name == "parallel" and any(node.name == "parallel" for node in body.walk() if node is not body):
                yield body, f"stage {names[index]} has a parallel in a parallel"
            if body.name != "steps":
                yield from _shape(body)
            elif not body.children:
                yield body, f"stage {names[index]} has no steps"


def _name(stage: Node) -> str:
    strings = stage.strings()
    return strings[0] if strings else ""


def _stages(stages: Node, path: tuple[str, ...] = (), first: int = 0) -> Iterator[Stage]:
    """The stages with steps, by rows: those of a `parallel` begin in one row."""
    row = first
    for stage in stages.children:
        body = next(node for node in stage.children if node.name in _BODIES)
        here = (*path, _name(stage))
        found = [Stage(here[-1], stage, row, here)] if body.name == "steps" else list(_stages(body, here, row))
        yield from found
        if stages.name != "parallel":
            row = max(one.row for one in found) + 1


def _limits(root: Node) -> list[tuple[int, str, str]]:
    faults = []
    bytes_ = size.estimate(root)
    if bytes_ > size.LIMIT:
        count = sum(node.name == "stage" for node in root.walk())
        message = (
            f"{count} stages make about {bytes_} bytes of code; Jenkins surely takes {size.LIMIT}, and 65535 at most"
        )
        faults.append((0, "MLG404", message))
    for node in root.walk():
        for text in node.strings():
            if len(text.encode("utf-8", "surrogatepass")) > size.LONGEST_STRING:
                faults.append((node.line, "MLG404", f"a script of more than {size.LONGEST_STRING} bytes"))
    return faults


# --- against the pipeline


def _runs(pipeline: Pipeline) -> Iterator[tuple[str, Job, Leg | None]]:
    from mlgen.targets.jenkins.view import stage_name

    for job in pipeline.jobs:
        for leg in job.matrix.legs if job.matrix else (None,):
            yield stage_name(job, leg), job, leg


def _role(stage: Stage) -> str:
    """What a stage is that is no job: `approval`, or empty."""
    return "approval" if any(node.name == "input" for node in stage.node.walk()) else ""


def _jobs(stages: list[Stage], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    wanted = {name: job for name, job, _ in _runs(pipeline)}
    for stage in stages:
        if stage.name not in wanted:
            if not _role(stage):
                yield stage.node.line, f"the stage {stage.name} is no job of the pipeline"
            elif any(node.name == "sh" for node in stage.node.walk()):
                yield stage.node.line, f"the stage {stage.name} asks for an approval and runs something"
            continue
        job = wanted[stage.name]
        if _environment(stage.node).get("MLGEN_JOB") != job.id:
            yield stage.node.line, f"the stage {stage.name} does not set MLGEN_JOB to {job.id}"
        if job.approval and not any(_role(o) and o.path[:-1] == stage.path[:-1] and o.row < stage.row for o in stages):
            yield stage.node.line, f"{job.id} needs an approval, and no stage before it asks for one"
        if job.lock and not any(node.name == "lock" for node in stage.node.walk()):
            yield stage.node.line, f"{job.id} does not hold its lock"
    names = [stage.name for stage in stages]
    for name in wanted:
        if names.count(name) != 1:
            yield 0, f"{'no' if name not in names else 'more than one'} stage is called {name}"


def _environment(stage: Node) -> dict[str, str]:
    block = stage.child("environment")
    return {node.name: (node.strings() or [""])[0] for node in block.children} if block else {}


def _order(stages: list[Stage], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """A job waits for those it must wait for: they stand in earlier rows."""
    rows: dict[str, list[int]] = {}
    lines: dict[str, int] = {}
    for stage in stages:
        name = _environment(stage.node).get("MLGEN_JOB", "")
        rows.setdefault(name, []).append(stage.row)
        lines[name] = stage.node.line
    for job in pipeline.jobs:
        for edge in job.edges:
            if job.id in rows and edge.job in rows and max(rows[edge.job]) >= min(rows[job.id]):
                yield lines[job.id], f"{job.id} does not wait for {edge.job}"


def _stashes(stages: list[Stage], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """Every file is handed on once, and received after that by the jobs that declare it alone."""
    made: dict[str, Stage] = {}
    for stage in stages:
        for node in stage.node.walk():
            if node.name == "stash":
                name = node.argument("name")
                if name in made:
                    yield node.line, f"two stashes are called {name}"
                made[name] = stage
    wanted: dict[str, set[str]] = {}
    for name, job, _ in _runs(pipeline):
        takes = {(take.bundle, leg) for take in job.takes for leg in _legs(pipeline.job(take.job))}
        wanted[name] = {stash_name(bundle, leg) for bundle, leg in takes}
    for stage in stages:
        received = (node for node in stage.node.walk() if node.name == "unstash" and node.strings())
        taken = {node.strings()[0]: node.line for node in received}
        for name, line in taken.items():
            if name not in made or made[name].row >= stage.row:
                yield line, f"no earlier stage makes the stash {name}"
            if name not in wanted.get(stage.name, ()):
                yield line, f"{stage.name} receives {name}, which it does not declare"
        for name in sorted(wanted.get(stage.name, set()) - set(taken)):
            yield stage.node.line, f"{stage.name} does not receive {name}"


def _legs(job: Job) -> tuple[Leg | None, ...]:
    return job.matrix.legs if job.matrix else (None,)


def _secrets(root: Node, stages: list[Stage], pipeline: Pipeline) -> Iterator[tuple[int, str]]:
    """A credential is bound in jobs that list it, and nowhere else."""
    listed = {name: {use.name for use in job.secrets} for name, job, _ in _runs(pipeline)}
    allowed: set[int] = set()
    for stage in stages:
        bound = set()
        for node in stage.node.walk():
            allowed.add(id(node))
            bound |= _credentials(node)
        for name in sorted(bound - listed.get(stage.name, set())):
            yield stage.node.line, f"{stage.name} binds the credential {name}, which it does not list"
        for name in sorted(listed.get(stage.name, set()) - bound):
            yield stage.node.line, f"{stage.name} does not bind the credential {name}"
    for node in root.walk():
        if id(node) not in allowed and _credentials(node):
            yield node.line, "a credential is bound outside of the stages of jobs"


def _credentials(node: Node) -> set[str]:
    found = set()
    for index, token in enumerate(node.tokens):
        if token.text in ("credentialsId", "credentials") and token.kind == "word":
            found.add(next((t.text for t in node.tokens[index + 1 :] if t.kind == "string"), "?"))
    return found
