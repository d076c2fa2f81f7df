"""What a job keeps for later runs, and what tells it from what was made of other files."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Cache, Job, Pipeline
from mlgen.ir.paths import as_glob
from mlgen.readback import Cached, SeenJob
from mlgen.verify.fault import listed


def caches(pipeline: Pipeline, job: Job, seen: SeenJob) -> Iterator[tuple[str, str]]:
    """The differences, each with its aspect: `cache` of those that the spec asks for, `caches` of all others."""
    found: dict[str, list[Cached]] = {}
    for cache in seen.caches:
        for name in {name for path in cache.paths for name in _names(path, cache)}:
            found.setdefault(name, []).append(cache)
    wanted = {as_glob(path): cache for cache in job.caches for path in cache.paths}
    if missing := wanted.keys() - found.keys():
        yield "cache", f"it has no cache of {listed(missing)}"
    for path in wanted.keys() & found.keys():
        for cache in found[path]:
            yield from (("cache", f"the cache of {path} is {what}") for what in _other(job, cache, wanted[path]))
    paths = ((path, cache) for cache in seen.caches for path in cache.paths)
    if extra := {path for path, cache in paths if wanted.keys().isdisjoint(_names(path, cache))}:
        yield "caches", f"it has a cache of {listed(extra)}, which the spec does not ask for"
    releases = pipeline.triggers.on("tag") and job.condition.tag is not False
    if seen.caches and (job.deploys or (releases and seen.fresh is False)):
        yield "caches", "what it releases may be made of what others have put in a cache"
    if seen.seeds and seen.seeds != {pipeline.default_branch}:
        yield "caches", f"its caches begin as those of {listed(seen.seeds)}"


def _names(path: str, cache: Cached) -> set[str]:
    """The names by which the spec may have the path."""
    name = as_glob(path)
    return {name, "~" if path == "." else f"~/{name}"} if cache.home else {name}


def _other(job: Job, found: Cached, wanted: Cache) -> Iterator[str]:
    """Of what else it is: then a job works with what was made of other files."""
    files = frozenset(wanted.key[: found.most or None])
    if found.files is not None and found.files != files:
        yield f"that of {listed(found.files)}, not of {listed(files)}"
    if wanted.salt not in found.key:
        yield f"not one of {wanted.salt}"
    if found.python is not None and "python" not in job.varies and found.python != job.python:
        yield f"for Python {found.python or 'of any version'}, not for {job.python}"
