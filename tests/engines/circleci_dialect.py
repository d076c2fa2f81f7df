"""Valid CircleCI forms that CircleCI's published parser does not know, rewritten to forms that it does.

The parser (https://github.com/CircleCI-Public/circleci-config-parser-ts) is older than the language. It stops at the
first thing it does not know, so a known false alarm cannot be dropped from its answer without losing what comes after:
the forms are taken out of its way beforehand. `REWRITES` is the whole list; what is not on it reaches the parser as it
is. The rewritten constructs themselves are checked by the JSON Schema only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Job = dict[str, Any]


def _jobs(config: dict[str, Any]) -> Iterator[Job]:
    """Yield what has an executor: jobs, and the named executors."""
    for section in ("jobs", "executors"):
        yield from (each for each in (config.get(section) or {}).values() if isinstance(each, dict))


def _workflow_jobs(config: dict[str, Any]) -> Iterator[Job]:
    for workflow in (config.get("workflows") or {}).values():
        for entry in workflow.get("jobs", []) if isinstance(workflow, dict) else []:
            if isinstance(entry, dict):
                yield from (each for each in entry.values() if isinstance(each, dict))


def _jobs_without_steps(config: dict[str, Any]) -> None:
    for job in _jobs(config):
        if job.pop("type", None) in ("no-op", "lock", "unlock"):
            job.pop("key", None)
            job.update(docker=[{"image": "scratch"}], steps=["checkout"])


def _secondary_images(config: dict[str, Any]) -> None:
    for job in _jobs(config):
        if isinstance(job.get("docker"), list):
            job["docker"] = job["docker"][:1]


def _machine_true(config: dict[str, Any]) -> None:
    for job in _jobs(config):
        if job.get("machine") is True:
            job["machine"] = {"image": "default"}


def _resource_classes(config: dict[str, Any]) -> None:
    for job in _jobs(config):
        name = str(job.get("resource_class", ""))
        if "/" in name or "<<" in name or name.startswith(("arm.", "gpu.", "windows.", "macos.", "m4")):
            del job["resource_class"]


def _passed_executors(config: dict[str, Any]) -> None:
    for job in _jobs(config):
        if str(job.get("executor", "")).startswith("<<"):
            job["executor"] = next(iter(config["executors"]))


def _status_maps(config: dict[str, Any]) -> None:
    for job in _workflow_jobs(config):
        if isinstance(job.get("requires"), list):
            job["requires"] = [next(iter(need)) if isinstance(need, dict) else need for need in job["requires"]]


def _conditional_steps(config: dict[str, Any]) -> None:
    for holder in [*_jobs(config), *(config.get("commands") or {}).values()]:
        if isinstance(holder.get("steps"), list):
            holder["steps"] = list(_flat(holder["steps"]))


def _flat(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        branch = (step.get("when") or step.get("unless")) if isinstance(step, dict) else None
        if isinstance(branch, dict) and isinstance(branch.get("steps"), list):
            yield from _flat(branch["steps"])
        else:
            yield step


def _bare_commands(config: dict[str, Any]) -> None:
    commands = config.get("commands") or {}
    for holder in [*_jobs(config), *commands.values()]:
        if isinstance(holder.get("steps"), list):
            holder["steps"] = [
                {step: {}} if isinstance(step, str) and step in commands else step for step in holder["steps"]
            ]


class Rewrite(NamedTuple):
    """One valid form that the parser rejects."""

    form: str
    documentation: str
    apply: Callable[[dict[str, Any]], None]


_REFERENCE = "https://circleci.com/docs/reference/configuration-reference/"

REWRITES = (
    Rewrite("no-op, lock and unlock jobs have no executor and no steps", f"{_REFERENCE}#job-type", _jobs_without_steps),
    Rewrite("a job's later docker images are its services", f"{_REFERENCE}#docker", _secondary_images),
    Rewrite("machine: true", f"{_REFERENCE}#machine", _machine_true),
    Rewrite("self-hosted, GPU, Arm and computed resource classes", f"{_REFERENCE}#resourceclass", _resource_classes),
    Rewrite("requires: [{job: [success, failed]}]", f"{_REFERENCE}#requires", _status_maps),
    Rewrite(
        "an executor as a parameter",
        "https://circleci.com/docs/reference/reusing-config/#executor",
        _passed_executors,
    ),
    Rewrite("when and unless steps", f"{_REFERENCE}#the-when-step", _conditional_steps),
    Rewrite("a command without parameters as a bare step", f"{_REFERENCE}#commands", _bare_commands),
)


def plain(text: str) -> str:
    """Return the config with every form of `REWRITES` rewritten; a text that is no YAML mapping stays as it is."""
    try:
        config = YAML(typ="safe", pure=True).load(text)
    except YAMLError:  # the parser is to say what is wrong with it
        return text
    if not isinstance(config, dict):
        return text
    for rewrite in REWRITES:
        rewrite.apply(config)
    # JSON is YAML, and it needs no care for what YAML 1.1 takes "on" or 1:30 for.
    return json.dumps(config, indent=2)
