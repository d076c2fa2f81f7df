"""The pipeline as the workflow template prints it."""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlgen.ir import Cache, Input, Job, Match, Pipeline
from mlgen.targets import ci_py
from mlgen.targets.contract import Output
from mlgen.targets.github import steps
from mlgen.targets.github.conditions import condition, guarded, literal, planned

DEFAULT_PATH = ".github/workflows/ml.yml"
RUNNER = "ubuntu-24.04"
SETUP_MINUTES = 30
"""What a job may take besides its own script, on top of that script's timeout."""


@lru_cache(maxsize=1)
def pins() -> dict[str, str]:
    """What `uses` says of each action: the commit, and its version in a comment."""
    with open(os.path.join(os.path.dirname(__file__), "pins.json"), encoding="utf-8") as file:
        found = json.load(file)
    return {name.replace("-", "_"): f"{p['uses']}@{p['commit']} # {p['version']}" for name, p in found.items()}


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The workflow file."""
    options = next(o for o in pipeline.targets if o.name == "github")
    path = str(options.option("path", DEFAULT_PATH))
    return (Output(path, "github/workflow.yml.j2", view(pipeline)),)


def view(pipeline: Pipeline) -> Mapping[str, Any]:
    """Everything that the template prints."""
    plan = planned(pipeline)
    names = {p.match: p.output for p in plan}
    return {
        "name": pipeline.name,
        "uses": pins(),
        "runner": _runner(pipeline),
        "on": _on(pipeline),
        "concurrency": _concurrency(pipeline),
        "env": pipeline.env,
        "payload": _payload(pipeline),
        "plan": plan,
        "jobs": [_job(job, pipeline, names) for job in pipeline.jobs],
        "checked": [*(["plan"] if plan else []), *(job.key for job in pipeline.jobs if not job.deploys)],
    }


def _on(pipeline: Pipeline) -> dict[str, Any]:
    triggers = pipeline.triggers
    return {
        "push": triggers.on("push"),
        "branches": _filters(triggers.push_branches) if triggers.on("push") else [],
        "tags": _filters(triggers.tags) if triggers.on("tag") else [],
        "pull_request": triggers.on("pull_request"),
        "targets": _filters(triggers.pull_request_branches),
        "schedules": triggers.schedules,
        "manual": triggers.on("manual"),
        "inputs": [_input(entry) for entry in triggers.inputs],
    }


def _filters(patterns: tuple[str, ...]) -> list[str]:
    """Patterns as the filters of `on`: those that subtract come last, and `+` stands for itself.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    wanted = [p.replace("+", "\\+") for p in patterns if not p.startswith("!")]
    unwanted = [p.replace("+", "\\+") for p in patterns if p.startswith("!")]
    return [*(wanted or (["**"] if unwanted else [])), *unwanted]


def _input(entry: Input) -> dict[str, Any]:
    kinds = {"integer": "number", "number": "number", "boolean": "boolean", "choice": "choice", "string": "string"}
    default: object = entry.default
    if entry.type == "boolean":
        default = entry.default == "true"
    elif entry.type in ("integer", "number"):
        default = float(entry.default) if any(c in entry.default for c in ".e") else int(entry.default)
    return {
        "name": entry.name,
        "description": entry.description,
        "type": kinds[entry.type],
        "default": default,
        "options": entry.options,
    }


def _concurrency(pipeline: Pipeline) -> str:
    """The workflow's group: runs that are never cancelled get one of their own."""
    parts = ["github.event.pull_request.number"] if "pull_request" in pipeline.cancel else []
    if "push" in pipeline.cancel:
        parts.append("github.event_name == 'push' && github.ref_type == 'branch' && github.ref")
    return " || ".join([*parts, "github.run_id"]) if parts else ""


