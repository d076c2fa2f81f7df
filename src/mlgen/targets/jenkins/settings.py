"""What must be set in Jenkins itself, derived from the pipeline."""

from collections.abc import Iterator

from mlgen.ir import Pipeline
from mlgen.targets.contract import Setting
from mlgen.targets.jenkins.conditions import named_schedules
from mlgen.targets.jenkins.parts import in_container


def settings(pipeline: Pipeline) -> Iterator[Setting]:
    """The checklist, what matters most first."""
    yield from _project(pipeline)
    yield from _safety(pipeline)
    yield Setting("Plugins", "Install " + ", ".join(_plugins(pipeline)) + ".", True)
    yield from _agents(pipeline)


def _project(pipeline: Pipeline) -> Iterator[Setting]:
    where = pipeline.repository or "the repository"
    detail = f"Create a Multibranch Pipeline for {where} alone, with the script path Jenkinsfile and a webhook."
    yield Setting("Multibranch Pipeline", detail, True)
    triggers = pipeline.triggers
    if triggers.push_branches and triggers.on("push"):
        names = " ".join(triggers.push_branches)
        detail = f"Discover branches, if wanted only {names}: runs of other branches skip every stage."
        yield Setting("Branches", detail, False)
    if triggers.on("pull_request"):
        trust = "of forks, trust Nobody or those with Admin or Write permission: others get the target's Jenkinsfile"
        yield Setting("Pull requests", f"Discover pull requests; {trust}.", True)
    if triggers.on("tag"):
        strategy = "a build strategy for tags (plugin Basic Branch Build Strategies)"
        yield Setting("Tags", f"Discover tags, and add {strategy}: Jenkins builds no tag by itself.", True)
    if triggers.schedules:
        names = ", ".join(sorted({schedule.branch for schedule in triggers.schedules}))
        detail = f"Build {names} once after a change of the schedules: Jenkins learns them from that run."
        yield Setting("Schedules", detail, True)
    detail = "Add the behaviour Clean before checkout, for workspaces that a lost agent left behind."
    yield Setting("Clean checkout", detail, False)


def _safety(pipeline: Pipeline) -> Iterator[Setting]:
    for secret in pipeline.secrets:
        users = [job.id for job in pipeline.jobs if any(use.name == secret.name for use in job.secrets)]
        if users:
            kind = "Secret file" if secret.file else "Secret text"
            scope = f", of {' and '.join(secret.environments)} alone" if secret.environments else ""
            detail = f"Add a credential of the kind {kind} with this id to the project's folder{scope}"
            yield Setting(f"Credential {secret.name}", f"{detail}; {', '.join(users)} use it.", True)
    if any(secret.environments for secret in pipeline.secrets):
        detail = "Any branch can bind any credential of the folder: protect them, or deploy from a folder of its own."
        yield Setting("Who can bind credentials", detail, True)
    for place in pipeline.environments:
        if not place.approval or not any(job.environment == place for job in pipeline.jobs):
            continue
        if place.approval.by:
            detail = f"The users or groups {', '.join(place.approval.by)} may approve, and administrators."
        else:
            detail = "Whoever has Job/Build may approve: give it to few, or name people under `approval.by`."
        yield Setting(f"Approval of {place.name}", detail, True)
    detail = "Set the number of executors of the built-in node to 0: no job may run beside the credentials' store."
    yield Setting("Controller", detail, True)


def _plugins(pipeline: Pipeline) -> list[str]:
    jobs = pipeline.jobs
    needed = {
        "Pipeline": True,
        "Docker Pipeline": any(map(in_container, jobs)),
        "Credentials Binding": any(job.secrets for job in jobs),
        "Lockable Resources": any(job.lock or (job.matrix and job.matrix.max_parallel) for job in jobs),
        "JUnit": any(job.reports.junit for job in jobs),
        "Coverage": any(job.reports.coverage for job in jobs),
        "Job Cacher": any(job.caches for job in jobs),
        "Parameterized Scheduler": named_schedules(pipeline),
    }
    return [name for name, used in needed.items() if used]


def _agents(pipeline: Pipeline) -> Iterator[Setting]:
    said = [job.runner.on("jenkins") for job in pipeline.jobs]
    labels = sorted({str(options["label"]) for options in said if isinstance(options, dict)})
    tools = "bash, git and python3"
    if any(map(in_container, pipeline.jobs)):
        tools = "git and Docker; the images need bash, git and python3"
    detail = f"Agents run Linux and have {tools}."
    if labels:
        detail += f" Some carry the labels {', '.join(labels)}."
    yield Setting("Agents", detail, True)
    if any(job.takes for job in pipeline.jobs):
        detail = "Above some 100 MB, set up an artifact manager, so that stashes and artifacts bypass the controller."
        yield Setting("Large files", detail, False)
    yield Setting("Jenkins URL", "Set it under System, so that runs have links.", False)
