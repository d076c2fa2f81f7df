"""What the file cannot set: the repository's settings, https://docs.travis-ci.com/user/web-ui."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Pipeline
from mlgen.targets.contract import BY_HAND, Setting
from mlgen.targets.travis import before, conditions


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist, in the order of the settings page."""
    return (*_events(pipeline), *_secrets(pipeline), *_runs(pipeline), *_machines(pipeline))


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _events(pipeline: Pipeline) -> Iterator[Setting]:
    on = pipeline.triggers.on
    detail = f"Build pushed branches: {_switch(on('push') or on('tag'))}. "
    detail += f"Build pushed pull requests: {_switch(on('pull_request'))}."
    yield Setting("Builds", detail, True)
    if pipeline.cancel:
        detail = f"Auto cancel branch builds: {_switch('push' in pipeline.cancel)}. "
        detail += f"Auto cancel pull request builds: {_switch('pull_request' in pipeline.cancel)}."
        yield Setting("Auto cancellation, of queued builds only", detail, False)
    if any(job.deploys for job in pipeline.jobs):
        detail = "Limit concurrent jobs to 1: then no two builds deploy at a time, and none overtakes another."
        yield Setting("Limit concurrent jobs", detail, False)


def _secrets(pipeline: Pipeline) -> Iterator[Setting]:
    encrypted = before.scoped(pipeline)
    for secret in pipeline.secrets:
        jobs = [job for job in pipeline.jobs if secret.name in job.secret_names]
        if jobs and secret.name in encrypted:
            detail = f"`travis encrypt {secret.name}=VALUE` makes what the spec holds as `secure`; it is no setting."
            yield Setting(f"Encrypted variable {secret.name}", detail, True)
        elif jobs:
            yield Setting(f"Environment variable {secret.name}", _variable(secret.name, secret.plain, jobs), True)
    if before.token(pipeline):
        rights = sorted({f"{scope}: {right}" for job in pipeline.jobs for scope, right in job.permissions})
        detail = (
            f"A token of the code host with no rights but {', '.join(rights)}. Do not display its value in the log."
        )
        yield Setting("Environment variable MLGEN_TOKEN", detail, True)
    if pipeline.secrets or any(job.deploys for job in pipeline.jobs):
        if pipeline.triggers.on("pull_request"):
            detail = "Share encrypted environment variables with forks: off. Share SSH keys with forks: off."
            yield Setting("Forks", detail, True)
        detail = (
            "Whoever can push to the repository or request a build can send a configuration of their own and read"
            " every secret. Give both rights to few, and let the place that is deployed to check what it accepts."
        )
        yield Setting("Who may request builds", detail, True)


def _variable(name: str, plain: bool, jobs: list[Job]) -> str:
    value = "It is no secret: display its value in the log." if plain else "Do not display its value in the log."
    if any(use.file for job in jobs for use in job.secrets if use.name == name):
        value += " Its value is the file in base64, on one line (`base64 -w0 FILE`)."
    return f"{value} Limit it to a branch if {' and '.join(job.id for job in jobs)} run there only."


def _runs(pipeline: Pipeline) -> Iterator[Setting]:
    asked = [entry for entry in pipeline.triggers.inputs if entry.name in pipeline.triggers.manual]
    own = [f"MLGEN_API_EVENT='{pipeline.name}/{BY_HAND}'"] if pipeline.root else []
    if own and pipeline.triggers.on("manual"):
        detail = f"Trigger build, custom config: {_config(own)}. Without it, all projects of the repository run."
        yield Setting(f"Manual runs of {pipeline.name} alone", detail, False)
    if asked:
        names = ", ".join(f"{entry.variable}='{entry.default}'" for entry in asked)
        config = _config([*own, "VARIABLE='VALUE'"])
        detail = f"Trigger build, custom config: {config}. The variables and their defaults: {names}."
        yield Setting("Manual runs with inputs", detail, False)
    for name, inputs in pipeline.triggers.api:
        given = [f"MLGEN_API_EVENT='{name}'"]
        given += [f"{e.variable}='{e.default or 'VALUE'}'" for e in pipeline.triggers.inputs if e.name in inputs]
        yield Setting(f"Event {name}", _request(pipeline.default_branch, given, pipeline), False)
    for schedule in pipeline.triggers.schedules:
        title = f"Schedule {schedule.name}, `{schedule.cron}` in UTC, on a scheduler of yours"
        given = [f"MLGEN_SCHEDULED='{schedule.name}'"]
        yield Setting(title, _request(schedule.branch, given, pipeline), True)


def _config(given: list[str]) -> str:
    entries = ", ".join(f'"{entry}"' for entry in given)
    return f'{{"env": {{"global": [{entries}]}}}}'


def _request(branch: str, given: list[str], pipeline: Pipeline) -> str:
    """https://docs.travis-ci.com/user/triggering-builds."""
    slug = conditions.slug(pipeline.repository).replace("/", "%2F") if pipeline.repository else "OWNER%2FNAME"
    config = _config(given)
    return (
        f"POST https://api.travis-ci.com/repo/{slug}/requests with the headers `Travis-API-Version: 3` and"
        " `Authorization: token TOKEN`, TOKEN being of an account with no other rights, and the body"
        f' {{"request": {{"branch": "{branch}", "merge_mode": "deep_merge_append", "config": {config}}}}}'
    )


def _machines(pipeline: Pipeline) -> Iterator[Setting]:
    options = [runner.on("travis") for job in pipeline.jobs for runner in (job.runners or (job.runner,))]
    sizes = sorted({str(each["size"]) for each in options if isinstance(each, dict) and "size" in each})
    if sizes:
        yield Setting("Plan and credits", f"The plan must offer machines of the size {', '.join(sizes)}.", True)
    if any(job.timeout > 50 * 60 for job in pipeline.jobs):
        detail = (
            "A timeout is over 50 minutes, which is all that jobs of public repositories get; private ones get 120."
        )
        yield Setting("Private repository", detail, True)
