"""Runs a compiled config on this machine: workflow, workspaces, approvals, steps in bash, one job after the other.

From https://circleci.com/docs/reference/configuration-reference/. Not here: time limits, serial groups, checksums.
A job gets a folder of its own as home; `/tmp/` in the config stands for a folder in it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tests.targets.circleci.expressions import ExpressionError, evaluate, inserted


class Invocation(NamedTuple):
    """One job of the workflow, with its parameters filled in."""

    name: str
    key: str
    type: str
    requires: tuple[tuple[str, tuple[str, ...]], ...]
    contexts: tuple[str, ...]
    environment: dict[str, Any]
    shell: str
    steps: list[Any]
    group: str
    image: str


def parsed(text: str) -> dict[str, Any]:
    """The file, read by another parser than mlgen's own."""
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


class Pipeline:
    """One run of the config: `values` are the pipeline values, `parameters` what the trigger passes."""

    def __init__(
        self, config: str | dict[str, Any], values: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
    ) -> None:
        self.config = parsed(config) if isinstance(config, str) else config
        declared = self.config.get("parameters") or {}
        unknown = set(parameters or {}) - set(declared)
        if unknown:
            raise ExpressionError(f"Unexpected argument(s): {unknown}")
        self.values = dict(values)
        for name, said in declared.items():
            self.values[f"pipeline.parameters.{name}"] = _typed(said, (parameters or {}).get(name, said["default"]))
        (self.flow,) = self.config["workflows"].values()
        self.invocations = self._invocations()

    def _invocations(self) -> dict[str, Invocation]:
        """What is left after filters: requirements that are filtered out are ignored, unless all of them are."""
        found: dict[str, Invocation] = {}
        aliases: dict[str, list[str]] = {}
        filtered: set[str] = set()
        for entry in self.flow["jobs"]:
            key, said = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            runs = "filters" in said and bool(evaluate(said["filters"], self.values))
            for leg in _legs(said):
                made = self._invocation(key, said, leg)
                aliases.setdefault(key if leg else made.name, []).append(made.name)
                assert made.name not in found, f"{made.name} is invoked twice"
                found[made.name] = made
                if not runs:
                    filtered.add(made.name)
        for name, job in found.items():
            needs = [(one, how) for need, how in job.requires for one in aliases[need]]
            found[name] = job._replace(requires=tuple(needs))
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

    def _invocation(self, key: str, said: dict[str, Any], leg: dict[str, str]) -> Invocation:
        values = {**self.values, **{f"matrix.{axis}": value for axis, value in leg.items()}}
        name = inserted(said.get("name", key), values)
        job = self.config["jobs"].get(key, {})
        given = {**said, **leg}
        own = dict(self.values)
        for parameter, declared in (job.get("parameters") or {}).items():
            own[f"parameters.{parameter}"] = _typed(declared, given.get(parameter, declared.get("default")))
        executor = self._executor(job, own)
        environment = {**executor.get("environment", {}), **inserted(job.get("environment", {}), own)}
        needs = []
        for need in said.get("requires", []):
            one, how = next(iter(need.items())) if isinstance(need, dict) else (need, "success")
            statuses = ("success", "failed", "canceled", "not_run") if how == "terminal" else (how,)
            needs.append((one, statuses))
        contexts = tuple(said.get("context", []))
        shell = executor.get("shell", "/bin/bash -eo pipefail")
        kind = said.get("type") or job.get("type") or "build"
        steps = self._steps(job.get("steps", []), own)
        group = inserted(said.get("serial-group", ""), values)
        image = executor.get("docker", [{"image": ""}])[0]["image"]
        return Invocation(name, key, kind, tuple(needs), contexts, environment, shell, steps, group, image)

    def _executor(self, job: dict[str, Any], own: Mapping[str, Any]) -> Any:
        """The named executor, with its parameters inserted: reference/reusing-config/#using-parameters-in-executors"""
        named = inserted(job.get("executor"), own)
        given = dict(named) if isinstance(named, dict) else {"name": named}
        said = self.config["executors"].get(given.pop("name"), {})
        values = dict(self.values)
        for name, declared in said.get("parameters", {}).items():
            values[f"parameters.{name}"] = _typed(declared, given.pop(name, declared.get("default")))
        assert not given, f"{job.get('executor')} gives what its executor does not ask for"
        return inserted(said, values)

    def _steps(self, steps: list[Any], values: Mapping[str, Any]) -> list[Any]:
        found = []
        for step in steps:
            kind, given = next(iter(step.items())) if isinstance(step, dict) else (step, {})
            command = self.config["commands"].get(kind)
            if command is None:
                found.append((kind, inserted(given, values)))
                continue
            arguments = inserted(given, values)
            own = dict(self.values)
            for name, declared in (command.get("parameters") or {}).items():
                own[f"parameters.{name}"] = _typed(declared, arguments.get(name, declared.get("default")))
            found += self._steps(command["steps"], own)
        return found

    def order(self) -> list[str]:
        """The jobs, each after those that it requires."""
        left, found = dict(self.invocations), []
        while left:
            free = [name for name, job in left.items() if not any(need in left for need, _ in job.requires)]
            assert free, f"jobs require each other: {list(left)}"
            found += free
            for name in free:
                del left[name]
        return found

    def ancestors(self, name: str) -> set[str]:
        """All that the job requires, directly or not."""
        needs = {need for need, _ in self.invocations[name].requires}
        return needs.union(*(self.ancestors(need) for need in needs))


