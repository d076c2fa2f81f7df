"""The file as Travis takes it apart: the jobs with what they inherit, their stages, and the variables of each.

https://docs.travis-ci.com/user/build-config-yaml, https://config.travis-ci.com/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback import shell
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.rendered import document
from mlgen.targets.travis.read.expressions import Condition, parse
from mlgen.typed import Any

Data = dict[str, Any]

PHASES = (
    "before_install", "install", "before_script", "script", "before_cache", "after_success", "after_failure",
    "after_script",
)  # fmt: skip
"""In the order of https://docs.travis-ci.com/user/job-lifecycle; `deploy` and its phases are refused."""
INHERITED = frozenset((
    *PHASES, "addons", "arch", "cache", "compiler", "dist", "git", "group", "jdk", "keep_netrc", "language",
    "node_js", "go", "os", "perl", "php", "python", "r", "ruby", "rust", "rvm", "scala", "services", "sudo", "vm",
    "virt",
))  # fmt: skip
"""What a job takes from the file, unless it says otherwise itself: https://docs.travis-ci.com/user/build-matrix"""
AXES = frozenset((
    "arch", "compiler", "dist", "go", "jdk", "node_js", "os", "perl", "php", "python", "r", "ruby", "rust", "rvm",
    "scala", "virt",
))  # fmt: skip
"""Of which several make several jobs: https://docs.travis-ci.com/user/build-matrix"""
ROOT = frozenset((*INHERITED, "env", "if", "jobs", "notifications", "stages", "version"))
JOB = frozenset((*INHERITED, "env", "if", "name", "stage", "workspaces"))
_PLAIN = regex(r"([A-Za-z_]\w*)=([\w@%+:,./-]*)", re.ASCII)
_NAME = regex(r"[A-Za-z_]\w*", re.ASCII)


class Env(NamedTuple):
    """Variables: those with literal values, the names of all others, and encrypted entries."""

    literal: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    secure: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A job: all that it says or inherits but for its variables, which come on top of those of the file."""

    name: str
    at: int
    said: Data
    own: Data
    """What it says itself."""
    stage: int
    condition: Condition
    env: Env
    may_fail: bool

    @property
    def route(self) -> tuple[str | int, ...]:
        """Where it stands."""
        return ("jobs", "include", self.at)


class File(NamedTuple):
    """The whole file: whether an event makes a build at all, the variables of all jobs, and the jobs."""

    condition: Condition
    env: Env
    entries: tuple[Entry, ...]


def read(text: str, part: bool = False) -> File:
    """The file; Unread where it says something that this reader does not know.

    `part`: the repository's own file imports it, for one project of several. Of what stands there for all of them, only
    that no token stays is told: https://docs.travis-ci.com/user/build-config-imports
    """
    import yaml

    try:
        data = document(text)
    except yaml.YAMLError as fault:
        raise Unread(f"it is not YAML: {' '.join(str(fault).split())}") from fault
    known(data, ROOT, "the file")
    for key in AXES & data.keys():
        if isinstance(data[key], list) and len(data[key]) > 1:
            raise Unread(f"the file: {key} has several values, which multiply the jobs")
    if part and (more := data.keys() - {"stages", "jobs"}):
        raise Unread(f"the file: {', '.join(sorted(more))} would be for the jobs of all projects")
    jobs = data.get("jobs")
    known(jobs, frozenset(("allow_failures", "include")), "jobs")
    shared = data.get("env", {})
    known(shared, frozenset(("global",)), "env")  # a list of its own would multiply the jobs
    allowed = jobs.get("allow_failures", [])
    for each in allowed:
        known(each, JOB, "jobs.allow_failures")
        for key in INHERITED & each.keys() - data.keys():
            raise Unread(f"jobs.allow_failures: it asks for {key}, of which the file says nothing")
    stages = [_stage(name) for name in data.get("stages", [])]
    inherited = {key: value for key, value in data.items() if key in INHERITED}
    if part:
        inherited.setdefault("keep_netrc", False)
    entries, last = [], "test"
    for index, own in enumerate(jobs.get("include") or ()):
        where = f"jobs.include[{index}]"
        known(own, JOB, where)
        last = _stage(own.get("stage", last))
        if last not in stages:
            stages.append(last)
        said = {**inherited, **own}
        entries.append(
            Entry(
                str(own.get("name", where)),
                index,
                said,
                own,
                stages.index(last),
                _condition(own, where),
                environment(own.get("env"), where),
                any(all(said.get(key) == value for key, value in each.items()) for each in allowed),
            )
        )
    _unique([entry.name for entry in entries])
    return File(_condition(data, "the file"), environment(shared.get("global"), "env.global"), tuple(entries))


def known(said: Any, keys: frozenset[str], where: str) -> None:
    """Unread if it is no mapping, or has a key that is not among these."""
    if not isinstance(said, dict):
        raise Unread(f"{where}: not a mapping")
    for key in said:
        if key not in keys:
            raise Unread(f"{where}: the key {key} is not known")


def as_list(value: Any) -> list[Any]:
    """What may be one or many."""
    return [] if value is None else value if isinstance(value, list) else [value]


def _stage(name: Any) -> str:
    """Stages are one whatever their case: https://docs.travis-ci.com/user/build-stages"""
    if not isinstance(name, str):
        raise Unread(f"stages: {name!r} is no name")
    return name.lower()


def _condition(said: Mapping[str, Any], where: str) -> Condition:
    value = said.get("if", "")
    if not isinstance(value, str):
        raise Unread(f"{where}: if: {value!r} is no condition")
    try:
        return parse(value)
    except Unread as fault:
        raise Unread(f"{where}: {fault}") from fault


def _unique(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Unread(f"two jobs are called {name}")


def environment(said: Any, where: str) -> Env:
    """The variables of an `env`: https://docs.travis-ci.com/user/environment-variables"""
    literal: list[tuple[str, str]] = []
    others, secure = [], []
    for entry in as_list(said):
        if isinstance(entry, dict) and set(entry) == {"secure"}:
            secure.append(str(entry["secure"]))
            continue
        texts = [f"{name}={value}" for name, value in entry.items()] if isinstance(entry, dict) else [str(entry)]
        for text in texts:
            for name, value in _assigned(text, where):
                literal += [(name, value)] if value is not None else []
                others += [name] if value is None else []
    return Env(tuple(literal), tuple(others), tuple(secure))


def _assigned(text: str, where: str) -> Iterator[tuple[str, str | None]]:
    """The variables that a text of shell sets, with their values; None where the shell has to expand it."""
    if found := _PLAIN.fullmatch(text):
        yield found[1], found[2]
        return
    # https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/env/var.rb: `\'` does not end a word there.
    if "\\'" in text:
        raise Unread(f"{where}: env: Travis misreads `{text}`")
    try:
        words = shlex.split(text)
    except ValueError as fault:
        raise Unread(f"{where}: env: `{text}` cannot be read: {fault}") from fault
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise Unread(f"{where}: env: `{text}` sets no variable")
        yield name, value if shell.is_fixed(text) else None
