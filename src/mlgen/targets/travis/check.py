"""The text of .travis.yml read back: that it parses, and is the pipeline's jobs, order, files, secrets and scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Pipeline
from mlgen.targets.contract import Output
from mlgen.targets.travis import before, conditions, files
from mlgen.targets.travis.files import Unit
from mlgen.targets.travis.limits import MOST_JOBS
from mlgen.targets.travis.whole import TEMPLATE
from mlgen.targets.travis.whole import faults as whole_faults
from mlgen.typed import Any

PHASES = ("before_install", "install", "before_script", "script", "after_success", "after_failure", "after_script")


def check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """The structural faults of the rendered text."""
    import yaml

    from mlgen.targets.rendered import document

    try:
        data = document(text)
        if output.template == TEMPLATE:
            at = Position(output.path)
            return [error(code, at, f"{output.path}: {said}") for code, said in whole_faults(data, output)]
        found = list(_faults(data, output.view, pipeline))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as broken:
        found = [f"it cannot be read: {' '.join(str(broken).split())}"]
    at = Position(output.path)
    faults = [error("MLG601", at, f"{output.path}: {message}") for message in found]
    count = len(files.units(pipeline))
    if count > MOST_JOBS:
        faults.append(error("MLG404", at, f"{output.path}: {count} jobs, of which Travis CI runs at most {MOST_JOBS}"))
    return faults


def _faults(data: Any, view: Mapping[str, Any], pipeline: Pipeline) -> Iterator[str]:
    if pipeline.root:
        if own := set(data) - {"stages", "jobs"}:
            yield f"{', '.join(sorted(own))} would be those of other projects, too"
    elif _condition(data) != " ".join(conditions.trigger(pipeline)):
        yield "the root condition is not that of the triggers"
    entries: dict[str, Any] = {}
    for entry in data["jobs"]["include"]:
        if entry["name"] in entries:
            yield f"two jobs are called {entry['name']}"
        entries[entry["name"]] = entry
    units = {unit.name: unit for unit in files.units(pipeline)}
    for name in entries.keys() - units.keys():
        yield f"{name} is no job of the pipeline"
    for name in units.keys() - entries.keys():
        yield f"the job {name} is missing"
    wanted = {unit.name for unit in units.values() if unit.job.allow_failure}
    if {each["name"] for each in data["jobs"].get("allow_failures", ())} != wanted:
        yield "allow_failures does not name the jobs that may fail"
    both = {name: entry for name, entry in entries.items() if name in units}
    yield from _order(data, both, units)
    yield from _workspaces(both, units, _steps(data, both), pipeline)
    printed = {job.name: job for job in view["jobs"]}
    for name, entry in both.items():
        yield from _job(entry, units[name], data, pipeline)
        yield from _phases(entry, data, printed[name], view["root"])


def _condition(entry: Any) -> str:
    return str(entry.get("if", ""))


def _steps(data: Any, entries: Mapping[str, Any]) -> dict[str, int]:
    """When each job runs; -1 for one whose stage is not listed."""
    stages = [stage.lower() for stage in data["stages"]]
    return {
        name: stages.index(e["stage"].lower()) if e["stage"].lower() in stages else -1 for name, e in entries.items()
    }


def _order(data: Any, entries: Mapping[str, Any], units: Mapping[str, Unit]) -> Iterator[str]:
    steps = _steps(data, entries)
    if len({stage.lower() for stage in data["stages"]}) < len(data["stages"]):
        yield "a stage is listed twice"
    for name, step in steps.items():
        if step < 0:
            yield f"the stage of {name} is not listed under stages"
        waits = {edge.job for edge in units[name].job.edges}
        for other, earlier in steps.items():
            if units[other].job.id in waits and earlier >= step:
                yield f"{name} does not wait for {other}"


def _workspaces(
    entries: Mapping[str, Any], units: Mapping[str, Unit], steps: Mapping[str, int], pipeline: Pipeline
) -> Iterator[str]:
    made: dict[str, int] = {}
    for name, entry in entries.items():
        create = entry.get("workspaces", {}).get("create")
        if tuple(create["paths"] if create else ()) != files.created(units[name], pipeline.root):
            yield f"the workspace of {name} does not hold what other jobs receive"
        if create:
            if create["name"] in made:
                yield f"two jobs create the workspace {create['name']}"
            made[create["name"]] = steps[name]
    for name, entry in entries.items():
        used = entry.get("workspaces", {}).get("use", [])
        for workspace in used:
            if made.get(workspace, steps[name]) >= steps[name]:
                yield f"{name} uses the workspace {workspace}, which no earlier job creates"
        makers = {maker.id for maker, _ in files.takes(units[name].job, pipeline)}
        if set(used) != {unit.workspace for unit in units.values() if unit.job.id in makers}:
            yield f"{name} does not use the workspaces of the jobs whose files it receives"


def _job(entry: Any, unit: Unit, data: Any, pipeline: Pipeline) -> Iterator[str]:
    job = unit.job
    if _condition(entry) != " ".join(conditions.condition(job, pipeline)):
        yield f"{unit.name} runs on other events than the pipeline says"
    env = entry.get("env", [])
    env = [env] if isinstance(env, str) else env
    if f"MLGEN_JOB={job.id}" not in env:
        yield f"{unit.name} has no MLGEN_JOB={job.id}"
    secure = {each["secure"] for each in env if isinstance(each, dict)}
    if secure != {text for name, text in before.scoped(pipeline).items() if name in job.secret_names}:
        yield f"{unit.name} does not have just its own encrypted secrets"
    given = [each for each in env if isinstance(each, str)]
    names = {each.partition("=")[0] for each in [*given, *data.get("env", {}).get("global", [])]}
    prepare = _phase(entry.get("before_install", data.get("before_install")))
    if prepare == ["skip"] and job.milestone:
        return
    unset = {word for line in prepare if line.startswith("unset ") for word in line.split()[1:]}
    listed = set(job.secret_names) - set(before.spent(job)) | ({"MLGEN_TOKEN"} if job.permissions else set())
    for secret in before.known(pipeline):
        if secret in names or (secret not in listed and secret not in unset):
            yield f"{unit.name} sees the secret {secret}, which it does not list"
        elif secret in listed and secret in unset:
            yield f"{unit.name} does not see its secret {secret}"
    if "source .mlgen/env.sh" not in prepare:
        yield f"{unit.name} does not read .mlgen/env.sh"
    if job.deploys and entry.get("cache", data.get("cache")):
        yield f"{unit.name} deploys, and must not read a cache"


def _phases(entry: Any, data: Any, printed: Any, root: Any) -> Iterator[str]:
    """That YAML hands over each command as it was meant."""
    for phase in PHASES:
        meant = getattr(printed, phase, ()) or getattr(root, phase, ())
        if _phase(entry.get(phase, data.get(phase, []))) != [item.text for item in meant]:
            yield f"{phase} of {entry['name']} is not what was to be written"
    if entry.get("git", {}) != dict(printed.git):
        yield f"the clone of {entry['name']} is not what was to be written"


def _phase(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value
