"""One job of the file: the values that `SeenJob` holds of it. https://docs.travis-ci.com/user/build-config-yaml"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mlgen.ir.paths import covers
from mlgen.named import NamedTuple
from mlgen.readback import Cached, Fetched, SeenJob, Served
from mlgen.readback.opaque import words_of
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.travis.read import helpers, scripts
from mlgen.targets.travis.read.config import Entry, Env, File, as_list, known
from mlgen.typed import Any

SILENCE = 600
"""Seconds without a line of output after which Travis ends a job: https://docs.travis-ci.com/user/customizing-the-build"""
USUAL = ("linux", "jammy", "focal", "noble")
"""Words for a machine that is like any other: its versions of Python are told by the job.
https://docs.travis-ci.com/user/reference/overview"""
EXPANDED = "a value that the shell expands"
_BUILD_DIR = "$TRAVIS_BUILD_DIR/"
_VARIABLE = regex(r"\$\{(\w+)\}")


class Native(NamedTuple):
    """A job as the file has it, besides what `SeenJob` tells."""

    entry: Entry
    env: Mapping[str, str]
    """Its literal variables, and those of the file beneath them."""
    seen: scripts.Seen
    workspace: str
    created: tuple[str, ...]
    """What its workspace holds, relative to the project's root."""
    uses: tuple[str, ...]
    """The names of the jobs of which it has the workspaces."""
    sealed: frozenset[str]
    """The encrypted secrets that it is given, or that all jobs are."""


def natives(file: File) -> dict[str, Native]:
    """The jobs by name; Unread where one says what this reader does not know."""
    read: dict[str, scripts.Seen] = {entry.name: scripts.read(entry) for entry in file.entries}
    shared = dict(file.env.literal)
    made: dict[str, Entry] = {}
    spaces = {entry.name: _workspaces(entry) for entry in file.entries}
    for entry in file.entries:
        name = spaces[entry.name][0]
        if name and made.setdefault(name, entry) is not entry:
            raise Unread(f"{entry.name}: {made[name].name} creates the workspace {name} too")
    found = {}
    for entry in file.entries:
        name, paths, used = spaces[entry.name]
        for each in used:
            if each not in made or made[each].stage >= entry.stage:
                raise Unread(f"{entry.name}: it uses the workspace {each}, which no earlier job creates")
        seen = read[entry.name]
        created = tuple(_path(path, seen.root) for path in paths)
        uses = tuple(made[each].name for each in used)
        found[entry.name] = Native(
            entry, {**shared, **dict(entry.env.literal)}, seen, name, created, uses, secure(entry.env, file.env)
        )
    return found


