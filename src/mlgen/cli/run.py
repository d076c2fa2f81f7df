"""`mlgen run`: the pipeline on this machine."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence

from mlgen import targets
from mlgen.cli.commands import spec_of
from mlgen.cli.event import EventOptions, event_of
from mlgen.cli.report import as_json, print_json, report
from mlgen.compiler import analyse
from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.emitted import ENV, shared_outputs
from mlgen.ir import Job, Pipeline
from mlgen.ir.events import attributes
from mlgen.lower.names import did_you_mean
from mlgen.named import NamedTuple
from mlgen.render import render
from mlgen.run import pythons, secrets
from mlgen.run.engine import run as run_plan
from mlgen.run.job import Setting
from mlgen.run.machine import cache_folder, differences, work_folder
from mlgen.run.plan import Plan, failed, plan
from mlgen.run.processes import Stop
from mlgen.run.project import Project, changed_fields, current_branch, head_message, project_at
from mlgen.run.record import Record
from mlgen.run.report import as_data, junit
from mlgen.run.services import Services
from mlgen.run.show import Progress, counted, table
from mlgen.run.variables import of_the_run
from mlgen.run.workspace import snapshot
from mlgen.write.apply import save


class RunOptions(NamedTuple):
    """The options of `run`."""

    directory: str = "."
    spec: str = "mlgen.yaml"
    event: str = "push"
    branch: str = ""
    tag: str = ""
    schedule: str = ""
    changed: tuple[str, ...] | None = None
    fork: bool = False
    inputs: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    slots: int = 0
    deploy: bool = False
    approve: tuple[str, ...] = ()
    secrets: str = ""
    services: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    any_python: bool = False
    fresh: bool = False
    keep: bool = False
    verbose: bool = False
    junit: str = ""
    format: str = "text"


def run(options: RunOptions) -> int:
    """Run the pipeline: 0 if it is green, 1 if a job failed, 130 if it was interrupted."""
    pipeline, warnings = analyse(options.directory, spec_of(options))
    project = project_at(options.directory, pipeline)
    event = event_of(pipeline, _event_options(options, project))
    known = {**attributes(event, pipeline), **changed_fields(project, pipeline, event)}
    wanted = [_job(pipeline, name) for name in options.jobs]
    todo = plan(pipeline, event, known, wanted, options.deploy)
    for name in wanted:
        if name in todo.left_out:
            hint = f"the event is {event._replace(message='')}; `mlgen run manual --job {name}` names another"
            raise SpecError([error("MLG801", pipeline.job(name).position, f"{name}: {todo.left_out[name]}", hint)])
    acting = [job for job in todo.jobs if not job.milestone]
    given = secrets.read_file(options.secrets) if options.secrets else {}
    held = secrets.values(pipeline, acting, given)
    found = _pythons(pipeline, acting, options.any_python)
    services = _services(pipeline, options.services)
    notes = [*warnings, *differences(pipeline, acting, services)]
    if options.format == "text":
        report(notes, options)
    cache = cache_folder()
    record = Record(project.folder)
    with work_folder(cache, options.keep) as work:
        setting = Setting(
            pipeline=pipeline,
            project=project,
            snapshot=snapshot(project, os.path.join(work, "source")),
            record=record,
            work=work,
            cache=cache,
            variables=of_the_run(project, pipeline, event, record.number, f"file://{record.folder}"),
            secrets=held,
            passed=options.passed,
            tools=_tools(pipeline),
            pythons=found,
            services=Services(services),
            stop=Stop(),
            renew=options.fresh,
            keep=options.keep,
        )
        return _run(options, todo, setting, notes)


def _run(options: RunOptions, todo: Plan, setting: Setting, notes: Sequence[Diagnostic]) -> int:
    stream = sys.stderr if options.format == "json" else sys.stdout
    live = stream.isatty() and os.environ.get("TERM") != "dumb"
    color = live and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns
    progress = Progress(stream, setting.record, live, color, options.verbose, width)
    event = todo.event._replace(message="")
    progress.say(f"mlgen: {event}: {len(todo.jobs)} of {counted(len(todo.pipeline.jobs))}")
    slots = options.slots or os.cpu_count() or 1
    outcome = run_plan(todo, setting, slots, lambda job: _approval(job, options.approve, progress), progress)
    progress.close()
    shown = os.path.relpath(setting.record.folder)
    table(todo, outcome, progress, shown)
    if options.keep:
        progress.say(f"The jobs' folders: {setting.work}")
    data = as_data(todo, outcome, setting.record)
    data["diagnostics"] = [as_json(d) for d in notes]
    setting.record.write("run.json", json.dumps(data, indent=1) + "\n")
    if options.junit:
        save(options.junit, junit(todo, outcome, setting.record))
    if options.format == "json":
        print_json(data)
    if outcome.interrupted:
        return 130
    return 1 if failed(todo, outcome.jobs) else 0


def _event_options(options: RunOptions, project: Project) -> EventOptions:
    return EventOptions(
        options.event,
        options.branch,
        options.tag,
        options.schedule,
        options.changed,
        options.fork,
        options.inputs,
        current_branch(project),
        head_message(project),
    )


def _job(pipeline: Pipeline, name: str) -> str:
    """The id of the job that is meant."""
    found = [job.id for job in pipeline.jobs if name in (job.id, job.key, job.name)]
    exact = [job_id for job_id in found if job_id == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    ids = [job.id for job in pipeline.jobs]
    if found:
        hint = f"write {' or '.join(found)}"
        raise SpecError([error("MLG202", Position(pipeline.spec), f"more than one job is called {name}", hint)])
    raise SpecError([error("MLG201", Position(pipeline.spec), f"there is no job {name}", did_you_mean(name, ids))])


def _approval(job: Job, given: Sequence[str], progress: Progress) -> str:
    """Why the job's approval is refused; empty if it is given: by an option, or on a terminal."""
    place = job.environment.name if job.environment else ""
    if {job.id, job.key, job.name, place} & set(given):
        return ""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return f"its approval is refused: there is no terminal to ask on; --approve {place or job.id} gives it"
    progress.close()
    prompt = (job.approval.prompt if job.approval else "") or "may it run?"
    print(f"{job.id}{f' (environment {place})' if place else ''}: {prompt} [y/N] ", end="", file=sys.stderr, flush=True)
    return "" if sys.stdin.readline().strip().lower() in ("y", "yes") else "its approval was refused"


