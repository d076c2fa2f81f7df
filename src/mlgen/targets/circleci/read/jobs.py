"""The jobs of the workflow: what verify is told of each invocation, and what decides whether it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlgen.ir.globs import glob_matches, is_literal
from mlgen.named import NamedTuple
from mlgen.readback import Script, SeenJob, Served
from mlgen.readback.opaque import words_of
from mlgen.readback.unread import Unread
from mlgen.targets.circleci.read import helpers, steps
from mlgen.targets.circleci.read.config import Data, Entry, File, declared, given, known
from mlgen.targets.circleci.read.context import COMMIT
from mlgen.targets.circleci.read.expressions import Refused
from mlgen.targets.circleci.read.found import Steps
from mlgen.targets.circleci.read.inline import inlined
from mlgen.targets.circleci.read.inserted import filled, plain, text_of, waits
from mlgen.targets.circleci.read.machines import KEYS, Machine, environment, machine, python_of
from mlgen.targets.circleci.read.portable import Portable
from mlgen.typed import Any

_KEYS = ("type", "description", "parameters", "executor", "steps", *KEYS)
_VALUES = {"pipeline.git.revision": COMMIT}
_OWN = ("mlgen_executor", "mlgen_leg")
"""Parameters that are no axes: the executor of a leg, and what its files go by."""
_HOST = "MLGEN_HOST_"


class Native(NamedTuple):
    """An invocation as the file has it, besides what `SeenJob` tells."""

    entry: Entry
    ancestors: frozenset[str]
    """All invocations that have ended when it starts."""
    seen: SeenJob
    steps: Steps
    values: Mapping[str, str]
    """Its axes."""
    makers: Mapping[str, tuple[str, ...]]
    """By path that it has to receive: the invocations that hand it on."""


class Job(NamedTuple):
    """A job with its steps read, in which `${matrix.NAME}` stands for a parameter."""

    said: Data
    steps: Steps
    opaque: tuple[Script, ...] | None
    """Of a job that is not mlgen's own: what it says. None: it is."""


def natives(file: File, kinds: frozenset[str]) -> dict[str, Native]:
    """All invocations by name; Unread says what cannot be read."""
    ancestors = _ancestors(file.entries)
    told = Portable(file.parameters, kinds)
    jobs = {name: _job(name, said, file, told) for name, said in file.jobs.items()}
    seen = {entry.name: _seen(entry, jobs.get(entry.job), file) for entry in file.entries}
    legs: dict[str, list[Entry]] = {}
    for entry in file.entries:
        legs.setdefault(entry.job, []).append(entry)
    found = {}
    for entry in file.entries:
        job, own = jobs.get(entry.job), seen[entry.name]
        read = job.steps if job else Steps()
        makers: dict[str, tuple[str, ...]] = {}
        if read.taken:
            above = {name for name in legs if name in jobs and any(e.name in ancestors[entry.name] for e in legs[name])}
            offers = list(_offers(above, jobs, legs, ancestors[entry.name], seen))
            own = own._replace(**_received(read, offers, jobs, seen, legs))
            makers = {path: tuple(m for m, made, _ in offers if _fits(path, made)) for path in read.taken}
        own = own._replace(parallel=_parallel(legs[entry.job]))
        found[entry.name] = Native(entry, ancestors[entry.name], own, read, _axes(entry), makers)
    return found


def _ancestors(entries: tuple[Entry, ...]) -> dict[str, frozenset[str]]:
    """By name, all that end before; Unread if jobs wait in a circle."""
    found: dict[str, frozenset[str]] = {}
    todo = list(entries)
    while todo:
        rest = []
        for entry in todo:
            before = [name for name, _ in entry.requires]
            if all(name in found for name in before):
                found[entry.name] = frozenset().union(before, *(found[name] for name in before))
            else:
                rest.append(entry)
        if len(rest) == len(todo):
            raise Unread(f"workflows: {', '.join(entry.name for entry in rest)} wait for each other")
        todo = rest
    return found


def _job(name: str, said: Data, file: File, told: Portable) -> Job:
    where = f"jobs.{name}"
    if said.get("type") == "no-op":
        known(said, ("type", "description"), where)
        return Job(said, Steps(), ())
    if "MLGEN_JOB" not in (said.get("environment") or {}):
        return Job(said, Steps(), tuple(_opaque(name, said)))
    known(said, _KEYS, where)
    if "type" in said:
        raise Unread(f"{where}: the type {said['type']} is not known")
    parameters = declared(said.get("parameters", {}), f"{where}.parameters")
    places = {axis: f"${{matrix.{axis}}}" for axis in parameters}
    found = inlined(said.get("steps"), file, places, ("jobs", name, "steps"))
    root, shell = _folder(said, file)
    return Job(said, steps.read(found, file, shell, root, told), None)


