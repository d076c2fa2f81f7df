"""The pipeline as what the template of .travis.yml prints."""

from __future__ import annotations

from mlgen.ir import Checkout, Job, Pipeline
from mlgen.ir.values import Step
from mlgen.named import NamedTuple
from mlgen.quoting import sh, yaml_scalar
from mlgen.quoting.shell import sh_template
from mlgen.targets import ci_py
from mlgen.targets.contract import Output, own_path
from mlgen.targets.scripts import headed
from mlgen.targets.travis import before, conditions, files, scripts, stages
from mlgen.targets.travis.files import Unit
from mlgen.typed import TypeVar

_Value = TypeVar("_Value")
PATH = ".travis.yml"
BESIDE = ".travis/{name}.yml"
PHASES = (
    "before_install", "install", "before_script", "script", "after_success", "after_failure", "after_script"
)  # fmt: skip
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
    secure: tuple[str, ...]
    git: tuple[tuple[str, object], ...]
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
    before_script: tuple[Item, ...]
    script: tuple[Item, ...]
    after_success: tuple[Item, ...]
    after_failure: tuple[Item, ...]
    after_script: tuple[Item, ...]
    language: str = ""
    dist: str = ""
    native: tuple[tuple[str, object], ...] = ()
    """Further keys in Travis' own words."""


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The one native file, which the repository's root file imports where the project is one of several in it."""
    root = _root(pipeline)
    if pipeline.root:  # what stands beside the jobs would be that of other projects, too
        root = Root("", "", "", (), (), (), ())
    units = files.units(pipeline)
    places = stages.places(pipeline)
    view = {
        "scheduled": pipeline.triggers.on("schedule"),
        "part": bool(pipeline.root),
        "trigger": () if pipeline.root else conditions.trigger(pipeline),
        "root": root,
        "env": [] if pipeline.root else [f"{name}={sh(value)}" for name, value in pipeline.env],
        "stages": [stages.name(pipeline, place) for place in sorted(set(places.values()))],
        "jobs": [
            _job(unit, pipeline, units, root, stages.name(pipeline, places[unit.job.id]))
            for unit in _sorted(units, places)
        ],
        "allow_failures": [unit.name for unit in units if unit.job.allow_failure],
    }
    return (Output(own_path(pipeline, PATH, BESIDE), "travis/travis.yml.j2", view),)


def _sorted(units: tuple[Unit, ...], places: dict[str, stages.Place]) -> list[Unit]:
    """In the order of the stages, which is the order in which they run."""
    return sorted(units, key=lambda unit: places[unit.job.id])


def in_container(job: Job) -> bool:
    """Whether the job's scripts run in its image; a gate needs no more than the machine's own python3."""
    return bool(job.image) and job.gate is None and not job.milestone


def _root(pipeline: Pipeline) -> Root:
    pythons = [job.python for job in pipeline.jobs if job.python and not in_container(job)]
    python = _most(pythons, "")
    names = " ".join(before.known(pipeline))
    unset = (Item(f"unset {names}", "a job keeps only the secrets that it lists"),) if names else ()
    return Root(
        language="python" if python else "generic",
        python=python,
        dist=_dist(pythons),
        cache=_most([_cached(job, pipeline) for job in pipeline.jobs if job.caches and not job.deploys], ()),
        before_install=(*_folder(pipeline), *unset, Item("source .mlgen/env.sh")),
        install=_most([_setup(job) for job in pipeline.jobs if job.setup and not in_container(job)], (Item("skip"),)),
        before_script=_heartbeat(pipeline),
    )


def _dist(pythons: list[str]) -> str:
    """Noble has Python 3.12 to 3.14, Jammy 3.8, 3.10 and 3.12; both download others."""
    return "noble" if pythons and all(_minor(version) >= 12 for version in pythons) else "jammy"


def _most(values: list[_Value], default: _Value) -> _Value:
    """The value that most jobs have, the first of them where it is a tie."""
    return max(values, key=values.count, default=default)


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _folder(pipeline: Pipeline) -> tuple[Item, ...]:
    """All phases run in one shell, and so in the project's folder from here on."""
    return (Item(f"cd {sh(pipeline.root)}", "the project's folder"),) if pipeline.root else ()


