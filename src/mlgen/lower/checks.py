"""Faults that no schema can see: names, secrets, paths, matrices, gates, deployments."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import paths
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.ir.model import Input, Job, Pipeline
from mlgen.ir.source import Source
from mlgen.lower import actions, commands, gates, refs, whens
from mlgen.lower.credentials import credentials, env_blocks
from mlgen.lower.jobs import MATRIX_WORDS, folded
from mlgen.lower.names import did_you_mean, named, patterns
from mlgen.lower.texts import scalar_text
from mlgen.regex import regex
from mlgen.typed import Any, TypeAlias

Route: TypeAlias = "tuple[str | int, ...]"

MOST_LEGS = 256
BUILT_IN_RUNNERS = ("default", "linux", "windows", "macos")

_REFERENCE = regex(r"\$\{([^}]*)\}")


def references(source: Source) -> Iterator[Diagnostic]:
    """Names that jobs and secrets refer to, and what a job does: what must hold before jobs can be made."""
    data = source.data
    for kind in ("push", "pull_request"):
        yield from patterns(source, ("triggers", kind, "branches"), data["triggers"].get(kind, {}).get("branches", ()))
    yield from patterns(source, ("triggers", "tag"), data["triggers"].get("tag", ()))
    for name, place in data["environments"].items():
        for key in ("branches", "tags"):
            yield from patterns(source, ("environments", name, key), place[key] or ())
    for name, secret in data["secrets"].items():
        if name.upper().startswith("MLGEN_"):
            yield _reserved(source.key("secrets", name), name)
        for index, place in enumerate(secret["environments"]):
            if place not in data["environments"]:
                hint = did_you_mean(place, data["environments"])
                at = source.at("secrets", name, "environments", index)
                yield error("MLG201", at, f"there is no environment {place}", hint)
    for schedule_index, schedule in enumerate(data["triggers"].get("schedule", ())):
        for index, stage in enumerate(schedule["stages"]):
            if stage not in data["stages"]:
                at = source.at("triggers", "schedule", schedule_index, "stages", index)
                yield error("MLG201", at, f"there is no stage {stage}", did_you_mean(stage, data["stages"]))
    for stage, members in data["stages"].items():
        for name, said in members.items():
            if "use" in said:  # packs are merged by now
                hint = "`extends` names the packs that have them"
                yield error(
                    "MLG705", source.at("stages", stage, name, "use"), "`use` needs a pack with job snippets", hint
                )
            else:
                yield from _job(source, (stage, name), said)
    yield from _names(source)
    yield from _caches(source, ("runtime", "cache"), data["runtime"]["cache"])
    yield from _env(source)
    yield from credentials(source)
    yield from commands.check_tracking(source)
    yield from gates.check(source)


def _job(source: Source, where: tuple[str, str], said: dict[str, Any]) -> Iterator[Diagnostic]:
    data = source.data
    at = ("stages", *where)
    name = ".".join(where)
    yield from actions.check(source, where, said)
    yield from commands.check(source, *where, said)
    known = {
        "gate": data["gates"],
        "environment": data["environments"],
        "runner": {**data["runners"], **dict.fromkeys(BUILT_IN_RUNNERS)},
    }
    for key, names in known.items():
        for value in _on_legs(said, said.get(key)):
            if value is not None and value not in names:
                yield error("MLG201", source.at(*at, key), f"there is no {key} {value}", did_you_mean(value, names))
    for route, secret in _secrets_used(said):
        if secret not in data["secrets"]:
            hint = did_you_mean(secret, data["secrets"])
            yield error("MLG201", source.at(*at, *route), f"there is no secret {secret}", hint)
        else:
            places = data["secrets"][secret]["environments"]
            if places and said.get("environment") not in places:
                message = f"{name} lists {secret}, which is bound to {', '.join(places)}"
                hint = "give the job one of these environments, or bind the secret to the job's own"
                yield error("MLG204", source.at(*at, *route), message, hint)
    for index, need in enumerate(said.get("needs", ())):
        yield from _need(source, (*at, "needs", index), need["job"])
    for index, when in enumerate(said.get("when", ())):
        yield from whens.check(source, where, (*at, "when", index), when)
    if "timeout" in said and int(said["timeout"][:-1]) == 0:
        yield error(
            "MLG214",
            source.at(*at, "timeout"),
            f"{name}: a timeout of {said['timeout']} leaves no time",
            "give it more, or leave `timeout` out",
        )
    for export in said["exports"]:
        if export.upper().startswith("MLGEN_"):
            yield _reserved(source.key(*at, "exports", export), export)
    yield from _paths(source, at, said)
    if said["runtime"]["container"] and not said["runtime"]["image"] and not said["runtime"].get("image_from"):
        hint = "add `name`, or `from` with a job that builds it"
        yield error("MLG103", source.at(*at, "image"), f"{name}: nothing says which image is meant", hint)
    if said["runtime"].get("image_from"):
        from mlgen.lower import built

        yield from built.check(source, where)
    if said["own_caches"]:
        yield from _caches(source, (*at, "cache"), said["runtime"]["cache"])
    if "matrix" in said:
        yield from _axes(source, (*at, "matrix"), said["matrix"], "MLGEN_SHARD" if "shards" in said else "")


def _reserved(at: Position, name: str) -> Diagnostic:
    return error("MLG212", at, f"{name}: names that begin with MLGEN_ are mlgen's own", "rename it")


def _secrets_used(said: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    yield from ((("secrets", index), use["name"]) for index, use in enumerate(said["secrets"]))
    container = said["runtime"]["container"] or {}
    for key in ("username", "password"):
        if container.get(key):
            yield ("image", "credentials", key), container[key]
    for index, one in enumerate(said.get("checkout", ())):
        if "token" in one:
            yield ("checkout", index, "token"), one["token"]


def _on_legs(said: dict[str, Any], value: Any) -> list[Any]:
    """The value, or, where it is an axis of the job's matrix, each value of that."""
    found = paths.MATRIX_REFERENCE.fullmatch(value) if isinstance(value, str) else None
    matrix = said.get("matrix", {})
    if not found:
        return [value]
    return [*matrix.get(found[1], ()), *(leg[found[1]] for leg in matrix.get("include", ()) if found[1] in leg)]


