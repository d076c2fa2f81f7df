"""Runs the jobs of a CircleCI workflow on this machine, one after the other, each in a home folder of its own.

What a real job has for itself stands below that folder: `~`, and `/tmp/`, which is replaced in the config's text.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..tools import git
from . import process
from .config import Invocation, Pipeline

#: What `circleci-agent` and `circleci` are asked for inside a job. A token tells what it was made for.
_AGENT = """#!/bin/bash
case $* in
  'step halt') touch "$ENGINE_HOME/halt" ;;
  'run oidc get --claims '*) [ -n "${CIRCLE_OIDC_TOKEN_V2-}" ] && printf 'token of %s for %s' "$CIRCLE_JOB" "$5" ;;
  *) echo "no such command: circleci $*" >&2; exit 1 ;;
esac
"""


class JobError(Exception):
    """A job ends with this message before its next step."""


class Machine:
    """Runs the jobs of a pipeline on this machine.

    `contexts` holds the variables of each context, `project` those of the project; `approved` names the approvals that
    somebody gives, `refused` those after which somebody cancels. `services` has a command for each image that may stand
    beside a job's own. `fork`: the run is of a fork's pull request, to which secrets are not passed. `scale` shortens
    `no_output_timeout`. `after_halt`: whether steps that always run do so after a halt, which is documented nowhere.
    """

    def __init__(
        self,
        work: Path,
        repository: Path,
        contexts: Mapping[str, Mapping[str, str]] | None = None,
        approved: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        path: Iterable[Path] = (),
        caches: Path | None = None,
        *,
        project: Mapping[str, str] | None = None,
        services: Mapping[str, Sequence[str]] | None = None,
        refused: Iterable[str] = (),
        fork: bool = False,
        scale: float = 1.0,
        after_halt: bool = False,
    ) -> None:
        self.work, self.repository, self.caches = work, repository, caches or work / "caches"
        self.contexts, self.project = ({} if fork else contexts or {}), ({} if fork else dict(project or {}))
        self.approved, self.refused, self.services = set(approved), set(refused), dict(services or {})
        self.fork, self.scale, self.after_halt = fork, scale, after_halt
        self.variables = {"CIRCLE_SHA1": git(repository, "rev-parse", "HEAD").strip(), **(variables or {})}
        bin_ = work / "bin"
        bin_.mkdir(parents=True)
        self.caches.mkdir(parents=True, exist_ok=True)
        for name in ("circleci-agent", "circleci"):
            (bin_ / name).write_text(_AGENT, "utf-8")
            (bin_ / name).chmod(0o755)
        self.path = os.pathsep.join([*map(str, path), str(bin_), os.environ["PATH"]])
        self.status: dict[str, str] = {}
        self.logs: dict[str, str] = {}
        self.started: list[str] = []

    def run(self, pipeline: Pipeline) -> dict[str, str]:
        """What became of each job: success, failed, canceled, not_run, unauthorized, or on_hold for an approval.

        A second call goes on where approvals have been given since.
        """
        for name in pipeline.order():
            job = pipeline.invocations[name]
            if self.status.get(name) in ("success", "failed"):
                continue
            if any(self.status[need] not in how for need, how in job.requires):
                self.status[name] = "not_run"
            elif job.type == "approval":
                self.status[name] = (
                    "canceled" if name in self.refused else "success" if name in self.approved else "on_hold"
                )
            elif job.type == "no-op":
                self.status[name] = "success"
            elif lost := [context for context in job.contexts if context not in self.contexts and not self.fork]:
                self.logs[name], self.status[name] = f"no context is named {', '.join(lost)}", "unauthorized"
            else:
                self.started.append(name)
                nodes = [self._node(pipeline, job, node) for node in range(job.nodes)]
                self.status[name] = "success" if all(nodes) else "failed"
        return self.status

    def take_over(self, other: Machine, *jobs: str) -> None:
        """Start where the other machine has run these jobs with success."""
        assert all(other.status[job] == "success" for job in jobs), other.logs
        self.status.update(dict.fromkeys(jobs, "success"))
        shutil.copytree(other.work / "workspace", self.work / "workspace")

    # ---- a job

    def _node(self, pipeline: Pipeline, job: Invocation, node: int) -> bool:
        home = self.work / "jobs" / (job.name if job.nodes == 1 else f"{job.name}.{node}")
        (home / "tmp").mkdir(parents=True)
        directory = self._place(home, job.executor.directory)
        directory.mkdir(parents=True)
        environment = self._environment(job, home, directory, node)
        log: list[str] = []
        with process.Background() as background:
            try:
                self._start(job, environment, background, home)
                good = self._run_steps(pipeline, job, home, directory, environment, background, log)
            except JobError as error:
                good = False
                log.append(str(error))
        self.logs[job.name] = "\n".join([*([self.logs[job.name]] if node else []), *log])
        return good

    def _start(
        self, job: Invocation, environment: Mapping[str, str], background: process.Background, home: Path
    ) -> None:
        """Pull the images and start the services."""
        for image in job.executor.images:
            for name in image.get("auth", {}).values():
                if name.startswith("$") and not environment.get(name[1:]):
                    raise JobError(f"{image['image']} cannot be pulled: {name} is empty")
        for image in job.executor.images[1:]:
            if image["image"] not in self.services:
                raise JobError(f"there is no stand-in for the service {image['image']}")
            own = {"PATH": self.path, **{key: plain(value) for key, value in image.get("environment", {}).items()}}
            background.start([*self.services[image["image"]], *image.get("command", [])], home, own)

    def _run_steps(
        self,
        pipeline: Pipeline,
        job: Invocation,
        home: Path,
        directory: Path,
        environment: dict[str, str],
        background: process.Background,
        log: list[str],
    ) -> bool:
        good = True
        for kind, said in job.steps:
            halted = (home / "halt").exists()
            when = said.get("when", "on_success" if not kind.startswith("store_") else "always")
            if when not in ("on_success", "on_fail", "always"):
                raise JobError(f"when: {when}")
            if halted and not (self.after_halt and when == "always" and kind == "run"):
                continue
            if when != "always" and good != (when == "on_success"):
                continue
            if kind == "run":
                ended, text = self._command(job, said, home, directory, environment, background)
                log.append(text)
            else:
                ended, text = self._builtin(pipeline, job, kind, said, home, directory)
                log += [text] if text else []
            good = good and ended
        return good

    def _environment(self, job: Invocation, home: Path, directory: Path, node: int) -> dict[str, str]:
        """https://circleci.com/docs/guides/security/env-vars/#order-of-precedence"""
        found = {"PATH": self.path, "LANG": "C.UTF-8", "HOME": str(home), "ENGINE_HOME": str(home)}
        found |= self.project
        for context in job.contexts:
            found |= self.contexts.get(context, {})
        found |= {"CI": "true", "CIRCLECI": "true", "CIRCLE_JOB": job.name, "CIRCLE_BUILD_NUM": "1"}
        found |= {"CIRCLE_NODE_INDEX": str(node), "CIRCLE_NODE_TOTAL": str(job.nodes)}
        found |= {"CIRCLE_WORKING_DIRECTORY": str(directory), "CIRCLE_BUILD_URL": "https://circleci.com/gh/o/p/1"}
        if not self.fork:
            found |= {name: f"{name} of {job.name}" for name in ("CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2")}
        found |= self.variables
        for said in (job.executor.environment, job.environment):
            found |= {name: plain(value) for name, value in said.items()}
        found["BASH_ENV"] = str(home / "bash_env")
        (home / "bash_env").touch()
        return found

    def _command(
        self,
        job: Invocation,
        said: dict[str, Any],
        home: Path,
        directory: Path,
        environment: dict[str, str],
        background: process.Background,
    ) -> tuple[bool, str]:
        # A file for each: bash reads a script while it runs it, and one may run in the background.
        script = home / f"command-{len(list(home.glob('command-*')))}.sh"
        script.write_text(said["command"].replace("/tmp/", f"{home}/tmp/"), "utf-8", newline="")
        own = {**environment, **{name: plain(value) for name, value in said.get("environment", {}).items()}}
        cwd = self._place(home, said.get("working_directory", "."), directory)
        argv = [*shlex.split(said.get("shell", job.executor.shell)), str(script)]
        if said.get("background"):
            background.start(argv, cwd, own)
            return True, ""
        tries = said.get("max_auto_reruns", 0)
        if not 0 <= tries <= 5:  # https://circleci.com/docs/guides/orchestrate/automatic-reruns/
            raise JobError(f"max_auto_reruns: {tries}")
        silence = process.seconds(str(said.get("no_output_timeout", "10m"))) * self.scale
        text = ""
        for _ in range(1 + tries):
            code, out = process.run(argv, cwd, own, silence)
            text += out
            if code == 0:
                return True, text
        return False, text

    @staticmethod
    def _place(home: Path, path: str, base: Path | None = None) -> Path:
        if path.startswith("~"):
            return home / path[1:].lstrip("/")
        if path.startswith("/tmp/"):
            return home / path[1:]
        return (base or home) / path

    # ---- steps that are not `run`

    def _builtin(
        self, pipeline: Pipeline, job: Invocation, kind: str, said: dict[str, Any], home: Path, directory: Path
    ) -> tuple[bool, str]:
        if kind == "checkout":
            self._checkout(self._place(home, said.get("path", "."), directory))
            return True, ""
        if kind == "attach_workspace":
            return self._attach(pipeline, job, self._place(home, said["at"], directory))
        if kind == "persist_to_workspace":
            found = copied(
                self._place(home, said["root"], directory), said["paths"], self.work / "workspace" / job.name
            )
            return found, "" if found else f"nothing to persist: {said['paths']}"
        if kind in ("store_artifacts", "store_test_results"):
            copied(directory, [said["path"]], self.work / kind / job.name, said.get("destination", ""))
            return True, ""
        if kind == "setup_remote_docker":
            if not shutil.which("docker", path=self.path):
                raise JobError("there is no stand-in for docker")
            return True, ""
        if kind == "restore_cache":
            return True, self._restore(said.get("keys") or [said["key"]], home, directory)
        return True, self._save(said, home, directory)

    def _checkout(self, to: Path) -> None:
        """The commit alone, on its branch; of a tag, detached."""
        commit, branch = self.variables["CIRCLE_SHA1"], self.variables.get("CIRCLE_BRANCH")
        refs = hashlib.sha256(git(self.repository, "for-each-ref").encode()).hexdigest()[:12]
        fetched = self.work / "fetched" / refs  # a copy of which is what a fetch brings, and takes no time
        if not fetched.exists():
            new = fetched.with_suffix(".new")
            new.mkdir(parents=True)
            git(new, "init", "-q", ".")
            git(new, "remote", "add", "origin", str(self.repository))
            git(new, "fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", commit)
            new.rename(fetched)
        if not (to / ".git").exists():
            shutil.copytree(fetched / ".git", to / ".git")
        git(to, "checkout", "-q", *(["-B", branch] if branch else ["--detach"]), commit)

    def _key(self, text: str, directory: Path) -> str:
        """https://circleci.com/docs/guides/optimize/caching/#using-keys-and-templates"""

        def value(found: re.Match[str]) -> str:
            word = found[1].strip()
            if word == "arch":
                return f"{platform.system()}-{platform.machine()}".lower()
            if file := re.fullmatch(r'checksum "(.+)"', word):
                path = directory / file[1]
                if not path.is_file():
                    raise JobError(f"cannot make a checksum of {file[1]}: there is no such file")
                return hashlib.sha256(path.read_bytes()).hexdigest()
            names = {".Branch": "CIRCLE_BRANCH", ".Revision": "CIRCLE_SHA1"}
            if word not in names:
                raise JobError(f"unknown in a cache's key: {word}")
            return self.variables.get(names[word], "")

        return re.sub(r"\{\{(.*?)\}\}", value, text).replace("/", "%")

    def _save(self, said: dict[str, Any], home: Path, directory: Path) -> str:
        """What is saved under a key is never changed."""
        to = self.caches / self._key(said["key"], directory)
        if to.exists():
            return f"there is a cache {to.name} already"
        number = len(list(self.caches.iterdir()))
        found = False
        for index, path in enumerate(said["paths"]):
            source = self._place(home, path, directory)
            if source.exists():
                found = True
                copied(source.parent, [source.name], to / str(index))
        if not found:
            return f"nothing to keep: {said['paths']}"
        (to / "paths.json").write_text(json.dumps([number, said["paths"]]), "utf-8")
        return f"kept {to.name}"

    def _restore(self, keys: Sequence[str], home: Path, directory: Path) -> str:
        """The first key that a cache's own begins with; of several such caches, the newest."""
        for key in keys:
            found = [(json.loads((it / "paths.json").read_text("utf-8")), it) for it in self._caches(key, directory)]
            if not found:
                continue
            (_, paths), cache = max(found, key=lambda each: each[0][0])
            for index, path in enumerate(paths):
                if (cache / str(index)).exists():
                    to = self._place(home, path, directory).parent
                    to.mkdir(parents=True, exist_ok=True)
                    shutil.copytree(cache / str(index), to, dirs_exist_ok=True)
            return f"found {cache.name}"
        return ""

    def _caches(self, key: str, directory: Path) -> Iterator[Path]:
        prefix = self._key(key, directory)
        return (each for each in self.caches.iterdir() if each.name.startswith(prefix))

    def _attach(self, pipeline: Pipeline, job: Invocation, at: Path) -> tuple[bool, str]:
        """One layer a job; two jobs of which none requires the other must not have the same file."""
        at.mkdir(parents=True, exist_ok=True)
        owners: dict[str, str] = {}
        ancestors = pipeline.ancestors(job.name)
        for name in pipeline.order():
            layer = self.work / "workspace" / name
            if name not in ancestors or not layer.exists():
                continue
            for file in filter(Path.is_file, layer.rglob("*")):
                relative = str(file.relative_to(layer))
                if relative in owners and owners[relative] not in pipeline.ancestors(name):
                    return False, f"{relative} is of {owners[relative]} and of {name}"
                owners[relative] = name
            shutil.copytree(layer, at, dirs_exist_ok=True, symlinks=True)
        return True, ""


def plain(value: Any) -> str:
    """An entry of `environment` as the job sees it: https://circleci.com/docs/guides/security/set-environment-variable/"""
    if value is None or value == "":
        return "<nil>"
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:e}" if isinstance(value, int) and value > 999999 else str(value)


def copied(root: Path, patterns: Sequence[str], to: Path, name: str = "") -> bool:
    """Copy what Go's filepath.Match finds (no `**`); false if that is nothing."""
    found = False
    for pattern in patterns:
        if "**" in pattern:
            raise JobError(f"{pattern}: Go's filepath.Match knows no **")
        for path in [root] if pattern in (".", "./") else sorted(root.glob(pattern.removeprefix("./"))):
            found = True
            target = to / (name or path.relative_to(root))
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, dirs_exist_ok=True, symlinks=True)
            else:
                shutil.copy2(path, target)
    return found
