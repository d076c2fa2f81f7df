"""What a workflow cannot hold: limits, names, and combinations that GitHub does not take.

Limits: https://docs.github.com/en/actions/reference/limits
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error, warning
from mlgen.ir import Job, Pipeline
from mlgen.quoting.shell import duration
from mlgen.targets.github.machines import LABELS
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.targets.github.references import Place

HELPERS = {"plan", "checks"}
"""Jobs that no spec names: one matches refs, one is the check to require. Neither runs a command of a spec."""
MAX_BYTES = 500_000
MAX_EXPRESSION = 21_000
MAX_INPUTS = 25
MAX_HOSTED = 6 * 3600
"""Seconds of a job on a runner of GitHub's own."""
MAX_KEY = 100
MAX_DAYS, PUBLIC_DAYS = 400, 90
"""Days that a private repository may keep artifacts, and a public one.
https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository"""


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """Limits and names that the workflow file does not take."""
    found: list[Diagnostic] = []
    at = Position(pipeline.spec)
    count = len(pipeline.triggers.inputs) + bool(pipeline.triggers.api)
    if count > MAX_INPUTS:
        more = ", with the one that names the api event" if pipeline.triggers.api else ""
        message = f"GitHub Actions takes {MAX_INPUTS} inputs; the spec has {count}{more}"
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
        found += _job(job, pipeline)
    found += _names(pipeline)
    for position, what, text in _texts(pipeline):
        if "${{" in text:
            message = f"{what} holds ${{{{, which GitHub Actions evaluates"
            found.append(error("MLG401", position, message, "set it in the script, or write it in another way"))
    return found


