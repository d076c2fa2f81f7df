"""What a .travis.yml says for one request: the jobs of its build, stage by stage.

Written from https://docs.travis-ci.com and the sources of travis-yml (expansion) and travis-build (variables). A key
that this module does not know is an error, so that nothing in a config can be without effect here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from .conditions import holds

SLUG = "example/project"
PHASES = ("before_install", "install", "before_script", "script", "before_cache")
AFTER = ("after_success", "after_failure", "after_script")


class ConfigError(ValueError):
    """Travis, or this interpreter, does not take the config."""


class Event(NamedTuple):
    """A request for a build; `request_env` is what a request over the API adds to `env.global`.

    `head` is the head of a pull request, whose merge into the tip of `branch` is built; without one it is made up, and
    the tip itself is built. `base` is the commit that a push is compared with.
    """

    type: str = "push"
    branch: str = "main"
    tag: str = ""
    head_branch: str = ""
    head_repo: str = ""
    repo: str = SLUG
    request_env: tuple[str, ...] = ()
    message: str = ""
    base: str = f"{'0' * 39}1"
    head: str = ""

    @property
    def fork(self) -> bool:
        """Whether it is a pull request from another repository, which gets no secrets."""
        return self.type == "pull_request" and self.head_repo != self.repo


_MACHINE = ("os", "dist", "language", "python", "arch", "vm", "git", "cache", "addons", "services", "keep_netrc")
_JOB = (*PHASES, *AFTER, *_MACHINE, "workspaces")
_KNOWN: dict[str, tuple[str, ...]] = {
    "the file": (*_JOB, "version", "if", "env", "stages", "jobs", "import"),
    "an import": ("source", "mode"),
    "a job": (*_JOB, "stage", "name", "if", "env"),
    "jobs": ("include", "allow_failures"),
    "allow_failures": ("name", "stage", "env", "python", "os", "dist", "arch"),
    "a stage": ("name", "if"),
    "env": ("global",),
    "git": ("depth", "clone", "submodules", "lfs_skip_smudge", "quiet"),
    "vm": ("size",),
    "cache": ("directories", "timeout"),
    "workspaces": ("use", "create"),
    "create": ("name", "paths"),
    "addons": ("apt",),
    "apt": ("packages", "update"),
}
#: https://docs.travis-ci.com/user/reference/overview/ and https://docs.travis-ci.com/user/billing-overview/
_VALUES: dict[str, tuple[Any, ...]] = {
    "os": ("linux",),
    "dist": ("focal", "jammy", "noble"),
    "language": ("python", "generic", "shell", "minimal"),
    "arch": ("amd64", "arm64", "ppc64le", "s390x"),
    "keep_netrc": (True, False),
}
_SIZES = ("medium", "large", "x-large", "2x-large", "gpu-medium", "gpu-xlarge")


def known(what: str, said: Any) -> dict[str, Any]:
    """The mapping, all of whose keys are known."""
    if not isinstance(said, dict):
        raise ConfigError(f"{what}: {said!r} is no mapping")
    if unknown := [key for key in said if key not in _KNOWN[what]]:
        raise ConfigError(f"{what}: unknown {', '.join(map(str, unknown))}")
    return said


def parse(text: str) -> dict[str, Any]:
    """The file as data, read by a YAML library other than the one that mlgen itself uses."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def imported(config: Mapping[str, Any], read: Callable[[str], str]) -> dict[str, Any]:
    """The config with what it imports merged in; `read` gives the text of a file of the repository by its path.

    https://docs.travis-ci.com/user/build-config-imports/: in this mode mappings are merged, key by key, lists of the
    imported file go behind those that are there, and of other values those of the importing file hold.
    """
    found = {key: value for key, value in config.items() if key != "import"}
    for entry in as_list(config.get("import")):
        said = known("an import", entry)
        if said["mode"] != "deep_merge_append":
            raise ConfigError(f"the mode {said['mode']} of an import is not known")
        found = _merged(found, imported(parse(read(said["source"])), read))
    return found


