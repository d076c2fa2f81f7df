"""Structural faults of a rendered workflow, and what a workflow cannot hold.

Limits: https://docs.github.com/en/actions/reference/limits
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Pipeline
from mlgen.quoting.shell import duration
from mlgen.targets.contract import Output
from mlgen.targets.rendered import Loader

HELPERS = {"plan", "checks"}
"""Jobs that no spec names: one matches refs, one is the check to require. Neither runs a command of a spec."""
MAX_BYTES = 500_000
MAX_EXPRESSION = 21_000
MAX_INPUTS = 25
MAX_HOSTED = 6 * 3600
"""Seconds of a job on a runner of GitHub's own."""
_SECRET = re.compile(r"\$\{\{[^}]*\bsecrets\s*[.\[]\s*'?([A-Za-z0-9_]+)")


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """Limits and names that the workflow file does not take."""
    found: list[Diagnostic] = []
    at = Position(pipeline.spec)
    if len(pipeline.triggers.inputs) > MAX_INPUTS:
        message = f"GitHub Actions takes {MAX_INPUTS} inputs; the spec has {len(pipeline.triggers.inputs)}"
        found.append(error("MLG404", at, message, "remove some"))
    patterns = (*pipeline.triggers.push_branches, *pipeline.triggers.pull_request_branches, *pipeline.triggers.tags)
    for pattern in patterns:
        if re.search(r"[?\[]|\*\*/", pattern):
            message = f"GitHub Actions reads the pattern {pattern} of a trigger in another way"
            hint = "use * within a name and ** at the end, or filter with `when`"
            found.append(error("MLG404", at, message, hint))
    for schedule in pipeline.triggers.schedules:
        if re.search(r"(?<![0-9/])7", schedule.cron.split()[4]):
            message = f"GitHub Actions knows no weekday 7: the schedule {schedule.name} is {schedule.cron}"
            found.append(error("MLG404", schedule.position, message, "Sunday is 0"))
        if schedule.branch != pipeline.default_branch:
            message = f"GitHub Actions runs schedules on the default branch only, not on {schedule.branch}"
            found.append(error("MLG401", schedule.position, message, "leave `branch` out, or leave this target out"))
    for job in pipeline.jobs:
        if job.key.lower() in HELPERS:
            message = f"the job name {job.name} is taken by mlgen's own job in GitHub Actions"
            found.append(error("MLG404", job.position, message, "rename the job"))
        seconds = job.timeout * (job.retry + 1)
        if seconds > MAX_HOSTED and job.runner.on("github") is None:
            message = f"{job.id} may take {duration(seconds)}; GitHub ends jobs on its own runners after 6h"
            found.append(error("MLG404", job.position, message, "shorten its `timeout`, or name a runner of your own"))
        if "${{" in job.run and len(job.run) > MAX_EXPRESSION:
            message = f"the script of {job.id} holds ${{{{ and is over {MAX_EXPRESSION:,} characters"
            found.append(error("MLG404", job.position, message, "move it to a file of the repository"))
    for position, what, text in _texts(pipeline):
        if "${{" in text:
            message = f"{what} holds ${{{{, which GitHub Actions evaluates"
            found.append(error("MLG401", position, message, "set it in the script, or write it in another way"))
    return found


def _texts(pipeline: Pipeline) -> Iterator[tuple[Position, str, str]]:
    """The spec's own texts that are no scripts, which stand in the workflow as they are."""
    at = Position(pipeline.spec)
    for entry in pipeline.triggers.inputs:
        yield at, f"the input {entry.name}", "\n".join((entry.default, entry.description, *entry.options))
    for name, value in pipeline.env:
        yield at, f"the variable {name}", value
    for job in pipeline.jobs:
        for name, value in job.env:
            yield job.position, f"{job.id}: the variable {name}", value
        for leg in job.matrix.legs if job.matrix else ():
            yield job.position, f"{job.id}: a value of the matrix", "\n".join(value for _, value in leg.values)
        yield job.position, f"{job.id}: the runner", str(job.runner.on("github"))
        for cache in job.caches:
            yield job.position, f"{job.id}: the cache", "\n".join((*cache.paths, *cache.key, cache.salt))
    for environment in pipeline.environments:
        yield environment.position, f"the address of {environment.name}", environment.url


def check(output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """That the text parses, holds exactly the jobs that are meant, and that references and secrets are right."""
    at = Position(output.path)

    def fault(message: str) -> Diagnostic:
        return error("MLG601", at, message, f"look at templates/{output.template}")

    try:
        data = yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as err:
        return [fault(f"the workflow does not parse: {str(err).splitlines()[0]}")]
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), dict):
        return [fault("the workflow has no jobs")]
    found = []
    if len(text.encode()) > MAX_BYTES:
        found.append(error("MLG404", at, f"the workflow is over {MAX_BYTES:,} bytes", "split the pipeline"))
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


def _job_faults(data: dict[str, Any], job: Any, pipeline: Pipeline) -> list[str]:
    found = []
    listed = {use.name for use in job.secrets}
    used = set(_SECRET.findall(str(data)))
    found += [f"it reads the secret {name}, which it does not list" for name in sorted(used - listed)]
    found += [f"the secret {name} does not reach it" for name in sorted(listed - used)]
    environment = data.get("environment") or {}
    if (environment.get("name") if job.environment else None) != (job.environment.name if job.environment else None):
        found.append("its environment is not the spec's")
    needs = set(data.get("needs", []))
    for edge in job.waits:
        if pipeline.job(edge.job).key not in needs:
            found.append(f"it does not wait for {edge.job}")
    scripts = [step.get("run", "") for step in data.get("steps", [])]
    if job.gate is None and not any(_same(job.run, script) for script in scripts):
        found.append("its command is missing")
    if job.gate is not None and not any(f"ci.py gate {job.gate.name} " in script for script in scripts):
        found.append("its gate is missing")
    if bool(job.timeout) and "timeout-minutes" not in data:
        found.append("its timeout is missing")
    return found


def _same(run: str, script: str) -> bool:
    return run.strip("\n") in script.replace("${{ '${{' }}", "${{")
