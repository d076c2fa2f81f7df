"""Which jobs a run is about, and why the others are left out; and of each, whether its turn has come."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Mapping

from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event
from mlgen.ir.expressions import evaluate, lenient
from mlgen.named import NamedTuple
from mlgen.run.job import End

_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}


class Plan(NamedTuple):
    """`known` is what the conditions ask about, by field; `left_out` are jobs that do not run, and why."""

    pipeline: Pipeline
    event: Event
    known: Mapping[str, str]
    left_out: Mapping[str, str]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Those that may run."""
        return tuple(job for job in self.pipeline.jobs if job.id not in self.left_out)


def plan(pipeline: Pipeline, event: Event, known: Mapping[str, str], wanted: Collection[str], deploy: bool) -> Plan:
    """What is to be run; `wanted` are ids of jobs, of which each comes with all that it depends on; empty: all."""
    asked = _closure(pipeline, wanted) if wanted else {job.id for job in pipeline.jobs}
    left_out: dict[str, str] = {}
    for job in pipeline.jobs:
        reason = _not_for(job, event, known) or ("not asked for" if job.id not in asked else "")
        if reason := reason or _not_here(job, deploy):
            left_out[job.id] = reason
    more = True
    while more:  # what needs a job that is left out is left out
        more = False
        for job in pipeline.jobs:
            missing = [edge.job for edge in job.edges if edge.hard and edge.job in left_out]
            if missing and job.id not in left_out:
                left_out[job.id] = f"it needs {missing[0]}, which is skipped"
                more = True
    return Plan(pipeline, event, known, left_out)


def _closure(pipeline: Pipeline, wanted: Collection[str]) -> set[str]:
    """The jobs and all that they depend on: over hard edges, over files, and what a milestone stands for."""
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        job = pipeline.job(todo.pop())
        if job.id not in found:
            found.add(job.id)
            todo += [edge.job for edge in job.edges if edge.hard or edge.files or edge.exports or job.watches]
    return found


def _not_for(job: Job, event: Event, known: Mapping[str, str]) -> str:
    """Why the event is not for the job; empty if it is, or if that is decided in the run."""
    asked = job.condition.on(event.kind)
    if evaluate(lenient(asked, lambda field: field.startswith("value:")), known):
        return ""
    changed = lenient(asked, lambda field: field.startswith(("value:", "changed:")))
    if asked is False:
        return f"not on {event.kind}"
    return "nothing that it depends on has changed" if evaluate(changed, known) else "its condition does not hold"


def _not_here(job: Job, deploy: bool) -> str:
    """Why the job is not for this machine."""
    if job.deploys and not job.milestone and not deploy:
        return "it deploys; --deploy lets it"
    if job.native:
        return f"it is written in the words of {', '.join(name for name, _ in job.native)}"
    if not job.varies and (other := other_system(job.runner.name)):
        return f"it is for {other}"
    if job.docker and not shutil.which("docker"):
        return "it needs Docker, which is not here"
    return ""


def other_system(runner: str) -> str:
    """The system that this class of machines has, if it is not that of this machine."""
    here = _SYSTEMS.get(sys.platform, sys.platform)
    return runner if runner in _SYSTEMS.values() and runner != here else ""


def turn(plan: Plan, job: Job, ended: Mapping[str, End], known: Mapping[str, str]) -> End | bool:
    """How the job ends without running; else whether its turn has come. `known` has the values exported so far."""
    edges = [edge for edge in job.edges if edge.job not in plan.left_out]
    if any(edge.job not in ended for edge in edges):
        return False
    bad = [e.job for e in edges if _bad(plan.pipeline.job(e.job), ended[e.job])]
    kind = plan.event.kind
    if not job.condition.holds(kind, known):
        untold = {edge.job for edge in edges if ended[edge.job].state in ("failure", "stopped")}
        asked = lenient(job.condition.on(kind), lambda f: f.removeprefix("value:").rpartition(".")[0] in untold)
        if untold and evaluate(asked, known):
            return End("stopped", f"{_listed(sorted(untold))} failed, whose values decide")
        return End("skipped", "an exported value says so")
    if job.result == "success" and bad:
        return End("skipped", f"{_listed(bad)} failed")
    if job.result == "failure" and not bad:
        return End("skipped", "nothing that it waits for has failed")
    if job.milestone:
        return End("failure", f"{_listed(bad)} failed") if bad else End("success")
    if bad and not job.result:
        return End("stopped", f"{_listed(bad)} did not succeed")
    for edge in edges:
        if edge.hard and not job.result and ended[edge.job].state == "skipped":
            return End("skipped", f"it needs {edge.job}, which is skipped")
    for edge in edges:
        if edge.hard and (edge.files or edge.exports) and ended[edge.job].state != "success":
            what = edge.files[0] if edge.files else "the values"
            # One that may fail, like what it waits for, would start, find nothing, and fail.
            return End(
                "failure" if job.allow_failure and not bad else "stopped",
                f"it needs {what} of {edge.job}, which failed",
            )
    return True


def _bad(job: Job, end: End) -> bool:
    """Whether this stops what waits for the job: a failure, unless it is permitted, or that it was stopped itself."""
    return end.state in ("stopped", "cancelled") or (end.state == "failure" and not job.allow_failure)


def failed(plan: Plan, ended: Mapping[str, End]) -> list[str]:
    """The jobs that make the run red."""
    return [job.id for job in plan.jobs if _bad(job, ended[job.id])]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
