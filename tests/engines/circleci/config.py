"""What a CircleCI config says for one event: the jobs of its workflow, with parameters, executors and steps resolved.

From https://circleci.com/docs/reference/configuration-reference/. A key that this module does not know is an error, so
that nothing in a config can be without effect here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from .expressions import ExpressionError, evaluate, inserted

STATUSES = ("success", "failed", "canceled", "unauthorized", "not_run")


class ConfigError(ExpressionError):
    """CircleCI, or this interpreter, does not take the config."""


class Executor(NamedTuple):
    """Where the steps run: `images` has the job's own image first, then its services'; none on a machine."""

    images: tuple[dict[str, Any], ...]
    machine: str
    shell: str
    directory: str
    environment: dict[str, Any]


class Invocation(NamedTuple):
    """One job of the workflow, with its parameters filled in."""

    name: str
    key: str
    type: str
    requires: tuple[tuple[str, tuple[str, ...]], ...]
    contexts: tuple[str, ...]
    executor: Executor
    environment: dict[str, Any]
    nodes: int
    steps: list[tuple[str, dict[str, Any]]]
    group: str

    @property
    def image(self) -> str:
        """The job's own image; empty on a machine."""
        found: str = self.executor.images[0]["image"] if self.executor.images else ""
        return found


_JOB_KEYS = "docker machine executor resource_class shell working_directory environment"
_KNOWN = {
    "config": "version parameters executors commands jobs workflows",
    "executor": f"parameters {_JOB_KEYS.replace(' executor', '')}",
    "job": f"type parameters parallelism steps {_JOB_KEYS}",
    "command": "description parameters steps",
    "workflow": "jobs when unless",
    "invocation": "name type requires filters context matrix serial-group",
    "matrix": "parameters exclude alias",
    "image": "image user auth environment command entrypoint name",
    "auth": "username password",
    "machine": "image docker_layer_caching",
    "parameter": "type default description enum",
}
_STEPS = {
    "checkout": "path",
    "run": "name command shell environment background working_directory no_output_timeout when"
    " max_auto_reruns auto_rerun_delay",
    "attach_workspace": "at",
    "persist_to_workspace": "root paths",
    "restore_cache": "key keys name",
    "save_cache": "key paths name when",
    "store_artifacts": "path destination",
    "store_test_results": "path",
    "setup_remote_docker": "version docker_layer_caching",
    "when": "condition steps",
    "unless": "condition steps",
}
_TYPES = {"string": str, "integer": int, "boolean": bool, "enum": str, "executor": str, "steps": list}


def known(what: str, said: Any, more: str = "") -> dict[str, Any]:
    """The mapping, all of whose keys are known."""
    if not isinstance(said, dict):
        raise ConfigError(f"{what}: {said!r} is no mapping")
    allowed = (_KNOWN.get(what) or _STEPS[what]).split() + more.split()
    if unknown := [key for key in said if key not in allowed]:
        raise ConfigError(f"{what}: unknown {', '.join(map(str, unknown))}")
    return said


def parsed(text: str) -> dict[str, Any]:
    """The file, read by another parser than mlgen's own."""
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