def _workspaces(entry: Entry) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The workspace that it creates, what is in it, and those that it uses.

    https://docs.travis-ci.com/user/using-workspaces
    """
    said = entry.said.get("workspaces", {})
    known(said, frozenset(("create", "use")), f"{entry.name}: workspaces")
    create = said.get("create", {})
    known(create, frozenset(("name", "paths")), f"{entry.name}: workspaces.create")
    paths = tuple(map(str, as_list(create.get("paths"))))
    return str(create.get("name", "")), paths, tuple(map(str, as_list(said.get("use"))))


def _path(path: str, root: str) -> str:
    """A path of a key as one of the project; keys are read in whatever folder the job is by then."""
    if not root or path.startswith(("$HOME/", "~/")):
        return path.replace("$HOME/", "~/", 1) if path.startswith("$HOME/") else path
    start = f"{_BUILD_DIR}{root}/"
    return path.removeprefix(start) if path.startswith(start) else f"/{path}"


def seen_job(job: Native, others: Mapping[str, Native], before: tuple[str, ...], unsets: frozenset[str]) -> SeenJob:
    """The values; `before` are the jobs of the stage before it, `unsets` what some job of the file takes away."""
    entry, seen = job.entry, job.seen
    said, container = entry.said, seen.container if _docker(entry) else None
    leg = {name: value for name, value in entry.env.literal if name != "MLGEN_JOB"}
    given = {n: v for n, v in job.env.items() if container is None or passes(container.passed, n)}
    kept = frozenset() if seen.milestone else unsets - seen.unset
    taken = tuple(_taken(job, others))
    names = [(new, old) for new, old in seen.names if old not in seen.unset]
    held = {*((name, name) for name in (*kept, *seen.logins)), *names}
    shown_to = tuple(sorted((new, old) for new, old in names if container is None or new in container.passed))
    return SeenJob(
        name=entry.name,
        job=dict(entry.env.literal).get("MLGEN_JOB", ""),
        route=entry.route,
        leg=tuple(sorted(leg.items())),
        needs=before,
        scripts=tuple(script._replace(secrets=shown_to) for script in seen.scripts),
        portable=seen.portable,
        image=container.image if container else "",
        python=str(said.get("python", "")) if said.get("language") == "python" else "",
        services=tuple(_services(job)),
        env=tuple(sorted({**given, **dict.fromkeys(entry.env.others, EXPANDED)}.items())),
        secrets=tuple(sorted(held)),
        takes=frozenset(path for _, path in taken),
        sources=frozenset(taken),
        hands=frozenset(job.created),
        requires=seen.requires,
        reports=frozenset(_expanded(path, leg) for path in seen.junit),
        exports=frozenset(seen.exports.values if seen.exports else ()),
        caches=tuple(_caches(job)),
        allow_failure=entry.may_fail,
        runner=_machine(said, entry.name),
        limit=None if seen.heartbeat or _judges(seen) else SILENCE,
        files=seen.files,
        permissions=_rights(job),
        checkouts=_checkouts(job),
        container=container.words if container else None,
        sees=frozenset(_sees(job, others, container)),
        shown=frozenset(_expanded(path, leg) for path in seen.shown),
        compares=frozenset(merged.job for merged in seen.compares),
        lists=seen.manifest in job.created if job.created else None,
        own=frozenset(_own(job)),
        sealed=job.sealed,
    )


def _own(job: Native) -> Iterator[str]:
    """The variables that are mlgen's own, with the value that they need."""
    yield "MLGEN_JOB"
    yield "CACHE_NAME"  # a part of the name of the job's cache
    if job.seen.exports:
        yield "MLGEN_EXPORTS"


def _services(job: Native) -> Iterator[Served]:
    """Containers, and what Travis starts on the machine: https://docs.travis-ci.com/user/database-setup"""
    for name in as_list(job.entry.said.get("services")):
        if name != "docker":
            yield Served(str(name), "of the machine")
    containers = job.seen.services if _docker(job.entry) else ()
    there = {helpers.variable_of(one.host): one for one in containers}
    if len(there) != len(containers):
        raise Unread(f"{job.entry.name}: two of its services have one name")
    for host, what in job.seen.awaits:
        one = there.get(helpers.variable_of(host))
        if one is None or (isinstance(what, str) and one.ready):
            raise Unread(f"{job.entry.name}: it waits for {what} of {host}, which is no service, or for more than that")
        waited = one.waited | {what} if isinstance(what, int) else one.waited
        ready = what if isinstance(what, str) else one.ready
        there[helpers.variable_of(host)] = one._replace(waited=waited, ready=ready)
    yield from there.values()


def passes(passed: Collection[str], name: str) -> bool:
    """Whether a variable of this name gets into the container."""
    return name in passed or name.startswith(("TRAVIS", "MLGEN_"))


def reaches(job: Native, name: str) -> bool:
    """Whether a variable of the repository's settings is there for the job's scripts under its own name.

    https://docs.travis-ci.com/user/environment-variables: all jobs are given all of them.
    """
    seen = job.seen
    if name in seen.unset or name in seen.spent or seen.milestone:
        return False
    return seen.container is None or name in seen.container.passed


def _rights(job: Native) -> frozenset[str] | None:
    """What the job's token may do, as far as the file tells: nothing where the job takes it away itself.

    With `keep_netrc`, the one that clones the repository is left: https://docs.travis-ci.com/user/private-dependencies
    """
    if job.entry.said.get("keep_netrc") is not False:
        return frozenset(("contents:write",))
    return frozenset() if "MLGEN_TOKEN" in job.seen.unset else None


