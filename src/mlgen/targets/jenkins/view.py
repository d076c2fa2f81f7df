"""The pipeline as the template prints it: all computing is here and in the modules that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlgen.ir import Job, Leg, Pipeline
from mlgen.ir.order import left_to_results
from mlgen.quoting import groovy
from mlgen.targets.jenkins import form, native, outcome, size, sources, steps
from mlgen.targets.jenkins.conditions import API, event_lines, has_values, named_schedules, questions, when
from mlgen.targets.jenkins.hooks import hooks
from mlgen.targets.jenkins.levels import Level, after, levels
from mlgen.targets.jenkins.naming import legs, stage_name
from mlgen.targets.jenkins.parts import agent, image_of, lock, variables
from mlgen.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgen.targets.jenkins.table import Table

View = dict[str, Any]


def view(pipeline: Pipeline) -> View:
    """All that the template needs."""
    return {
        "event": event_lines(pipeline),
        "by_hand": pipeline.triggers.on("push") and not pipeline.triggers.on("manual"),
        "keep": _keep(pipeline),
        "concurrency": _concurrency(pipeline),
        "parameters": [groovy_call(name, said) for name, said in _parameters(pipeline)],
        "cron": _cron(pipeline),
        "environment": _environment(pipeline),
        "root": pipeline.root,
        "home": f"/{pipeline.root}" if pipeline.root else "",
        "plan": _plan(pipeline),
        "values": any(has_values(job.condition) for job in pipeline.jobs),
        **_stages(pipeline),
        "hooks": hooks(pipeline),
    }


def _stages(pipeline: Pipeline) -> View:
    """The stages of all jobs, or tables of most of them where that form is the better one."""
    said = form.wanted(pipeline)
    many = size.surely_too_many(sum(len(legs(job)) for job in pipeline.jobs))
    if said == "stages" or not (said or many):
        found = levels(pipeline)
        made = _rows(pipeline, found)
        shown = _levels(pipeline, found, made)
        if said == "stages" or size.of_levels(shown) <= size.LIMIT:
            return {"levels": shown, "table": _table(pipeline, made), "after": ""}
    found = levels(pipeline, table=True)
    made = _rows(pipeline, found, table=True)
    shown = _levels(pipeline, found, made)
    late = " + ".join(f"{name}()" for name in made.levels[-1]) if made and after(pipeline) else ""
    return {"levels": shown, "table": _table(pipeline, made), "after": late}


def _rows(pipeline: Pipeline, found: Sequence[Level], table: bool = False) -> Table | None:
    """The rows of tables, of stages that run as rows do, and of what comes after all stages; None without any."""
    late = after(pipeline) if table else frozenset()
    listed = [level.jobs for level in found if level.table]
    listed += [tuple(job for job in pipeline.jobs if job.id in late)] if late else []
    alone = [job for level in found if not level.table for job in level.jobs if by_row(job)]
    if not listed and not alone:
        return None
    from mlgen.targets.jenkins.table import table as table_of

    return table_of(pipeline, listed, alone)


def _table(pipeline: Pipeline, made: Table | None) -> View | None:
    if made is None:
        return None
    jobs, late = pipeline.jobs, after(pipeline)
    return {
        "machines": made.machines,
        "methods": made.methods,
        "runs": bool(made.levels),
        "default_branch": pipeline.default_branch,
        "results": any(job.result for job in jobs),
        "behind": any(job.id in late and not job.result for job in jobs),
        "services": any(job.services for job in jobs),
        "optional": any(take.optional for job in jobs for take in job.takes),
        "registries": any(job.container and job.container.username for job in jobs),
        "images": any("${" in job.image for job in jobs),
    }


def _plan(pipeline: Pipeline) -> View | None:
    """The stage that finds out what conditions ask of the commit, and keeps mlgen's own files for jobs without them."""
    asked = questions(pipeline)
    tools = any(sources.needs_tools(job) for job in pipeline.jobs if not job.milestone)
    if not asked and not tools:
        return None
    events = list(dict.fromkeys(kind for kinds in asked.values() for kind in kinds))
    condition = "env.JENKINS_EVENT != 'none'" if tools else f"env.JENKINS_EVENT in {groovy_value(events)}"
    # The machine of a runner that the spec calls `default`; where that is not said, any.
    usual = next((job for job in pipeline.jobs if job.runner.name == "default" and job.runner.options), None)
    label = agent(pipeline, usual, None).label if usual else ""
    return {
        "when": condition,
        "agent": f"agent {{ label {groovy(label)} }}" if label else "agent any",
        "questions": f"findOut({groovy_value(list(asked))})" if asked else "",
        "tools": f"{pipeline.root}/.mlgen/**".lstrip("/") if tools else "",
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


def _keep(pipeline: Pipeline) -> str:
    """How long runs and what they kept are there: as long as the job that asks for most."""
    days = max((job.keep.days for job in pipeline.jobs if job.keep), default=0)
    if days:
        return f"logRotator(daysToKeepStr: '{days}', artifactDaysToKeepStr: '{days}')"
    return "logRotator(numToKeepStr: '30', artifactNumToKeepStr: '10')"


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
    if pipeline.triggers.on("api"):
        names = ["", *(name for name, _ in pipeline.triggers.api)]
        yield "choice", {"name": API, "choices": names, "description": "The event; empty for a run by hand"}
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


def _levels(pipeline: Pipeline, found: Sequence[Level], made: Table | None) -> list[View]:
    names: list[str] = []
    shown: list[View] = []
    tables = iter(made.levels if made else ())
    for level in found:
        if level.table:
            calls = " + ".join(f"{name}()" for name in next(tables))
            shown.append({"name": _unused("jobs", names), "table": calls, "jobs": (), "when": ()})
            continue
        runs = [(job, leg) for job in level.jobs for leg in legs(job)]
        if len(runs) == 1:
            one = _stage(pipeline, *runs[0], " " * 8, True, made)
            shown.append({"name": "", "table": "", "jobs": [one], "when": ()})
            continue
        shared = len({_condition(pipeline, job) for job in level.jobs}) == 1
        shown.append(
            {
                "name": _unused(" + ".join(dict.fromkeys(job.stage for job in level.jobs)), names),
                "table": "",
                "when": _condition(pipeline, level.jobs[0]) if shared else (),
                "jobs": [_stage(pipeline, job, leg, " " * 16, not shared, made) for job, leg in runs],
            }
        )
    return shown


def _condition(pipeline: Pipeline, job: Job) -> tuple[str, ...]:
    """The lines of the `expression { }` of the job's stage; what it needs and only results tell must have run."""
    said = when(pipeline, job.condition)
    told = left_to_results(pipeline.jobs)
    ran = [f"results[{groovy(e.job)}] in ['success', 'failure']" for e in job.edges if e.hard and e.job in told]
    if not ran:
        return said
    whole = (f"({said[0]}", *said[1:]) if len(said) > 1 else said
    return (*whole[:-1], f"{whole[-1]}{')' if len(said) > 1 else ''} &&", " && ".join(ran))


def _unused(name: str, names: list[str]) -> str:
    """The name, numbered where it is taken: stages beside each other need names of their own."""
    found, count = name, 2
    while found in names:
        found, count = f"{name} {count}", count + 1
    names.append(found)
    return found


def _stage(pipeline: Pipeline, job: Job, leg: Leg | None, pad: str, own_when: bool, made: Table | None) -> View:
    """One job, or one leg of it."""
    condition = _condition(pipeline, job) if own_when else ()
    inner = pad + " " * 8 if job.approval else pad
    name = stage_name(job, leg)
    row = made.alone.get(name, "") if made else ""
    plain = not row and not job.milestone
    # Blocks around all steps, and inside of these those around the job's own scripts.
    outer = [steps.PERMITTED] if job.allow_failure else []
    outer += [f"dir({groovy(pipeline.root)})"] if pipeline.root and plain else []
    around = steps.around(pipeline, job) if plain else []
    body = inner + " " * (8 + 4 * len(outer))
    return {
        "name": name,
        "pad": inner,
        "outer": pad,
        "body": body,
        "deep": body + " " * 4 * len(around),
        "when": () if job.approval else condition,
        "outer_when": condition if job.approval else (),
        "approval": _approval(job) if job.approval else None,
        "lock": lock(pipeline, job, leg),
        "row": row,
        "milestone": job.milestone,
        "agent": _agent(pipeline, job, leg) if plain else (),
        "environment": () if row else _variables(pipeline, job, leg),
        "permitted": job.allow_failure,
        "blocks": [{"pad": inner + " " * (8 + 4 * index), "text": text} for index, text in enumerate(outer)],
        "receive": steps.receive(pipeline, job) if plain else (),
        "around": [{"pad": body + " " * 4 * index, "text": text} for index, text in enumerate(around)],
        "scripts": steps.scripts(pipeline, job, leg) if plain else (),
        "hand_on": outcome.hand_on(pipeline, job, leg) if plain else (),
        "passed": plain and bool(job.finally_ or job.on_failure),
        "url": outcome.description(pipeline, job, leg) if plain else "",
        "seen": f"results[{groovy(job.id)}] = 'success'" if seen(pipeline, job) else "",
        "final": _rooted(pipeline, outcome.final(pipeline, job, leg)) if plain else (),
    }


def _rooted(pipeline: Pipeline, found: list[str]) -> list[str]:
    return [f"dir({groovy(pipeline.root)}) {{ {step} }}" for step in found] if pipeline.root else found


def seen(pipeline: Pipeline, job: Job) -> bool:
    """Whether another job looks at the result of this one, or comes after it once all stages have ended."""
    if not any(other.result for other in pipeline.jobs):
        return False
    late, told = after(pipeline), left_to_results(pipeline.jobs)
    return any(
        edge.job == job.id and (other.result or other.id in late or (edge.hard and job.id in told))
        for other in pipeline.jobs
        for edge in other.edges
    )


def by_row(job: Job) -> bool:
    """Whether the job's stage runs it as a row: its containers and repositories are more than an agent says."""
    if job.milestone:
        return False
    images = (job.image, *(leg.image for leg in (job.matrix.legs if job.matrix else ())))
    # The rows give nothing to forks; jobs with secrets do not run there, but those with a token of the code host do.
    forks = bool(job.permissions) and job.condition.pull_request is not False
    return forks or bool(job.services) or not sources.plain(job) or any("${" in image for image in images)


def _approval(job: Job) -> View:
    assert job.approval is not None
    place = job.environment
    own = place is None or place.approval is None
    question = f"Deploy to {job.environment.name}?" if job.environment else f"Run {job.name}?"
    return {
        "outer": f"{job.stage}: {job.name}",
        "name": f"approve {job.name}",
        "key": f"stages.{job.stage}.{job.name}" if own or place is None else f"environments.{place.name}",
        "message": job.approval.prompt or question,
        "submitter": ",".join(job.approval.by),
    }


def _agent(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The lines of the agent: a container for an image or a version of Python, else a machine."""
    said = agent(pipeline, job, leg)
    if job.native:
        label, _ = native.job(dict(job.native).get("jenkins"))
        said = said._replace(label=label or said.label)
    label = groovy(said.label)
    if not said.image:
        return [f"agent {{ label {label} }}" if said.label else "agent any"]
    lines = [f"    image {groovy(said.image)}"]
    lines += [f"    label {label}"] if said.label else []
    lines += [f"    args {groovy(said.args)}"] if said.args else []
    lines += ["    alwaysPull true"] if said.pull else []
    if said.login:
        lines += [f"    registryUrl {groovy(said.registry)}", f"    registryCredentialsId {groovy(said.login)}"]
    if len(lines) == 1:
        return [f"agent {{ docker {{ image {groovy(said.image)} }} }}"]
    return ["agent { docker {", *lines, "} }"]


def _variables(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[tuple[str, str]]:
    found = {"MLGEN_JOB": groovy(job.id)}
    if job.milestone:
        return [*found.items()]
    if image_of(job, leg):
        # The agent's user has no home of its own in a container.
        found["HOME"] = '"${pwd()}/' + pipeline.root + '"' if pipeline.root else "pwd()"
    return [*{**found, **dict(variables(pipeline, job, leg))}.items()]
