"""The pipeline as the template prints it: all computing is here and in the modules that it names."""

from collections.abc import Iterator, Sequence
from typing import Any

from mlgen.ir import Job, Leg, Pipeline
from mlgen.quoting import groovy
from mlgen.targets.jenkins import form, size, steps
from mlgen.targets.jenkins.conditions import event_lines, named_schedules, when
from mlgen.targets.jenkins.hooks import hooks
from mlgen.targets.jenkins.levels import Level, levels
from mlgen.targets.jenkins.naming import legs, stage_name
from mlgen.targets.jenkins.parts import agent, in_container, lock, variables

View = dict[str, Any]


def view(pipeline: Pipeline) -> View:
    """All that the template needs."""
    return {
        "event": event_lines(pipeline),
        "by_hand": pipeline.triggers.on("push") and not pipeline.triggers.on("manual"),
        "concurrency": _concurrency(pipeline),
        "parameters": [groovy_call(name, said) for name, said in _parameters(pipeline)],
        "cron": _cron(pipeline),
        "environment": _environment(pipeline),
        **_stages(pipeline),
        "hooks": hooks(pipeline),
    }


def _stages(pipeline: Pipeline) -> View:
    """The stages of all jobs, or tables of most of them where that form is the better one."""
    said = form.wanted(pipeline)
    many = size.surely_too_many(sum(len(legs(job)) for job in pipeline.jobs))
    if said == "stages" or not (said or many):
        shown = _levels(pipeline, levels(pipeline), ())
        if said == "stages" or size.of_levels(shown) <= size.LIMIT:
            return {"levels": shown, "table": None}
    from mlgen.targets.jenkins.table import table

    found = levels(pipeline, table=True)
    made = table(pipeline, found)
    shown = _levels(pipeline, found, made.levels)
    view = {"machines": made.machines, "methods": made.methods, "default_branch": pipeline.default_branch}
    return {"levels": shown, "table": view if made.methods else None}


def groovy_value(value: object) -> str:
    """A literal, or a list of them."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(groovy, value)) + "]"
    return groovy(value)


def groovy_call(name: str, said: dict[str, object]) -> str:
    """A call with named arguments."""
    return f"{name}({', '.join(f'{key}: {groovy_value(value)}' for key, value in said.items())})"


# --- the envelope


def _concurrency(pipeline: Pipeline) -> str:
    """How runs of one branch meet. A job of a Multibranch Pipeline is one branch, tag or pull request."""
    options = next(o for o in pipeline.targets if o.name == "jenkins")
    cancel = () if options.fallback("cancel") == "serial" else pipeline.cancel
    if "push" in cancel and "pull_request" in cancel:
        return "disableConcurrentBuilds(abortPrevious: env.TAG_NAME == null)"
    if "push" in cancel:
        return "disableConcurrentBuilds(abortPrevious: env.CHANGE_ID == null && env.TAG_NAME == null)"
    if "pull_request" in cancel:
        return "disableConcurrentBuilds(abortPrevious: env.CHANGE_ID != null)"
    return "disableConcurrentBuilds()"


def _parameters(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, object]]]:
    """Named like their variables: Jenkins sets a variable of each parameter's name, be it `path`."""
    if named_schedules(pipeline):
        yield (
            "string",
            {"name": "JENKINS_SCHEDULE", "defaultValue": "", "description": "Set by the timer; leave it empty"},
        )
    for entry in pipeline.triggers.inputs:
        about = {"description": entry.description} if entry.description else {}
        if entry.type == "choice":
            # The first choice is the default.
            choices = [entry.default, *(option for option in entry.options if option != entry.default)]
            yield "choice", {"name": entry.variable, "choices": choices, **about}
        elif entry.type == "boolean":
            default = entry.default == "true"
            yield "booleanParam", {"name": entry.variable, "defaultValue": default, **about}
        else:
            yield "string", {"name": entry.variable, "defaultValue": entry.default, **about}


def _cron(pipeline: Pipeline) -> str:
    """The trigger of the schedules, each on its own branch: unguarded, every branch would run it."""
    schedules = pipeline.triggers.schedules
    if not schedules:
        return ""
    named = named_schedules(pipeline)
    guard = " && !env.TAG_NAME" if pipeline.triggers.on("tag") else ""
    parts = []
    for branch in dict.fromkeys(schedule.branch for schedule in schedules):
        lines = [s.cron + (f" %JENKINS_SCHEDULE={s.name}" if named else "") for s in schedules if s.branch == branch]
        parts.append(f"env.BRANCH_NAME == {groovy(branch)}{guard} ? " + groovy("\n".join(["TZ=Etc/UTC", *lines])))
    return f"{'parameterizedCron' if named else 'cron'}({' : '.join(parts)} : '')"


