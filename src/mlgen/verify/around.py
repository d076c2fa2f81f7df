"""What stands around a job's commands: containers beside it, caches, how long files stay, addresses, identities.

Only some readers tell it: each value is held against the pipeline unless it is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.ir import Job, Pipeline, Service
from mlgen.ir.paths import as_glob
from mlgen.readback import Reading, SeenJob, Served
from mlgen.regex import regex
from mlgen.verify.fault import host_name, listed

_REFERENCE = regex(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_Found = Iterator[tuple[str, str]]


def around(pipeline: Pipeline, job: Job, seen: SeenJob, reading: Reading, target: str) -> _Found:
    """The differences, each with its aspect."""
    if seen.served:
        yield from _served(job, seen.served)
    if seen.login is not None or seen.pull is not None or seen.entry != "":
        yield from _image(pipeline, job, seen, target)
    if seen.days is not None or seen.late is not None:
        yield from _lasting(job, seen)
    if seen.keyed is not None:
        yield from _cached(pipeline, job, seen)
    if seen.url is not None:
        yield from _address(pipeline, job, seen.url, target)
    if seen.grants is not None and (seen.grants or job.oidc):
        wanted = {
            (one.variable or f"{one.kind}.{name}", written(said, pipeline, job, target))
            for one in job.oidc
            for name, said in one.options
        }
        if seen.grants != wanted:
            told = listed(f"{name} {value}" for name, value in seen.grants)
            yield "oidc", f"its identity tokens are for {told}, not {listed(f'{n} {v}' for n, v in wanted)}"
    if seen.prompt is not None and seen.prompt != (job.approval.prompt if job.approval else ""):
        yield "approval", f"who approves is asked: {seen.prompt or 'nothing'}"
    if reading.asks is not None and not job.milestone:
        yield from _machine(job, seen, reading, target)


def written(text: str, pipeline: Pipeline, job: Job, target: str) -> str:
    """The text as a target has to write it: references to what is known before the run replaced by that."""
    if "${" not in text:
        return text
    known = {**dict(pipeline.env), **dict(job.env), "MLGEN_TARGET": target}
    known |= {name: re.sub(r"\\([\\\"$`])", r"\1", word[1:-1]) for name, word in job.dynamic}
    held = {use.variable: pipeline.secret(use.name).on(target).get("id", use.name) for use in job.secrets}
    for _ in range(10):  # references in what references stand for
        before = text
        text = _REFERENCE.sub(lambda found: known.get(found[1], found[0]), text)
        if text == before:
            break
    return _REFERENCE.sub(lambda found: f"${{{held.get(found[1], found[1])}}}", text)


def _served(job: Job, found: tuple[Served, ...]) -> _Found:
    wanted = {host_name(service.name): service for service in job.services}
    for one in found:
        service = wanted.get(host_name(one.host))
        if service:
            yield from (("services", f"the service {service.name} {what}") for what in _service(one, service))


def _service(one: Served, service: Service) -> Iterator[str]:
    if dict(one.env) != dict(service.env):
        yield f"has other variables: {listed({name for name, _ in set(one.env) ^ set(service.env)})}"
    if one.command != service.command:
        yield f"runs {' '.join(one.command) or 'its own command'}, not {' '.join(service.command) or 'that'}"
    if one.ports is not None and sorted(one.ports) != sorted(service.ports):
        yield f"is reached at {listed(map(str, one.ports))}, not at {listed(map(str, service.ports))}"
    if one.ready is not None and one.ready != service.ready:
        yield f"counts as ready by `{one.ready}`, not by `{service.ready}`"
    waits = not service.ready or one.ready is None
    if waits and (missing := set(service.ports) - one.waited):
        yield f"is not waited for at {listed(map(str, missing))}"
    if extra := one.waited - set(service.ports):
        yield f"is waited for at {listed(map(str, extra))}"


def _image(pipeline: Pipeline, job: Job, seen: SeenJob, target: str) -> _Found:
    """By whom the image may be fetched, when, and how it starts."""
    said = job.container
    names = (said.username, said.password) if said else ("", "")
    held = {secret.name: str(secret.on(target).get("id", secret.name)) for secret in pipeline.secrets}
    login = (held.get(names[0], ""), held.get(names[1], ""))
    if job.built and job.built.login:
        login = ("host", "host")
    if seen.login is not None and seen.login != login:
        yield "container", f"its image is fetched by {listed(seen.login)}, not by {listed(login)}"
    if seen.pull is not None and seen.pull != (said.pull if said else ""):
        yield "container", f"its image is fetched {seen.pull or 'when the system likes'}"
    entry = None if said is None or said.entrypoint is None else tuple(said.entrypoint.split())
    if seen.entry != "" and seen.entry != entry:
        yield "container", f"its image starts with {' '.join(seen.entry) if seen.entry else 'another entry point'}"


def _lasting(job: Job, seen: SeenJob) -> _Found:
    """How long files are kept, and whether they are after a failure."""
    keep = job.keep
    own = {as_glob(path) for path in keep.paths} if keep else set()
    days = {(as_glob(path), number) for path, number in seen.days or ()}
    allowed = {0, keep.days if keep else 0}
    if other := {path for path, number in days if number not in allowed}:
        yield "keep", f"{listed(other)} is kept for another time than the spec says"
    if keep and seen.days is not None and (missing := {p for p in own if (p, keep.days) not in days}):
        yield "keep", f"{listed(missing)} is not kept for {keep.days or 'the usual'} days"
    if seen.late is None:
        return
    late = {as_glob(path) for path in seen.late}
    if keep and keep.result == "any" and (missing := own - late):
        yield "keep", f"{listed(missing)} is not kept after a failure"
    half = {as_glob(path) for path in job.files} & late - own
    if half and job.allow_failure:
        yield "files", f"others may receive {listed(half)} after it has failed"


def _cached(pipeline: Pipeline, job: Job, seen: SeenJob) -> _Found:
    """By what caches are told apart: else a job works with what was made of other files."""
    found = {as_glob(path): cache for cache in seen.keyed or () for path in cache.paths}
    wanted = {as_glob(path): cache for cache in job.caches for path in cache.paths}
    for path, cache in wanted.items():
        there = found.get(path)
        if there and there.files != cache.key[: there.most or None]:
            yield "cache", f"the cache of {path} is that of {listed(there.files)}, not of {listed(cache.key)}"
        elif there and cache.salt not in there.key:
            yield "cache", f"the cache of {path} is not one of {cache.salt}"
        if there and there.python is not None and "python" not in job.varies and there.python != job.python:
            yield "cache", f"the cache of {path} is for Python {there.python or 'of any version'}, not for {job.python}"
    if extra := found.keys() - wanted.keys():
        yield "cache", f"it has a cache of {listed(extra)}, which the spec does not ask for"
    releases = pipeline.triggers.on("tag") and job.condition.tag is not False
    if found and seen.fresh is not None and (job.deploys or (releases and not seen.fresh)):
        yield "caches", "what it releases may be made of what others have put in a cache"


def _address(pipeline: Pipeline, job: Job, found: str, target: str) -> _Found:
    said = job.environment.url if job.environment else ""
    wanted = written(said, pipeline, job, target)
    if written(found, pipeline, job, target) != wanted and not (not found and ("${" in wanted or not job.deploys)):
        yield "url", f"its environment's address is {found or 'none'}, not {wanted or 'there'}"


def _machine(job: Job, seen: SeenJob, reading: Reading, target: str) -> _Found:
    """Where it runs: in the words of the spec for this target, else on a machine that everybody has."""
    assert reading.asks is not None
    words = job.runner.on(target)
    if "runner" in job.varies:
        return
    if words is not None and reading.asks(words) != seen.runner:
        yield "runner", f"it runs on {seen.runner}, not on {reading.asks(words)}"
    usual = job.runner.name if job.runner.name in ("macos", "windows") else "linux"
    if words is None and seen.system not in (None, usual):
        yield "runner", f"it runs on {seen.runner}, which is no {usual} machine that everybody has"
