"""Faults of a rendered config, found in its text alone; and single values that CircleCI cannot be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mlgen.diagnostics import Diagnostic, Position, error, warning
from mlgen.ir import Job, Match, Pipeline
from mlgen.ir.expressions import matches
from mlgen.regex import regex
from mlgen.targets.circleci import conditions, runtime, steps, text, unsaid, view
from mlgen.targets.circleci.step import Step
from mlgen.targets.contract import Output
from mlgen.typed import Any

MAX_BYTES = 8_000_000  # https://support.circleci.com/hc/en-us/articles/360045043634
MAX_CONTEXTS = 100  # https://circleci.com/docs/reference/configuration-reference/#context
MAX_PARAMETERS, MAX_VALUE = 100, 512  # https://circleci.com/docs/guides/orchestrate/pipeline-variables/
MAX_MINUTES = 300  # a job on the largest plan: https://circleci.com/docs/reference/configuration-reference/#jobs

_EXPRESSION = regex(r"(\\*)<<(.*?)(>>|\Z)", re.DOTALL)
_REFERENCE = regex(r" *(parameters|matrix)\.([A-Za-z_][A-Za-z0-9_-]*) *")
BUILT_IN = frozenset(
    (
        "attach_workspace",
        "checkout",
        "persist_to_workspace",
        "restore_cache",
        "run",
        "save_cache",
        "setup_remote_docker",
        "store_artifacts",
        "store_test_results",
    )
)
Fault = Callable[[str], Diagnostic]
Entries = list[tuple[str, Any]]


def check(output: Output, rendered: str, pipeline: Pipeline) -> list[Diagnostic]:
    """The structural faults of the file."""
    at = Position(output.path)

    def fault(message: str) -> Diagnostic:
        return error("MLG601", at, message)

    if len(rendered.encode()) > MAX_BYTES:
        return [error("MLG404", at, f"the file has more than {MAX_BYTES} bytes", "split the pipeline")]
    config, broken = _parsed(rendered)
    if config is None:
        return [fault(broken)]
    flows = config["workflows"]
    flow = next(iter(flows.values())).get("jobs") if len(flows) == 1 else None
    if not isinstance(flow, list):
        return [fault("there must be one workflow with jobs")]
    pairs = [next(iter(entry.items())) if isinstance(entry, dict) else (entry, {}) for entry in flow]
    entries = [(str(key), said or {}) for key, said in pairs]
    found = list(_definitions(config, fault))
    found += _kept(config, pipeline, fault)
    found += _invoked(config, entries, pipeline, fault)
    found += _graph(entries, pipeline, fault)
    found += _guarded(entries, pipeline, fault)
    return found


def _parsed(rendered: str) -> tuple[dict[str, Any] | None, str]:
    import yaml

    from mlgen.targets.rendered import document

    try:
        config = document(rendered)
    except yaml.YAMLError as broken:
        return None, f"it is not YAML: {' '.join(str(broken).split())}"
    wanted = ("executors", "commands", "jobs", "workflows")
    if not isinstance(config, dict) or not all(isinstance(config.get(key), dict) for key in wanted):
        return None, f"it must be a mapping with {', '.join(wanted)}"
    return config, ""


# ---- jobs and commands


def _definitions(config: dict[str, Any], fault: Fault) -> Iterator[Diagnostic]:
    holders = [("commands", name, held) for name, held in config["commands"].items()]
    holders += [("jobs", name, held) for name, held in config["jobs"].items()]
    for section, name, held in holders:
        if not isinstance(held, dict):
            yield fault(f"{section}.{name} is no mapping")
            continue
        named = held.get("executor")
        if isinstance(named, dict):
            given = {key: value for key, value in named.items() if key != "name"}
            named = named.get("name")
            declared = (config["executors"].get(named) or {}).get("parameters") or {}
            if set(given) != set(declared):
                yield fault(f"{section}.{name}: the executor {named} does not get exactly its parameters")
        own = str(named).startswith("<< parameters.") or "docker" in held or "machine" in held or "macos" in held
        if section == "jobs" and held.get("type") != "no-op" and not own and named not in config["executors"]:
            yield fault(f"jobs.{name}: there is no executor {named}")
        known = set(held.get("parameters") or {})
        for scope, parameter in _references(held):
            if scope == "matrix" or parameter not in known:
                yield fault(f"{section}.{name} refers to {scope}.{parameter}, which it does not declare")
        yield from _calls(config, f"{section}.{name}", held.get("steps") or [], fault)


def _calls(config: dict[str, Any], where: str, listed: list[Any], fault: Fault) -> Iterator[Diagnostic]:
    for step in listed:
        kind, given = (next(iter(step)), next(iter(step.values()))) if isinstance(step, dict) else (step, {})
        command = config["commands"].get(kind)
        if command is None and kind not in BUILT_IN:
            yield fault(f"{where}: there is no command {kind}")
        elif command is not None and set(given or {}) != set(command.get("parameters") or {}):
            yield fault(f"{where}: {kind} does not get exactly its parameters")


def _kept(config: dict[str, Any], pipeline: Pipeline, fault: Fault) -> Iterator[Diagnostic]:
    """Each job still does all that it must, in order; a template may add to it."""
    commands = view.named_commands(pipeline)
    for job in pipeline.jobs:
        if job.native or job.milestone:
            continue
        held = config["jobs"].get(job.key)
        given = [_plain(step) for step in (held.get("steps") or [])] if isinstance(held, dict) else []
        rest = iter(given)
        for wanted in map(expected, steps.steps(pipeline, job, commands)):
            if held is not None and not any(_within(wanted, step) for step in rest):
                yield fault(f"jobs.{job.key}: the step {_title(wanted)} is not what the job must do")
                break


def expected(step: Step) -> Any:
    """A step of the view as the file says it."""
    kind = step["kind"]
    if kind == "plain":
        return step["name"]
    if kind == "call":
        return {step["name"]: dict(step["arguments"])}
    if kind == "persist":
        return {"persist_to_workspace": {"root": ".", "paths": step["paths"]}}
    if kind == "native":
        return step["words"]
    if kind == "restore":
        return {"restore_cache": {"keys": step["keys"]}}
    if kind == "save":
        return {"save_cache": {"key": step["key"], "paths": step["paths"]}}
    if kind == "store":
        return {step["name"]: {"path": step["path"]}}
    said = {"command": step["command"].rstrip("\n"), **dict(step["options"])}
    return {"run": {**said, "environment": dict(step["environment"])} if step["environment"] else said}


def _plain(step: Any) -> Any:
    """The step without what ends its command: a block ends in a line break that a quoted scalar has not."""
    if isinstance(step, dict) and isinstance(step.get("run"), dict):
        return {"run": {**step["run"], "command": str(step["run"].get("command")).rstrip("\n")}}
    return step


def _within(wanted: Any, step: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(step, dict):
        return all(key in step and _within(value, step[key]) for key, value in wanted.items())
    return bool(wanted == step)


def _title(wanted: Any) -> str:
    if not isinstance(wanted, dict):
        return str(wanted)
    key, held = next(iter(wanted.items()))
    return " ".join(str(held["command"] if key == "run" else key).split())[:60]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """What the expressions refer to; one that is neither a parameter nor a pipeline value is a broken script."""
    for string in _strings(value):
        for escape, body, _ in _EXPRESSION.findall(string):
            if escape:
                yield from _references(body)
            elif own := _REFERENCE.fullmatch(body):
                yield own[1], own[2]
            elif not body.strip().startswith("pipeline."):
                yield "expression", " ".join(body.split())[:40]


# ---- the workflow


def _invoked(config: dict[str, Any], entries: Entries, pipeline: Pipeline, fault: Fault) -> Iterator[Diagnostic]:
    """The jobs, and what the workflow makes of them, are those of the pipeline and the declared helpers."""
    start = view.start_name(pipeline)
    wanted = {job.key for job in pipeline.jobs} | ({start} if start else set())
    for name in sorted(wanted ^ set(config["jobs"]), key=str):
        yield fault(f"job {name} is missing" if name in wanted else f"job {name} is none of the pipeline")
    expected: list[tuple[str, str]] = [(start, start)] if start else []
    for job in pipeline.jobs:
        names = [f"{job.key}-*"] if view.crossed(job) else [name for name, _ in view.legs(job)]
        expected += [(job.key, name) for name in names]
        if job.approval:
            expected.append((view.approval_name(pipeline, job), view.approval_name(pipeline, job)))
    given = [(key, f"{key}-*" if "matrix" in said else said.get("name", key)) for key, said in entries]
    for pair in sorted(set(expected) ^ set(given)):
        yield fault(f"{pair[1]} is not invoked" if pair in expected else f"{pair[1]} is none of the pipeline")
    if len(given) != len(set(given)):
        yield fault("a job is invoked twice under one name")
    for key, said in entries:
        passed = {**said, **said.get("matrix", {}).get("parameters", {})}
        for parameter, declared in (config["jobs"].get(key, {}).get("parameters") or {}).items():
            if parameter not in passed and "default" not in declared:
                yield fault(f"{said.get('name', key)} does not get its parameter {parameter}")


def _graph(entries: Entries, pipeline: Pipeline, fault: Fault) -> Iterator[Diagnostic]:
    """References between jobs, circles, and each edge of the pipeline."""
    waits: dict[str, list[str]] = {}
    for key, said in entries:
        needs = [next(iter(need)) if isinstance(need, dict) else need for need in said.get("requires", [])]
        waits[key if "matrix" in said else said.get("name", key)] = needs
    for name, needs in waits.items():
        for need in needs:
            if need not in waits:
                yield fault(f"{name} requires {need}, which is not there")
    if circle := _circle(waits):
        yield fault(f"jobs require each other: {' -> '.join(circle)}")
        return
    for job in pipeline.jobs:
        for name in _names(job):
            reached = _reached(name, waits)
            for edge in job.waits:
                if missing := [other for other in _names(pipeline.job(edge.job)) if other not in reached]:
                    yield fault(f"{name} does not wait for {missing[0]}")


def _names(job: Job) -> list[str]:
    return [job.key] if view.crossed(job) else [name for name, _ in view.legs(job)]


def _reached(name: str, waits: dict[str, list[str]]) -> set[str]:
    """What the job requires; through its approval, what that requires."""
    needs = waits.get(name, [])
    return set(needs).union(*(waits.get(need, []) for need in needs if need.startswith("approve-")))


def _circle(waits: dict[str, list[str]]) -> list[str]:
    left = dict(waits)
    while left:
        free = [name for name, needs in left.items() if not any(need in left for need in needs)]
        if not free:
            return sorted(left)
        for name in free:
            del left[name]
    return []


def _guarded(entries: Entries, pipeline: Pipeline, fault: Fault) -> Iterator[Diagnostic]:
    """Filters, approvals, contexts and locks: what keeps a job from running where it must not."""
    by_key = {job.key: job for job in pipeline.jobs}
    own = conditions.repository(pipeline)
    approvals = {view.approval_name(pipeline, job): job for job in pipeline.jobs if job.approval}
    for key, said in entries:
        job = by_key.get(key) or approvals.get(key)
        name = said.get("name", key)
        wanted = view.filter_text(pipeline, job, own) if job else view.start_filter(pipeline)
        if str(said.get("filters", "")).strip() != wanted:
            yield fault(f"{name} has not the filter that its condition asks for")
        if (said.get("type") == "approval") != (key in approvals):
            yield fault(f"{name}: type approval is for approvals, and for them alone")
        allowed = runtime.contexts(pipeline, job) if job and key in by_key else []
        if list(said.get("context", [])) != allowed:
            yield fault(f"{name} must have the contexts {allowed}, and no others")
        if job and key in by_key and job.approval and said.get("requires") != [view.approval_name(pipeline, job)]:
            yield fault(f"{name} must require its approval, and nothing else")
        if job and key in by_key and bool(said.get("serial-group")) != bool(job.lock):
            yield fault(f"{name}: serial-group must stand where the job has a lock")


# ---- what the capability table is too coarse for


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """Limits, and single values that cannot be said."""
    found = [*_limits(pipeline), *_scopes(pipeline), *_cancelled(pipeline)]
    for job in pipeline.jobs:
        found += _values(pipeline, job)
    return found


def _limits(pipeline: Pipeline) -> Iterator[Diagnostic]:
    at = Position(pipeline.spec)
    if len(runtime.held(pipeline)) > MAX_CONTEXTS:
        yield error("MLG404", at, f"CircleCI takes {MAX_CONTEXTS} contexts at most", "bind fewer secrets")
    inputs = pipeline.triggers.inputs
    if len(inputs) >= MAX_PARAMETERS:
        yield error("MLG404", at, f"CircleCI takes {MAX_PARAMETERS} parameters at most", "remove some inputs")
    for entry in inputs:
        if entry.name == "mlgen_schedule":
            yield error("MLG404", at, "the input mlgen_schedule has the name of mlgen's own parameter", "rename it")
        for value in (entry.default, *entry.options):
            if "<<" in value or len(value) > MAX_VALUE:
                message = f"input {entry.name}: CircleCI takes no value with `<<` or more than {MAX_VALUE} characters"
                yield error("MLG401", at, message, "shorten it, or set it in the script")
    for job in pipeline.jobs:
        if job.timeout > MAX_MINUTES * 60:
            message = f"{job.id}: no job of CircleCI may run longer than 5 hours"
            yield error("MLG404", job.position, message, "lower its timeout, or split the job")


def _scopes(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """A job gets the whole of a context: a job that lists a part of it would see the rest."""
    options = next((o for o in pipeline.targets if o.name == "circleci"), None)
    if options is not None and options.fallback("secrets"):
        return
    held = runtime.held(pipeline)
    for job in pipeline.jobs:
        listed = set(runtime.secrets(job))
        for context in runtime.contexts(pipeline, job):
            if more := [name for name in held[context] if name not in listed]:
                rest = ", ".join(more)
                message = f"{job.id} would also see {rest}: a job of CircleCI gets the whole context {context}"
                hint = "choose targets.circleci.fallback.secrets - `split`: a context each; `wider`: let it see them"
                yield error("MLG401", job.position, message, hint)


def _cancelled(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Auto-cancel knows no events: where it is wished for, it must not meet a deployment."""
    if not pipeline.cancel:
        return
    branch = pipeline.default_branch
    for job in conditions.elsewhere(pipeline):
        message = f"{job.id} can deploy from other branches than {branch}, where auto-cancel would stop it"
        hint = "write `concurrency: {cancel: []}`, or deploy from the default branch only"
        yield warning("MLG402", job.position, message, hint)


