"""The units of a file as the values that `SeenJob` holds of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from mlgen.readback import Cached, Fetched, Script, SeenJob, shell
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.jenkins.read import helpers
from mlgen.targets.jenkins.read.jenkinsfile import Stage
from mlgen.targets.jenkins.read.noted import FOREIGN, Ran
from mlgen.targets.jenkins.read.steps import HOME
from mlgen.targets.jenkins.read.units import ENVIRONMENT, Unit

_PYTHON = regex(r"(?:docker\.io/)?(?:library/)?python:(\d+(?:\.\d+)*)(?:-.*)?")
_SLOT = "\0env:BUILD_TAG"
_HOME = "\0env:HOME/"
TOKEN = "MLGEN_TOKEN"  # noqa: S105 - the name of a credential and its variable
"""A token of the code host, which a person has put there."""
_OWN = frozenset((*ENVIRONMENT, "HOME", "IMAGE", "MLGEN_JOB", "MLGEN_RESULT", "PORTS", "READY", "SERVICE"))


class Stashes:
    """Which files travel by which name."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.made: dict[str, Unit] = {}
        self.paths: dict[str, tuple[str, ...]] = {}
        self.values: dict[str, tuple[str, ...]] = {}
        """The exported values in each file of them."""
        for unit in units:
            for name, (count, paths) in unit.good.noted.gives.items():
                if name in self.made:
                    raise Unread(f"line {unit.line}: two stashes are called {name}")
                if count < len(unit.main):
                    raise Unread(f"line {unit.line}: {unit.name} hands on {name} before its last command")
                self.made[name], self.paths[name] = unit, paths
            for _, found in unit.good.noted.outputs:
                if found.out:
                    self.values[found.out] = tuple(each.partition("=")[0] for each in found.exports)

    def of(self, unit: Unit) -> Iterator[str]:
        """The stashes that a unit receives or may receive."""
        noted = unit.good.noted
        for name in (*noted.takes, *(name for _, names in noted.some for name in names)):
            if name not in self.made:
                raise Unread(f"line {unit.line}: {unit.name} receives {name}, which nobody makes")
            yield name


def seen_jobs(units: dict[str, Unit], checkouts: bool) -> tuple[SeenJob, ...]:
    """All of them; `checkouts`: a stage with an agent checks out the repository by itself."""
    stashes = Stashes(units.values())
    found = [_seen(unit, stashes, checkouts, [units[name] for name in unit.needs]) for unit in units.values()]
    slots: dict[str, set[str]] = {}
    for job in found:
        if job.lock.startswith(_SLOT):
            slots.setdefault(job.job, set()).add(job.lock)
    return tuple(
        job._replace(leg=job.env, parallel=len(slots[job.job]), lock="" if job.lock in slots[job.job] else job.lock)
        if job.job in slots
        else job._replace(leg=job.env)
        for job in found
    )


def _seen(unit: Unit, stashes: Stashes, checkouts: bool, before: list[Unit]) -> SeenJob:
    noted = unit.good.noted
    agent = unit.stage.agent if unit.stage else None
    if agent and noted.asks:
        raise Unread(f"line {unit.line}: {unit.name} holds a machine while it waits for a person")
    image = noted.image or (agent.image if agent else "")
    opened = [helpers.opened(script.text, bool(noted.identities)) for script in unit.main]
    ends = [helpers.opened(script.text, bool(noted.identities)) for _, script, _ in unit.after]
    outputs = [found for count, found in noted.outputs if count >= len(unit.main)]
    python = _PYTHON.fullmatch(image)
    secrets = [pair for pair in noted.secrets if pair[1] != TOKEN]
    if agent and agent.login:
        secrets += [("", f"{agent.login}#username"), ("", f"{agent.login}#password")]
    fetched = noted.fetched
    if agent and not fetched and checkouts:
        fetched = [Fetched()]
    root = _root(unit)
    paths = [path for name in stashes.of(unit) for path in stashes.paths[name]]
    gives = [path for _, found in noted.gives.values() for path in found]
    appends = any(each.exports for each in opened)
    container, entry = _container(noted.args or (agent.args if agent else ""))
    asked = [one.good.noted for one in before if one.good.noted.asks]
    labels = noted.labels or ([agent.label] if agent else [""])
    return SeenJob(
        name=unit.name,
        job=unit.job,
        route=(unit.line,) if unit.line else (),
        needs=tuple(unit.needs),
        scripts=tuple(_scripts(unit, opened, ends, root)),
        portable=_portable(unit, opened, ends),
        image=image,
        python=python[1] if python else "",
        services=tuple(noted.services),
        env=tuple(sorted(_variables(unit, opened).items())),
        secrets=tuple(sorted(secrets)),
        takes=frozenset(_below(root, paths)),
        hands=frozenset(_below(root, gives)),
        requires=frozenset(path for found in outputs for path in found.requires),
        reports=frozenset(_below(root, noted.junit)) if unit.kept else frozenset(),
        kept=frozenset(_below(root, noted.archived)),
        exports=frozenset(
            value for found in outputs for value in found.exports if "=" in value or (found.collects and appends)
        ),
        caches=tuple(_caches(noted.caches, bool(image))),
        lock=noted.lock,
        allow_failure=unit.permitted,
        runner=labels[0],
        own=frozenset(),
        files=frozenset(noted.files),
        permissions=frozenset(["*"] if ("MLGEN_TOKEN", TOKEN) in noted.secrets else []),
        identities=frozenset(noted.identities),
        checkouts=tuple(fetched),
        container=container,
        parallel=0,
        sees=frozenset(value for path in paths for value in stashes.values.get(_plain(root, path), ())),
        shown=frozenset(_shown(noted.shown, root)) | frozenset(_below(root, noted.archived)),
        compares=frozenset(noted.compares),
        lists=any(found.lists for found in outputs),
        approvers=asked[0].approvers if len(asked) == 1 else None,
        patience=asked[0].patience if len(asked) == 1 else None,
        started=entry,
        seeds=frozenset(noted.seeds),
        apart=True,
        tidy=noted.tidy and unit.tidy if agent or noted.labels else None,
        idle=_idle(unit.stage),
    )