def _payload(pipeline: Pipeline) -> list[tuple[str, str]]:
    """What only the event's payload knows, for .mlgen/env.sh."""
    found = []
    if pipeline.triggers.on("push"):
        found.append(("MLGEN_BEFORE", "${{ github.event.before }}"))
    if pipeline.triggers.on("pull_request"):
        found.append(("MLGEN_HEAD", "${{ github.event.pull_request.head.sha }}"))
        found.append(("MLGEN_BASE_COMMIT", "${{ github.event.pull_request.base.sha }}"))
    found += [(entry.variable, f"${{{{ inputs.{entry.name} }}}}") for entry in pipeline.triggers.inputs]
    names = " || ".join(
        f"github.event.schedule == {literal(s.cron)} && {literal(s.name)}" for s in pipeline.triggers.schedules
    )
    if names:
        found.append(("MLGEN_CRON", f"${{{{ {names} || '' }}}}"))
    return found


def _job(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> dict[str, Any]:
    needs, test = _order(job, pipeline, condition(job, pipeline, plan))
    if "needs.plan." in test or ("cancelled()" in test and _planned_among(needs, pipeline, plan)):
        needs = ["plan", *needs]  # also where its failure would leave out a job that this one waits for
    environment = job.environment
    minutes = -(-job.timeout * (job.retry + 1) // 60) + SETUP_MINUTES if job.timeout else 0
    return {
        "id": job.id,
        "key": job.key,
        "name": f"{job.stage} / {job.name}",
        "needs": needs,
        "if": test,
        "runs_on": _runs_on(job),
        "image": job.image,
        "minutes": minutes,
        "guard": steps.guard_script(job, pipeline) if guarded(job) else "",
        "approval": job.approval,
        "environment": environment.name if environment else "",
        "url": environment.url if environment and job.deploys else "",
        "record": environment is not None and environment.deployment,
        "lock": _lock(job, pipeline),
        "allow_failure": job.allow_failure,
        "matrix": _matrix(job),
        "python": job.python if not job.image else "",
        "caches": [] if job.deploys else [_cache(cache, job) for cache in job.caches],
        "env": _env(job),
        "secrets": [(use.variable, f"${{{{ secrets.{use.name} }}}}") for use in job.secrets],
        "downloads": steps.downloads(job, pipeline),
        "merges": steps.merges(job, pipeline),
        "promised": steps.promised(job, pipeline),
        "setup": steps.script(job.setup),
        "title": f"Judge the gate {job.gate.name}" if job.gate else f"Run {job.name}",
        "run": steps.main_script(job),
        "exports": ci_py.exports(job) if job.exports else "",
        "appends": any(not e.file for e in job.exports),
        "outputs_check": steps.outputs_check(job),
        "legs": steps.legs_script(job) if job.matrix and job.matrix.collide else "",
        "uploads": steps.uploads(job),
        "report": ci_py.report(job.reports),
        "finally": steps.script(job.finally_),
    }


def _env(job: Job) -> list[tuple[str, str]]:
    found = [("MLGEN_JOB", job.id), *job.env]
    if job.matrix:
        found += [(axis, f"${{{{ matrix.{axis} }}}}") for axis in job.matrix.axes]
        if job.matrix.collide:
            found.append(("MLGEN_LEG", "${{ strategy.job-index }}"))
    return found


def _order(job: Job, pipeline: Pipeline, events: str) -> tuple[list[str], str]:
    """`needs` and `if`.

    Without a status function, `if` asks for the success of all ancestors, which is what is meant when all of them run
    on every event on which the job does. Otherwise each result is asked for, of every ancestor: one that is stopped by
    a failure is `skipped` like one that does not run (https://github.com/actions/runner/issues/2205), and one that
    timed out is `cancelled`.
    """
    strong = _strong(job, pipeline)
    ancestors = _ancestors(job, pipeline)
    if ancestors == strong:
        return [pipeline.job(edge.job).key for edge in job.waits], events
    asked = [pipeline.job(edge.job) for edge in job.edges if edge.hard and not pipeline.job(edge.job).allow_failure]
    listed = {edge.job for edge in job.edges} | strong | _watched(job, pipeline)
    needs = [other.key for other in pipeline.jobs if other.id in listed]
    tests = ["!cancelled()", "!contains(needs.*.result, 'failure')", "!contains(needs.*.result, 'cancelled')"]
    tests += [f"needs.{other.key}.result == 'success'" for other in asked]
    if events:
        tests.append(f"({events})" if " || " in events else events)
    return needs, " && ".join(tests)


def _strong(job: Job, pipeline: Pipeline) -> set[str]:
    """The ancestors that run whenever the job does, and whose failure stops it."""
    found: set[str] = set()
    todo = [edge for edge in job.edges if edge.always]
    while todo:
        edge = todo.pop()
        if edge.job not in found:
            found.add(edge.job)
            other = pipeline.job(edge.job)
            if not other.allow_failure:
                todo += [e for e in other.edges if e.always]
    return found


def _watched(job: Job, pipeline: Pipeline) -> set[str]:
    """What stands behind barriers on jobs that need not run: if it fails they are skipped, as if they were not for
    this event. It is watched on every event, which may stop more than is meant, and never less."""
    found: set[str] = set()
    todo = [edge.job for edge in job.edges if not edge.always]
    while todo:
        other = pipeline.job(todo.pop())
        if not other.allow_failure:
            more = {edge.job for edge in other.edges} - found
            found |= more
            todo += more
    return found


def _planned_among(needs: list[str], pipeline: Pipeline, plan: dict[Match, str]) -> bool:
    """Whether one of these jobs waits for the plan job."""
    jobs = [job for job in pipeline.jobs if job.key in needs]
    return bool(plan) and any("needs.plan." in condition(job, pipeline, plan) for job in jobs)


def _ancestors(job: Job, pipeline: Pipeline) -> set[str]:
    found: set[str] = set()
    todo = [job]
    while todo:
        for edge in todo.pop().edges:
            if edge.job not in found:
                found.add(edge.job)
                todo.append(pipeline.job(edge.job))
    return found


def _runner(pipeline: Pipeline) -> Any:
    """Where mlgen's own jobs run: where those do that name no runner, if the spec says where that is."""
    said = [job.runner.on("github") for job in pipeline.jobs if job.runner.name == "default"]
    return said[0] if said and said[0] is not None else RUNNER


def _runs_on(job: Job) -> Any:
    said = job.runner.on("github")
    return said if said is not None else RUNNER


def _lock(job: Job, pipeline: Pipeline) -> str:
    """The group of a deployment. A pull request's run does not queue in it, since a group is entered before `if`."""
    if not job.lock:
        return ""
    group = literal(f"{pipeline.name}-{job.lock}")
    if not pipeline.triggers.on("pull_request"):
        return f"{pipeline.name}-{job.lock}"
    return f"${{{{ github.event_name == 'pull_request' && github.run_id || {group} }}}}"


def _matrix(job: Job) -> dict[str, Any] | None:
    if job.matrix is None:
        return None
    return {
        "max_parallel": job.matrix.max_parallel,
        "crossed": job.matrix.crossed,
        "legs": [dict(leg.values) for leg in job.matrix.legs],
    }


def _cache(cache: Cache, job: Job) -> dict[str, Any]:
    name = cache.paths[0].rstrip("/").rsplit("/", 1)[-1].lstrip(".") or "cache"
    parts = [name, *([cache.salt] if cache.salt else []), "${{ runner.os }}", "${{ runner.arch }}"]
    parts += [f"py{job.python}"] if job.python else []
    prefix = "-".join(parts) + "-"
    files = ", ".join(literal(path) for path in cache.key)
    return {
        "paths": list(cache.paths),
        "key": f"{prefix}${{{{ hashFiles({files}) }}}}" if cache.key else f"{prefix}${{{{ github.run_id }}}}",
        "restore": prefix,
        # What a tag releases is not built from a cache that something else has filled.
        "fresh": job.condition.tag is not False,
    }