def _need(source: Source, at: Route, name: str) -> Iterator[Diagnostic]:
    found = named(source.data, name)
    if not found:
        jobs = [
            n for stage, members in source.data["stages"].items() for job in members for n in (job, f"{stage}.{job}")
        ]
        yield error("MLG201", source.at(*at), f"there is no job {name}", did_you_mean(name, jobs))
    elif len(found) > 1:
        yield error("MLG202", source.at(*at), f"more than one job is called {name}", f"write {' or '.join(found)}")


def _axes(source: Source, at: Route, said: dict[str, Any], shard: str) -> Iterator[Diagnostic]:
    axes = {name: values for name, values in said.items() if name not in MATRIX_WORDS}
    for name in (*axes, *(k for leg in said.get("include", ()) for k in leg)):
        if name.upper().startswith("MLGEN_") and name != shard:
            yield _reserved(source.key(*at, name), name)
    for name, values in axes.items():
        texts = [scalar_text(value) for value in values]
        for index, text in enumerate(texts):
            if text in texts[:index]:
                message = f"the axis {name} has the value {text} twice"
                yield error(
                    "MLG211", source.at(*at, name, index), message, "remove one of them: a job sees values as text"
                )
    for index, leg in enumerate(said.get("exclude", ())):
        for name in leg:
            if name not in axes:
                hint = did_you_mean(name, axes)
                yield error("MLG207", source.key(*at, "exclude", index, name), f"the matrix has no axis {name}", hint)


