"""A job of a workflow: what verify is told of it, and what decides whether it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import SeenJob
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch
from mlgen.targets.github.read import plan
from mlgen.targets.github.read.around import address, login, served, variable_of
from mlgen.targets.github.read.contexts import On, contexts
from mlgen.targets.github.read.expressions import Contexts, Expression
from mlgen.targets.github.read.files import Upload
from mlgen.targets.github.read.portable import Environment, environment, variables_given
from mlgen.targets.github.read.steps import Download, Place, Steps, read_steps
from mlgen.targets.github.read.templates import condition, names, value
from mlgen.targets.github.read.values import Known, text_of
from mlgen.typed import Any

_KEYS = {
    "name", "needs", "if", "runs-on", "container", "services", "timeout-minutes", "continue-on-error", "permissions",
    "environment", "concurrency", "strategy", "outputs", "env", "steps", "defaults", "uses", "with", "secrets",
}  # fmt: skip
_LIMIT = 360 * 60
"""https://docs.github.com/en/actions/reference/limits#existing-system-limits"""
_SCOPES = {"pull-requests": "pull_requests", "actions": "pipelines"}


class Workflow(NamedTuple):
    """What the file says for all of its jobs."""

    on: On
    root: str
    env: Mapping[str, Any]


class Native(NamedTuple):
    """What decides about a job: see `decide`."""

    name: str
    needs: tuple[str, ...]
    test: Expression
    implicit: bool
    """Whether the test stands for `success() && (…)`: it asks for no status itself."""
    permitted: bool
    job: str
    refs: tuple[str, ...]
    approval: bool
    downloads: tuple[Download, ...]
    looks: bool
    """Whether it looks for what it has received, and fails without."""
    uploads: tuple[Upload, ...]
    judge: Expression | None
    outputs: Mapping[str, tuple[str, str] | plan.Answer]
    """By name: an exported value and the text that it is compared with, or what answers for an event."""
    base: frozenset[str]
    """The outputs that are the commit to compare with."""
    changed: frozenset[str]
    """The outputs that tell what differs from a commit."""
    told: Mapping[str, str]
    """Variables that tell how others ended, as the file has them."""
    lock: str


class Read(NamedTuple):
    """A job of the file: its legs, and what decides about it."""

    native: Native
    legs: tuple[SeenJob, ...]
    steps: tuple[Steps, ...]
    environment: Environment


def read_job(name: str, data: Mapping[str, Any], workflow: Workflow) -> Read:
    """The job; Unread says what cannot be read."""
    route = ("jobs", name)
    if not isinstance(data, dict) or data.keys() - _KEYS:
        unknown = ", ".join(map(str, sorted(data.keys() - _KEYS))) if isinstance(data, dict) else "no mapping"
        raise Unread(f"jobs.{name}: {unknown} is not known")
    seen = environment(data.get("env") or {}, workflow.env, workflow.on)
    legs = list(_legs(name, data.get("strategy")))
    steps: list[Steps] = []
    if "steps" in data:
        place = Place(workflow.root, {}, seen.secrets, bool(legs[0]))
        steps = [read_steps(data["steps"], place._replace(axes=leg), (*route, "steps")) for leg in legs]
    _defaults(name, data, steps, workflow)
    jobs = [_seen(name, data, workflow, leg, steps[n] if steps else None, seen) for n, leg in enumerate(legs)]
    return Read(_native(name, data, steps[0] if steps else None, seen, jobs[0].job), tuple(jobs), tuple(steps), seen)


def _defaults(name: str, data: Mapping[str, Any], steps: list[Steps], workflow: Workflow) -> None:
    """Another folder than the project's is for jobs that look at no file of it, and that compare the repository's."""
    if "defaults" not in data:
        if workflow.root and any(told.changed for found in steps for told in found.answers.values()):
            raise Unread(f"jobs.{name}: git looks for the repository's paths in the folder {workflow.root}")
        return
    if data["defaults"] != {"run": {"working-directory": "."}} or any(found.scripts for found in steps):
        raise Unread(f"jobs.{name}.defaults: is not known")


def _legs(name: str, strategy: object) -> Iterator[dict[str, Any]]:
    """The values of each leg; one without any where there is no matrix.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix
    """
    if strategy is None:
        yield {}
        return
    known = {"fail-fast", "max-parallel", "matrix"}
    if not isinstance(strategy, dict) or strategy.keys() - known or not isinstance(strategy.get("matrix"), dict):
        raise Unread(f"jobs.{name}.strategy: is not known")
    if strategy.get("fail-fast") is not False:
        raise Unread(f"jobs.{name}.strategy: a leg that fails cancels the others (`fail-fast`)")
    axes = strategy["matrix"]
    if "include" in axes:
        if len(axes) > 1 or not all(isinstance(row, dict) for row in axes["include"]):
            raise Unread(f"jobs.{name}.strategy.matrix: `include` beside axes is not known")
        yield from axes["include"]
        return
    rows: list[dict[str, Any]] = [{}]
    for axis, values in axes.items():
        if axis == "exclude" or not isinstance(values, list):
            raise Unread(f"jobs.{name}.strategy.matrix.{axis}: is not known")
        rows = [{**row, axis: each} for row in rows for each in values]
    yield from rows


