"""Where jobs run: executors, the container on a virtual machine, caches; and the contexts that hold their secrets."""

from __future__ import annotations

import re

from mlgen.ir import Cache, Container, Job, Leg, Pipeline
from mlgen.named import NamedTuple
from mlgen.targets.circleci import text

DEFAULT_PYTHON = "3.12"
REPOSITORY = "~/project"
"""Where the repository of a project in a folder is checked out: CircleCI's own default."""
TOKEN = "MLGEN_TOKEN"  # noqa: S105 - the name of a variable
"""What holds a token of the code host, which CircleCI itself has not."""


class Beside(NamedTuple):
    """A service's container in the same network as the job's: an entry of `docker` after the first."""

    name: str
    image: str
    environment: tuple[tuple[str, str], ...]
    command: tuple[str, ...]


class Executor(NamedTuple):
    """One entry of `executors`. Exactly one of `image` and `machine` is given.

    `username` and `password` are variables of a context, for a private registry; `axis` is the parameter in `image`.
    """

    image: str
    machine: str
    resource_class: str
    user: str = ""
    entrypoint: str | None = None
    username: str = ""
    password: str = ""
    beside: tuple[Beside, ...] = ()
    axis: str = ""


class CacheKey(NamedTuple):
    """A cache: what the key begins with, whole key, and folders; `hashed` are globs that a step must hash first.

    `axes` are the parameters in the key, of a job whose legs differ in what they install.
    """

    prefix: str
    key: str
    paths: tuple[str, ...]
    hashed: tuple[str, ...]
    file: str
    axes: tuple[str, ...]


def image(job: Job, leg: Leg | None = None) -> str:
    """The image that the scripts run in; CircleCI's own convenience image has git and the rest that it needs.

    `${MLGEN_COMMIT}` in a name is the commit: an executor is chosen before any variable is there.
    https://circleci.com/docs/guides/execution-managed/circleci-images/
    """
    name, python = (leg.image, leg.python) if leg and job.varies else (job.image, job.python)
    name = job.built.tagged if job.built else name
    return name.replace("${MLGEN_COMMIT}", "<< pipeline.git.revision >>") or f"cimg/python:{python or DEFAULT_PYTHON}"


def options(job: Job, leg: Leg | None = None) -> dict[str, object]:
    """What the spec says of the job's runner, or the leg's, for this target."""
    found = (job.runner_of(leg) if leg and job.varies else job.runner).on("circleci")
    return dict(found) if isinstance(found, dict) else {}


def executor(job: Job, leg: Leg | None = None) -> Executor:
    """The executor of the job, or of one leg."""
    said = options(job, leg)
    machine = said.get("machine")
    size = str(said.get("resource_class", ""))
    if isinstance(machine, dict):
        return Executor("", str(machine["image"]), size)
    how = job.container or Container()
    beside = tuple(Beside(s.name, s.image, s.env, s.command) for s in job.services)
    return Executor(image(job, leg), "", size, how.user, how.entrypoint, how.username, how.password, beside)


def by_axis(job: Job) -> Executor | None:
    """The executor of all legs, where the value of an axis is all that their images differ in.

    https://circleci.com/docs/reference/reusing-config/#using-parameters-in-executors
    """
    if job.matrix is None or not job.varies:
        return None
    each = [executor(job, leg) for leg in job.matrix.legs]
    if len({one._replace(image="") for one in each}) > 1:
        return None
    for axis in job.matrix.axes:
        values = [dict(leg.values).get(axis, "") for leg in job.matrix.legs]
        head, found, tail = each[0].image.partition(values[0])
        if all(values) and found and all(one.image == head + value + tail for one, value in zip(each, values)):
            return each[0]._replace(image=f"{head}<< parameters.{axis} >>{tail}", axis=axis)
    return None


def passed(job: Job) -> bool:
    """Whether each leg is given an executor of its own."""
    return bool(job.varies) and by_axis(job) is None


def executor_names(job: Job, known: dict[Executor, str]) -> list[str]:
    """The executor's name for each leg of a job whose legs differ in it."""
    legs = job.matrix.legs if job.matrix else ()
    return [known[executor(job, leg)] for leg in legs]


def container(job: Job) -> str:
    """The image that a virtual machine is to run the job's scripts in; empty if they run on the executor itself."""
    return image(job) if executor(job).machine and not job.gate and (job.image or job.python) else ""