def _named_paths(said: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    for key in ("deps", "params", "outs", "metrics", "plots"):
        yield from (((key, index), path) for index, path in enumerate(said[key]))
    reports = said["reports"]
    yield from ((("reports", "junit", index), path) for index, path in enumerate(reports["junit"]))
    if "summary" in reports:
        yield ("reports", "summary"), reports["summary"]
    if "coverage" in reports:
        yield ("reports", "coverage", "path"), reports["coverage"]["path"]
    yield from ((("exports", name, "json"), e["json"]) for name, e in said["exports"].items() if e)


def _caches(source: Source, at: Route, caches: list[dict[str, Any]]) -> Iterator[Diagnostic]:
    """Folders that a cache keeps may lie outside the project, but their names are no shell text."""
    for path in (path for cache in caches for path in (*cache["paths"], *cache["key"])):
        if any(c in path for c in "$`\\\"',:") or ".." in path.split("/"):
            hint = "write ~/… for the home folder, or a path relative to the project's root"
            yield error("MLG208", source.at(*at), f"{path} cannot be said on every CI system", hint)


def _paths(source: Source, at: Route, said: dict[str, Any]) -> Iterator[Diagnostic]:
    matrix = said.get("matrix", {})
    axes = {k for k in matrix if k not in MATRIX_WORDS} | {k for leg in matrix.get("include", ()) for k in leg}
    for route, path in (*_named_paths(said), *commands.named_paths(source.data, said)):
        place = source.at(*at, *route)
        if path.startswith(("/", "~")) or ".." in path.split("/"):
            yield error("MLG208", place, f"{path} leaves the project", "write a path relative to the project's root")
        elif not paths.normal(path):
            yield error("MLG208", place, f"{path} is the whole project", "name files or folders in it")
        elif (
            path.strip() != path
            or any(c in _REFERENCE.sub("", path) for c in ",:\"'<>|\\$`")
            or path.startswith(("-", "!"))
        ):
            yield error(
                "MLG208",
                place,
                f"'{path}' cannot be said on every CI system",
                "rename it: letters, digits, . _ - and /",
            )
        for reference in _REFERENCE.findall(path):
            axis = reference.removeprefix("matrix.")
            if not reference.startswith("matrix."):
                yield error(
                    "MLG220",
                    place,
                    f"{path}: a path cannot hold ${{{reference}}}",
                    "only ${matrix.AXIS}, of the job's own matrix, can stand in a path",
                )
            elif axis not in axes:
                hint = did_you_mean(axis, axes) if axes else "the job has no `matrix`"
                yield error("MLG207", place, f"{path}: there is no axis {axis}", hint)
            elif legs := [leg for leg in matrix.get("include", ()) if axis not in leg]:
                message = f"{path}: the leg {_leg(legs[0])} has no value for {axis}"
                yield error("MLG207", place, message, "give each leg of `include` every axis that stands in a path")
            elif axis not in matrix and len(matrix.keys() - MATRIX_WORDS):
                message = f"{path}: only legs of `include` have a value for {axis}"
                yield error("MLG207", place, message, "make it an axis of the matrix")


def _leg(leg: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{k}: {scalar_text(v)}" for k, v in leg.items()) + "}"


def _names(source: Source) -> Iterator[Diagnostic]:
    """Names that differ only in case, which some CI systems do not keep apart."""
    stages = [((stage,), stage) for stage in source.data["stages"]]
    jobs = [((s, j), f"{s}.{j}") for s, members in source.data["stages"].items() for j in members]
    for group in (stages, jobs):
        seen: dict[str, str] = {}
        for route, name in group:
            word = folded(name).replace(".", "-")
            if word in seen:
                message = f"{name} and {seen[word]} become one name"
                yield error("MLG210", source.key("stages", *route), message, "rename one of them")
            seen[word] = name


def _env(source: Source) -> Iterator[Diagnostic]:
    for route, env in env_blocks(source.data):
        for name, value in env.items():
            at = source.at(*route, name)
            if isinstance(value, dict):
                continue
            text = str(value)
            if name.upper().startswith("MLGEN_"):
                yield _reserved(source.key(*route, name), name)
            if any(ord(c) < 32 or ord(c) == 127 for c in text):
                yield error(
                    "MLG102", at, f"{name}: the value holds a line break or a control character", "set it in the script"
                )


def drafts(source: Source, jobs: tuple[Job, ...], inputs: tuple[Input, ...]) -> Iterator[Diagnostic]:
    """What each job says, now that names are known to be defined. The jobs have their edges."""
    by_id = {other.id: other for other in jobs}
    placed: set[Position] = set()
    makers: paths.Index[str] = paths.Index()
    for other in jobs:
        for path in other.files:
            makers.add(other.id, path)
    for job in jobs:
        if job.reuse:
            from mlgen.lower.reuse import faults

            yield from faults(source, job)
        yield from _matrix(source, job)
        yield from _variables(source, job, by_id)
        yield from commands.check_job(source, job)
        for fault in refs.check(source, job, by_id, inputs):
            if fault.position not in placed:  # a variable of all jobs is said once
                placed.add(fault.position)
                yield fault
        if job.gate and not any(name != job.id for name, _ in makers.near(job.gate.metrics)):
            hint = f"list {job.gate.metrics} under the `metrics` of the job that writes it"
            yield error("MLG205", job.position, f"{job.id}: no job makes {job.gate.metrics}", hint)


def _matrix(source: Source, job: Job) -> Iterator[Diagnostic]:
    if job.matrix is None:
        return
    count = len(job.matrix.legs)
    if not 1 <= count <= MOST_LEGS:
        hint = f"a matrix has between 1 and {MOST_LEGS} legs, after `exclude` and with `include`"
        yield error("MLG211", job.position, f"{job.id} has {count or 'no'} legs", hint)
    if count < 2:
        return
    at = ("stages", job.stage, job.name)
    if job.exports:
        yield error(
            "MLG206",
            source.key(*at, "exports"),
            f"{job.id}: legs of a matrix would share an export",
            "write a file instead",
        )
    for key in ("outs", "metrics", "plots"):
        for index, path in enumerate(source.data["stages"][job.stage][job.name][key]):
            if not paths.MATRIX_REFERENCE.search(path) and "." in path.rsplit("/", 1)[-1] and "*" not in path:
                stem, dot, end = path.rpartition(".")
                hint = f"put an axis into the path: {stem}-${{matrix.{job.matrix.axes[0]}}}{dot}{end}"
                yield error("MLG206", source.at(*at, key, index), f"{job.id}: every leg would write {path}", hint)


def _variables(source: Source, job: Job, jobs: dict[str, Job]) -> Iterator[Diagnostic]:
    """Variables that the job would get twice; its own `env` goes before that of all jobs."""
    at = ("stages", job.stage, job.name)
    env = {name: source.key(*at, "env", name) for name, _ in job.env}
    own = [("its env", name, place) for name, place in env.items()]
    own += [("the env of all jobs", name, source.key("env", name)) for name in source.data["env"] if name not in env]
    own += [("its secrets", use.variable, use.position) for use in job.secrets]
    own += [("its matrix", name, source.key(*at, "matrix", name)) for name in (job.matrix.axes if job.matrix else ())]
    for edge in job.edges:
        if edge.exports:
            own += [
                (f"the exports of {edge.job}", export.name, job.position)
                for export in jobs[edge.job].exports
                # Several images are told apart by names of their own.
                if not (jobs[edge.job].action == "build" and export.name == "image" and _builders(job, jobs) > 1)
            ]
    seen: dict[str, str] = {}
    for kind, name, place in own:
        if name in seen:
            yield error(
                "MLG212", place, f"{job.id}: {name} is defined by {seen[name]} and by {kind}", "rename one of them"
            )
        seen.setdefault(name, kind)


def _builders(job: Job, jobs: dict[str, Job]) -> int:
    return sum(jobs[edge.job].action == "build" for edge in job.edges if edge.exports)


def pipeline(source: Source, found: Pipeline) -> Iterator[Diagnostic]:
    """What only the whole graph shows: gates that a deployment can pass by, and runs that must not be cancelled."""
    order = {stage: index for index, stage in enumerate(found.stages)}
    for job in found.jobs:
        yield from commands.on_events(source, job, found)
        if job.built:
            from mlgen.lower import built

            yield from built.unreachable(source, job)
        if not job.deploys:
            continue
        for kind in found.cancel:
            if satisfiable(all_of([job.condition.on(kind), found.trigger(kind)])):
                said = source.data["cancel_said"]
                at = source.at("concurrency", "cancel", source.data["cancel"].index(kind)) if said else job.position
                message = f"{job.id} can deploy on {kind}, whose older runs are cancelled"
                hint = (
                    f"take {kind} out"
                    if said
                    else f"that is the default; write `concurrency: {{cancel: []}}`, or keep {job.id} off {kind}"
                )
                yield error("MLG306", at, message, hint)
        optional = {n["job"] for n in source.data["stages"][job.stage][job.name].get("needs", ()) if n["optional"]}
        for gate in found.jobs:
            if gate.gate is None or order[gate.stage] >= order[job.stage] or {gate.id, gate.name} & optional:
                continue
            edge = next((e for e in job.edges if e.job == gate.id), None)
            if edge is not None and not edge.always:
                message = f"{job.id} can deploy on an event on which the gate {gate.id} does not run"
                hint = f"let the gate run there, or name it in `needs` as {{job: {gate.id}, optional: true}}"
                yield error("MLG305", job.position, message, hint)