def _environment(pipeline: Pipeline) -> list[tuple[str, str]]:
    found = [("JENKINS_EVENT", "event()")]
    if pipeline.triggers.schedules and not named_schedules(pipeline):
        found.append(("JENKINS_SCHEDULE", groovy(pipeline.triggers.schedules[0].name)))
    return [*found, *((name, groovy(value)) for name, value in pipeline.env if value)]


# --- the stages


def _levels(pipeline: Pipeline, found: Sequence[Level], methods: Sequence[tuple[str, ...]]) -> list[View]:
    names: list[str] = []
    shown: list[View] = []
    tables = iter(methods)
    for level in found:
        if level.table:
            calls = " + ".join(f"{name}()" for name in next(tables))
            shown.append({"name": _unused("jobs", names), "table": calls, "jobs": (), "when": ()})
            continue
        runs = [(job, leg) for job in level.jobs for leg in legs(job)]
        if len(runs) == 1:
            one = _stage(pipeline, *runs[0], " " * 8, own_when=True)
            shown.append({"name": "", "table": "", "jobs": [one], "when": ()})
            continue
        shared = len({when(pipeline, job.condition) for job in level.jobs}) == 1
        shown.append(
            {
                "name": _unused(" + ".join(dict.fromkeys(job.stage for job in level.jobs)), names),
                "table": "",
                "when": when(pipeline, level.jobs[0].condition) if shared else (),
                "jobs": [_stage(pipeline, job, leg, " " * 16, own_when=not shared) for job, leg in runs],
            }
        )
    return shown


def _unused(name: str, names: list[str]) -> str:
    """The name, numbered where it is taken: stages beside each other need names of their own."""
    found, count = name, 2
    while found in names:
        found, count = f"{name} {count}", count + 1
    names.append(found)
    return found


def _stage(pipeline: Pipeline, job: Job, leg: Leg | None, pad: str, own_when: bool) -> View:
    """One job, or one leg of it."""
    condition = when(pipeline, job.condition) if own_when else ()
    inner = pad + " " * 8 if job.approval else pad
    around = steps.around(pipeline, job)
    body = inner + " " * (12 if job.allow_failure else 8)
    return {
        "name": stage_name(job, leg),
        "pad": inner,
        "outer": pad,
        "body": body,
        "deep": body + " " * 4 * len(around),
        "when": () if job.approval else condition,
        "outer_when": condition if job.approval else (),
        "approval": _approval(job) if job.approval else None,
        "lock": lock(pipeline, job, leg),
        "agent": _agent(job),
        "environment": _variables(job, leg),
        "permitted": steps.PERMITTED if job.allow_failure else "",
        "receive": steps.receive(pipeline, job),
        "around": [{"pad": body + " " * 4 * index, "text": text} for index, text in enumerate(around)],
        "scripts": steps.scripts(pipeline, job, leg),
        "hand_on": steps.hand_on(job, leg),
        "passed": bool(job.finally_),
        "url": steps.description(job),
        "final": steps.final(pipeline, job, leg),
    }


def _approval(job: Job) -> View:
    assert job.approval is not None
    question = f"Deploy to {job.environment.name}?" if job.environment else f"Run {job.name}?"
    return {
        "outer": f"{job.stage}: {job.name}",
        "name": f"approve {job.name}",
        "environment": job.environment.name if job.environment else "",
        "message": job.approval.prompt or question,
        "submitter": ",".join(job.approval.by),
    }


def _agent(job: Job) -> list[str]:
    """The lines of the agent: a container for an image or a version of Python, else a machine."""
    said = agent(job)
    label = groovy(said.label)
    if not said.image:
        return [f"agent {{ label {label} }}" if said.label else "agent any"]
    lines = [f"    image {groovy(said.image)}"]
    if said.label:
        lines.append(f"    label {label}")
    if said.args:
        lines.append(f"    args {groovy(said.args)}")
    if len(lines) == 1:
        return [f"agent {{ docker {{ image {groovy(said.image)} }} }}"]
    return ["agent { docker {", *lines, "} }"]


def _variables(job: Job, leg: Leg | None) -> list[tuple[str, str]]:
    found = {"MLGEN_JOB": groovy(job.id)}
    if in_container(job):
        # The agent's user has no home of its own in a container.
        found["HOME"] = "pwd()"
    return [*{**found, **{name: groovy(value) for name, value in variables(job, leg)}}.items()]
