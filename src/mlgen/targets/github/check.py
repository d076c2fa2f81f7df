"""Structural faults of a rendered workflow."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Job, Pipeline
from mlgen.readback.document import data as parsed
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.contract import Output
from mlgen.targets.github.access import permissions, secret
from mlgen.targets.github.conditions import guarded
from mlgen.targets.github.limits import HELPERS, MAX_BYTES, MAX_EXPRESSION
from mlgen.targets.github.steps import place
from mlgen.typed import Any

_SECRET = regex(r"\$\{\{[^}]*\bsecrets\s*[.\[]\s*'?([A-Za-z0-9_]+)")


def check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """That the text parses, holds exactly the jobs that are meant, and that references and secrets are right."""
    at = Position(output.path)

    def fault(message: str) -> Diagnostic:
        return error("MLG601", at, message, f"look at templates/{output.template}")

    try:
        data = parsed(text)
    except Unread as err:
        return [fault(f"the workflow cannot be read: {err}")]
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), dict):
        return [fault("the workflow has no jobs")]
    found = []
    if len(text.encode()) > MAX_BYTES:
        found.append(error("MLG404", at, f"the workflow is over {MAX_BYTES:,} bytes", "split the pipeline"))
    for long in _long(data):
        message = f"a text that begins with `{long[:40]}` holds an expression and is over {MAX_EXPRESSION:,} characters"
        found.append(error("MLG404", at, message, "simplify the conditions of the jobs, or split the pipeline"))
    jobs = data["jobs"]
    wanted = {job.key for job in pipeline.jobs}
    found += [fault(f"the job {name} is missing") for name in sorted(wanted - jobs.keys())]
    found += [fault(f"the job {name} is in no spec") for name in sorted(jobs.keys() - wanted - HELPERS)]
    for name, job in jobs.items():
        needs = job.get("needs", [])
        found += [fault(f"{name} needs {n}, which is no job") for n in needs if n not in jobs]
    found += [fault(f"{name} waits for itself") for name in jobs if _reaches(jobs, name)]
    if data.get("permissions") != {}:
        found.append(fault("the workflow's own permissions must be empty"))
    for job in pipeline.jobs:
        if job.key in jobs:
            found += [fault(f"{job.id}: {wrong}") for wrong in _job_faults(jobs[job.key], job, pipeline)]
    return found


def _reaches(jobs: dict[str, Any], start: str) -> bool:
    seen: set[str] = set()
    todo = list(jobs[start].get("needs", []))
    while todo:
        name = todo.pop()
        if name == start:
            return True
        if name not in seen and name in jobs:
            seen.add(name)
            todo += jobs[name].get("needs", [])
    return False


def _job_faults(data: dict[str, Any], job: Job, pipeline: Pipeline) -> list[str]:
    found = []
    needs = set(data.get("needs", []))
    for edge in job.waits:
        if pipeline.job(edge.job).key not in needs:
            found.append(f"it does not wait for {edge.job}")
    if (data.get("environment") or {}).get("name", "") != place(job):
        found.append("its environment is not the spec's")
    if not job.milestone and data.get("permissions") != {scope: access for scope, access, _ in permissions(job)}:
        found.append("its permissions are not those that it needs")
    found += _secret_faults(data, job, pipeline)
    if job.milestone:
        return found if "always()" in str(data.get("if")) else [*found, "it does not report on every run"]
    if job.native:
        from mlgen.targets.github.native import native

        words = native(job, pipeline)["words"]
        return [*found, *(f"its {key} is not the spec's" for key, value in words if data.get(key) != value)]
    scripts = [step.get("run", "") for step in data.get("steps", [])]
    wanted = [step.run for step in job.steps if step.on("github") is None] or [job.run]
    if job.gate is None and not all(any(_same(run, script) for script in scripts) for run in wanted):
        found.append("its command is missing")
    if job.gate is not None and not any(f"ci.py gate {job.gate.name} " in script for script in scripts):
        found.append("its gate is missing")
    if guarded(job) and not any("ci.py guard " in script for script in scripts):
        found.append("its guard is missing")
    if bool(job.timeout) and "timeout-minutes" not in data:
        found.append("its timeout is missing")
    return found


def _secret_faults(data: dict[str, Any], job: Job, pipeline: Pipeline) -> list[str]:
    """Secrets that reach the job without being listed, and those that do not reach it."""
    text = str(data)
    listed = {secret(name, pipeline).removeprefix("secrets."): name for name in job.secret_names}
    used = set(_SECRET.findall(text)) - {"GITHUB_TOKEN"}
    found = [f"it reads the secret {name}, which it does not list" for name in sorted(used - listed.keys())]
    if job.native or any(step.on("github") is not None for step in job.steps):
        return found  # its own words say which it takes
    missing = (name for name in job.secret_names if secret(name, pipeline) not in text)
    return found + [f"the secret {name} does not reach it" for name in sorted(missing)]


def _same(run: str, script: str) -> bool:
    return run.strip("\n") in script.replace("${{ '${{' }}", "${{")


def _long(data: object) -> Iterator[str]:
    """Texts with an expression that are longer than GitHub reads."""
    if isinstance(data, str):
        if "${{" in data and len(data) > MAX_EXPRESSION:
            yield data
    elif isinstance(data, (dict, list)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _long(item)