def _typed(said: dict[str, Any], value: Any) -> Any:
    wanted = {"string": str, "integer": int, "boolean": bool, "enum": str, "executor": str}[said["type"]]
    if type(value) is not wanted or (said["type"] == "enum" and value not in said["enum"]):
        raise ExpressionError(f"Type error: {value!r} is no {said['type']}")
    return value


def _legs(said: dict[str, Any]) -> list[dict[str, str]]:
    legs: list[dict[str, str]] = [{}]
    for axis, values in said.get("matrix", {}).get("parameters", {}).items():
        legs = [{**leg, axis: value} for leg in legs for value in values]
    return legs


class Machine:
    """Runs the jobs of a pipeline on this machine."""

    def __init__(
        self,
        work: Path,
        repository: Path,
        contexts: Mapping[str, Mapping[str, str]] | None = None,
        approved: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        path: Iterable[Path] = (),
        caches: Path | None = None,
    ) -> None:
        self.caches = caches
        self.work, self.repository = work, repository
        self.contexts, self.approved, self.variables = contexts or {}, set(approved), dict(variables or {})
        bin_ = work / "bin"
        bin_.mkdir(parents=True)
        agent = bin_ / "circleci-agent"
        agent.write_text('#!/bin/sh\n[ "$*" = "step halt" ] && touch "$HALT"\n', "utf-8")
        agent.chmod(0o755)
        self.path = os.pathsep.join([*map(str, path), str(bin_), os.environ["PATH"]])
        self.status: dict[str, str] = {}
        self.logs: dict[str, str] = {}

    def run(self, pipeline: Pipeline) -> dict[str, str]:
        """What became of each job: success, failed, not_run, or on_hold for an approval that nobody gave."""
        for name in pipeline.order():
            job = pipeline.invocations[name]
            if self.status.get(name) in ("success", "failed"):  # of an earlier call
                continue
            if any(self.status[need] not in how for need, how in job.requires):
                self.status[name] = "not_run"
            elif job.type == "approval":
                self.status[name] = "success" if name in self.approved else "on_hold"
            elif job.type == "no-op":
                self.status[name] = "success"
            else:
                self.status[name] = "success" if self._job(pipeline, job) else "failed"
        return self.status

    def take_over(self, other: Machine, *jobs: str) -> None:
        """Start where the other machine has run these jobs with success."""
        assert all(other.status[job] == "success" for job in jobs), other.logs
        self.status.update(dict.fromkeys(jobs, "success"))
        shutil.copytree(other.work / "workspace", self.work / "workspace")

    def _job(self, pipeline: Pipeline, job: Invocation) -> bool:
        home = self.work / "jobs" / job.name
        project = home / "project"
        (home / "tmp").mkdir(parents=True)
        project.mkdir()
        environment = self._environment(job, home)
        good, log = True, []
        for kind, said in job.steps:
            if (home / "halt").exists():
                break
            if kind == "run":
                when = said.get("when", "on_success")
                if when == "always" or good == (when == "on_success"):
                    ended, text = self._command(job, said, home, environment)
                    good, log = good and ended, [*log, text]
            elif good or kind.startswith("store_"):
                good = self._builtin(pipeline, job, kind, said, home) and good
        self.logs[job.name] = "\n".join(log)
        return good

    def _environment(self, job: Invocation, home: Path) -> dict[str, str]:
        found = {"PATH": self.path, "LANG": "C.UTF-8", "HOME": str(home), "CIRCLECI": "true", "CIRCLE_JOB": job.name}
        for context in job.contexts:
            found.update(self.contexts[context])
        found.update(self.variables)
        found.update({name: _plain(value) for name, value in job.environment.items()})
        found.update(BASH_ENV=str(home / "bash_env"), HALT=str(home / "halt"))
        (home / "bash_env").touch()
        return found

    def _command(
        self, job: Invocation, said: dict[str, Any], home: Path, environment: dict[str, str]
    ) -> tuple[bool, str]:
        script = home / "command.sh"
        script.write_text(said["command"].replace("/tmp/", f"{home}/tmp/"), "utf-8", newline="")
        own = {name: _plain(value) for name, value in said.get("environment", {}).items()}
        text = ""
        for _ in range(1 + said.get("max_auto_reruns", 0)):
            done = subprocess.run(
                [*shlex.split(said.get("shell", job.shell)), str(script)],
                cwd=home / "project",
                env={**environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            text += done.stdout.decode(errors="replace")
            if done.returncode == 0:
                return True, text
        return False, text

    def _builtin(self, pipeline: Pipeline, job: Invocation, kind: str, said: dict[str, Any], home: Path) -> bool:
        project = home / "project"
        if kind == "checkout":
            subprocess.run(["git", "clone", "-q", str(self.repository), "."], cwd=project, check=True)
            return True
        if kind == "attach_workspace":
            return self._attach(pipeline, job, Path(said["at"].replace("/tmp/", f"{home}/tmp/")))
        if kind == "persist_to_workspace":
            layer = self.work / "workspace" / job.name
            return _copied(project / said["root"], said["paths"], layer)
        if kind in ("store_artifacts", "store_test_results"):
            _copied(project, [said["path"]], self.work / kind / job.name)
            return True
        assert kind in ("restore_cache", "save_cache"), kind
        if self.caches is not None:
            (self._restore if kind == "restore_cache" else self._save)(self.caches, said, project)
        return True

    def _key(self, text: str) -> str:
        """A key that branch and revision alone make; of others this machine keeps nothing."""
        for name, variable in ((".Branch", "CIRCLE_BRANCH"), (".Revision", "CIRCLE_SHA1")):
            text = text.replace("{{ " + name + " }}", self.variables.get(variable, ""))
        return "" if "{{" in text else text.replace("/", "%")

    def _save(self, caches: Path, said: dict[str, Any], project: Path) -> None:
        """What is saved under a key is never changed."""
        key = self._key(said["key"])
        if key and not (caches / key).exists():
            assert _copied(project, said["paths"], caches / key)

    def _restore(self, caches: Path, said: dict[str, Any], project: Path) -> None:
        """The first key of which a cache begins with it; of several, the newest."""
        for key in filter(None, map(self._key, said["keys"])):
            found = sorted(caches.glob(f"{key}*"), key=lambda path: path.stat().st_mtime_ns)
            if found:
                shutil.copytree(found[-1], project, dirs_exist_ok=True)
                return

    def _attach(self, pipeline: Pipeline, job: Invocation, at: Path) -> bool:
        """One layer a job; two jobs of which none requires the other must not have the same file."""
        at.mkdir(parents=True)
        owners: dict[str, str] = {}
        ancestors = pipeline.ancestors(job.name)
        for name in pipeline.order():
            layer = self.work / "workspace" / name
            if name not in ancestors or not layer.exists():
                continue
            for file in filter(Path.is_file, layer.rglob("*")):
                relative = str(file.relative_to(layer))
                if relative in owners and owners[relative] not in pipeline.ancestors(name):
                    self.logs[job.name] = f"{relative} is of {owners[relative]} and of {name}"
                    return False
                owners[relative] = name
            shutil.copytree(layer, at, dirs_exist_ok=True)
        return True


def _plain(value: Any) -> str:
    """An entry of `environment` as the job sees it."""
    if value is None or value == "":
        return "<nil>"
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:e}" if isinstance(value, int) and value > 999999 else str(value)


def _copied(root: Path, patterns: list[str], to: Path) -> bool:
    """Copies what Go's filepath.Match finds (no `**`); false if that is nothing."""
    found = False
    for pattern in patterns:
        assert "**" not in pattern
        for path in root.glob(pattern):
            found = True
            target = to / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, dirs_exist_ok=True)
            else:
                shutil.copy2(path, target)
    return found


