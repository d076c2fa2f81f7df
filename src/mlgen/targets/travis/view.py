"""The pipeline as what the template of .travis.yml prints."""

from typing import NamedTuple, TypeVar

from mlgen.ir import Job, Pipeline
from mlgen.quoting import sh, yaml_scalar
from mlgen.targets import ci_py
from mlgen.targets.contract import Output
from mlgen.targets.travis import conditions, files, scripts, stages
from mlgen.targets.travis.files import Unit

_Value = TypeVar("_Value")
SILENCE = 600
"""Seconds without output after which Travis ends a job: https://docs.travis-ci.com/user/customizing-the-build."""


class Item(NamedTuple):
    """A command of a phase, and why it is there; a text of several lines ends in a line break.

    Travis adds a space to an item before bash reads it, which would spoil the last line of a here-document.
    """

    text: str
    comment: str = ""


class Root(NamedTuple):
    """What the jobs inherit, unless they say otherwise."""

    language: str
    python: str
    dist: str
    cache: tuple[str, ...]
    before_install: tuple[Item, ...]
    install: tuple[Item, ...]
    before_script: tuple[Item, ...]


class JobView(NamedTuple):
    """One entry of `jobs.include`; an empty value is not printed."""

    stage: str
    name: str
    comment: str
    condition: tuple[str, ...]
    env: tuple[str, ...]
    python: str
    size: str
    arch: str
    docker: bool
    cache: tuple[str, ...] | None
    create: str
    created: tuple[str, ...]
    use: tuple[str, ...]
    before_install: tuple[Item, ...]
    install: tuple[Item, ...]
    script: tuple[Item, ...]
    after_success: tuple[Item, ...]
    after_script: tuple[Item, ...]


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The one native file."""
    root = _root(pipeline)
    units = files.units(pipeline)
    places = stages.places(pipeline)
    view = {
        "scheduled": pipeline.triggers.on("schedule"),
        "trigger": conditions.trigger(pipeline),
        "root": root,
        "env": [f"{name}={sh(value)}" for name, value in pipeline.env],
        "stages": [stages.name(pipeline, place) for place in sorted(set(places.values()))],
        "jobs": [
            _job(unit, pipeline, units, root, stages.name(pipeline, places[unit.job.id]))
            for unit in _sorted(units, places)
        ],
        "allow_failures": [unit.name for unit in units if unit.job.allow_failure],
    }
    return (Output(".travis.yml", "travis/travis.yml.j2", view),)


def _sorted(units: tuple[Unit, ...], places: dict[str, stages.Place]) -> list[Unit]:
    """In the order of the stages, which is the order in which they run."""
    return sorted(units, key=lambda unit: places[unit.job.id])


def in_container(job: Job) -> bool:
    """Whether the job's scripts run in its image; a gate needs no more than the machine's own python3."""
    return bool(job.image) and job.gate is None


def _root(pipeline: Pipeline) -> Root:
    pythons = [job.python for job in pipeline.jobs if job.python and not in_container(job)]
    python = _most(pythons, "")
    # Noble has Python 3.12 to 3.14, Jammy 3.8, 3.10 and 3.12; both download others.
    modern = bool(pythons) and all(_minor(version) >= 12 for version in pythons)
    names = " ".join(secret.name for secret in pipeline.secrets)
    unset = (Item(f"unset {names}", "a job keeps only the secrets that it lists"),) if names else ()
    return Root(
        language="python" if python else "generic",
        python=python,
        dist="noble" if modern else "jammy",
        cache=_most([_cached(job) for job in pipeline.jobs if job.caches and not job.deploys], ()),
        before_install=(*unset, Item("source .mlgen/env.sh")),
        install=_most([_setup(job) for job in pipeline.jobs if job.setup and not in_container(job)], (Item("skip"),)),
        before_script=_heartbeat(pipeline),
    )


def _most(values: list[_Value], default: _Value) -> _Value:
    """The value that most jobs have, the first of them where it is a tie."""
    return max(values, key=values.count, default=default)


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _cached(job: Job) -> tuple[str, ...]:
    found = (path for cache in job.caches for path in cache.paths)
    return tuple(dict.fromkeys("$HOME" + path[1:] if path.startswith("~/") else path for path in found))


def _job(unit: Unit, pipeline: Pipeline, units: tuple[Unit, ...], root: Root, stage: str) -> JobView:
    job = unit.job
    before = _before_install(job, pipeline, units)
    install = () if job.finally_ else _setup(job)
    cache = () if job.deploys else _cached(job)
    python = "" if in_container(job) or job.python == root.python else job.python
    runner = job.runner.on("travis")
    options = runner if isinstance(runner, dict) else {}
    return JobView(
        stage=stage,
        name=unit.name,
        comment=_comment(job),
        condition=conditions.condition(job, pipeline),
        env=_env(unit),
        python=python,
        size=str(options.get("size", "")),
        arch=str(options.get("arch", "")),
        docker=in_container(job),
        cache=None if cache == root.cache else cache,
        create=unit.workspace if files.created(unit) else "",
        created=files.created(unit),
        use=tuple(u.workspace for maker, _ in files.takes(job, pipeline) for u in units if u.job.id == maker.id),
        before_install=() if _texts(before) == _texts(root.before_install) else before,
        install=() if (install or (Item("skip"),)) == root.install else install or (Item("skip"),),
        script=tuple(_script(unit)),
        after_success=_after_success(job),
        after_script=tuple(_after_script(job)),
    )


def _texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def _comment(job: Job) -> str:
    found = [f"gates.{job.gate.name}"] if job.gate is not None else []
    found += [f"environments.{job.environment.name}"] if job.environment is not None else []
    found += [f"secrets: {', '.join(use.name for use in job.secrets)}"] if job.secrets else []
    return "; ".join(found)


def _env(unit: Unit) -> tuple[str, ...]:
    job = unit.job
    values = [("MLGEN_JOB", job.id), *job.env, *(unit.leg.values if unit.leg else ())]
    salts = [cache.salt for cache in job.caches if cache.salt] if not job.deploys else []
    # Part of the cache's key, as all public variables are: https://docs.travis-ci.com/user/caching.
    values += [("CACHE_NAME", "-".join(salts))] if salts else []
    found = [f"{name}={sh(value)}" for name, value in values]
    return (*found, "MLGEN_EXPORTS=$HOME/exports.env") if any(not e.file for e in job.exports) else tuple(found)


def _before_install(job: Job, pipeline: Pipeline, units: tuple[Unit, ...]) -> tuple[Item, ...]:
    listed = {use.name for use in job.secrets}
    unlisted = [secret.name for secret in pipeline.secrets if secret.name not in listed]
    found = [Item(f"unset {' '.join(unlisted)}")] if unlisted else []
    found += [Item(*each) for each in files.received(job, pipeline, units)]
    found.append(Item("source .mlgen/env.sh"))
    if in_container(job):
        found.append(Item(_container(job, pipeline), "the job's scripts run in here"))
    return tuple(found)


def _container(job: Job, pipeline: Pipeline) -> str:
    """The container of the job's image, with the home folder, and so the checkout and the caches, in its place."""
    names = ["HOME", "CI", *(name for name, _ in (*pipeline.env, *job.env)), *(job.matrix.axes if job.matrix else ())]
    names += [use.variable for use in job.secrets]
    names += [e.name for edge in job.edges if edge.exports for e in pipeline.job(edge.job).exports]
    options = job.runner.on("travis")
    gpus = "--gpus all " if isinstance(options, dict) and str(options.get("size", "")).startswith("gpu") else ""
    safe = {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": '"$PWD"'}
    git = " ".join(f"--env GIT_CONFIG_{name}={value}" for name, value in safe.items())
    return (
        f'docker run --detach --name {scripts.CONTAINER} {gpus}--volume "$HOME:$HOME" --workdir "$PWD" \\\n'
        f'  $(printf -- "--env %s " {" ".join(dict.fromkeys(names))} ${{!TRAVIS@}} ${{!MLGEN_@}}) \\\n'
        f"  {git} \\\n"
        f"  --entrypoint sleep {sh(job.image)} infinity\n"
    )


def _setup(job: Job) -> tuple[Item, ...]:
    return _items(scripts.items(job.setup, in_container(job))) if job.setup else ()


def _items(texts: list[str], comment: str = "") -> tuple[Item, ...]:
    return tuple(Item(text if _plain(text) else text + "\n", comment) for text in texts)


def _plain(text: str) -> bool:
    """Whether YAML needs no quotes around it; otherwise a block reads better."""
    return "\n" not in text and yaml_scalar(text) == text


def _heartbeat(pipeline: Pipeline) -> tuple[Item, ...]:
    """For all jobs, unless each is bounded to less than Travis waits for output."""
    if all(job.gate or 0 < job.timeout * (job.retry + 1) < SILENCE for job in pipeline.jobs):
        return ()
    return (
        Item('while sleep 300; do echo "still running"; done &', "Travis ends a job that is silent for 10 minutes"),
    )


def _script(unit: Unit) -> list[Item]:
    job = unit.job
    contained = in_container(job)
    found: list[Item] = []
    if job.finally_ and job.setup:
        # A failed `install` would end the job without its after_script.
        setup = " && ".join(scripts.items(job.setup, contained))
        found += _items([setup], "here, not in install: after_script runs even if it fails")
    after = scripts.PASSED if found else ""
    if job.gate is not None and not job.timeout and not job.retry:
        found += _items([f"{after} && {ci_py.gate(job.gate)}" if after else ci_py.gate(job.gate)])
    else:
        command = ci_py.gate(job.gate) if job.gate is not None else job.run
        found += _items([scripts.item(command, job.timeout, job.retry, contained, after)])
    return found + _handing_on(unit)


def _handing_on(unit: Unit) -> list[Item]:
    """What follows the job's own script, so that a declared file which it did not make fails it."""
    job = unit.job
    found: list[Item] = []
    made = files.leg_paths(job, job.files, unit.leg)
    if files.collides(job):
        command = f"python3 .mlgen/ci.py legs --job {job.id} --leg {sh(unit.leg.slug if unit.leg else '')}"
        found.append(Item(f"{command} --out {files.manifest(unit)} {scripts.paths(made)}"))
    elif made:
        found.append(Item(f"ls -ld -- {scripts.paths(made)}"))
    if job.exports:
        found.append(Item(ci_py.exports(job)))
    return found


def _after_success(job: Job) -> tuple[Item, ...]:
    if job.environment is None or not job.environment.url:
        return ()
    return (Item(f"echo {sh(f'{job.environment.name}: {job.environment.url}')}"),)


def _after_script(job: Job) -> list[Item]:
    report = ci_py.report(job.reports._replace(summary=""))
    found = [Item(report)] if report else []
    if job.reports.summary:
        found.append(Item(f"cat -- {scripts.paths([job.reports.summary])}", "reports.summary"))
    if job.finally_:
        result = f"export MLGEN_RESULT=failure; if {scripts.PASSED}; then MLGEN_RESULT=success; fi"
        found.append(Item(result))
        text = scripts.item(job.finally_, contained=in_container(job))
        if in_container(job):
            text = text.replace("docker exec ", "docker exec --env MLGEN_RESULT ", 1)
        found += _items([text])
    return found