def _seen(
    name: str,
    data: Mapping[str, Any],
    workflow: Workflow,
    leg: Mapping[str, Any],
    steps: Steps | None,
    env: Environment,
) -> SeenJob:
    matrix = Contexts({"matrix": Known({str(axis).lower(): each for axis, each in leg.items()})})
    own = {variable: text_of(value(said, matrix)) for variable, said in env.axes.items()}
    container = data.get("container") or {}
    container = {"image": container} if isinstance(container, str) else container
    if set(container) - {"image", "credentials", "options"}:
        raise Unread(f"jobs.{name}.container: has a key that is not known")
    strategy = data.get("strategy") or {}
    return SeenJob(
        name=name,
        job=_id(data, env),
        route=("jobs", name),
        leg=tuple(sorted(own.items())),
        needs=needs_of(data),
        scripts=tuple(steps.scripts) if steps else (),
        portable=steps.portable and env.whole if steps else True,
        image=_image(container.get("image", ""), matrix, workflow),
        python=steps.python if steps else "",
        services=tuple(served(name, data, steps.waited if steps else {}, env.given)),
        env=tuple(sorted({**env.literal, **own}.items())),
        secrets=tuple(sorted(_secrets(data, workflow, env, steps))),
        requires=frozenset(steps.requires) if steps else frozenset(),
        reports=frozenset(steps.reports) if steps else frozenset(),
        exports=frozenset(steps.exports) if steps else frozenset(),
        caches=tuple(steps.caches) if steps else (),
        environment=_environment(name, data, steps),
        lock=_lock(name, data, workflow.on),
        allow_failure=_permitted(name, data),
        runner=json.dumps(_each(data.get("runs-on"), matrix), sort_keys=True),
        own=frozenset(_hosts(data)),
        guarded=bool(steps and steps.guard),
        refs=frozenset(steps.guard.refs) if steps and steps.guard else None,
        deployment=_deployment(data),
        login=login(container),
        fresh=steps.fresh if steps else None,
        url=address(_place(data).get("url"), leg, workflow.on),
        grants=frozenset((key, address(each, leg, workflow.on)) for key, each in steps.grants) if steps else None,
        system=_system(data.get("runs-on")),
        limit=_minutes(name, data),
        files=frozenset(steps.files) if steps else None,
        permissions=_permissions(name, data, steps),
        identities=frozenset(steps.identities) if steps else None,
        checkouts=tuple(steps.checkouts) if steps else None,
        container=tuple(str(container.get("options", "")).split()),
        parallel=strategy.get("max-parallel", 0),
        shown=frozenset(steps.shown) if steps else None,
        compares=frozenset(steps.merged) if steps else None,
        lists=bool(steps.lists) if steps else None,
    )


def _id(data: Mapping[str, Any], env: Environment) -> str:
    """The spec's id; a job that calls another workflow has no variables, and tells it by its name."""
    if "uses" in data:
        stage, sign, name = str(data.get("name", "")).partition(" / ")
        return f"{stage}.{name}" if sign else ""
    return env.job


def needs_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The jobs that it needs."""
    said = data.get("needs") or ()
    return (said,) if isinstance(said, str) else tuple(said)


def _each(said: object, contexts: Contexts) -> object:
    if isinstance(said, str):
        return value(said, contexts)
    if isinstance(said, list):
        return [_each(each, contexts) for each in said]
    if isinstance(said, dict):
        return {key: _each(each, contexts) for key, each in said.items()}
    return said


def _image(said: str, matrix: Contexts, workflow: Workflow) -> str:
    """The image, with what the run tells as the portable variables have it."""
    return variables_given(said, matrix, workflow.on) if "${{" in said else said


def _hosts(data: Mapping[str, Any]) -> Iterator[str]:
    """The variables that hold the services' host names; what they hold is looked at with these."""
    return (variable_of(str(host)) for host in data.get("services") or {})


def _secrets(
    data: Mapping[str, Any], workflow: Workflow, env: Environment, steps: Steps | None
) -> Iterator[tuple[str, str]]:
    """All that reach the job in any way, each with the variable if it is one."""
    found = set(env.secrets)
    for script in steps.scripts if steps else ():
        found.update(script.secrets)
    told = {name for _, name in found}
    for each in {name for part in (data, workflow.env) for name in names(part)}:
        context, sign, name = each.partition(".")
        if context == "secrets" and not sign:
            raise Unread("the whole of `secrets` is handed on")
        if context in ("secrets", "vars") and name.lower() not in map(str.lower, told) and name != "github_token":
            found.add(("", name.upper()))
    if data.get("secrets") == "inherit":
        raise Unread("`secrets: inherit` hands on all secrets")
    yield from found


