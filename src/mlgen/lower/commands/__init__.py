"""What a job does by the commands of other tools: each action becomes a script, and is from then on like any `run`.

One module an action, imported only where a job uses it. Each has `script(call)`, and where they apply `reads(call)`
(files that it receives if another job makes them) and `check(call)` (faults that no schema can see).
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.lower.commands.call import Call

COMMANDS = ("register", "promote")


def action(said: dict[str, Any]) -> str:
    """The job's action; empty for one that runs a script of its own or judges a gate."""
    return next((name for name in COMMANDS if name in said), "")


def lowered(source: Source, job: Job) -> Job:
    """The job with the script of its action, and with what it needs of the project's tracking."""
    if source.data["tracking"] is not None:
        from mlgen.lower.commands import tracking

        job = tracking.tracked(source, job)
    said = source.data["stages"][job.stage][job.name]
    name = action(said)
    if not name:
        return job
    call = Call(source, job.stage, job.name, said, name)
    return job._replace(action=name, run=_module(name).script(call))


def reads(source: Source, job: Job) -> list[str]:
    """The files that the job's action reads."""
    said = source.data["stages"][job.stage][job.name]
    found = getattr(_module(job.action), "reads", None) if job.action else None
    return list(found(Call(source, job.stage, job.name, said, job.action))) if found else []


def check(source: Source, stage: str, name: str, said: dict[str, Any]) -> Iterator[Diagnostic]:
    """Faults of the job's action."""
    kind = action(said)
    found = getattr(_module(kind), "check", None) if kind else None
    if found:
        yield from found(Call(source, stage, name, said, kind))


def check_tracking(source: Source) -> Iterator[Diagnostic]:
    """Faults of the project's tracking."""
    if source.data["tracking"] is not None:
        from mlgen.lower.commands import tracking

        yield from tracking.check(source)


def named_paths(data: dict[str, Any], said: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The paths that the job's action names, with their place in the job."""
    if "register" in said and (path := said["register"].get("path") or data["model"]["path"]):
        yield ("register", "path"), path


def check_job(source: Source, job: Job) -> Iterator[Diagnostic]:
    """Faults that show once the job is lowered."""
    listed = source.data["stages"][job.stage][job.name]["secrets"]
    for use in job.secrets[len(listed) :]:
        places = source.data["secrets"][use.name]["environments"]
        if places and (job.environment is None or job.environment.name not in places):
            message = f"{job.id} uses {use.name}, which is bound to {', '.join(places)}"
            yield error("MLG204", use.position, message, "give the job one of these environments, or unbind the secret")


def warnings(source: Source, job: Job) -> Iterator[Diagnostic]:
    """What is allowed and hardly meant."""
    if job.action in ("register", "promote"):
        from mlgen.lower.commands import tracking

        yield from tracking.nowhere(source, job)


def _module(name: str) -> Any:
    return import_module(f"mlgen.lower.commands.{name}")
