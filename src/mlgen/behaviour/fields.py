"""What is said of a job besides when it runs, by name: its value in words, and how a change of it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.graph.words import duration, joined
from mlgen.ir import Job, Pipeline
from mlgen.named import NamedTuple
from mlgen.typed import Literal

Weight = Literal["safety", "behaviour", "comfort"]
"""`safety`: who sees or approves what, what is deployed, what a gate asks. `comfort`: reports, caches, what is kept."""
Tell = Callable[[str, str], str]


class Said(NamedTuple):
    """A property: how much a change of it weighs, its value in words (empty: none), and how to tell the change."""

    weight: Weight
    value: str
    tell: Tell


def _valued(name: str) -> Tell:
    def tell(was: str, now: str) -> str:
        if not was:
            return f"now has {name} {now}"
        return f"has {name} {now}, not {was}" if now else f"no longer has {name} {was}"

    return tell


def _flag(on: str, off: str) -> Tell:
    return lambda was, now: on.format(now) if now and not was else off if not now else f"{on.format(now)} (was: {was})"


def described(job: Job) -> dict[str, Said]:
    """Everything that can change in a job: secrets and edges one by one, so that each is told by itself."""
    found: dict[str, Said] = {}
    for name, weight, value, tell in _properties(job):
        found[name] = Said(weight, value, tell)
    for use in job.secrets:
        variable = "" if use.variable == use.name else f" as {use.variable}"
        found[f"secret {use.name}{variable}"] = Said("safety", "yes", _one(f"secret {use.name}{variable}"))
    for name in set(job.secret_names) - {use.name for use in job.secrets}:
        found[f"secret {name}"] = Said("safety", "yes", _one(f"secret {name}"))
    for edge in job.edges:
        found[f"edge {edge.job}"] = Said("behaviour", "yes", _wait(edge.job))
    for name, value in job.env:
        found[f"env {name}"] = Said("behaviour", repr(value), _valued(f"the variable {name}"))
    for take in job.takes:
        for path in take.paths:
            found[f"take {path}"] = Said("behaviour", "yes", _path("receives", path))
    for path in job.files:
        found[f"give {path}"] = Said("behaviour", "yes", _path("hands on", path))
    return found


def _one(what: str) -> Tell:
    return lambda was, now: f"gains {what}" if now else f"no longer sees {what}"


def _wait(other: str) -> Tell:
    return lambda was, now: f"now waits for {other}" if now else f"no longer waits for {other}"


def _path(verb: str, path: str) -> Tell:
    return lambda was, now: f"now {verb} {path}" if now else f"no longer {verb} {path}"


def _text(what: str) -> Tell:
    def tell(was: str, now: str) -> str:
        if not now:
            return f"loses its {what}: {_brief(was)}"
        return f"has another {what}: {_brief(now)}, not {_brief(was)}" if was else f"gains a {what}: {_brief(now)}"

    return tell


def _properties(job: Job) -> Iterator[tuple[str, Weight, str, Tell]]:
    approval = ("by " + joined(job.approval.by, "or") if job.approval.by else "asked") if job.approval else ""
    yield "approval", "safety", approval, _flag("now waits for an approval", "lost its approval")
    environment = job.environment.name if job.environment else ""
    yield "environment", "safety", environment, _valued("the environment")
    yield "gate", "safety", "; ".join(job.gate.require) if job.gate else "", _text("gate")
    rules = f"{job.gate.on_fail}, a missing baseline: {job.gate.on_missing}" if job.gate else ""
    yield "gate rules", "safety", rules, _text("answer to a gate that fails")
    baseline = (job.gate.baseline or job.gate.branch) if job.gate else ""
    yield "baseline", "safety", baseline, _text("baseline")
    allowed = "yes" if job.allow_failure else ""
    yield "allow_failure", "safety", allowed, _flag("may now fail", "may no longer fail")
    permissions = ", ".join(f"{scope}: {level}" for scope, level in job.permissions)
    yield "permissions", "safety", permissions, _valued("the permissions")
    yield "oidc", "safety", ", ".join(f"{o.kind} {dict(o.options)}" for o in job.oidc), _text("identity")
    yield "lock", "behaviour", job.lock, _valued("the lock")
    yield "command", "behaviour", job.run, _text("command")
    yield "steps", "behaviour", "; ".join(f"{s.name} {s.run}" for s in job.steps), _text("list of steps")
    yield "native", "safety", ", ".join(f"{n}: {v}" for n, v in job.native), _text("native text")
    yield "setup", "behaviour", "\n".join(filter(None, (job.setup, job.activate))), _text("setup")
    yield "finally", "behaviour", job.finally_, _text("script after the job")
    yield "on_failure", "behaviour", job.on_failure, _text("script after a failure")
    yield "image", "behaviour", job.image, _valued("the image")
    yield "python", "behaviour", job.python, _valued("Python")
    yield "runner", "behaviour", job.runner.name, _valued("the runner")
    yield "folder", "behaviour", job.working_directory, _valued("the working directory")
    yield "services", "behaviour", ", ".join(f"{s.name} {s.image}" for s in job.services), _valued("the services")
    yield "docker", "behaviour", "yes" if job.docker else "", _flag("now has a Docker daemon", "lost its Docker daemon")
    yield "timeout", "behaviour", duration(job.timeout) if job.timeout else "", _valued("a timeout of")
    yield "retry", "behaviour", str(job.retry or ""), _valued("retries:")
    legs = "; ".join(leg.slug for leg in job.matrix.legs) if job.matrix else ""
    yield "matrix", "behaviour", legs, _valued("the legs")
    yield "exports", "behaviour", ", ".join(e.name for e in job.exports), _valued("the exported values")
    yield (
        "reuse",
        "behaviour",
        "yes" if job.reuse else "",
        _flag("may reuse what it made", "always runs"),
    )
    yield "reports", "comfort", ", ".join(job.reports.junit), _valued("the test reports")
    coverage = f"{job.reports.coverage.format} {job.reports.coverage.path}" if job.reports.coverage else ""
    yield "coverage", "comfort", coverage, _valued("the coverage report")
    yield "keep", "comfort", ", ".join(job.keep.paths) if job.keep else "", _valued("kept files:")
    yield "caches", "comfort", _caches(job), _valued("the caches")


def _caches(job: Job) -> str:
    return "; ".join(f"{joined(c.paths)} by {joined(c.key) or c.salt or 'name'}" for c in job.caches)


def of_pipeline(pipeline: Pipeline) -> dict[str, Said]:
    """What the pipeline as a whole says, besides its jobs."""
    found = {f"schedule {s.name}": Said("behaviour", f"{s.cron} UTC, on {s.branch}", _valued(f"the schedule {s.name}"))
             for s in pipeline.triggers.schedules}  # fmt: skip
    for entry in pipeline.triggers.inputs:
        told = f"{entry.type} {joined(entry.options, 'or')}, {entry.default!r} by default".replace(" ,", ",")
        found[f"input {entry.name}"] = Said("behaviour", told, _valued(f"the input {entry.name}:"))
    found["cancel"] = Said("behaviour", joined(pipeline.cancel), _valued("newer runs that cancel older ones on"))
    found["branch"] = Said("safety", pipeline.default_branch, _valued("the default branch"))
    for options in pipeline.targets:
        found[f"target {options.name}"] = Said("behaviour", "yes", _target(options.name))
        for construct, fallback in options.fallbacks:
            tell = _valued(f"on {options.name} the fallback for {construct}:")
            found[f"fallback {options.name} {construct}"] = Said("safety", fallback, tell)
    return found


def _target(name: str) -> Tell:
    return lambda was, now: f"is compiled for {name} too" if now else f"is no longer compiled for {name}"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= 70 else line[:69] + '…'}`"
