"""What must be set in CircleCI itself, since `.circleci/config.yml` cannot say it."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Job, Match, Pipeline, implies
from mlgen.targets.circleci import BESIDE, PATH, conditions, runtime, view
from mlgen.targets.contract import Setting


def settings(pipeline: Pipeline) -> tuple[Setting, ...]:
    """The checklist for this pipeline."""
    parts = (_pipeline, _triggers, _schedules, _contexts, _approvals, _project)
    return tuple(setting for part in parts for setting in part(pipeline))


def _pipeline(pipeline: Pipeline) -> Iterator[Setting]:
    """https://circleci.com/docs/guides/orchestrate/set-up-multiple-configuration-files-for-a-project/."""
    if pipeline.root:
        path = BESIDE.format(name=pipeline.name)
        detail = (
            "Each project of the repository has a pipeline of its own, with its own triggers, schedules and parameters."
            f" Its config and checkout source are this repository. `{PATH}` is not read."
        )
        yield Setting(f"Project Setup, Add Pipeline: {pipeline.name}, with the config file path {path}", detail, True)


def _triggers(pipeline: Pipeline) -> Iterator[Setting]:
    """Each event must start a pipeline once.

    https://circleci.com/docs/guides/orchestrate/github-trigger-event-options/
    """
    fired = pipeline.triggers
    branches = fired.push_branches
    default_only = not fired.on("push") or branches == (pipeline.default_branch,)
    if fired.on("pull_request") and default_only:
        names = "`PR opened or pushed to, default branch and tag pushes`"
    elif fired.on("pull_request"):
        names = "`All pushes`, `PR opened` and `Pushes to open non-draft PRs`"
    elif fired.on("push"):
        names = "`Pushes to default branch`" if default_only and not fired.on("tag") else "`All pushes`"
    elif fired.on("tag"):
        names = "`Tag pushes`"
    else:
        return
    detail = "With the CircleCI GitHub App; remove every other trigger of this file, so that no event starts it twice."
    if "non-draft" in names:
        detail += " Later pushes to a draft are not checked until it is ready."
    yield Setting(f"Project Setup, Triggers: {names}", detail, True)


def _schedules(pipeline: Pipeline) -> Iterator[Setting]:
    for schedule in pipeline.triggers.schedules:
        minute, hour, day, month, weekday = schedule.cron.split()
        when = f"minute {minute}, hour {hour}, day {day}, month {month}, weekday {weekday}"
        yield Setting(
            f"Project Setup, Schedule: {schedule.name}",
            f"Branch {schedule.branch}; {when} (UTC; the minute is CircleCI's choice); "
            f"parameter mlgen_schedule = {schedule.name}; as actor the scheduling system, or a user of the contexts.",
            True,
        )


def _contexts(pipeline: Pipeline) -> Iterator[Setting]:
    """One restriction a context: https://circleci.com/docs/guides/security/contexts/#expression-restrictions."""
    for context, secrets in runtime.held(pipeline).items():
        held = [_held(pipeline, name) for name in secrets]
        users = [job for job in pipeline.jobs if context in runtime.contexts(pipeline, job)]
        kinds = {kind for job in users for kind in conditions.runs(pipeline, job).kinds()}
        tests = [] if "pull_request" in kinds else ['pipeline.event.name != "pull_request"']
        if all(job.deploys for job in users) and "tag" not in kinds:
            branch = f'pipeline.git.branch == "{pipeline.default_branch}"'
            tests.append(branch if _default_only(pipeline, users) else "")
        tests += ["not job.ssh.enabled", 'not (pipeline.config_source starts-with "api")']
        yield Setting(
            f"Organization Settings, Contexts: {context} with {', '.join(held)}",
            f"Restrict it to this project and to the expression: {' and '.join(filter(None, tests))}",
            True,
        )
    if runtime.held(pipeline):
        title = "Project Settings, Environment Variables: none of these secrets"
        yield Setting(title, "Every job would see them there.", True)


def _held(pipeline: Pipeline, secret: str) -> str:
    """The variable, and what it must hold where that is not the secret itself."""
    name = runtime.variable(pipeline, secret)
    if secret == runtime.TOKEN:
        rights = sorted({f"{scope}: {right}" for job in pipeline.jobs for scope, right in job.permissions})
        return f"{name} (a token of the code host that may {', '.join(rights)})"
    return f"{name} (in base64)" if pipeline.secret(secret).file else name


def _default_only(pipeline: Pipeline, users: list[Job]) -> bool:
    default = Match("branch", pipeline.default_branch)
    reach = [conditions.runs(pipeline, job) for job in users]
    return all(implies(condition.on(kind), default) for condition in reach for kind in ("push", "manual"))


def _approvals(pipeline: Pipeline) -> Iterator[Setting]:
    """Of each environment that asks for one, and of each job that does so itself."""
    asked: dict[str, list[Job]] = {}
    for job in pipeline.jobs:
        if job.approval:
            place = job.environment
            asked.setdefault(place.name if place and place.approval == job.approval else job.id, []).append(job)
    for what, users in asked.items():
        by = users[0].approval.by if users[0].approval else ()
        names = list(dict.fromkeys(name for job in users for name in runtime.contexts(pipeline, job)))
        who = ", ".join(by) or "those who may approve"
        title = f"Contexts, {', '.join(names)}: security group {who}" if names else f"Approval of {what}"
        detail = "Otherwise everybody who may push approves; this needs an organization of the type github."
        if not names:
            detail = f"Everybody who may push approves: give {users[0].id} a secret; limit its context to {who}."
        yield Setting(title, detail, bool(by))


def _project(pipeline: Pipeline) -> Iterator[Setting]:
    if pipeline.cancel and not conditions.elsewhere(pipeline):
        yield Setting(
            "Project Settings, Advanced: Auto-cancel redundant workflows",
            f"For {', '.join(pipeline.cancel)}. It takes all events of all branches but the default one.",
            False,
        )
    elif any(job.deploys for job in pipeline.jobs):
        yield Setting(
            "Project Settings, Advanced: no auto-cancel of redundant workflows",
            "It would also stop deployments from other branches than the default one.",
            False,
        )
    if pipeline.triggers.on("pull_request"):
        yield Setting(
            "Project Settings, Advanced: do not pass secrets to builds from forked pull requests",
            "With the GitHub App they start nothing; the setting keeps it so if the integration changes.",
            True,
        )
        always = [job for job in pipeline.jobs if conditions.runs(pipeline, job).pull_request is True]
        if always:
            names = ", ".join(f"`ci/circleci: {name}`" for job in always for name, _ in view.legs(job))
            yield Setting(f"Branch protection on GitHub: require {names}", "They run on every pull request.", False)
    sizes = list(dict.fromkeys(runtime.executor(job).resource_class for job in pipeline.jobs))
    if any(sizes):
        yield Setting(f"Plan: {', '.join(filter(None, sizes))}", "The plan must include these resource classes.", True)
    longest = max((job.timeout for job in pipeline.jobs), default=0)
    if longest > 3600:
        yield Setting("Plan: jobs of more than an hour", f"The longest may take {longest // 60} minutes.", True)
