"""What must be set in Jenkins itself, derived from the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Pipeline
from mlgen.targets.contract import Setting
from mlgen.targets.jenkins.conditions import named_schedules, questions
from mlgen.targets.jenkins.naming import legs
from mlgen.targets.jenkins.parts import TOKEN, agent, audience, bindings, credential, identity_id, in_container, part


def settings(pipeline: Pipeline) -> Iterator[Setting]:
    """The checklist, what matters most first."""
    yield from _project(pipeline)
    yield from _safety(pipeline)
    yield Setting("Plugins", "Install " + ", ".join(_plugins(pipeline)) + ".", True)
    yield from _agents(pipeline)


def _project(pipeline: Pipeline) -> Iterator[Setting]:
    where = pipeline.repository or "the repository"
    path = f"{pipeline.root}/Jenkinsfile" if pipeline.root else "Jenkinsfile"
    detail = f"Create a Multibranch Pipeline for {where} alone, with the script path {path} and a webhook."
    if pipeline.root:
        detail = (
            f"Create a Multibranch Pipeline called {pipeline.name} for {where}, with the script path {path} and a "
            "webhook. The other projects of the repository have one each, so that none sees the others' runs."
        )
    yield Setting("Multibranch Pipeline", detail, True)
    if pipeline.root:
        # https://plugins.jenkins.io/github-scm-trait-notification-context/
        detail = (
            f"Give it a status of its own, {pipeline.name}: all would report as the same one (for GitHub, the plugin "
            "Custom GitHub Notification Context SCM Behaviour)."
        )
        yield Setting("Commit status", detail, pipeline.triggers.on("pull_request"))
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
    if triggers.on("api"):
        names = " or ".join(name for name, _ in triggers.api)
        how = f"a POST to buildWithParameters?mlgen_event={names} of the branch's job"
        yield Setting("API events", f"Start one by {how}, with the token of a user who has Job/Build.", False)
    if questions(pipeline):
        detail = (
            "Add the behaviour Specify ref specs with +refs/heads/*:refs/remotes/@{remote}/*, and no shallow clone: "
            "what has changed is told from the history."
        )
        yield Setting("History", detail, True)
    detail = "Add the behaviour Clean before checkout, for workspaces that a lost agent left behind."
    yield Setting("Clean checkout", detail, False)


def _safety(pipeline: Pipeline) -> Iterator[Setting]:
    yield from _credentials(pipeline)
    if any(secret.environments for secret in pipeline.secrets):
        detail = "Any branch can bind any credential of the folder: protect them, or deploy from a folder of its own."
        yield Setting("Who can bind credentials", detail, True)
    asked = {}
    for job in pipeline.jobs:
        if job.approval:
            place = job.environment
            asked[place.name if place and place.approval == job.approval else job.id] = job.approval
    for name, approval in asked.items():
        if approval.by:
            detail = f"The users or groups {', '.join(approval.by)} may approve, and administrators."
        else:
            detail = "Whoever has Job/Build may approve: give it to few, or name people under `approval.by`."
        yield Setting(f"Approval of {name}", detail, True)
    detail = "Set the number of executors of the built-in node to 0: no job may run beside the credentials' store."
    yield Setting("Controller", detail, True)


def _credentials(pipeline: Pipeline) -> Iterator[Setting]:
    """Each credential once, with the jobs that use it."""
    boxes = [job.container for job in pipeline.jobs if job.container]
    logins = {name for box in boxes for name in (box.username, box.password)}
    tokens = {checkout.token for job in pipeline.jobs for checkout in job.checkouts}
    said: dict[str, str] = {}
    users: dict[str, list[str]] = {}
    for secret in pipeline.secrets:
        jobs = [job.id for job in pipeline.jobs if secret.name in job.secret_names]
        if not jobs:
            continue
        id_ = credential(pipeline, secret.name)
        scope = f", of {' and '.join(secret.environments)} alone" if secret.environments else ""
        pair = part(pipeline, secret.name) or secret.name in logins | tokens
        kind = "Username with password" if pair else "Secret file" if secret.file else "Secret text"
        said[id_] = f"Add a credential of the kind {kind} with this id to the project's folder{scope}"
        if secret.plain:
            said[id_] = "Set it as an environment variable, under System or of the project's folder"
        users.setdefault(id_, []).extend(job for job in jobs if job not in users.get(id_, ()))
    for job in pipeline.jobs:
        for one in job.oidc:
            kind = "OpenID Connect id token" + ("" if one.kind == "token" else " as file")
            said[identity_id(one)] = (
                f"Add a credential of the kind {kind} with this id and the audience {audience(one)}"
            )
            users.setdefault(identity_id(one), []).append(job.id)
        if job.permissions:
            rights = ", ".join(sorted({f"{s}: {right}" for one in pipeline.jobs for s, right in one.permissions}))
            said[TOKEN] = f"Add a credential of the kind Secret text with this id: a token of the code host ({rights})"
            users.setdefault(TOKEN, []).append(job.id)
    for id_, detail in said.items():
        yield Setting(f"Credential {id_}", f"{detail}; {', '.join(users[id_])} use it.", True)


def _plugins(pipeline: Pipeline) -> list[str]:
    jobs = pipeline.jobs
    needed = {
        "Pipeline": True,
        "Docker Pipeline": any(in_container(job) or job.services for job in jobs),
        "Credentials Binding": any(bindings(pipeline, job) for job in jobs),
        "OpenID Connect Provider": any(job.oidc for job in jobs),
        "Lockable Resources": any(job.lock or (job.matrix and job.matrix.max_parallel) for job in jobs),
        "JUnit": any(job.reports.junit for job in jobs),
        "Coverage": any(job.reports.coverage for job in jobs),
        "Job Cacher": any(job.caches for job in jobs),
        "Parameterized Scheduler": named_schedules(pipeline),
    }
    return [name for name, used in needed.items() if used]


def _agents(pipeline: Pipeline) -> Iterator[Setting]:
    where = [agent(pipeline, job, leg) for job in pipeline.jobs for leg in legs(job)]
    labels = sorted({one.label for one in where if one.label})
    tools = "bash, git and python3"
    if any(one.image for one in where) or any(job.services or job.docker for job in pipeline.jobs):
        tools = "git and Docker; the images need bash, git and python3"
    detail = f"Agents run Linux and have {tools}."
    if labels:
        detail += f" Some carry the labels {', '.join(labels)}."
    systems = {runner.name for job in pipeline.jobs for runner in job.runners or (job.runner,)}
    if "windows" in systems:
        detail += " Those with Windows need the bin folder of Git, with sh and bash, first in their PATH."
    if "macos" in systems:
        detail += " Those with macOS need the timeout of GNU coreutils in their PATH."
    yield Setting("Agents", detail, True)
    if any(job.takes for job in pipeline.jobs):
        detail = "Above some 100 MB, set up an artifact manager, so that stashes and artifacts bypass the controller."
        yield Setting("Large files", detail, False)
    yield Setting("Jenkins URL", "Set it under System, so that runs have links.", False)