def _cached(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    found = ("$HOME" + p[1:] if p.startswith("~/") else p for cache in job.caches for p in cache.paths)
    return tuple(dict.fromkeys(files.below(pipeline.root, path) for path in found))


def _job(unit: Unit, pipeline: Pipeline, units: tuple[Unit, ...], root: Root, stage: str) -> JobView:
    job = unit.job
    first = _before_install(job, pipeline, units)
    install = () if job.finally_ else _setup(job)
    cache = () if job.deploys else _cached(job, pipeline)
    python = "" if in_container(job) or job.python == root.python else job.python
    runner = job.runner.on("travis")
    options = runner if isinstance(runner, dict) else {}
    view = JobView(
        stage=stage,
        name=unit.name,
        comment=_comment(job),
        condition=conditions.condition(job, pipeline),
        env=_env(unit, pipeline),
        secure=tuple(text for name, text in before.scoped(pipeline).items() if name in job.secret_names),
        git=_git(job, pipeline),
        python=python,
        size=str(options.get("size", "")),
        arch=str(options.get("arch", "")),
        docker=in_container(job) or job.docker or bool(job.services),
        cache=None if cache == root.cache else cache,
        create=unit.workspace if files.created(unit, pipeline.root) else "",
        created=files.created(unit, pipeline.root),
        use=tuple(u.workspace for maker, _ in files.takes(job, pipeline) for u in units if u.job.id == maker.id),
        before_install=() if _texts(first) == _texts(root.before_install) else first,
        install=() if (install or (Item("skip"),)) == root.install else install or (Item("skip"),),
        before_script=_heartbeat(pipeline) if pipeline.root else (),
        script=tuple(_script(unit)),
        after_success=_after_success(job),
        after_failure=_after_failure(job),
        after_script=tuple(_after_script(job)),
    )
    if pipeline.root:
        bare = in_container(job) or not job.python
        view = view._replace(language="generic" if bare else "python", dist=_dist([] if bare else [job.python]))
    said = dict(job.native).get("travis")
    return native(view, said, root) if isinstance(said, dict) else view


def native(view: JobView, said: dict[str, object], root: Root) -> JobView:
    """The job in Travis' own words, with what mlgen says of each job: its phases begin with those of the file."""
    words = dict(said)
    phases = {phase: _given(words.pop(phase)) for phase in PHASES if phase in said}
    for phase in ("before_install", "before_script"):
        if phase in phases:
            phases[phase] = (*(getattr(view, phase) or getattr(root, phase)), *phases[phase])
    if "script" in phases:
        phases["script"] += view.script
    view = view._replace(**phases, native=tuple(words.items()))  # type: ignore[arg-type]
    if "env" in words:
        env = words.pop("env")
        more = [f"{name}={sh(value)}" for name, value in env.items()] if isinstance(env, dict) else _texts(_given(env))
        view = view._replace(env=(*view.env, *more), native=tuple(words.items()))
    replaced = {"python": "", "arch": "", "language": "", "dist": ""}
    view = view._replace(**{key: value for key, value in replaced.items() if key in words})  # type: ignore[arg-type]
    if "vm" in words:
        view = view._replace(size="")
    if "services" in words:
        view = view._replace(docker=False)
    return view._replace(cache=None) if "cache" in words else view


def _given(value: object) -> tuple[Item, ...]:
    return tuple(_item(str(text), "") for text in (value if isinstance(value, list) else [value]))


def _texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def _comment(job: Job) -> str:
    found = [f"gates.{job.gate.name}"] if job.gate is not None else []
    found += [f"environments.{job.environment.name}"] if job.environment is not None else []
    found += [f"secrets: {', '.join(job.secret_names)}"] if job.secret_names else []
    return "; ".join(found)


def _env(unit: Unit, pipeline: Pipeline) -> tuple[str, ...]:
    job = unit.job
    own = dict((*pipeline.env, *job.env)) if pipeline.root else dict(job.env)
    values = [("MLGEN_JOB", job.id), *own.items(), *(unit.leg.values if unit.leg else ())]
    salts = [cache.salt for cache in job.caches if cache.salt] if not job.deploys else []
    # Part of the cache's key, as all public variables are: https://docs.travis-ci.com/user/caching.
    values += [("CACHE_NAME", "-".join(salts))] if salts else []
    found = [f"{name}={sh(value)}" for name, value in values]
    return (*found, "MLGEN_EXPORTS=$HOME/exports.env") if any(not e.file for e in job.exports) else tuple(found)


def _bare(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job does nothing at all, and so needs no repository."""
    return job.milestone and not before.question(job, pipeline)


def _git(job: Job, pipeline: Pipeline) -> tuple[tuple[str, object], ...]:
    if _bare(job, pipeline):
        return (("clone", False),)
    depth = before.depth(job)
    return () if depth is None else (("depth", depth or False),)


def _before_install(job: Job, pipeline: Pipeline, units: tuple[Unit, ...]) -> tuple[Item, ...]:
    if _bare(job, pipeline):
        return (Item("skip"),)
    unlisted = before.withdrawn(job, pipeline)
    found = [*_folder(pipeline), *([Item(f"unset {' '.join(unlisted)}")] if unlisted else [])]
    received = files.received(job, pipeline, units)
    decision = [Item(*each) for each in before.decision(job, pipeline)]
    # Where the job may not run at all, those whose files it receives may not have run either.
    found += [Item(each.command, each.comment) for each in received if not (decision and each.check)]
    found.append(Item("source .mlgen/env.sh"))
    if decision:
        found += [*decision, *(Item(each.command, each.comment) for each in received if each.check)]
    taken = [path for maker, names in files.takes(job, pipeline) for path in files.leg_paths(maker, names, None)]
    around: list[before.Command] = []
    if job.services or job.checkouts != (Checkout(),):
        from mlgen.targets.travis import beside

        around += beside.checkouts(job, taken, pipeline.root)
    more = [*around, *before.secrets(job)]
    if job.services:
        more += beside.services(job)
    more += before.container(job, pipeline) if in_container(job) else []
    found += [_item(*each) for each in more]
    spent = before.spent(job)
    return (*found, Item(f"unset {' '.join(spent)}", "not for the job's own scripts")) if spent else tuple(found)


def _item(text: str, comment: str) -> Item:
    return Item(text + "\n" if "\n" in text.rstrip("\n") and not text.endswith("\n") else text, comment)


def _setup(job: Job) -> tuple[Item, ...]:
    return _items(scripts.items(headed(job, job.setup, setup=True), in_container(job))) if job.setup else ()


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
        setup = " && ".join(scripts.items(headed(job, job.setup, setup=True), contained))
        found += _items([setup], "here, not in install: after_script runs even if it fails")
    after = scripts.PASSED if found else ""
    if job.gate is not None and not job.timeout and not job.retry:
        found += _items([f"{after} && {ci_py.gate(job.gate)}" if after else ci_py.gate(job.gate)])
    elif job.milestone:
        found.append(Item("true", "it waits for the stages before it"))
    else:
        for title, command, own in _commands(job):
            text = f"if {after}; then\n{own}\nfi" if own and after else own
            text = text or scripts.item(command, job.timeout, job.retry, contained, after)
            found += _items([text], title)
            after = scripts.PASSED
    return found + _handing_on(unit)


def _commands(job: Job) -> list[tuple[str, str, str]]:
    """The job's own scripts: title (of one of several), script, and instead of it what Travis' own bash is to run."""
    if job.gate is not None:
        return [("", ci_py.gate(job.gate), "")]
    if job.steps:
        return [(step.name, headed(job, step.run), _own(step)) for step in job.steps]
    return [("", headed(job, job.run), "")] if job.run else []


def _own(step: Step) -> str:
    said = step.on("travis")
    return str(said["script"]) if isinstance(said, dict) else ""


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
    if "${" in job.environment.url:
        line = f"{sh(job.environment.name + ': ')}{sh_template(job.environment.url)}"
        return (Item(f"source .mlgen/env.sh && echo {line}", "with the values that this job exports"),)
    return (Item(f"echo {sh(f'{job.environment.name}: {job.environment.url}')}"),)


def _after_failure(job: Job) -> tuple[Item, ...]:
    if not job.on_failure:
        return ()
    return (Item("export MLGEN_RESULT=failure"), *_items([_last(job, job.on_failure)]))


def _last(job: Job, script: str) -> str:
    """A script that follows the job's own, and sees how that ended."""
    text = scripts.item(headed(job, script), contained=in_container(job))
    return text.replace("docker exec ", "docker exec --env MLGEN_RESULT ", 1) if in_container(job) else text


def _after_script(job: Job) -> list[Item]:
    report = ci_py.report(job.reports._replace(summary=""))
    found = [Item(report)] if report else []
    if job.reports.summary:
        found.append(Item(f"cat -- {scripts.paths([job.reports.summary])}", "reports.summary"))
    if job.finally_:
        result = f"export MLGEN_RESULT=failure; if {scripts.PASSED}; then MLGEN_RESULT=success; fi"
        found.append(Item(result))
        found += _items([_last(job, job.finally_)])
    found += [Item(*each) for each in before.forget(job)]
    return found
