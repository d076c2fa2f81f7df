"""What must be set in the repository on GitHub, since the workflow file cannot say it."""

from mlgen.ir import Pipeline
from mlgen.ir.expressions import evaluate
from mlgen.targets.contract import Setting


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist for this pipeline."""
    found = [*_environments(pipeline), *_secrets(pipeline)]
    if evaluate(pipeline.trigger("pull_request"), {"branch": pipeline.default_branch}):  # else it would never report
        found.append(
            Setting(
                "Rules, Rulesets: require the check `checks`",
                f"For {pipeline.default_branch}. The job reports on every run, also where others are skipped.",
                True,
            )
        )
    found.append(
        Setting(
            "Actions, General, Workflow permissions: read repository contents",
            "The workflow asks for what it needs, job by job. Untick that Actions may approve pull requests.",
            False,
        )
    )
    if pipeline.triggers.on("pull_request"):
        found.append(
            Setting(
                "Actions, General: require approval for workflows of outside contributors",
                "Jobs that see secrets or deploy do not run for forks; this keeps strangers from using your minutes.",
                False,
            )
        )
    labels = sorted({job.runner.name for job in pipeline.jobs if job.runner.on("github") is not None})
    if labels:
        found.append(
            Setting(
                f"Actions, Runners: provide {', '.join(labels)}",
                "Self-hosted runners must not serve public repositories: a fork's pull request would run on them.",
                True,
            )
        )
    if pipeline.triggers.on("schedule") or pipeline.triggers.on("manual"):
        found.append(
            Setting(
                f"The workflow file must be on the branch {pipeline.default_branch}",
                "Schedules and manual runs are offered from the default branch only.",
                True,
            )
        )
    return tuple(found)


def _environments(pipeline: Pipeline) -> list[Setting]:
    found = []
    used = {job.environment.name for job in pipeline.jobs if job.environment}
    for environment in pipeline.environments:
        if environment.name not in used:
            continue
        details = []
        if environment.approval:
            who = f" ({', '.join(environment.approval.by)})" if environment.approval.by else ""
            details.append(f"Required reviewers{who}, and prevent self-review; do not let administrators bypass them.")
        details.append("Deployment branches and tags: those that mlgen.yaml lets deploy, as a second lock.")
        found.append(Setting(f"Environments: create {environment.name}", " ".join(details), bool(environment.approval)))
    return found


def _secrets(pipeline: Pipeline) -> list[Setting]:
    found = []
    used = {use.name for job in pipeline.jobs for use in job.secrets}
    for secret in pipeline.secrets:
        if secret.name not in used:
            continue
        if secret.environments:
            where = f"Environments, {' and '.join(secret.environments)}: add the secret {secret.name}"
            detail = "As an environment secret, so that no other job can read it. Do not add it to the repository."
        else:
            where = f"Secrets and variables, Actions: add the secret {secret.name}"
            detail = "As a repository secret."
        found.append(Setting(where, detail, True))
    return found
