"""The pipeline as the workflow template prints it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache

from mlgen.ir import Cache, Input, Job, Match, Pipeline, fields
from mlgen.targets import ci_py
from mlgen.targets.contract import Output, own_path
from mlgen.targets.github import BESIDE, DEFAULT_PATH, artifacts
from mlgen.targets.github.access import checkouts, files, logins, permissions, token_steps, tokens, variables
from mlgen.targets.github.conditions import API_INPUT, Planned, guarded, literal, planned
from mlgen.targets.github.machines import LABELS, runs_on
from mlgen.targets.github.order import failed, order, results
from mlgen.targets.github.steps import (
    export_script,
    export_step,
    failing,
    guard_script,
    headed_script,
    own_steps,
    place,
    told,
)
from mlgen.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgen.targets.github.legs import Columns

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
    path = workflow_path(pipeline)
    return (Output(path, "github/workflow.yml.j2", view(pipeline, path)),)


def workflow_path(pipeline: Pipeline) -> str:
    """Where the workflow file is."""
    options = next(o for o in pipeline.targets if o.name == "github")
    return str(options.option("path", own_path(pipeline, DEFAULT_PATH, BESIDE)))


def view(pipeline: Pipeline, path: str) -> Mapping[str, Any]:
    """Everything that the template prints; `path` is that of the workflow file."""
    plan = planned(pipeline)
    names = {p.match: p.output for p in plan}
    return {
        "name": pipeline.name,
        "uses": pins(),
        "runner": _runner(pipeline),
        "root": pipeline.root,
        "checks": checks(pipeline),
        "on": _on(pipeline),
        "concurrency": _concurrency(pipeline),
        "env": pipeline.env,
        "payload": _payload(pipeline),
        "plan": _plan(plan, pipeline, path.rsplit("/", 1)[-1]),
        "jobs": [_any_job(job, pipeline, names) for job in pipeline.jobs],
        "checked": [*(["plan"] if plan else []), *(job.key for job in pipeline.jobs if not job.deploys)],
    }


def checks(pipeline: Pipeline) -> str:
    """What the check to require is called: a rule knows names of jobs, and not of which workflow they are."""
    return f"{pipeline.name} / checks" if pipeline.root else "checks"


def _plan(plan: tuple[Planned, ...], pipeline: Pipeline, workflow: str) -> dict[str, Any] | None:
    if not plan:
        return None
    from mlgen.targets.github.plan import plan_view

    return plan_view(plan, pipeline, workflow)


def _on(pipeline: Pipeline) -> dict[str, Any]:
    triggers = pipeline.triggers
    return {
        "push": triggers.on("push"),
        "branches": _filters(triggers.push_branches) if triggers.on("push") else [],
        "tags": _filters(triggers.tags) if triggers.on("tag") else [],
        "pull_request": triggers.on("pull_request"),
        "targets": _filters(triggers.pull_request_branches),
        "schedules": triggers.schedules,
        "dispatch": triggers.on("manual") or triggers.on("api"),
        "inputs": [*_api_input(pipeline), *(_input(entry) for entry in triggers.inputs)],
    }


def _api_input(pipeline: Pipeline) -> list[dict[str, Any]]:
    """The input that tells api events from each other and from a manual run."""
    triggers = pipeline.triggers
    names = tuple(name for name, _ in triggers.api)
    if not names:
        return []
    found = {"name": API_INPUT, "description": f"The api event: {' or '.join(names)}", "options": ()}
    if triggers.on("manual"):
        return [
            {**found, "description": f"{found['description']}; empty = a manual run", "type": "string", "default": ""}
        ]
    return [{**found, "type": "choice", "options": names, "default": names[0]}]


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
    if pipeline.triggers.on("api"):
        found.append(("MLGEN_API_EVENT", f"${{{{ inputs.{API_INPUT} }}}}"))
    found += [(entry.variable, f"${{{{ inputs.{entry.name} }}}}") for entry in pipeline.triggers.inputs]
    names = " || ".join(
        f"github.event.schedule == {literal(s.cron)} && {literal(s.name)}" for s in pipeline.triggers.schedules
    )
    if names:
        found.append(("MLGEN_CRON", f"${{{{ {names} || '' }}}}"))
    return found


def _any_job(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> dict[str, Any]:
    found = _frame(job, pipeline, plan)
    if job.milestone:
        return {**found, "kind": "milestone", "failed": f"${{{{ {failed(job, pipeline, plan)} }}}}"}
    if job.native:
        from mlgen.targets.github.native import native

        return {**found, "kind": "native", **native(job, pipeline)}
    return {**found, "kind": "job", **_job(job, pipeline, plan)}


def _frame(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> dict[str, Any]:
    """What every job has, whatever it does."""
    needs, test = order(job, pipeline, plan)
    return {
        "id": job.id,
        "key": job.key,
        "name": f"{job.stage} / {job.name}",
        "needs": needs,
        "if": test,
        "permissions": permissions(job),
        "place": _place(job, pipeline),
        "lock": _lock(job, pipeline),
        "allow_failure": job.allow_failure,
        "guard": guard_script(job, pipeline) if guarded(job) else "",
    }


def _place(job: Job, pipeline: Pipeline) -> dict[str, Any] | None:
    name = place(job)
    if not name:
        return None
    environment = job.environment
    deploys = environment is not None and environment.deployment
    url = _address(environment.url, job, pipeline) if environment and job.deploys else ""
    return {"name": name, "url": url, "record": deploys, "approval": environment is None}


def _address(url: str, job: Job, pipeline: Pipeline) -> str:
    """The address of an environment; empty where it refers to what GitHub cannot tell."""
    if "${" not in url:
        return url
    from mlgen.targets.github.references import resolved, unresolved

    return "" if unresolved(url, job, pipeline, "address") else resolved(url, job, pipeline, "address")


def _job(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> dict[str, Any]:
    own = variables(job, pipeline)
    attempts = job.timeout * (job.retry + 1) * max(1, len(job.steps))
    own_legs = _legs(job)
    return {
        "runs_on": own_legs.runs_on if own_legs else runs_on(job.runner),
        **_containers(job, pipeline, own_legs.image if own_legs else ""),
        "minutes": -(-attempts // 60) + SETUP_MINUTES if job.timeout else 0,
        "outputs": [(name, f"${{{{ steps.export.outputs.{name} }}}}") for name in told(job, pipeline)],
        "matrix": _matrix(job, own_legs),
        "python": _python(job) if not job.image else "",
        "caches": [] if job.deploys else [_cache(cache, job, pipeline) for cache in job.caches],
        "env": _env(job, pipeline, plan),
        "checkouts": checkouts(job, pipeline),
        "downloads": artifacts.downloads(job, pipeline),
        "merges": artifacts.merges(job, pipeline),
        "promised": artifacts.promised(job, pipeline),
        "appends": any(not e.file for e in job.exports),
        "files": files(job, pipeline),
        "logins": logins(job, pipeline),
        "tokens": token_steps(job, pipeline),
        "variables": own,
        "folder": artifacts.inside(pipeline, job.working_directory) if job.working_directory else "",
        "setup": headed_script(job, job.setup, setup=True),
        "own": own_steps(job, [*own, *tokens(job)]),
        "exports": export_script(job, pipeline),
        "export_step": export_step(job, pipeline),
        "outputs_check": artifacts.outputs_check(job),
        "legs": artifacts.legs_script(job) if job.matrix and job.matrix.collide else "",
        "uploads": artifacts.uploads(job, pipeline),
        "failing": failing(job),
        "on_failure": headed_script(job, job.on_failure),
        "kept": artifacts.kept(job, pipeline),
        "report": ci_py.report(job.reports),
        "finally": headed_script(job, job.finally_),
    }


def _env(job: Job, pipeline: Pipeline, plan: dict[Match, str]) -> list[tuple[str, str]]:
    found = [("MLGEN_JOB", job.id), *job.env]
    if job.services:
        from mlgen.targets.github.containers import hosts

        found += hosts(job)
    found += results(job, pipeline, plan)
    if job.matrix:
        found += [(axis, f"${{{{ matrix.{axis} }}}}") for axis in job.matrix.axes]
        if job.matrix.collide:
            found.append(("MLGEN_LEG", "${{ strategy.job-index }}"))
    if any(
        field.startswith("changed:") for kind in ("push", "pull_request") for field in fields(job.condition.on(kind))
    ):
        found.append(("MLGEN_BEFORE", "${{ needs.plan.outputs.base }}"))
    return found


def _runner(pipeline: Pipeline) -> Any:
    """Where mlgen's own jobs run: where those do that name no runner, if the spec says where that is."""
    said = [job.runner.on("github") for job in pipeline.jobs if job.runner.name == "default"]
    return said[0] if said and said[0] is not None else LABELS["linux"]


