"""What the file cannot set: the repository's settings, https://docs.travis-ci.com/user/web-ui."""

from collections.abc import Iterator

from mlgen.ir import Pipeline, Schedule
from mlgen.targets.contract import Setting
from mlgen.targets.travis import conditions


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist, in the order of the settings page."""
    return (*_events(pipeline), *_secrets(pipeline), *_schedules(pipeline), *_machines(pipeline))


def _events(pipeline: Pipeline) -> Iterator[Setting]:
    on = pipeline.triggers.on
    pushes, requests = on("push") or on("tag"), on("pull_request")
    yield Setting(
        "General: which events start builds",
        f"Build pushed branches: {'on' if pushes else 'off'}. Build pushed pull requests: {'on' if requests else 'off'}.",
        True,
    )
    if pipeline.cancel:
        detail = ", ".join(
            f"auto cancel {'branch' if kind == 'push' else 'pull request'} builds: {'on' if kind in pipeline.cancel else 'off'}"
            for kind in ("push", "pull_request")
        )
        yield Setting("Auto cancellation", f"{detail[0].upper()}{detail[1:]}. It cancels queued builds only.", False)
    if pipeline.triggers.inputs:
        names = ", ".join(f"{entry.variable}='{entry.default}'" for entry in pipeline.triggers.inputs)
        detail = f"Trigger build, custom config: `env: {{global: [...]}}` with a quoted entry for each input that is not to have its default: {names}."
        yield Setting("Manual runs with inputs", detail, False)
    if any(job.deploys for job in pipeline.jobs):
        detail = "Limit concurrent jobs to 1, so that no two builds deploy at a time and none overtakes another."
        yield Setting("Limit concurrent jobs", detail, False)


def _secrets(pipeline: Pipeline) -> Iterator[Setting]:
    for secret in pipeline.secrets:
        jobs = [job.id for job in pipeline.jobs if any(use.name == secret.name for use in job.secrets)]
        if jobs:
            detail = f"Without showing its value in the log; limited to a branch where all of its jobs run there: {', '.join(jobs)}."
            yield Setting(f"Environment variable {secret.name}", detail, True)
    if pipeline.secrets or any(job.deploys for job in pipeline.jobs):
        if pipeline.triggers.on("pull_request"):
            detail = "Share encrypted environment variables with forks: off. Share SSH keys with forks: off."
            yield Setting("Security: forks", detail, True)
        detail = (
            "Whoever can push to the repository or request a build can send a configuration of their own and read every"
            " secret: give both to few, and let the place that is deployed to check for itself what it accepts."
        )
        yield Setting("Who may request builds", detail, True)


def _schedules(pipeline: Pipeline) -> Iterator[Setting]:
    for schedule in pipeline.triggers.schedules:
        yield Setting(
            f"Schedule {schedule.name}, cron `{schedule.cron}` (UTC), on a scheduler of yours",
            _request(schedule, pipeline),
            True,
        )


def _request(schedule: Schedule, pipeline: Pipeline) -> str:
    """https://docs.travis-ci.com/user/triggering-builds."""
    slug = conditions.slug(pipeline.repository).replace("/", "%2F") if pipeline.repository else "OWNER%2FNAME"
    body = (
        f'{{"request": {{"branch": "{schedule.branch}", "merge_mode": "deep_merge_append",'
        f' "config": {{"env": {{"global": ["MLGEN_SCHEDULED=\'{schedule.name}\'"]}}}}}}}}'
    )
    return (
        f"POST https://api.travis-ci.com/repo/{slug}/requests with the headers Travis-API-Version: 3 and"
        f" Authorization: token TOKEN (of an account with no other rights), and the body {body}"
    )


def _machines(pipeline: Pipeline) -> Iterator[Setting]:
    sizes = sorted(
        {
            str(o["size"])
            for o in (job.runner.on("travis") for job in pipeline.jobs)
            if isinstance(o, dict) and "size" in o
        }
    )
    if sizes:
        yield Setting("Plan and credits", f"The plan must offer machines of the size {', '.join(sizes)}.", True)
    if any(job.timeout > 3000 for job in pipeline.jobs):
        detail = "A job has a timeout of over 50 minutes, at which Travis ends the jobs of public repositories; private ones have 120."
        yield Setting("Private repository", detail, True)