class Pipeline:
    """One run of a workflow of the config: `values` are the pipeline values, `parameters` what the trigger passes."""

    def __init__(
        self,
        config: str | dict[str, Any],
        values: Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        workflow: str = "",
    ) -> None:
        self.config = known("config", parsed(config) if isinstance(config, str) else config)
        if self.config["version"] != 2.1:
            raise ConfigError(f"version {self.config['version']!r}")
        declared = self.config.get("parameters") or {}
        if unknown := set(parameters or {}) - set(declared):
            raise ExpressionError(f"Unexpected argument(s): {unknown}")
        self.values = dict(values)
        for name, said in declared.items():
            value = (parameters or {}).get(name, known("parameter", said)["default"])
            self.values[f"pipeline.parameters.{name}"] = _typed(said, value)
        flows = self.config["workflows"]
        self.name = workflow or next(iter(flows))
        if not workflow and len(flows) != 1:
            raise ConfigError(f"there are {len(flows)} workflows")
        self.flow = known("workflow", flows[self.name])
        runs = logic(self.flow.get("when", True), self.values) and not logic(
            self.flow.get("unless", False), self.values
        )
        self.invocations = self._invocations() if runs else {}

    # ---- the workflow

    def _invocations(self) -> dict[str, Invocation]:
        """What is left after filters: requirements that are filtered out are ignored, unless all of them are."""
        found: dict[str, Invocation] = {}
        aliases: dict[str, list[str]] = {}
        filtered: set[str] = set()
        for entry in self.flow["jobs"]:
            key, said = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            # A job without filters runs on branches, and never on tags.
            runs = evaluate(said["filters"], self.values) if "filters" in said else not self.values["pipeline.git.tag"]
            for leg in _legs(said.get("matrix")):
                made = self._invocation(key, said, leg)
                alias = said.get("matrix", {}).get("alias", key) if leg else made.name
                aliases.setdefault(alias, []).append(made.name)
                if made.name in found:
                    raise ConfigError(f"{made.name} is invoked twice")
                found[made.name] = made
                if not runs:
                    filtered.add(made.name)
        groups = [job.group for job in found.values() if job.group]
        if len(groups) != len(set(groups)):
            raise ConfigError(f"a serial-group twice in a workflow: {groups}")
        for name, job in found.items():
            if lost := [need for need, _ in job.requires if need not in aliases]:
                raise ConfigError(f"{name} requires {lost}, which no job is named")
            found[name] = job._replace(
                requires=tuple((one, how) for need, how in job.requires for one in aliases[need])
            )
        while more := {
            name
            for name, job in found.items()
            if name not in filtered and job.requires and all(need in filtered for need, _ in job.requires)
        }:
            filtered |= more
        return {
            name: job._replace(requires=tuple(need for need in job.requires if need[0] not in filtered))
            for name, job in found.items()
            if name not in filtered
        }

    def _invocation(self, key: str, said: dict[str, Any], leg: dict[str, Any]) -> Invocation:
        job = self.config["jobs"].get(key)
        if job is None and said.get("type") != "approval":
            raise ConfigError(f"no job is named {key}")
        job = known("job", job or {})
        declared = job.get("parameters") or {}
        known("invocation", said, " ".join(declared))
        values = {**self.values, **{f"matrix.{axis}": value for axis, value in leg.items()}}
        default = "-".join([key, *(str(leg[axis]) for axis in sorted(leg))])
        own = self._own({**said, **leg}, declared, self.values)
        kind = said.get("type") or job.get("type") or "build"
        if kind not in ("build", "approval", "no-op"):
            raise ConfigError(f"a job of type {kind}")
        return Invocation(
            inserted(said.get("name", default), values),
            key,
            kind,
            tuple(_requirement(need) for need in said.get("requires", [])),
            tuple(said.get("context", [])),
            self._executor(job, own) if kind == "build" else Executor((), "", "", "", {}),
            inserted(job.get("environment", {}), own),
            int(inserted(job.get("parallelism", 1), own)),
            list(self._steps(job.get("steps", []), own)) if kind == "build" else [],
            inserted(said.get("serial-group", ""), values),
        )

    def _own(self, given: dict[str, Any], declared: dict[str, Any], outer: dict[str, Any]) -> dict[str, Any]:
        """The values inside a job or command: the pipeline's, and its own parameters."""
        found = dict(self.values)
        for name, said in declared.items():
            value = inserted(given.get(name, known("parameter", said).get("default")), outer)
            found[f"parameters.{name}"] = _typed(said, value)
        return found

    # ---- what a job is made of

    def _executor(self, job: dict[str, Any], own: dict[str, Any]) -> Executor:
        named = inserted(job.get("executor"), own)
        base: dict[str, Any] = {}
        if named is not None:
            name = named if isinstance(named, str) else named["name"]
            if name not in (self.config.get("executors") or {}):
                raise ConfigError(f"no executor is named {name}")
            base = known("executor", self.config["executors"][name])
            arguments = {} if isinstance(named, str) else {k: v for k, v in named.items() if k != "name"}
            base = inserted(base, self._own(arguments, base.get("parameters") or {}, own))
        said = {**base, **inserted({k: job[k] for k in _JOB_KEYS.split() if k in job and k != "environment"}, own)}
        images = tuple(known("image", image) for image in said.get("docker", []))
        for image in images:
            known("auth", image.get("auth", {}))
        machine = known("machine", said["machine"])["image"] if "machine" in said else ""
        if bool(images) == bool(machine):
            raise ConfigError(f"a job needs docker or a machine: {said}")
        environment = {**(images[0].get("environment", {}) if images else {}), **base.get("environment", {})}
        shell = said.get("shell", "/bin/bash -eo pipefail")
        return Executor(images, machine, shell, said.get("working_directory", "~/project"), environment)

    def _steps(self, steps: list[Any], values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for step in steps:
            kind, given = next(iter(step.items())) if isinstance(step, dict) else (step, {})
            command = (self.config.get("commands") or {}).get(kind)
            if command is not None:
                declared = known("command", command).get("parameters") or {}
                if unknown := set(given) - set(declared):
                    raise ConfigError(f"{kind}: unknown argument {unknown}")
                yield from self._steps(command["steps"], self._own(given, declared, values))
            elif kind in ("when", "unless"):
                condition = logic(known(kind, given)["condition"], values)
                if condition == (kind == "when"):
                    yield from self._steps(given["steps"], values)
            elif kind in _STEPS:
                said = {"command": given} if kind == "run" and isinstance(given, str) else given
                yield kind, inserted(known(kind, said), values)
            else:
                raise ConfigError(f"no step is named {kind}")

    # ---- the graph

    def order(self) -> list[str]:
        """The jobs, each after those that it requires."""
        left, found = dict(self.invocations), []
        while left:
            free = [name for name, job in left.items() if not any(need in left for need, _ in job.requires)]
            if not free:
                raise ConfigError(f"jobs require each other: {list(left)}")
            found += free
            for name in free:
                del left[name]
        return found

    def ancestors(self, name: str) -> set[str]:
        """All that the job requires, directly or not."""
        needs = {need for need, _ in self.invocations[name].requires}
        return needs.union(*(self.ancestors(need) for need in needs))


def _requirement(need: Any) -> tuple[str, tuple[str, ...]]:
    one, how = next(iter(need.items())) if isinstance(need, dict) else (need, "success")
    statuses = STATUSES if how == "terminal" else (how,) if isinstance(how, str) else tuple(how)
    if not set(statuses) <= set(STATUSES):
        raise ConfigError(f"{one} in the status {how}")
    return one, statuses


def _typed(said: dict[str, Any], value: Any) -> Any:
    wanted = _TYPES[said["type"]]
    if type(value) is not wanted or (said["type"] == "enum" and value not in said["enum"]):
        raise ExpressionError(f"Type error: {value!r} is no {said['type']}")
    return value


def _legs(matrix: dict[str, Any] | None) -> list[dict[str, Any]]:
    if matrix is None:
        return [{}]
    axes = known("matrix", matrix)["parameters"]
    legs = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    return [leg for leg in legs if leg not in matrix.get("exclude", [])]


def logic(said: Any, values: Mapping[str, Any]) -> bool:
    """A logic statement, or an expression: https://circleci.com/docs/reference/configuration-reference/#logic-statements"""
    if isinstance(said, str) and "<<" not in said:
        return bool(evaluate(said, values))
    if isinstance(said, dict):
        ((operator, operand),) = said.items()
        if operator == "and":
            return all(logic(one, values) for one in operand)
        if operator == "or":
            return any(logic(one, values) for one in operand)
        if operator == "not":
            return not logic(operand, values)
        if operator == "equal":
            first, *others = (inserted(one, values) for one in operand)
            return all(type(one) is type(first) and one == first for one in others)
        if operator == "matches":
            return re.fullmatch(operand["pattern"], inserted(operand["value"], values)) is not None
        raise ConfigError(f"no logic statement is named {operator}")
    return inserted(said, values) not in (False, None, 0, "")


def event(kind: str, attributes: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The pipeline values and the built-in variables of an event: https://circleci.com/docs/reference/variables/

    `attributes` may hold branch (of a pull request: the target), tag, head and base (of a pull request: the source and
    the commit that it is compared with), commit, owner and repository. What an event lacks has no value.
    """
    branch = attributes.get("head", "topic") if kind == "pull_request" else attributes.get("branch", "")
    tag = attributes.get("tag", "")
    owner, repository = attributes.get("owner", "example"), attributes.get("repository", "features")
    name = {"push": "push", "tag": "push", "manual": "api"}.get(kind, kind)
    values: dict[str, Any] = {
        "pipeline.event.name": name,
        "pipeline.git.branch": branch,
        "pipeline.git.tag": tag,
        "pipeline.git.revision": attributes.get("commit", "a" * 40),
        "pipeline.git.repo_url": f"https://github.com/example/{repository}",
        "pipeline.git.repo_owner": owner,
        "pipeline.git.repo_name": repository,
        "pipeline.number": 1234567,
        "pipeline.project.slug": "circleci/organization/project",
    }
    if name == "push":
        values["pipeline.event.github.ref"] = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}"
    if kind == "pull_request":
        base = "pipeline.event.github.pull_request"
        values[f"{base}.base.ref"] = attributes["branch"]
        values[f"{base}.base.sha"] = attributes.get("base", "b" * 40)
        values[f"{base}.number"] = 7
    variables = {"CIRCLE_BRANCH": branch, "CIRCLE_TAG": tag, "CIRCLE_WORKFLOW_ID": "w-1"}
    return values, {name: value for name, value in variables.items() if value}