def _folder(said: Data, file: File) -> tuple[str, str]:
    """The folder and the shell of a job's steps, which no parameter tells."""
    executor = said.get("executor")
    name = executor.get("name") if isinstance(executor, dict) else executor
    each = [file.executors[name]] if isinstance(name, str) and name in file.executors else file.executors.values()
    merged = [{**words, **{key: said[key] for key in KEYS if key in said}} for words in each]
    folders = {str(words.get("working_directory", "")).removeprefix("~/project").strip("/") for words in merged}
    shells = {str(words.get("shell", "")) for words in merged}
    if len(folders) > 1 or len(shells) > 1:
        raise Unread("executors: they differ in `shell` or `working_directory`")
    return next(iter(folders), ""), next(iter(shells), "")


def _opaque(name: str, said: Data) -> Iterator[Script]:
    """What a job says that is not mlgen's own: each of its steps, or all of it."""
    if not isinstance(said.get("steps"), list):
        yield Script(words_of(said), route=("jobs", name))
        return
    for number, step in enumerate(said["steps"]):
        yield Script(words_of(step), route=("jobs", name, "steps", number))


def _axes(entry: Entry) -> dict[str, str]:
    return {name: str(value) for name, value in entry.given.items() if name not in _OWN}


def _seen(entry: Entry, job: Job | None, file: File) -> SeenJob:
    needs = tuple(name for name, _ in entry.requires)
    route = ("jobs", entry.job) if job else entry.route
    if job is None or job.opaque is not None:
        return SeenJob(entry.name, "", route, needs=needs, scripts=job.opaque or () if job else (), environment=None)
    where = f"jobs.{entry.job}"
    parameters = given(entry.given, declared(job.said.get("parameters", {}), f"{where}.parameters"), entry.name)
    box = machine(job.said, parameters, file, _VALUES, where)
    read = job.steps
    own = environment(filled(job.said["environment"], parameters), where)
    values = {n: v if waits(v) else plain(v) for n, v in {**box.environment, **own}.items()}
    leg = _axes(entry)
    for axis in parameters.keys() - entry.given.keys():  # a leg without this axis
        if values.get(axis) == "":
            del values[axis]
    image = read.container.image if read.container else box.image
    beside = (*read.services, *_beside(box, values))
    if read.waited and not beside:
        raise Unread(f"{where}: it waits for a service at {', '.join(map(str, sorted(read.waited)))}, and has none")
    services = tuple(one._replace(waited=read.waited) for one in beside)
    names = tuple(sorted({*read.names, *(("", name) for name in (*box.names, *read.tokens))}))
    axes = frozenset(leg)
    return SeenJob(
        name=entry.name,
        job=values.pop("MLGEN_JOB"),
        route=route,
        leg=tuple(sorted((axis, value) for axis, value in leg.items() if values.get(axis) == value)),
        needs=needs,
        scripts=read.scripts,
        portable=read.portable,
        image=image,
        python=python_of(image),
        services=services,
        env=tuple(sorted(values.items())),
        secrets=names,
        hands=frozenset(_handed(read, axes)),
        requires=frozenset(helpers.axes(read.requires, axes)),
        reports=frozenset(helpers.axes(read.reports, axes)),
        kept=frozenset(read.kept),
        exports=frozenset(read.exports),
        caches=read.caches,
        environment=None,
        lock=_lock(entry.group, where),
        allow_failure=read.allow_failure,
        runner=box.runner,
        own=frozenset(_variables(values, services, read)),
        files=read.files,
        identities=read.identities,
        checkouts=read.checkouts,
        container=_container(box, read),
        sees=frozenset(),
        shown=frozenset((*read.covered, *read.kept)),
        compares=frozenset(job_id for job_id, _, _ in read.merged),
        lists=read.aside is not None,
        started=box.started,
        apart=True,
    )


def _lock(group: str, where: str) -> str:
    """A lock that is of the project, and not of one commit, branch or pipeline."""
    try:
        return text_of(group, {"pipeline.project.slug": "PROJECT"})
    except Refused as fault:
        raise Unread(f"{where}: serial-group: `{group}` is not the same in all pipelines: {fault}") from fault


