"""Single jobs that GitLab cannot say, or only with settings of the runner."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir import Job, Pipeline
from mlgen.ir.order import ancestors
from mlgen.targets import decide
from mlgen.targets.built import untagged
from mlgen.targets.gitlab import conditions, machines
from mlgen.targets.gitlab.placement import MAX_NEEDS, overflows
from mlgen.targets.gitlab.windows import ENDING

# What a job's own token may do: https://docs.gitlab.com/ci/jobs/ci_job_token/#job-token-access
TOKEN = {
    ("contents", "read"), ("contents", "write"), ("packages", "read"), ("packages", "write"), ("pipelines", "read"),
    ("pipelines", "write"), ("deployments", "read"), ("deployments", "write"), ("pull_requests", "read"),
}  # fmt: skip


def unsaid(pipeline: Pipeline) -> list[Diagnostic]:
    """What single jobs ask and GitLab has no words for."""
    found = []
    for job in pipeline.jobs:
        found += [*_conditions(job, pipeline), *_order(job, pipeline), *_machine(job, pipeline), *_words(job)]
        found += _rights(job, pipeline)
        found += untagged(job, "GitLab")
    return found


def _chosen(pipeline: Pipeline, construct: str) -> str:
    return next(options for options in pipeline.targets if options.name == "gitlab").fallback(construct)


def _conditions(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    prefixes = conditions.inside(job, pipeline)
    if prefixes and decide.undecidable(job, prefixes):
        message = f"{job.id}: inside a job GitLab does not tell forks, which its condition combines with {prefixes[0]}"
        yield error("MLG401", job.position, message, "let the two conditions stand beside each other, not in one `or`")
    if prefixes and job.native:
        message = f"{job.id}: `{prefixes[0]}` is decided inside the job, and `native` has no place for it"
        yield error("MLG401", job.position, message, "let another job decide, whose success this one needs")


def _order(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    if job.watches and job.approval:
        message = f"{job.id}: on GitLab a job that waits for an approval starts after successes only"
        yield error("MLG401", job.position, message, "take `when: {result}` or the approval away")
    if pipeline.root and overflows(job, pipeline):
        message = f"{job.id} waits for more than {MAX_NEEDS} jobs, and stages are those of several projects"
        yield error("MLG404", job.position, message, "let a milestone of an earlier stage wait for some of them")
    for edge in job.edges if job.watches else ():
        said = dict(pipeline.job(edge.job).native).get("gitlab")
        if isinstance(said, dict) and "trigger" in said:
            message = f"{job.id} watches {edge.job}, which triggers a pipeline: a job cannot ask GitLab how that ended"
            yield error("MLG401", job.position, message, f"let {job.id} wait for other jobs")
    yield from decide.untold(pipeline, job, "GitLab", lambda other: conditions.inside(other, pipeline))
    yield from _permitted(job, pipeline)


def _permitted(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """A job leaves no mark where it fails: one that needs it then ends green, as if it had not been for this run."""
    for other in map(pipeline.job, ancestors(pipeline, job) if job.watches else ()):
        makers = [pipeline.job(edge.job) for edge in other.edges if edge.hard and (edge.files or edge.exports)]
        if lost := [one for one in makers if one.allow_failure and conditions.uncertain(one, pipeline)]:
            message = (
                f"{job.id}: where {lost[0].id} fails, which it may, GitLab does not tell {other.id}, which needs "
                "what it makes, from one that is not for this run"
            )
            yield error("MLG404", job.position, message, f"take `allow_failure` of {lost[0].id} away")


def _machine(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    if job.container and job.container.options and _chosen(pipeline, "container") != "runner":
        message = f"{job.id}: GitLab takes no options of docker run ({' '.join(job.container.options)})"
        hint = "set them in the runner's config.toml, and say so: `targets.gitlab.fallback: {container: runner}`"
        yield error("MLG401", job.position, message, hint)
    for service in job.services:
        if service.ready and not service.ports:
            message = f"{job.id}: GitLab cannot run `ready` inside the service {service.name}, and it names no ports"
            yield error("MLG401", job.position, message, "give it `ports`: the job waits until they answer")
    systems = {runner.name if runner.name in machines.HOSTED else "" for runner in job.runners or (job.runner,)}
    if len(systems) > 1:
        message = f"{job.id}: on GitLab the legs of a matrix run on one system"
        yield error("MLG401", job.position, message, "write a job for each system")
    counts = {len(machines.tags_of(runner)) for runner in job.runners or (job.runner,)}
    if len(counts) > 1 and len(systems) == 1:
        message = f"{job.id}: the runners of its legs have different numbers of tags"
        yield error("MLG401", job.position, message, "give each of these runners as many tags as the others")
    name = machines.system(job)
    if name and job.python and _chosen(pipeline, "python") != "machine":
        message = f"{job.id}: on {name} GitLab takes the machine's own Python, not {job.python}"
        hint = "install it in `setup`, or take a runner that has it, and write targets.gitlab.fallback.python: machine"
        yield warning("MLG402", job.position, message, hint)
    scripts = (job.run, job.setup, job.finally_, job.on_failure, *(step.run for step in job.steps))
    if name == "windows" and any(line.startswith(ENDING) for script in scripts for line in script.split("\n")):
        message = f"{job.id}: a line that begins with {ENDING} ends the text that PowerShell hands to bash"
        yield error("MLG401", job.position, message, "indent the line")


def _words(job: Job) -> Iterator[Diagnostic]:
    said = dict(job.native).get("gitlab")
    if job.native and said is None:
        hint = "add `gitlab:` to its `native`, or choose `targets.gitlab.fallback: {native: skip}`"
        yield error("MLG401", job.position, f"{job.id}: `native` has no words for GitLab", hint)
    if isinstance(said, dict) and job.files and "artifacts" in said:
        message = f"{job.id}: its own `artifacts` and its `outs` would stand in one key"
        yield error("MLG401", job.position, message, "name the files in `outs` alone")
    if job.native and job.exports:
        yield error("MLG401", job.position, f"{job.id}: `native` exports no values", "write `run`")
    for step in job.steps:
        if not step.run and step.on("gitlab") is None:
            message = f"{job.id}: the step {step.name} has no words for GitLab"
            yield error("MLG401", job.position, message, "give it `run`, or `gitlab: {script: […]}`")


def _rights(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    for pair in job.permissions if not _chosen(pipeline, "permissions") else ():
        if pair not in TOKEN:
            message = f"{job.id}: no token of a job may {pair[1]} {pair[0]} on GitLab"
            hint = (
                "`targets.gitlab.fallback: {permissions: secret}` takes an access token from the variable MLGEN_TOKEN"
            )
            yield error("MLG401", job.position, message, hint)
    for one in job.checkouts:
        if one.token and not one.repository:
            message = f"{job.id}: GitLab checks out the project itself with the job's own token"
            yield warning("MLG402", job.position, message, "take `token` away")
    container = job.container
    if container and (container.username or container.password) and _chosen(pipeline, "secrets") != "wider":
        others = [other.id for other in pipeline.jobs if not (other.container and other.container.password)]
        if others:
            message = (
                f"{job.id}: GitLab hands the registry's credentials (DOCKER_AUTH_CONFIG) to every job, also {others[0]}"
            )
            yield error(
                "MLG401", job.position, message, "`targets.gitlab.fallback: {secrets: wider}` says that you know"
            )
