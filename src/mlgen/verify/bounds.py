"""What bounds a job and what is around it, as far as its reader tells: who agrees, machines, containers, caches."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from mlgen.ir import Job, Leg, Pipeline
from mlgen.ir.paths import as_glob, normal
from mlgen.readback import Reading, SeenJob
from mlgen.verify.fault import host_name, listed

SOCKET = "/var/run/docker.sock:/var/run/docker.sock"
PATIENCE = (3600, 31 * 24 * 3600)
"""Seconds for which a question must be asked at least, and may be at most: people answer, but not a month later."""


def bounds(
    pipeline: Pipeline, job: Job, seen: SeenJob, leg: Leg | None, reading: Reading, target: str
) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect."""
    if job.approval:
        yield from _approval(job, seen)
    sealed = {secret.on(target).get("secure") for secret in pipeline.secrets}
    if seen.sealed and (more := seen.sealed - sealed):
        yield "secrets", f"it is given an encrypted secret that the spec does not have: {listed(more)}"
    yield from _container(job, seen, target)
    yield from _machine(job, seen, leg, reading, target)
    yield from _services(job, seen)
    yield from _caches(pipeline, job, seen)
    if seen.apart and (missing := _paths((*job.files, *(job.keep.paths if job.keep else ()))) - _paths(seen.kept)):
        yield "keep", f"{listed(missing)} is not kept for people"
    if seen.tidy is False:
        yield "files", "what it leaves is there for what runs on its machine later"
    if seen.idle:
        yield "condition", "it takes a machine or a lock before it is known whether it runs"


def _approval(job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    assert job.approval
    if seen.approvers is not None and seen.approvers != (wanted := frozenset(job.approval.by)):
        people = listed(wanted) if wanted else "whoever the system lets"
        yield "approval", f"{listed(seen.approvers) if seen.approvers else 'anybody'} may approve it, not {people}"
    if seen.patience is not None and not PATIENCE[0] <= seen.patience <= PATIENCE[1]:
        ends = f"ends after {seen.patience} seconds" if seen.patience else "is never ended"
        yield "approval", f"its question {ends}"


def _words(value: object) -> list[str]:
    """The texts in what the spec says of a runner in the target's own words."""
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)]
    return value.split() if isinstance(value, str) else []


def fits(job: Job, found: tuple[str, ...], wanted: list[str], target: str) -> bool:
    """Whether these words of `docker run` are the wanted ones, beside those of the runner, and Docker for its jobs."""
    rest = [word for each in found for word in each.split()]
    own = [word for one in job.runners or (job.runner,) for word in _words(one.on(target))]
    for word in own:
        if word in rest and word not in wanted:
            rest.remove(word)
    for mount in ("-v", "--volume") if job.docker else ():
        if rest[-2:] == [mount, SOCKET]:
            del rest[-2:]
    return rest == wanted


def _container(job: Job, seen: SeenJob, target: str) -> Iterator[tuple[str, str]]:
    entrypoint = job.container.entrypoint if job.container else None
    wanted = () if entrypoint is None else (entrypoint,)
    if seen.started is not None and seen.started != wanted:
        yield "container", f"its container is started by {' '.join(seen.started) or 'what its image says'}"


def _machine(job: Job, seen: SeenJob, leg: Leg | None, reading: Reading, target: str) -> Iterator[tuple[str, str]]:
    """The words of the spec for the machine are all there, and where it has none, neither has the file."""
    if reading.bare is None or job.milestone:
        return
    varied = leg.runner if leg and "runner" in job.varies else ""
    runner = next((one for one in job.runners if one.name == varied), job.runner)
    said = runner.on(target)
    if said is None:
        if runner.name == "default" and seen.runner != reading.bare:
            yield "runner", f"it runs on {seen.runner or 'any machine'}, which the spec does not ask for"
        return
    there = {*seen.runner.split(), *(seen.container or ())}
    if missing := set(_words(said)) - there:
        yield "runner", f"it runs on {seen.runner or 'any machine'}, and not on {listed(missing)}"


def _services(job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    wanted: set[tuple[str, str]] = set()
    waited: set[tuple[str, str]] = set()
    spared: set[tuple[str, str]] = set()
    """What need not be waited for, as the service itself tells that it is ready."""
    for one in job.services:
        host = host_name(one.name)
        wanted |= {(host, f"env {name}={value}") for name, value in one.env}
        wanted |= {(host, f"command {shlex.join(one.command)}")} if one.command else set()
        waited |= {(host, f"port {port}") for port in one.ports}
        if one.ready:
            spared |= {(host, f"port {port}") for port in one.ports}
            waited.add((host, f"ready {one.ready}"))
    for found, asked in ((seen.serving, wanted), (seen.awaits, waited)):
        if found is None:
            continue
        found = frozenset((host_name(host), text) for host, text in found)
        if missing := asked - found - spared:
            yield "services", f"of its services, {_told(missing)} is not there"
        if more := found - asked:
            yield "services", f"of its services, {_told(more)} is there, which the spec does not ask for"


def _told(pairs: set[tuple[str, str]] | frozenset[tuple[str, str]]) -> str:
    return listed(f"{text} of {host}" for host, text in pairs)


def _caches(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """Nothing but what the spec names is kept between runs, for others to begin with, and it follows its files."""
    caches = [(_home(path), cache) for cache in job.caches for path in cache.paths]
    found = {_home(path) for path in seen.cached or ()}
    if more := {p for p in found if not p.startswith(".mlgen/")} - {path for path, _ in caches if not job.deploys}:
        yield "cached", f"it has a cache of {listed(more)}, which the spec does not ask for"
    followed = {(_home(path), file) for path, file in seen.follows or ()}
    for path, cache in caches:
        if path in found:
            missing = {file for file in cache.key if (path, file) not in followed}
            if missing and seen.follows is not None:
                yield "cache", f"its cache of {path} does not change with {listed(missing)}"
            if seen.salts is not None and not any(cache.salt in salt for salt in seen.salts):
                yield "cache", f"its cache of {path} is not told from older ones by {cache.salt}"
    if seen.seeds and seen.seeds != {pipeline.default_branch}:
        yield "cached", f"its caches begin as those of {listed(seen.seeds)}"


def _home(path: str) -> str:
    """In a container a path in the home folder may be one of the project's."""
    return path.removeprefix("~/").rstrip("/")


def _paths(paths: tuple[str, ...] | frozenset[str]) -> set[str]:
    return {as_glob(path) for path in paths if not normal(path).startswith(".mlgen/")}
