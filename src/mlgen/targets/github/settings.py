"""What must be set in the repository on GitHub, since the workflow file cannot say it."""

from __future__ import annotations

from mlgen.ir import Approval, Pipeline
from mlgen.ir.expressions import evaluate
from mlgen.targets.contract import Setting
from mlgen.targets.github.access import CLOUDS
from mlgen.targets.github.limits import PUBLIC_DAYS
from mlgen.targets.github.steps import place
from mlgen.targets.github.view import checks, workflow_path


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist for this pipeline."""
    found = [*_environments(pipeline), *_secrets(pipeline)]
    reports = evaluate(pipeline.trigger("pull_request"), {"branch": pipeline.default_branch})
    if reports and not all(job.deploys for job in pipeline.jobs):
        found.append(
            Setting(
                f"Rules, Rulesets: require the check `{checks(pipeline)}`",
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
    found += _access(pipeline)
    if any(pipeline.triggers.on(kind) for kind in ("schedule", "manual", "api")):
        found.append(
            Setting(
                f"The workflow file must be on the branch {pipeline.default_branch}",
                "Schedules, manual runs and api events are offered from the default branch only.",
                True,
            )
        )
    return tuple(found)


def _access(pipeline: Pipeline) -> list[Setting]:
    """What lies outside the workflow for identities, files that are kept, api events and comparisons."""
    found = []
    for job in pipeline.jobs:
        for one in job.oidc:
            name = place(job)
            subject = f"environment:{name}" if name else "ref:refs/heads/BRANCH or pull_request"
            found.append(
                Setting(
                    f"{CLOUDS.get(one.kind) or dict(one.options)['audience']}: trust the identity of {job.id}",
                    f"The token's subject is repo:OWNER/NAME:{subject}; let it do no more than the job needs.",
                    True,
                )
            )
    days = max((job.keep.days for job in pipeline.jobs if job.keep), default=0)
    if days > PUBLIC_DAYS:
        title = f"Actions, General, Artifact and log retention: {days} days"
        found.append(
            Setting(title, "A public repository keeps files for 90 days at most, a private one for 400.", False)
        )
    if pipeline.triggers.api:
        names = " or ".join(name for name, _ in pipeline.triggers.api)
        file = workflow_path(pipeline).rsplit("/", 1)[-1]
        how = f"`gh workflow run {file} -f mlgen_event=NAME`, or the API's workflow dispatches."
        found.append(Setting(f"A token with `actions: write` for what starts {names}", f"It calls {how}", False))
    if pipeline.changes and any(job.runner.name == "default" and job.runner.options for job in pipeline.jobs):
        title = "Actions, Runners: the GitHub CLI on the runners of `default`"
        found.append(Setting(title, "With it the job plan compares a push with the last green run.", False))
    return found


def _environments(pipeline: Pipeline) -> list[Setting]:
    found = []
    used = {job.environment.name for job in pipeline.jobs if job.environment}
    for environment in pipeline.environments:
        if environment.name not in used:
            continue
        approvals = [j.approval for j in pipeline.jobs if place(j) == environment.name and j.approval]
        details = [_reviewers(approvals[0])] if approvals else []
        details.append("Deployment branches and tags: those that mlgen.yaml lets deploy, as a second lock.")
        found.append(Setting(f"Environments: create {environment.name}", " ".join(details), bool(approvals)))
    for job in pipeline.jobs:
        if job.approval and job.environment is None:
            title = f"Environments: create {place(job)}, for the approval of {job.id}"
            found.append(Setting(title, _reviewers(job.approval), True))
    return found


def _reviewers(approval: Approval) -> str:
    who = f" ({', '.join(approval.by)})" if approval.by else ""
    return f"Required reviewers{who}, and prevent self-review; do not let administrators bypass them."


def _secrets(pipeline: Pipeline) -> list[Setting]:
    found = []
    used = {name for job in pipeline.jobs for name in job.secret_names}
    for secret in pipeline.secrets:
        if secret.name not in used:
            continue
        kind = "variable" if secret.plain else "secret"
        name = secret.on("github").get("id", secret.name)
        if secret.environments:
            where = f"Environments, {' and '.join(secret.environments)}: add the {kind} {name}"
            detail = f"As an environment {kind}, so that no other job can read it. Do not add it to the repository."
        else:
            where = f"Secrets and variables, Actions: add the {kind} {name}"
            detail = f"As a repository {kind}."
        if secret.file:
            detail += " The file's content, at most 48 KB."
        found.append(Setting(where, detail, True))
    return found
