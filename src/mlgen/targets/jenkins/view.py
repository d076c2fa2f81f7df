"""The pipeline as the template prints it: all computing is here and in the modules that it names."""

from collections.abc import Iterator, Sequence
from typing import Any

from mlgen.ir import Job, Leg, Pipeline
from mlgen.quoting import groovy
from mlgen.targets.jenkins import steps
from mlgen.targets.jenkins.conditions import event_lines, named_schedules, when
from mlgen.targets.jenkins.levels import levels

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
        "levels": _levels(pipeline),
    }


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


def _levels(pipeline: Pipeline) -> list[View]:
    names: list[str] = []
    found: list[View] = []
    for level in levels(pipeline):
        runs = [(job, leg) for job in level for leg in (job.matrix.legs if job.matrix else (None,))]
        if len(runs) == 1:
            found.append({"jobs": [_stage(pipeline, *runs[0], " " * 8, own_when=True)], "name": "", "when": ()})
            continue
        name = _unused(" + ".join(dict.fromkeys(job.stage for job in level)), names)
        shared = len({when(pipeline, job.condition) for job in level}) == 1
        found.append(
            {
                "name": name,
                "when": when(pipeline, level[0].condition) if shared else (),
                "jobs": [_stage(pipeline, job, leg, " " * 16, own_when=not shared) for job, leg in runs],
            }
        )
    return found


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
        "lock": _lock(pipeline, job, leg),
        "agent": _agent(job),
        "environment": _variables(job, leg),
        "permitted": steps.PERMITTED if job.allow_failure else "",
        "receive": steps.receive(pipeline, job),
        "around": [{"pad": body + " " * 4 * index, "text": text} for index, text in enumerate(around)],
        "scripts": steps.scripts(pipeline, job, leg),
        "hand_on": steps.hand_on(pipeline, job, leg),
        "passed": bool(job.finally_),
        "url": f"{job.environment.name}: {job.environment.url}" if job.environment and job.environment.url else "",
        "final": steps.final(pipeline, job, leg),
    }


def stage_name(job: Job, leg: Leg | None) -> str:
    """The stage's name, unique in the pipeline."""
    if leg is None:
        return f"{job.stage} / {job.name}"
    return f"{job.stage} / {job.name} ({leg.slug})"


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


def _lock(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """The argument of the stage's `lock`. Names are the controller's, so the project's name stands before them."""
    if job.lock:
        return groovy(f"{pipeline.name}/{job.lock}")
    matrix = job.matrix
    if leg is None or matrix is None or not 0 < matrix.max_parallel < len(matrix.legs):
        return ""
    slot = matrix.legs.index(leg) % matrix.max_parallel + 1
    return f'"${{env.BUILD_TAG}}-{job.key}-{slot}"'


def _agent(job: Job) -> list[str]:
    """The lines of the agent: a container for an image or a version of Python, else a machine."""
    said = job.runner.on("jenkins")
    options = said if isinstance(said, dict) else {}
    label = str(options.get("label", ""))
    image = job.image or (f"python:{job.python}" if job.python else "")
    if not image:
        return [f"agent {{ label {groovy(label)} }}" if label else "agent any"]
    lines = [f"    image {groovy(image)}"]
    if label:
        lines.append(f"    label {groovy(label)}")
    if options.get("args"):
        lines.append(f"    args {groovy(options['args'])}")
    if len(lines) == 1:
        return [f"agent {{ docker {{ image {groovy(image)} }} }}"]
    return ["agent { docker {", *lines, "} }"]


def _variables(job: Job, leg: Leg | None) -> list[tuple[str, str]]:
    found = {"MLGEN_JOB": groovy(job.id)}
    if steps.in_container(job):
        # The agent's user has no home of its own in a container.
        found["HOME"] = "pwd()"
    given: Sequence[tuple[str, str]] = (*job.env, *(leg.values if leg else ()))
    return [*{**found, **{name: groovy(value) for name, value in given if value}}.items()]
