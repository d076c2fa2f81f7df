"""Faults that no schema can see: names, secrets, paths, matrices, gates, deployments."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.ir.model import Job, Pipeline
from mlgen.ir.source import Source

BUILT_IN_RUNNERS = ("default", "linux")
LATER_RUNNERS = ("windows", "macos")

_REQUIREMENT = re.compile(
    r"\s*[A-Za-z_][A-Za-z0-9_./-]*\s*(>=|<=|==|!=|>|<)\s*"
    r"([-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|baseline(\s*[-+]\s*[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?)?)\s*"
)
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_CREDENTIAL_NAME = re.compile(r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)($|_)", re.I)
# Prefixes that the issuers themselves document, so that scanners recognise them.
_CREDENTIAL_VALUE = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|[a-z]+_pat_\w{22,}|glpat-[\w-]{20}|xox[abprs]-[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|hf_[A-Za-z0-9]{30,}|AIza[\w-]{35}|://[^/\s:@]+:[^/\s:@]+@"
)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the closest known name, or with all of them."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "none is defined"


def references(source: Source) -> Iterator[Diagnostic]:
    """Names that jobs and secrets refer to, and what a job does: what must hold before jobs can be made."""
    data = source.data
    for name, secret in data["secrets"].items():
        for place in secret["environments"]:
            if place not in data["environments"]:
                hint = did_you_mean(place, data["environments"])
                yield error("MLG201", source.at("secrets", name, "environments"), f"there is no environment {place}", hint)
    for schedule_index, schedule in enumerate(data["triggers"].get("schedule", ())):
        for stage in schedule["stages"]:
            if stage not in data["stages"]:
                at = source.at("triggers", "schedule", schedule_index, "stages")
                yield error("MLG201", at, f"there is no stage {stage}", did_you_mean(stage, data["stages"]))
    for stage, members in data["stages"].items():
        for name, said in members.items():
            yield from _job(source, (stage, name), said)
    yield from _names(source)
    yield from _credentials(source)


def _job(source: Source, where: tuple[str, str], said: dict[str, Any]) -> Iterator[Diagnostic]:
    data = source.data
    at = ("stages", *where)
    name = ".".join(where)
    if bool(said["run"]) == bool(said.get("gate")):
        wrong = "has both `run` and `gate`" if said["run"] else "does nothing"
        hint = "keep one of them" if said["run"] else "give it `run` or `gate`; a milestone without action is not built yet"
        yield error("MLG203", source.position(at), f"{name} {wrong}", hint)
    known = {
        "gate": data["gates"],
        "environment": data["environments"],
        "runner": {**data["runners"], **dict.fromkeys(BUILT_IN_RUNNERS)},
    }
    for key, names in known.items():
        value = said.get(key)
        if key == "runner" and value in LATER_RUNNERS and value not in names:
            yield error("MLG901", source.at(*at, key), f"the runner {value} is not built yet", "name one under `runners`")
        elif value is not None and value not in names:
            yield error("MLG201", source.at(*at, key), f"there is no {key} {value}", did_you_mean(value, names))
    for index, secret in enumerate(said["secrets"]):
        if secret not in data["secrets"]:
            hint = did_you_mean(secret, data["secrets"])
            yield error("MLG201", source.at(*at, "secrets", index), f"there is no secret {secret}", hint)
        else:
            places = data["secrets"][secret]["environments"]
            if places and said.get("environment") not in places:
                message = f"{name} lists {secret}, which is bound to {', '.join(places)}"
                hint = "give the job one of these environments, or bind the secret to the job's own"
                yield error("MLG204", source.at(*at, "secrets", index), message, hint)
    for index, when in enumerate(said.get("when", ())):
        yield from _schedules_named(source, (*at, "when"), when)
    if "timeout" in said and int(said["timeout"][:-1]) == 0:
        yield error("MLG214", source.at(*at, "timeout"), f"{name}: a timeout of {said['timeout']} leaves no time", "")
    yield from _paths(source, at, said)


def _schedules_named(source: Source, at: tuple[str, ...], when: dict[str, Any]) -> Iterator[Diagnostic]:
    known = [s["name"] for s in source.data["triggers"].get("schedule", ())]
    for name in when.get("schedule", ()):
        if name not in known:
            yield error("MLG201", source.at(*at, "schedule"), f"there is no schedule {name}", did_you_mean(name, known))
    if "not" in when:
        yield from _schedules_named(source, (*at, "not"), when["not"])


def _paths(source: Source, at: tuple[str, ...], said: dict[str, Any]) -> Iterator[Diagnostic]:
    reports = said["reports"]
    named = [(key, path) for key in ("deps", "outs", "metrics", "plots") for path in said[key]]
    named += [("reports", path) for path in (*reports["junit"], reports.get("summary"), (reports.get("coverage") or {}).get("path")) if path]
    named += [("exports", e["json"]) for e in said["exports"].values() if e]
    axes = {k for k in said.get("matrix", {}) if k not in ("include", "exclude", "max_parallel")}
    axes |= {k for leg in said.get("matrix", {}).get("include", ()) for k in leg}
    for key, path in named:
        place = source.at(*at, key)
        if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or not paths.normal(path):
            yield error("MLG208", place, f"{path!r} leaves the project", "write a path relative to the project's root, with /")
        elif path.strip() != path or any(c in path for c in ",:\"'<>|") or path.startswith(("-", "!")):
            yield error("MLG208", place, f"{path!r} cannot be said on every CI system", "rename it: letters, digits, . _ - and /")
        for reference in _REFERENCE.findall(path):
            axis = reference.removeprefix("matrix.")
            if not reference.startswith("matrix."):
                yield error("MLG901", place, f"the reference ${{{reference}}} is not built yet", "only ${matrix.AXIS} is")
            elif axis not in axes:
                yield error("MLG207", place, f"{path!r}: the matrix has no axis {axis}", did_you_mean(axis, axes))


def _names(source: Source) -> Iterator[Diagnostic]:
    """Names that differ only in case, which some CI systems do not keep apart."""
    stages = [((stage,), stage) for stage in source.data["stages"]]
    jobs = [((s, j), f"{s}-{j}") for s, members in source.data["stages"].items() for j in members]
    for group in (stages, jobs):
        seen: dict[str, str] = {}
        for route, name in group:
            folded = name.lower().replace("_", "-")
            if folded in seen:
                message = f"{name} and {seen[folded]} become one name"
                yield error("MLG210", source.at("stages", *route), message, "rename one of them")
            seen[folded] = name


def _credentials(source: Source) -> Iterator[Diagnostic]:
    places = [(("env",), source.data["env"])]
    places += [
        (("stages", stage, name, "env"), said.get("env") or {})
        for stage, members in source.data["stages"].items()
        for name, said in members.items()
    ]
    for route, env in places:
        for name, value in env.items():
            at = source.at(*route, name)
            if isinstance(value, dict):
                continue
            text = str(value)
            if name.upper().startswith("MLGEN_"):
                yield error("MLG212", at, f"{name}: names that begin with MLGEN_ are mlgen's own", "rename it")
            if _REFERENCE.search(text):
                yield error("MLG901", at, f"{name}: references in values are not built yet", "set the variable in the script")
            elif any(ord(c) < 32 or ord(c) == 127 for c in text):
                yield error("MLG102", at, f"{name}: the value holds a line break or a control character", "set it in the script")
            if (_CREDENTIAL_NAME.search(name) and text) or _CREDENTIAL_VALUE.search(text):
                hint = f"list {name} under `secrets`, or write `{name}: {{public: ...}}` if it is none"
                yield error("MLG105", at, f"{name} looks like a credential", hint)


def drafts(source: Source, jobs: tuple[Job, ...]) -> Iterator[Diagnostic]:
    """What each job says, now that names are known to be defined."""
    for name, gate in source.data["gates"].items():
        for index, requirement in enumerate(gate["require"]):
            if not _REQUIREMENT.fullmatch(requirement):
                hint = "for example `accuracy >= 0.90` or `accuracy >= baseline - 0.01`"
                yield error("MLG209", source.at("gates", name, "require", index), f"cannot read {requirement!r}", hint)
            elif "baseline" in requirement and not gate["baseline"]:
                hint = "add `baseline: {file: PATH}`; an alias as baseline is not built yet"
                yield error("MLG209", source.at("gates", name, "require", index), f"gate {name} has no baseline", hint)
    for job in jobs:
        yield from _matrix(job)
        yield from _variables(source, job)
        if job.gate and not any(paths.overlap(path, job.gate.metrics) for o in jobs if o.id != job.id for path in o.files):
            hint = f"list {job.gate.metrics} under the `metrics` of the job that writes it"
            yield error("MLG205", job.position, f"{job.id}: no job makes {job.gate.metrics}", hint)


def _matrix(job: Job) -> Iterator[Diagnostic]:
    if job.matrix is None:
        return
    if not 1 <= len(job.matrix.legs) <= 256:
        yield error("MLG211", job.position, f"{job.id} has {len(job.matrix.legs)} legs", "between 1 and 256")
    if len(job.matrix.legs) > 1:
        if job.exports:
            yield error("MLG206", job.position, f"{job.id}: legs of a matrix would share an export", "write a file instead")
        for path in job.files:
            if not paths.MATRIX_REFERENCE.search(path) and "." in path.rsplit("/", 1)[-1] and "*" not in path:
                axis = job.matrix.axes[0]
                stem, dot, end = path.rpartition(".")
                hint = f"put an axis into the path: {stem}-${{matrix.{axis}}}{dot}{end}"
                yield error("MLG206", job.position, f"{job.id}: every leg would write {path}", hint)


def _variables(source: Source, job: Job) -> Iterator[Diagnostic]:
    own = {
        "env": [name for name, _ in job.env],
        "secrets": [use.variable for use in job.secrets],
        "matrix": list(job.matrix.axes) if job.matrix else [],
    }
    seen: dict[str, str] = {}
    for kind, names in own.items():
        for name in names:
            if name in seen:
                message = f"{job.id}: {name} is defined by {seen[name]} and by {kind}"
                yield error("MLG212", job.position, message, "rename one of them")
            if kind == "matrix" and name.upper().startswith("MLGEN_"):
                yield error("MLG212", job.position, f"{name}: names that begin with MLGEN_ are mlgen's own", "rename it")
            seen[name] = kind


def pipeline(source: Source, found: Pipeline) -> Iterator[Diagnostic]:
    """What only the whole graph shows: gates that a deployment can pass by, and runs that must not be cancelled."""
    order = {stage: index for index, stage in enumerate(found.stages)}
    for job in found.jobs:
        if not job.deploys:
            continue
        for kind in found.cancel:
            if satisfiable(all_of([job.condition.on(kind), found.trigger(kind)])):
                at = source.at("concurrency", "cancel") if "concurrency" in source.data else job.position
                message = f"{job.id} can deploy on {kind}, whose older runs are cancelled"
                yield error("MLG306", at, message, f"take {kind} out of concurrency.cancel")
        optional = {n["job"] for n in source.data["stages"][job.stage][job.name].get("needs", ()) if n["optional"]}
        for gate in found.jobs:
            if gate.gate is None or order[gate.stage] >= order[job.stage] or {gate.id, gate.name} & optional:
                continue
            edge = next((e for e in job.edges if e.job == gate.id), None)
            if edge is not None and not edge.always:
                message = f"{job.id} can deploy on an event on which the gate {gate.id} does not run"
                hint = f"let the gate run there, or name it in `needs` as {{job: {gate.id}, optional: true}}"
                yield error("MLG305", job.position, message, hint)