def _idle(stage: Stage | None) -> bool:
    """Whether the stage takes a machine or a lock before its condition is looked at."""
    if stage is None or not stage.when:
        return False
    return (stage.lock is not None and stage.early != "beforeOptions") or (stage.agent is not None and not stage.early)


def _container(args: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of `docker run`, and those by which the container is started."""
    words = ["--user" if word == "-u" else word for word in shlex.split(args)]
    start = "--entrypoint="
    entry = (part for word in words if word.startswith(start) for part in word.removeprefix(start).split() or [""])
    return tuple(word for word in words if not word.startswith(start)), tuple(entry)


def _root(unit: Unit) -> str:
    """The folder in which all that the unit does happens."""
    folders = {script.folder for script in unit.main}
    if len(folders) > 1:
        raise Unread(f"line {unit.line}: {unit.name} runs in {' and '.join(sorted(folders))}")
    return folders.pop() if folders else ""


def _plain(root: str, path: str) -> str:
    return path.removeprefix(f"{root}/") if root else path


def _below(root: str, paths: Iterable[str]) -> Iterator[str]:
    """Paths of the repository as those of the project."""
    for path in paths:
        yield path if not root else path[len(root) + 1 :] if path.startswith(f"{root}/") else f"/{path}"


def _shown(shown: Iterable[str], root: str) -> Iterator[str]:
    for each in shown:
        kind, _, path = each.partition(":")
        yield f"{kind}:{next(_below(root, [path]))}"


def _caches(caches: Iterable[Cached], contained: bool) -> Iterator[Cached]:
    """In a container `~` is the project's folder, so that a cache in it may be one of either."""
    for one in caches:
        (path,) = one.paths
        outside = path.startswith(_HOME)
        yield one._replace(
            paths=(f"~/{path.removeprefix(_HOME)}" if outside else path,), home=contained and not outside
        )


def _variables(unit: Unit, opened: list[helpers.Opened]) -> dict[str, str]:
    """The variables that its scripts see, without those of the target itself, which have just the value they need."""
    env = dict(unit.main[0].env) if unit.main else dict(unit.good.noted.env)
    home = env.get("HOME")
    if home is not None and not home.startswith(HOME):
        raise Unread(f"line {unit.line}: {unit.name}: HOME is {home}")
    if any(dict(script.env) != env for script in unit.main):
        raise Unread(f"line {unit.line}: {unit.name}: its commands see different variables")
    found = {name: value for name, value in env.items() if name not in _OWN and not name.startswith("MLGEN_RESULT_")}
    return found | {name: "" for each in opened for name in each.blank}


def _portable(unit: Unit, opened: list[helpers.Opened], ends: list[helpers.Opened]) -> bool:
    """Whether the portable variables are there: of a gate, ci.py reads what it needs by itself."""
    shells = [each for script, each in zip(unit.main, opened) if FOREIGN not in script.more]
    if any(not (each.portable or shell.call(shell.readings(each.text)[-1].command)[0] == "gate") for each in shells):
        return False
    passed = unit.good.noted.passed >= len(unit.main)
    for (when, after, success), end in zip(unit.after, ends):
        inner = dict(after.env).get("MLGEN_RESULT", end.told)
        told = dict(success.env).get("MLGEN_RESULT", end.told) if success else "failure"
        fine = (inner, told) == ("failure", "success") or (inner == told == "either" and passed)
        if when == "failure":
            fine = inner == "failure"
        if not end.portable or not fine:
            return False
    return True


def _scripts(unit: Unit, opened: list[helpers.Opened], ends: list[helpers.Opened], root: str) -> Iterator[Script]:
    for script, said in zip(unit.main, opened):
        yield _script(unit, script, said, "success", root)
    for (when, script, _), said in zip(unit.after, ends):
        yield _script(unit, script, said, when, root)


def _script(unit: Unit, script: Ran, said: helpers.Opened, when: str, root: str) -> Script:
    secrets = tuple(sorted(pair for pair in script.secrets if pair[1] != TOKEN))
    own = "a step of Jenkins" in script.more
    more = script.more if said.strict or own else (*script.more, "sh -xe instead of bash -euo pipefail")
    if script.folder != root:
        raise Unread(f"line {script.line}: {unit.name}: a script runs in {script.folder or 'another folder'}")
    return Script(said.text, when, "", 1, 0, secrets, (script.line,), more=more)  # type: ignore[arg-type]