def _pythons(pipeline: Pipeline, jobs: Sequence[Job], any_python: bool) -> dict[str, pythons.Interpreter]:
    """A Python for each version that the jobs ask for."""
    wanted: dict[str, Job] = {}
    for job in jobs:
        legs = job.matrix.legs if job.matrix and "python" in job.varies else ()
        for version in [leg.python for leg in legs] if legs else [job.python]:
            wanted.setdefault(version, job)
    found = {version: pythons.find(version) or (pythons.find("") if any_python else None) for version in wanted}
    hint = "install it (`uv python install`, pyenv), or take the one that is here with --any-python"
    missing = [
        error(
            "MLG803", wanted[version].position, f"{wanted[version].id} needs Python {version}, which is not here", hint
        )
        for (version, python), job in zip(found.items(), wanted.values())
        if python is None
    ]
    if missing:
        raise SpecError(missing)
    return {version: python for version, python in found.items() if python}


def _services(pipeline: Pipeline, given: Sequence[str]) -> dict[str, str]:
    names = {service.name for job in pipeline.jobs for service in job.services}
    found = {}
    for text in given:
        name, equals, command = text.partition("=")
        if not equals or name not in names:
            message = f"--service {text} is not NAME=COMMAND" if not equals else f"there is no service {name}"
            raise SpecError([error("MLG201", Position(pipeline.spec), message, did_you_mean(name, names))])
        found[name] = command
    return found


def _tools(pipeline: Pipeline) -> dict[str, str]:
    """The files of `.mlgen/` that scripts call, made from the pipeline as it is now."""
    chosen = [targets.get(options.name) for options in pipeline.targets]
    outputs = shared_outputs(pipeline, chosen)
    return {output.path: render(output.template, output.view) for output in outputs if output.path != ENV}
