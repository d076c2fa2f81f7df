"""What a job does by the commands of other tools: each action becomes a script, and is from then on like any `run`.

One module an action, imported only where a job uses it. Each has `script(call)`, and where they apply `reads` (files
that it receives if another job makes them), `needs` (jobs whose values it takes), `exports`, `permissions` (of the
job's token) and `check` (faults that no schema can see).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.conditions import KINDS
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.ir.model import Job, Pipeline
from mlgen.ir.source import COMMANDS, Source
from mlgen.ir.values import SecretUse
from mlgen.lower.commands.call import Call, Route
from mlgen.lower.names import did_you_mean
from mlgen.typed import Any


def command(said: dict[str, Any]) -> str:
    """The job's action of this kind; empty for one that runs a script of its own, judges a gate, and so on."""
    return next((name for name in COMMANDS if name in said), "")


def lowered(source: Source, job: Job) -> Job:
    """The job with the script of its action, and with what that and the project's tracking need."""
    if source.data["tracking"] is not None:
        from mlgen.lower.commands import tracking

        job = tracking.tracked(source, job)
    said = source.data["stages"][job.stage][job.name]
    name = command(said)
    if not name:
        return job
    call = Call(source, job.stage, job.name, said, name)
    known = source.data["secrets"]
    uses = tuple(SecretUse(s, s, known[s]["file"], call.at()) for s in call.secrets())
    allowed = {**_asked(call, "permissions", {}), **dict(job.permissions)}
    return job._replace(
        action=name,
        run=_module(name).script(call),
        secrets=(*job.secrets, *uses),
        exports=(*job.exports, *_asked(call, "exports", ())),
        permissions=tuple(allowed.items()),
        docker=job.docker or name == "build",
    )


def reads(source: Source, job: Job) -> list[str]:
    """The files that the job's action reads."""
    return list(_asked(_call(source, job), "reads", ())) if job.action else []


def needs(source: Source, job: Job) -> list[str]:
    """The ids of the jobs whose exported values the job's action takes."""
    return list(_asked(_call(source, job), "needs", ())) if job.action else []


def texts(source: Source, job: Job) -> list[tuple[Route, str]]:
    """The texts of the job's action that may hold references, with their place in the spec."""
    at = ("stages", job.stage, job.name, job.action)
    return [((*at, *route), text) for route, text in _call(source, job).texts()] if job.action else []


def check(source: Source, stage: str, name: str, said: dict[str, Any]) -> Iterator[Diagnostic]:
    """Faults of the job's action."""
    kind = command(said)
    if not kind:
        return
    call = Call(source, stage, name, said, kind)
    known = source.data["secrets"]
    for route, secret in call.secret_names():
        if secret not in known:
            yield error("MLG201", call.at(*route), f"there is no secret {secret}", did_you_mean(secret, known))
    if "working_directory" in said:
        at = source.at("stages", stage, name, "working_directory")
        hint = "leave it out; the action's paths are relative to the project's root"
        yield error("MLG203", at, f"{call.id}: `{kind}` runs in the project's root", hint)
    yield from _asked(call, "check", ())


def _call(source: Source, job: Job) -> Call:
    return Call(source, job.stage, job.name, source.data["stages"][job.stage][job.name], job.action)


def _asked(call: Call, function: str, otherwise: Any) -> Any:
    """What the action's module says, if it has such a function."""
    found = getattr(_module(call.action), function, None)
    return found(call) if found else otherwise


def check_tracking(source: Source) -> Iterator[Diagnostic]:
    """Faults of the project's tracking."""
    if source.data["tracking"] is not None:
        from mlgen.lower.commands import tracking

        yield from tracking.check(source)


def named_paths(data: dict[str, Any], said: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The paths that the job's action names, with their place in the job."""
    if "register" in said and (path := said["register"].get("path") or data["model"]["path"]):
        yield ("register", "path"), path
    name = command(said)
    for key in ("manifests", "kustomize", "file", "notes") if name else ():
        if key in said[name]:
            yield (name, key), said[name][key]
    for key in ("files", "values", *(("metrics", "params", "plots") if name == "report" else ())) if name else ():
        yield from (((name, key, index), path) for index, path in enumerate(said[name].get(key, ())))


def check_job(source: Source, job: Job) -> Iterator[Diagnostic]:
    """Faults that show once the job is lowered."""
    listed = source.data["stages"][job.stage][job.name]["secrets"]
    for use in job.secrets[len(listed) :]:
        places = source.data["secrets"][use.name]["environments"]
        if places and (job.environment is None or job.environment.name not in places):
            message = f"{job.id} uses {use.name}, which is bound to {', '.join(places)}"
            yield error("MLG204", use.position, message, "give the job one of these environments, or unbind the secret")


def on_events(source: Source, job: Job, found: Pipeline) -> Iterator[Diagnostic]:
    """What is allowed and hardly meant; and a release where there is no tag."""
    if job.action == "release":
        kinds = [kind for kind in KINDS if kind != "tag" and job.condition.on(kind) is not False]
        fired = [kind for kind in kinds if satisfiable(all_of([job.condition.on(kind), found.trigger(kind)]))]
        if fired:
            message = f"{job.id} makes a release of the tag, and can run on {' and '.join(fired)}"
            yield error("MLG217", job.position, message, "write `when: {event: tag}`")
    if job.action in ("register", "promote"):
        from mlgen.lower.commands import tracking

        yield from tracking.nowhere(source, job)


def _module(name: str) -> Any:
    return import_module(f"mlgen.lower.commands.{name}")
