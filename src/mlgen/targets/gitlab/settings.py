"""What has to be set in the project, since the file cannot say it: https://docs.gitlab.com/user/project/settings/"""

from collections.abc import Iterator

from mlgen.ir import Pipeline
from mlgen.targets.contract import Setting
from mlgen.targets.gitlab.placement import native_name


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist, those that the pipeline needs first."""
    found = [*_refs(pipeline), *_secrets(pipeline), *_schedules(pipeline), *_runs(pipeline), *_deployments(pipeline)]
    found += _runners(pipeline)
    return tuple(sorted(found, key=lambda setting: not setting.must))


def _refs(pipeline: Pipeline) -> Iterator[Setting]:
    deploys = any(job.deploys for job in pipeline.jobs)
    patterns = [pipeline.default_branch]
    if pipeline.triggers.on("tag"):
        patterns += [tag for tag in pipeline.triggers.tags if not tag.startswith("!")] or ["*"]
    detail = f"Settings > Repository: protect the branch {patterns[0]}"
    if patterns[1:]:
        detail += f" and the tags {', '.join(patterns[1:])}"
    yield Setting("Protected branches and tags", detail + ".", deploys)


def _secrets(pipeline: Pipeline) -> Iterator[Setting]:
    for secret in pipeline.secrets:
        jobs = [native_name(job) for job in pipeline.jobs if any(use.name == secret.name for use in job.secrets)]
        if not jobs:
            continue
        scope = " or ".join(secret.environments) or "* (all)"
        more = "; one variable for each scope" if len(secret.environments) > 1 else ""
        deploys = all(job.deploys for job in pipeline.jobs if native_name(job) in jobs)
        flags = "protected, masked and hidden" if deploys else "masked and hidden"
        detail = (
            f"Settings > CI/CD > Variables: {secret.name}, environment scope {scope}{more}, {flags}, not expanded. "
            f"Listed by {', '.join(jobs)}."
        )
        yield Setting(f"CI/CD variable {secret.name}", detail, True)


def _schedules(pipeline: Pipeline) -> Iterator[Setting]:
    for schedule in pipeline.triggers.schedules:
        detail = (
            f"Build > Pipeline schedules: description {schedule.name} (exactly), interval pattern {schedule.cron}, "
            f"timezone UTC, target {schedule.branch}; its owner must be allowed to run pipelines there."
        )
        yield Setting(f"Pipeline schedule {schedule.name}", detail, True)


def _runs(pipeline: Pipeline) -> Iterator[Setting]:
    held = any(job.secrets or job.deploys for job in pipeline.jobs)
    where = "Settings > CI/CD > Variables: minimum role to use pipeline variables"
    yield Setting(
        "Pipeline variables",
        f"{where}: No one allowed. They override those of the file, CI_PIPELINE_SOURCE in the rules included.",
        held,
    )
    if pipeline.triggers.on("pull_request"):
        yield Setting(
            "Merge requests from forks",
            "API, edit a project: ci_allow_fork_pipelines_to_run_in_parent_project=false. A pipeline of a fork that "
            "runs here takes its file from the fork, whatever the rules of this one say.",
            held,
        )
        yield Setting("Merge checks", "Settings > Merge requests: Pipelines must succeed.", False)
    if pipeline.cancel:
        detail = "Settings > CI/CD > General pipelines: Auto-cancel redundant pipelines."
        yield Setting("Superseded pipelines", detail, False)
    if any(job.timeout for job in pipeline.jobs):
        yield Setting("Timeouts", "The runners' maximum job timeout must be at least that of the longest job.", False)


def _deployments(pipeline: Pipeline) -> Iterator[Setting]:
    if any(job.lock for job in pipeline.jobs):
        detail = "Settings > CI/CD > General pipelines: Prevent outdated deployment jobs, without retries for rollback."
        yield Setting("Outdated deployments", detail, True)
    for environment in pipeline.environments:
        jobs = [job for job in pipeline.jobs if job.environment and job.environment.name == environment.name]
        if environment.approval and jobs:
            who = f" by {', '.join(environment.approval.by)}" if environment.approval.by else ""
            detail = (
                f"Premium: protect the environment {environment.name} and require approvals{who}, not by the person "
                "who started the pipeline. Without it, whoever may merge to the branch may start the manual job."
            )
            yield Setting(f"Protected environment {environment.name}", detail, False)


def _runners(pipeline: Pipeline) -> Iterator[Setting]:
    tags = {tag for job in pipeline.jobs if isinstance(said := job.runner.on("gitlab"), dict) for tag in said["tags"]}
    if tags:
        yield Setting("Runners", f"Runners with the tags {', '.join(sorted(tags))} must exist for the project.", True)