def _values(pipeline: Pipeline, job: Job) -> Iterator[Diagnostic]:
    at = job.position
    yield from unsaid.values(pipeline, job)
    legs = job.matrix.legs if job.matrix else ()
    named = [(f"the value of {name}", value) for name, value in (*pipeline.env, *job.env)]
    if job.environment:
        named.append(("the environment's url", job.environment.url))
    for what, value in named:
        if not text.sayable(value):
            message = f"{job.id}: {what} holds a backslash before `<<`, which CircleCI cannot be told"
            yield error("MLG401", at, message, "set it in the script")
    for value in (value for leg in legs for _, value in leg.values):
        if "<<" in value:
            yield error("MLG401", at, f"{job.id}: CircleCI takes no `<<` in the value of an axis", "use a name for it")
    for match in _fields(job):
        if "<<" in match.pattern:
            message = f"{job.id}: CircleCI takes no `<<` in the pattern {match.pattern}"
            yield error("MLG401", at, message, "use `?` for a `<`")
    for path in job.files:
        if "**" in path.split("/"):
            yield error("MLG401", at, f"{job.id}: a workspace knows no `**` as in {path}", "name the folder")
    yield from _shared_lock(pipeline, job)


def _fields(job: Job) -> Iterable[Match]:
    return (match for expr in job.condition for match in matches(expr))


def _shared_lock(pipeline: Pipeline, job: Job) -> Iterator[Diagnostic]:
    """A serial group must be unique in a workflow, so that two of its jobs cannot share one."""
    if not job.lock:
        return
    first = next(other for other in pipeline.jobs if other.lock == job.lock)
    if job.matrix or first.id != job.id:
        other = "its own legs" if first.id == job.id else first.id
        message = f"{job.id} shares the lock {job.lock} with {other}: on CircleCI it has one of its own, among its runs"
        yield warning("MLG402", job.position, message, "make one job of them if runs must not meet")