def _lock(job: Job, pipeline: Pipeline) -> str:
    """The job's group. The run of a pull request for which it is not does not queue in it, since a group is entered
    before `if`."""
    if not job.lock:
        return ""
    group = literal(f"{pipeline.name}-{job.lock}")
    if not pipeline.triggers.on("pull_request") or job.condition.pull_request is not False:
        return f"{pipeline.name}-{job.lock}"
    return f"${{{{ github.event_name == 'pull_request' && github.run_id || {group} }}}}"


def _legs(job: Job) -> Columns | None:
    """What the legs have of their own; None where they do not vary."""
    if not job.varies:
        return None
    from mlgen.targets.github.legs import legs

    return legs(job)


def _python(job: Job) -> str:
    own_legs = _legs(job)
    return own_legs.python or job.python if own_legs else job.python


def _containers(job: Job, pipeline: Pipeline, image: str) -> dict[str, Any]:
    if not job.image and not job.services:
        return {"image": None, "services": [], "ports": ""}
    from mlgen.targets.github.containers import container, services, waiting

    found = container(job, pipeline, image or job.image)
    return {"image": found, "services": services(job), "ports": waiting(job)}


def _matrix(job: Job, own_legs: Columns | None) -> dict[str, Any] | None:
    if job.matrix is None:
        return None
    more = [own_legs.row(index) if own_legs else {} for index, _ in enumerate(job.matrix.legs)]
    return {
        "max_parallel": job.matrix.max_parallel,
        "crossed": job.matrix.crossed if not any(more) else (),
        "legs": [{**dict(leg.values), **row} for leg, row in zip(job.matrix.legs, more)],
    }


def _cache(cache: Cache, job: Job, pipeline: Pipeline) -> dict[str, Any]:
    name = cache.paths[0].rstrip("/").rsplit("/", 1)[-1].lstrip(".") or "cache"
    parts = [name, *([cache.salt] if cache.salt else []), "${{ runner.os }}", "${{ runner.arch }}"]
    python = _python(job)
    parts += [f"py{python}"] if python else []
    prefix = "-".join(parts) + "-"
    files = ", ".join(literal(artifacts.inside(pipeline, path)) for path in cache.key)
    return {
        "paths": [p if p.startswith(("~", "/")) else artifacts.inside(pipeline, p) for p in cache.paths],
        "key": f"{prefix}${{{{ hashFiles({files}) }}}}" if cache.key else f"{prefix}${{{{ github.run_id }}}}",
        "restore": prefix,
        # What a tag releases is not built from a cache that something else has filled.
        "fresh": job.condition.tag is not False,
    }