def _beside(box: Machine, values: Mapping[str, str]) -> Iterator[Served]:
    """The containers beside: all are reached at localhost, and named by the variables that tell so, in their order."""
    hosts = [name for name, value in values.items() if name.startswith(_HOST) and value == "localhost"]
    for number, one in enumerate(box.beside):
        yield one._replace(host=hosts[number][len(_HOST) :].lower() if number < len(hosts) else "")


def _variables(values: Mapping[str, str], services: tuple[Served, ...], read: Steps) -> Iterator[str]:
    """The variables that are mlgen's own: hosts of services, and where values are exported to."""
    names = {_HOST + one.host.upper().replace("-", "_") for one in services}
    for name, value in values.items():
        if (name in names and value == "localhost") or (
            name == "MLGEN_EXPORTS" and value == "/tmp/mlgen-exports" and read.exports  # noqa: S108 - of the container
        ):
            yield name


def _container(box: Machine, read: Steps) -> tuple[str, ...]:
    """The words of `docker run` for its image."""
    if read.container:
        return tuple(word for option in read.container.options for word in option.split())
    return ("--user", box.user) if box.user else ()


def _handed(read: Steps, axes: frozenset[str]) -> Iterator[str]:
    """The paths that it puts into the workspace."""
    for path in read.persisted:
        if read.aside and path == read.aside.folder:
            yield from helpers.axes(read.aside.paths, axes)
        yield path


def _parallel(legs: list[Entry]) -> int:
    """How many legs run at once, where each of the others waits for the end of one of them; 0: all."""
    names = {entry.name for entry in legs}
    first = 0
    for entry in legs:
        lanes = [statuses for name, statuses in entry.requires if name in names]
        if len(lanes) > 1 or (lanes and lanes[0] != {"terminal"}):
            raise Unread(f"workflows: {entry.name} waits for other legs in a way that is not known")
        first += not lanes
    return first if first < len(legs) else 0


# ---- files of other jobs

Offer = tuple[str, str, str]
"""An invocation, a path that it puts into the workspace, and that path as the file has it, with axes."""


def _offers(
    above: set[str],
    jobs: Mapping[str, Job],
    legs: Mapping[str, list[Entry]],
    ancestors: frozenset[str],
    seen: Mapping[str, SeenJob],
) -> Iterator[Offer]:
    """What the invocations that end before put into the workspace.

    https://circleci.com/docs/guides/orchestrate/workspaces/
    """
    for name in above:
        for entry in legs[name]:
            if entry.name in ancestors:
                for path in jobs[name].steps.persisted:
                    yield entry.name, _instance(path, _axes(entry)), path


def _instance(path: str, leg: Mapping[str, str]) -> str:
    return re.sub(r"\$\{matrix\.(\w+)\}", lambda axis: leg.get(axis[1], ""), path)


def _fits(taken: str, made: str) -> bool:
    """Whether a path, perhaps with wildcards, names what was made."""
    taken, made = taken.rstrip("/"), made.rstrip("/")
    return taken == made or (not is_literal(taken) and glob_matches(taken, made))


def _received(
    read: Steps,
    offers: list[Offer],
    jobs: Mapping[str, Job],
    seen: Mapping[str, SeenJob],
    legs: Mapping[str, list[Entry]],
) -> dict[str, Any]:
    """The paths that it receives, as their makers have them, and the exported values."""
    takes: set[str] = set()
    whole: dict[str, bool] = {}
    jobs_of = {entry.name: name for name, entries in legs.items() for entry in entries}
    for maker, made, template in offers:
        fits = any(_fits(path, made) for path in read.taken)
        key = f"{jobs_of[maker]} {template}"
        whole[key] = whole.get(key, True) and fits
    for path in read.taken:
        templates = {t for maker, made, t in offers if _fits(path, made) and whole[f"{jobs_of[maker]} {t}"]}
        takes |= templates or {path}
    for _, folder, paths in read.merged:
        if folder in read.taken and any(_fits(folder, made) for _, made, _ in offers):
            takes |= set(paths)
    sees = {
        value.partition("=")[0]
        for maker, made, _ in offers
        for value in jobs[jobs_of[maker]].steps.exports
        if made in read.taken and made == jobs[jobs_of[maker]].steps.exports_file
    }
    return {"takes": frozenset(takes), "sees": frozenset(sees)}