def _job(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """What one job asks for and cannot have."""

    def limit(message: str, hint: str) -> Diagnostic:
        return error("MLG404", job.position, message, hint)

    if job.key.lower() in HELPERS:
        yield limit(f"the job name {job.name} is taken by mlgen's own job in GitHub Actions", "rename the job")
    if len(job.key) >= MAX_KEY:
        yield limit(f"GitHub Actions takes names of jobs under {MAX_KEY} characters: {job.key}", "rename the job")
    seconds = job.timeout * (job.retry + 1)
    if seconds > MAX_HOSTED and any(runner.on("github") is None for runner in job.runners):
        message = f"{job.id} may take {duration(seconds)}; GitHub ends jobs on its own runners after 6h"
        yield limit(message, "shorten its `timeout`, or name a runner of your own")
    if "${{" in job.run and len(job.run) > MAX_EXPRESSION:
        message = f"the script of {job.id} holds ${{{{ and is over {MAX_EXPRESSION:,} characters"
        yield limit(message, "move it to a file of the repository")
    if job.keep and job.keep.days > MAX_DAYS:
        message = f"{job.id}: GitHub keeps files for at most {MAX_DAYS} days, not {job.keep.days}"
        yield warning("MLG402", job.position, message, "shorten `keep`, or publish the files")
    for name in _unresolved(job.environment.url, job, pipeline, "address") if job.environment and job.deploys else ():
        message = f"{job.id}: GitHub Actions cannot tell ${{{name}}} when it shows the environment's address"
        yield warning("MLG402", job.position, message, "name what the job exports; until then none is shown")
    yield from _container(job, pipeline)
    yield from _approval(job, pipeline)
    yield from _checkouts(job, pipeline)
    if job.native or job.steps:
        from mlgen.targets.github import native

        yield from native.refuse(job, pipeline)


def _unresolved(text: str, job: Job, pipeline: Pipeline, place: Place) -> list[str]:
    if "${" not in text:
        return []
    from mlgen.targets.github.references import unresolved

    return unresolved(text, job, pipeline, place)


def _container(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Containers are for Linux, and their network and entrypoint are GitHub's own.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontaineroptions
    """
    what = "an image" if job.image else "services" if job.services else "a Docker daemon" if job.docker else ""
    other = next((r.name for r in job.runners if r.name in LABELS and r.name != "linux" and not r.options), "")
    if what and other:
        message = f"{job.id} asks for {what} on {other}; GitHub Actions has that on Linux only"
        yield error("MLG404", job.position, message, "let it run on linux")
    if job.container:
        if job.container.entrypoint:
            message = f"{job.id}: GitHub Actions starts a job's container without any entrypoint, so also without this"
            yield error("MLG404", job.position, message, 'call it in the script, and say `entrypoint: ""`')
        for option in ("--network", "--entrypoint"):
            if any(o == option or o.startswith((f"{option}=", f"{option} ")) for o in job.container.options):
                message = f"{job.id}: GitHub Actions refuses the option {option} of a container"
                yield error("MLG404", job.position, message, "leave it out")
    images = (job.image, *(leg.image for leg in job.matrix.legs if leg.image)) if job.matrix else (job.image,)
    names = [name for image in images for name in _unresolved(image, job, pipeline, "early")]
    for name in dict.fromkeys(names):
        message = f"{job.id}: GitHub Actions does not know ${{{name}}} when it fetches the image"
        yield error("MLG401", job.position, message, "name the image by what is known before the job starts")
    taken: dict[int, str] = {}
    for service in job.services if not job.image else ():
        for port in service.ports:
            if port in taken:
                both = f"{taken[port]} and {service.name}"
                message = f"{job.id}: the services {both} both have the port {port} of localhost"
                yield error("MLG404", job.position, message, "give the job an `image`: there each has its own host")
            taken[port] = service.name


def _approval(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Reviewers belong to an environment: all jobs of one are approved, or none."""
    if job.environment is None or job.approval is None:
        return
    for other in pipeline.jobs:
        if other.environment and other.environment.name == job.environment.name and other.approval is None:
            message = f"{job.id} must be approved and {other.id} must not, and both are of {job.environment.name}"
            hint = "GitHub asks for approval by environment: give `approval` to the environment, or one of them another"
            yield error("MLG401", job.position, message, hint)


def _checkouts(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    home = pipeline.repository.split("/")[0] if pipeline.repository.count("/") > 1 else "github.com"
    for one in job.checkouts:
        parts = one.repository.split("/")
        if one.repository and (len(parts) not in (2, 3) or ":" in one.repository):
            message = f"{job.id}: GitHub Actions checks out OWNER/NAME, not {one.repository}"
            yield error("MLG404", job.position, message, f"write {home}/OWNER/NAME")
        elif len(parts) == 3 and parts[0] != home:
            message = f"{job.id}: GitHub Actions checks out repositories of {home}, not of {parts[0]}"
            yield error("MLG401", job.position, message, "clone it in the script, or mirror it")
        if bool(one.repository) != bool(one.path):
            where = "in the project's root" if one.repository else f"in {one.path}"
            what = one.repository or "the repository itself"
            message = f"{job.id}: {what} cannot be checked out {where}, where mlgen's own files are to be"
            hint = "give it a `path`" if one.repository else "leave `path` out"
            yield error("MLG404", job.position, message, hint)


def _names(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Names that GitHub keeps for itself.

    https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets
    """
    used = {name for job in pipeline.jobs for name in job.secret_names}
    for found in pipeline.secrets:
        name = str(found.on("github").get("id", found.name))
        if found.name in used and name.upper().startswith("GITHUB_"):
            message = f"GitHub takes no secret whose name begins with GITHUB_: {name}"
            yield error("MLG404", found.position, message, f"say `github: {{id: NAME}}` for {found.name}")


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
        for runner in job.runners:
            yield job.position, f"{job.id}: the runner", str(runner.on("github"))
        for service in job.services:
            words = (service.image, service.ready, *service.command, *(value for _, value in service.env))
            yield job.position, f"{job.id}: the service {service.name}", "\n".join(words)
        if job.container:
            yield job.position, f"{job.id}: the container", "\n".join(job.container.options)
        yield job.position, f"{job.id}: what is kept", "\n".join(job.keep.paths if job.keep else ())
        for cache in job.caches:
            yield job.position, f"{job.id}: the cache", "\n".join((*cache.paths, *cache.key, cache.salt))
    for environment in pipeline.environments:
        yield environment.position, f"the address of {environment.name}", environment.url