def event(kind: str, attributes: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The pipeline values and the built-in variables of an event: https://circleci.com/docs/reference/variables/."""
    branch = attributes.get("head", "topic") if kind == "pull_request" else attributes.get("branch", "")
    tag = attributes.get("tag", "")
    name = {"push": "push", "tag": "push", "manual": "api"}.get(kind, kind)
    values: dict[str, Any] = {
        "pipeline.event.name": name,
        "pipeline.git.branch": branch,
        "pipeline.git.tag": tag,
        "pipeline.git.repo_url": "https://github.com/example/features",
        "pipeline.git.repo_owner": attributes.get("owner", "example"),
        "pipeline.git.repo_name": "features",
        "pipeline.number": 1234567,
        "pipeline.project.slug": "circleci/organization/project",
    }
    if name == "push":
        values["pipeline.event.github.ref"] = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}"
    if kind == "pull_request":
        base = "pipeline.event.github.pull_request"
        values.update({f"{base}.base.ref": attributes["branch"], f"{base}.base.sha": "b" * 40, f"{base}.number": 7})
    variables = {"CIRCLE_BRANCH": branch, "CIRCLE_TAG": tag, "CIRCLE_SHA1": "a" * 40, "CIRCLE_WORKFLOW_ID": "w-1"}
    return values, {name: value for name, value in variables.items() if value}