def _environment(name: str, data: Mapping[str, Any], steps: Steps | None) -> str:
    said = _place(data)
    if set(said) - {"name", "url", "deployment"} or "${{" in str(said.get("name", "")):
        raise Unread(f"jobs.{name}.environment: is not known")
    return str(said.get("name", ""))


def _place(data: Mapping[str, Any]) -> Mapping[str, Any]:
    said = data.get("environment") or {}
    return {"name": said} if isinstance(said, str) else said


def _system(said: object) -> str:
    """https://docs.github.com/en/actions/reference/runners/github-hosted-runners"""
    name, _, version = said.partition("-") if isinstance(said, str) else ("", "", "")
    known = {"ubuntu": "linux", "windows": "windows", "macos": "macos"}
    return known.get(name, "") if version.replace(".", "").isalnum() else ""


def _deployment(data: Mapping[str, Any]) -> bool:
    """https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/control-deployments"""
    return bool(data.get("environment")) and _place(data).get("deployment", True) is not False


def _lock(name: str, data: Mapping[str, Any], said: On) -> str:
    """The job's lock on a push; on other events it may be another one: see `decide`."""
    return text_of(value(_group(name, data), Contexts(contexts(said, Event("push", "b")))))


def _group(name: str, data: Mapping[str, Any]) -> str:
    """The job's lock; a run that waits for one is never cancelled.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idconcurrency
    """
    if "concurrency" not in data:
        return ""
    said = data["concurrency"]
    if not isinstance(said, dict) or set(said) != {"group", "queue"} or said["queue"] != "max":
        raise Unread(f"jobs.{name}.concurrency: does not queue all that wait, or cancels one of them")
    return str(said["group"])


def _permitted(name: str, data: Mapping[str, Any]) -> bool:
    said = data.get("continue-on-error", False)
    if not isinstance(said, bool):
        raise Unread(f"jobs.{name}.continue-on-error: is not known")
    return said


def _minutes(name: str, data: Mapping[str, Any]) -> int:
    said = data.get("timeout-minutes", _LIMIT // 60)
    if not isinstance(said, int) or said < 1:
        raise Unread(f"jobs.{name}.timeout-minutes: is no number of minutes")
    return said * 60


def _permissions(name: str, data: Mapping[str, Any], steps: Steps | None) -> frozenset[str]:
    """Of the token. That it may ask for identity tokens is told by these, where it does."""
    said = data.get("permissions", {})
    if not isinstance(said, dict):
        raise Unread(f"jobs.{name}.permissions: all of one kind")
    found = {_SCOPES.get(scope, scope): access for scope, access in said.items() if access != "none"}
    if found.get("id-token") == "write" and steps and steps.identities:
        del found["id-token"]
    return frozenset(f"{scope}:{access}" for scope, access in found.items())


def _native(name: str, data: Mapping[str, Any], steps: Steps | None, env: Environment, job: str) -> Native:
    test = condition(str(data.get("if", "success()")))
    guard = steps.guard if steps else None
    outputs, base, changed = _outputs(name, data, steps)
    place = _environment(name, data, steps)
    if guard and guard.environment != place:
        raise Unread(f"jobs.{name}: its guard asks about {guard.environment}, and its environment is {place}")
    return Native(
        name=name,
        needs=needs_of(data),
        test=test,
        implicit=not test.functions & {"success", "failure", "cancelled", "always"},
        permitted=_permitted(name, data),
        job=job,
        refs=guard.refs if guard else (),
        approval=bool(guard and guard.approval),
        downloads=tuple(steps.downloads) if steps else (),
        looks=bool(steps and steps.looks),
        uploads=tuple(steps.uploads) if steps else (),
        judge=condition(steps.judge) if steps and steps.judge else None,
        outputs=outputs,
        base=base,
        changed=changed,
        told=env.results,
        lock=_group(name, data),
    )


def _outputs(
    name: str, data: Mapping[str, Any], steps: Steps | None
) -> tuple[dict[str, tuple[str, str] | plan.Answer], frozenset[str], frozenset[str]]:
    found: dict[str, tuple[str, str] | plan.Answer] = {}
    base, changed = set(), set()
    asked = steps.answers if steps else {}
    for output, said in (data.get("outputs") or {}).items():
        source = fullmatch(r"\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) \}\}", str(said))
        step, key = (source[1], source[2]) if source else ("", "")
        if steps and step in steps.outputs and key in steps.outputs[step]:
            found[output] = steps.outputs[step][key]
        elif step in asked and key in asked[step].answers:
            found[output] = asked[step].answers[key]
            base |= {output} if key in asked[step].base else set()
            changed |= {output} if key in asked[step].changed else set()
        else:
            raise Unread(f"jobs.{name}.outputs.{output}: `{said}` is what no step tells")
    return found, frozenset(base), frozenset(changed)
