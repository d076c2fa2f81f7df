"""Where jobs run: executors, the container on a virtual machine, caches; and the contexts that hold their secrets."""

import re
from typing import NamedTuple

from mlgen.ir import Cache, Job, Pipeline

DEFAULT_PYTHON = "3.12"


class Executor(NamedTuple):
    """One entry of `executors`. Exactly one of `image` and `machine` is given."""

    image: str
    machine: str
    resource_class: str


class CacheKey(NamedTuple):
    """A cache: what the key begins with, whole key, and folders; `hashed` are globs that a step must hash first."""

    prefix: str
    key: str
    paths: tuple[str, ...]
    hashed: tuple[str, ...]
    file: str


def image(job: Job) -> str:
    """The image that the job's scripts run in; CircleCI's own convenience image has git and the rest that it needs.

    https://circleci.com/docs/guides/execution-managed/circleci-images/
    """
    return job.image or f"cimg/python:{job.python or DEFAULT_PYTHON}"


def options(job: Job) -> dict[str, object]:
    """What the spec says of the job's runner for this target."""
    found = job.runner.on("circleci")
    return dict(found) if isinstance(found, dict) else {}


def executor(job: Job) -> Executor:
    """The job's executor."""
    said = options(job)
    machine = said.get("machine")
    size = str(said.get("resource_class", ""))
    if isinstance(machine, dict):
        return Executor("", str(machine["image"]), size)
    return Executor(image(job), "", size)


def container(job: Job) -> str:
    """The image that a virtual machine is to run the job's scripts in; empty if they run on the executor itself."""
    return image(job) if executor(job).machine and not job.gate and (job.image or job.python) else ""


def executors(pipeline: Pipeline) -> dict[Executor, str]:
    """Every executor that the jobs need, with its name."""
    found: dict[Executor, str] = {}
    for job in pipeline.jobs:
        wanted = executor(job)
        if wanted not in found:
            if not found:
                name = "default"
            elif options(job):
                name = job.runner.name
            else:
                name = re.sub(r"[^A-Za-z0-9_]+", "-", image(job).rsplit("/", 1)[-1].partition("@")[0]).strip("-")
            found[wanted] = unique(name, found.values())
    return found


def unique(name: str, taken: object) -> str:
    """The name, or with a number behind it where it is taken."""
    names = set(taken)  # type: ignore[call-overload]
    if name not in names:
        return name
    return next(f"{name}-{n}" for n in range(2, len(names) + 3) if f"{name}-{n}" not in names)


def caches(job: Job) -> tuple[CacheKey, ...]:
    """The job's caches; a deploying job has none, since a job of any branch could have filled it."""
    return () if job.deploys else tuple(_cache(cache, job, index) for index, cache in enumerate(job.caches, 1))


def _cache(cache: Cache, job: Job, index: int) -> CacheKey:
    """A saved cache is never changed: https://circleci.com/docs/reference/configuration-reference/#savecache."""
    words = [cache.salt or "v1", *(_word(path.rstrip("/").rsplit("/", 1)[-1]) for path in cache.paths)]
    words.append(_word(job.python or image(job).rsplit("/", 1)[-1]))
    prefix = "-".join(filter(None, words)) + "-{{ arch }}-"
    globs = tuple(path for path in cache.key if any(c in path for c in "*?["))
    file = f"/tmp/cache-key-{index}" if globs else ""  # noqa: S108 - of a container that runs one job
    if globs:
        key = f'{{{{ checksum "{file}" }}}}'
    elif cache.key:
        key = "-".join(f'{{{{ checksum "{path}" }}}}' for path in cache.key)
    else:
        key = "{{ .Revision }}"  # the newest one that begins with the prefix is restored
    return CacheKey(prefix, prefix + key, cache.paths, cache.key if globs else (), file)


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")


def context(pipeline: Pipeline, secret: str, environment: str) -> str:
    """The context that holds the secret for a job of this environment (empty: of none).

    One context for each environment and one for secrets that are bound to none; with the fallback `split`, one for
    each secret.
    """
    words = [pipeline.name]
    if environment and environment in pipeline.secret(secret).environments:
        words.append(environment)
    if split(pipeline):
        words.append(secret)
    return "-".join(words)


def split(pipeline: Pipeline) -> bool:
    """Whether each secret has a context of its own."""
    return any(o.name == "circleci" and o.fallback("secrets") == "split" for o in pipeline.targets)


def contexts(pipeline: Pipeline, job: Job) -> list[str]:
    """The contexts of a job."""
    place = job.environment.name if job.environment else ""
    return list(dict.fromkeys(context(pipeline, use.name, place) for use in job.secrets))


def held(pipeline: Pipeline) -> dict[str, list[str]]:
    """Every context that some job uses, with the secrets that the jobs read from it."""
    found: dict[str, list[str]] = {}
    for job in pipeline.jobs:
        place = job.environment.name if job.environment else ""
        for use in job.secrets:
            names = found.setdefault(context(pipeline, use.name, place), [])
            if use.name not in names:
                names.append(use.name)
    return found