def _docker(entry: Entry) -> bool:
    """Whether the machine has a Docker daemon: https://docs.travis-ci.com/user/docker"""
    return "docker" in as_list(entry.said.get("services"))


def _machine(said: Mapping[str, Any], name: str) -> str:
    """https://docs.travis-ci.com/user/reference/overview"""
    size = said.get("vm", {})
    known(size, frozenset(("size", "create")), f"{name}: vm")
    words = [size.get("size", ""), said.get("arch", ""), said.get("virt", ""), said.get("group", "")]
    words += [said.get("os", "linux"), said.get("dist", "")]
    if said.get("language", "generic") not in ("python", "generic", "minimal", "shell"):
        words.append(said["language"])
    if said.get("addons"):
        words.append(f"addons {words_of(said['addons'])}")
    return " ".join(str(word) for word in words if word not in ("", None, *USUAL))


def _judges(seen: scripts.Seen) -> bool:
    """Whether its command is a gate, which says something at once."""
    return any(script.text.startswith("python3 .mlgen/ci.py gate ") for script in seen.scripts)


def _caches(job: Native) -> Iterator[Cached]:
    """https://docs.travis-ci.com/user/caching: one cache, which a variable tells from those of other jobs."""
    said = job.entry.said.get("cache")
    if said in (None, False):
        return
    known(said, frozenset(("directories", "timeout")), f"{job.entry.name}: cache")
    paths = tuple(_path(str(path), job.seen.root) for path in as_list(said.get("directories")))
    yield Cached(paths, dict(job.entry.env.literal).get("CACHE_NAME", ""))


def _taken(job: Native, others: Mapping[str, Native]) -> Iterator[tuple[str, str]]:
    """What it receives and is still there when its own scripts start: the id of the job that made it, and the path."""
    stays = job.seen.stays
    for name in job.uses:
        for path in others[name].created:
            gone = any(covers(each, path) for each in job.seen.removed)
            if not gone and (stays is None or any(covers(_below(each, job), path) for each in stays)):
                yield dict(others[name].entry.env.literal).get("MLGEN_JOB", ""), path


def _below(path: str, job: Native) -> str:
    root = job.seen.root
    return path[len(root) + 1 :] if root and path.startswith(f"{root}/") else path


def exported(maker: Native) -> tuple[str, ...]:
    """The values that `.mlgen/env.sh` finds in the job's workspace, wherever that is used."""
    told = maker.seen.exports
    there = told and told.out in maker.created and told.out.startswith(".mlgen/exports/")
    return told.values if told and there else ()


def _sees(job: Native, others: Mapping[str, Native], container: helpers.Container | None) -> Iterator[str]:
    """The exported values that its scripts see."""
    for name in job.uses:
        for value in exported(others[name]):
            variable = value.partition("=")[0]
            if container is None or passes(container.passed, variable):
                yield variable


def _checkouts(job: Native) -> tuple[Fetched, ...]:
    """What Travis clones, unless it is taken away, and the repositories beside it.

    https://docs.travis-ci.com/user/customizing-the-build: 50 commits, and submodules all the way down.
    """
    git, seen = job.entry.said.get("git", {}), job.seen
    known(
        git,
        frozenset(("autocrlf", "clone", "depth", "lfs_skip_smudge", "quiet", "submodules")),
        f"{job.entry.name}: git",
    )
    beside = tuple(clone.fetched for clone in seen.clones)
    if git.get("clone") is False or seen.stays is not None:
        return beside
    depth = git.get("depth")
    submodules = "" if git.get("submodules") is False else "recursive"
    own = seen.own.fetched._replace(depth=0 if depth is False else depth, submodules=submodules)
    return (own, *beside)


def whole(job: Native) -> bool:
    """Whether the job has all of the history, as it needs to tell what has changed."""
    git: Mapping[str, Any] = job.entry.said.get("git", {})
    return git.get("clone") is not False and git.get("depth") is False


def _expanded(text: str, leg: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: leg.get(found[1], found[0]), text)


def secure(env: Env, shared: Env) -> frozenset[str]:
    """The encrypted entries that the job is given: https://docs.travis-ci.com/user/encryption-keys"""
    return frozenset((*env.secure, *shared.secure))