def _merged(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {
            **theirs,
            **{key: _merged(value, theirs[key]) if key in theirs else value for key, value in ours.items()},
        }
    return [*ours, *theirs] if isinstance(ours, list) and isinstance(theirs, list) else ours


def as_list(value: Any) -> list[Any]:
    """A phase, or another value that may be one or many."""
    return [] if value is None else value if isinstance(value, list) else [value]


# https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/env/var.rb
_VARIABLE = re.compile(
    r"(\w+)=((?:[^\"'`\ ]?(\"|'|`).*?((?<!\\)\3))+|(?:[^\$]?\$\(.*?\))+|[^\"'\ ]+|(?=\s)|\Z)",
)


def variables(entries: Sequence[Any]) -> list[tuple[str, str]]:
    """Names and values of `env` entries, which are not secrets; the values are still shell words."""
    plain = [entry for entry in entries if isinstance(entry, str)]
    return [(found[1], found[2]) for entry in plain for found in _VARIABLE.finditer(entry)]


def secrets(entries: Sequence[Any], secure: Mapping[str, str]) -> list[tuple[str, str]]:
    """The variables of the entries that are ciphertexts, which `secure` maps to NAME=value."""
    texts = [entry["secure"] for entry in entries if not isinstance(entry, str)]
    if lost := [text for text in texts if text not in secure]:
        raise ConfigError(f"cannot decrypt {lost}")
    return variables([secure[text] for text in texts])


def _plain(word: str) -> str:
    quoted = re.fullmatch(r"([\"'])(.*)\1", word)
    return quoted[2] if quoted else word


def global_env(config: Mapping[str, Any]) -> list[Any]:
    """The entries of env.global."""
    return as_list(known("env", config.get("env") or {}).get("global"))


def data(config: Mapping[str, Any], event: Event, own: Sequence[Any]) -> dict[str, Any]:
    """What the conditions of a build, or of a job with variables of its own, see."""
    env = [*global_env(config), *event.request_env, *own]
    return {
        "type": event.type,
        "branch": event.tag or event.branch,
        "tag": event.tag or None,
        "repo": event.repo,
        "head_repo": event.head_repo or None,
        "head_branch": event.head_branch or None,
        "fork": False,
        "commit_message": event.message,
        "os": "linux",
        "dist": config.get("dist"),
        "language": config.get("language"),
        "env": {name: _plain(value) for name, value in variables(env)},
    }


def expand(config: Mapping[str, Any], event: Event) -> list[list[dict[str, Any]]]:
    """The jobs of the build, stage by stage; no stages if the root condition does not hold."""
    check(config)
    if not holds(str(config.get("if", "")), data(config, event, ())):
        return []
    inherited = {key: config[key] for key in config.keys() - {"if", "jobs", "env", "stages", "version"}}
    jobs: list[dict[str, Any]] = []
    stage = "test"
    for entry in config["jobs"]["include"]:
        stage = entry.get("stage", stage)
        job = {**inherited, **entry, "stage": stage}
        if holds(str(entry.get("if", "")), data(config, event, as_list(entry.get("env")))) and job not in jobs:
            jobs.append(job)
    listed = [{"name": each} if isinstance(each, str) else known("a stage", each) for each in config.get("stages", [])]
    names = dict.fromkeys(
        name.lower() for name in [*(each["name"] for each in listed), *(job["stage"] for job in jobs)]
    )
    off = {each["name"].lower() for each in listed if not holds(str(each.get("if", "")), data(config, event, ()))}
    stages = [[job for job in jobs if job["stage"].lower() == name] for name in names if name not in off]
    return [members for members in stages if members]


def check(config: Mapping[str, Any]) -> None:
    """Refuse what is not known, anywhere in the file."""
    if "import" in known("the file", config):
        raise ConfigError("what the file imports is not merged in: see `imported`")
    if not str(config.get("version", "")).startswith("~> 1.0"):
        raise ConfigError(f"version {config.get('version')!r}")
    jobs = known("jobs", config["jobs"])
    for entry in as_list(jobs.get("allow_failures")):
        known("allow_failures", entry)
    names = [known("a job", entry)["name"] for entry in jobs["include"]]
    if len(names) != len(set(names)) or len(names) > 200:
        raise ConfigError(f"two jobs of one name, or too many: {names}")
    for holder in (config, *jobs["include"]):
        _check_values(holder)


def _check_values(holder: Mapping[str, Any]) -> None:
    for key, values in _VALUES.items():
        if holder.get(key, values[0]) not in values:
            raise ConfigError(f"{key}: {holder[key]!r}")
    if not isinstance(holder.get("python", ""), str):
        raise ConfigError(f"python: {holder['python']!r}")
    if "vm" in holder and known("vm", holder["vm"])["size"] not in _SIZES:
        raise ConfigError(f"vm: {holder['vm']}")
    for key in ("git", "addons"):
        known(key, holder.get(key) or {})
    known("apt", (holder.get("addons") or {}).get("apt") or {})
    if holder.get("cache") not in (None, False):
        known("cache", holder["cache"])
    workspaces = known("workspaces", holder.get("workspaces") or {})
    create = known("create", workspaces.get("create") or {})
    for name in [*as_list(workspaces.get("use")), *([create["name"]] if create else [])]:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ConfigError(f"a workspace named {name!r}")
    if create and create["name"] in as_list(workspaces.get("use")):
        raise ConfigError(f"a job creates the workspace {create['name']} that it uses")
    if other := [service for service in as_list(holder.get("services")) if service != "docker"]:
        raise ConfigError(f"services: {other}")