def executors(pipeline: Pipeline) -> dict[Executor, str]:
    """Every executor that the jobs need, with its name."""
    found: dict[Executor, str] = {}
    for job in pipeline.jobs:
        if job.native or job.milestone:
            continue
        for leg in job.matrix.legs if job.matrix and passed(job) else (None,):
            wanted = by_axis(job) or executor(job, leg)
            if wanted not in found:
                found[wanted] = unique(_executor_name(job, leg) if found else "default", found.values())
    return found or {Executor("cimg/base:current", "", ""): "default"}


def _executor_name(job: Job, leg: Leg | None) -> str:
    """In small letters, the first of which is one: https://www.schemastore.org/circleciconfig.json."""
    if options(job, leg):
        name = job.runner_of(leg).name if leg and job.varies else job.runner.name
    elif job.services or (job.container and job.container != Container()):
        name = job.key
    else:
        wanted = by_axis(job) or executor(job, leg)
        name = re.sub("<<.*?>>", "", wanted.image).rsplit("/", 1)[-1].partition("@")[0]
    name = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")
    return name if name[:1].isalpha() else f"in-{name}"


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
    words = [text.literal(cache.salt) or "v1", *(_word(path.rstrip("/").rsplit("/", 1)[-1]) for path in cache.paths)]
    axes = _telling(job)
    words += [f"<< parameters.{axis} >>" for axis in axes] or [_word(job.python or image(job).rsplit("/", 1)[-1])]
    prefix = "-".join(filter(None, words)).replace("pipeline.git.revision", "built") + "-{{ arch }}-"
    globs = tuple(path for path in cache.key if any(c in path for c in "*?["))
    file = f"/tmp/cache-key-{index}" if globs else ""  # noqa: S108 - of a container that runs one job
    if globs:
        key = f'{{{{ checksum "{file}" }}}}'
    elif cache.key:
        key = "-".join(f'{{{{ checksum "{text.literal(path)}" }}}}' for path in cache.key)
    else:
        key = "{{ .Revision }}"  # the newest one that begins with the prefix is restored
    return CacheKey(prefix, prefix + key, cache.paths, cache.key if globs else (), file, axes)


def _telling(job: Job) -> tuple[str, ...]:
    """The axes that tell the images of legs apart."""
    if job.matrix is None or not {"image", "python"} & set(job.varies):
        return ()
    shared = by_axis(job)
    return (shared.axis,) if shared else job.matrix.axes


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")


def context(pipeline: Pipeline, secret: str, environment: str) -> str:
    """The context that holds the secret for a job of this environment (empty: of none).

    One context for each environment and one for secrets that are bound to none; with the fallback `split`, one for
    each variable that holds one.
    """
    words = [pipeline.name]
    if secret != TOKEN and environment and environment in pipeline.secret(secret).environments:
        words.append(environment)
    if split(pipeline):
        words.append(variable(pipeline, secret))
    return "-".join(words)


def split(pipeline: Pipeline) -> bool:
    """Whether each secret has a context of its own."""
    return any(o.name == "circleci" and o.fallback("secrets") == "split" for o in pipeline.targets)


def variable(pipeline: Pipeline, secret: str) -> str:
    """The variable of the context that holds the secret."""
    return secret if secret == TOKEN else str(pipeline.secret(secret).on("circleci").get("id", secret))


def secrets(job: Job) -> tuple[str, ...]:
    """What the job reads from contexts: its secrets, and the token where it asks for permissions."""
    return (*job.secret_names, *((TOKEN,) if job.permissions and TOKEN not in job.secret_names else ()))


def contexts(pipeline: Pipeline, job: Job) -> list[str]:
    """The contexts of a job."""
    place = job.environment.name if job.environment else ""
    return list(dict.fromkeys(context(pipeline, name, place) for name in secrets(job)))


def held(pipeline: Pipeline) -> dict[str, list[str]]:
    """Every context that some job uses, with the secrets that the jobs read from it."""
    found: dict[str, list[str]] = {}
    for job in pipeline.jobs:
        place = job.environment.name if job.environment else ""
        for name in secrets(job):
            names = found.setdefault(context(pipeline, name, place), [])
            if name not in names:
                names.append(name)
    return found
