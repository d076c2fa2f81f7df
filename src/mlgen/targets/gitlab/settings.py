"""What has to be set in the project, since the file cannot say it: https://docs.gitlab.com/user/project/settings/"""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Pipeline, Runner
from mlgen.targets.contract import BY_HAND, Setting
from mlgen.targets.gitlab.machines import hosted
from mlgen.targets.gitlab.names import native_name
from mlgen.targets.gitlab.preparation import from_variables, id_tokens, variable
from mlgen.targets.gitlab.view import options


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist, those that the pipeline needs first."""
    found = [*_refs(pipeline), *_secrets(pipeline), *_schedules(pipeline), *_runs(pipeline), *_deployments(pipeline)]
    found += [*_runners(pipeline), *_identities(pipeline), *_token(pipeline)]
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
        found = [job for job in pipeline.jobs if secret.name in from_variables(job)]
        if not found:
            continue
        scope = " or ".join(secret.environments) or "* (all)"
        more = "; one variable for each scope" if len(secret.environments) > 1 else ""
        flags = "visible" if secret.plain else "masked and hidden"
        if all(job.deploys for job in found):
            flags = f"protected, {flags}" if secret.plain else "protected, masked and hidden"
        name, kind = variable(secret.name, pipeline), ""
        if secret.file:
            kind = " type File,"
        detail = (
            f"Settings > CI/CD > Variables: {name},{kind} environment scope {scope}{more}, {flags}, not expanded. "
            f"Listed by {', '.join(map(native_name, found))}."
        )
        yield Setting(f"CI/CD variable {name}", detail, True)
    yield from _registries(pipeline)


def _registries(pipeline: Pipeline) -> Iterator[Setting]:
    jobs = [job for job in pipeline.jobs if job.container and job.container.password]
    if jobs:
        hosts = sorted({registry(job.fetched) for job in jobs})
        auths = ", ".join(f'"{host}": {{"auth": "…"}}' for host in hosts)
        pairs = sorted({f"{job.container.username}:{job.container.password}" for job in jobs if job.container})
        detail = (
            f'Settings > CI/CD > Variables: DOCKER_AUTH_CONFIG, {{"auths": {{{auths}}}}}, each auth the base64 of '
            f"the values of {', '.join(pairs)}. Used by {', '.join(map(native_name, jobs))}."
        )
        yield Setting("CI/CD variable DOCKER_AUTH_CONFIG", detail, True)


def registry(image: str) -> str:
    """The host of an image, as credentials name it."""
    host = image.split("/")[0]
    return host if "/" in image and ("." in host or ":" in host) else "https://index.docker.io/v1/"


def _identities(pipeline: Pipeline) -> Iterator[Setting]:
    asked = {(kind.kind, audience) for job in pipeline.jobs for kind, (_, audience) in zip(job.oidc, id_tokens(job))}
    for kind, audience in sorted(asked):
        if kind != "token":
            shown = audience.replace("$CI_SERVER_URL", "the address of the GitLab instance")
            detail = (
                f"Let {kind} trust the GitLab instance as an identity provider, for the audience {shown} and "
                "the subject project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH of this project."
            )
            yield Setting(f"Identity provider in {kind}", detail, True)


def _token(pipeline: Pipeline) -> Iterator[Setting]:
    asked = {pair for job in pipeline.jobs for pair in job.permissions}
    if asked and options(pipeline).fallback("permissions") == "secret":
        scopes = ", ".join(f"{scope}: {level}" for scope, level in sorted(asked))
        detail = f"Settings > CI/CD > Variables: MLGEN_TOKEN, masked and hidden, a project access token with {scopes}."
        yield Setting("CI/CD variable MLGEN_TOKEN", detail, True)
    elif ("contents", "write") in asked:
        detail = "Settings > CI/CD > Job token permissions: Allow Git push requests to the repository."
        yield Setting("Pushes by jobs", detail, True)


def _schedules(pipeline: Pipeline) -> Iterator[Setting]:
    for schedule in pipeline.triggers.schedules:
        detail = (
            f"Build > Pipeline schedules: description {schedule.name} (exactly), interval pattern {schedule.cron}, "
            f"timezone UTC, target {schedule.branch}; its owner must be allowed to run pipelines there."
        )
        yield Setting(f"Pipeline schedule {schedule.name}", detail, True)


def _runs(pipeline: Pipeline) -> Iterator[Setting]:
    if pipeline.root and pipeline.triggers.on("manual"):
        detail = (
            f"Build > Pipelines > New pipeline: the input mlgen_event is {pipeline.name}/{BY_HAND} for this project "
            f"alone, and empty for all projects of the repository. Inputs of this one are called {pipeline.name}_NAME."
        )
        yield Setting("Runs by hand", detail, False)
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
    for job in pipeline.jobs:
        if job.approval and job.approval.by and not (job.environment and job.environment.approval):
            detail = (
                f"{native_name(job)} waits for {', '.join(job.approval.by)}, and whoever may merge to the branch may "
                "start it. Premium: give the job an environment, protect that and require approvals."
            )
            yield Setting(f"Approval of {native_name(job)}", detail, False)


def _runners(pipeline: Pipeline) -> Iterator[Setting]:
    tags = {tag for job in pipeline.jobs for runner in job.runners for tag in _tags(runner)}
    if tags:
        yield Setting("Runners", f"Runners with the tags {', '.join(sorted(tags))} must exist for the project.", True)
    for name in hosted(pipeline):
        detail = (
            f"GitLab.com has hosted runners for {name} with Premium; elsewhere give the runner {name} tags of yours."
        )
        yield Setting(f"Runners for {name}", detail, True)
    privileged = [native_name(job) for job in pipeline.jobs if job.docker]
    if privileged:
        detail = f"The runners of {', '.join(privileged)} must start privileged containers, for the Docker daemon."
        yield Setting("Privileged runners", detail, True)
    policies = sorted({job.container.pull for job in pipeline.jobs if job.container and job.container.pull})
    if policies:
        said = ", ".join("if-not-present" if policy == "missing" else policy for policy in policies)
        yield Setting("Pull policies", f"The runners' config.toml must allow the pull policies {said}.", True)
    for job in pipeline.jobs:
        if job.container and job.container.options:
            detail = f"The config.toml of the runner of {native_name(job)} must say {' '.join(job.container.options)}."
            yield Setting(f"Container of {native_name(job)}", detail, True)


def _tags(runner: Runner) -> tuple[str, ...]:
    said = runner.on("gitlab")
    return tuple(said["tags"]) if isinstance(said, dict) else ()
