"""Specs compiled for GitLab, the variables of its events, and scripts run as its runner runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlgen.compiler import compile_spec
from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.ir import Pipeline


def emit(root: Path, spec: Mapping[str, Any] | None = None) -> tuple[Pipeline, str]:
    """The pipeline of a folder's mlgen.yaml, or of a spec that is written there, and its .gitlab-ci.yml."""
    if spec is not None:
        said = {"version": 1, "project": {"name": "made"}, "targets": {"gitlab": {}}, **spec}
        root.mkdir(parents=True, exist_ok=True)
        (root / "mlgen.yaml").write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    compiled = compile_spec(root, "mlgen.yaml", only=("gitlab",))
    for file in compiled.files if spec is not None else ():
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, encoding="utf-8")
    return compiled.pipeline, next(file.text for file in compiled.files if file.target == "gitlab")


def faults(root: Path, spec: Mapping[str, Any]) -> list[Diagnostic]:
    """What compiling a spec has to say, errors and warnings."""
    try:
        emit(root, spec)
    except SpecError as error:
        return list(error.diagnostics)
    return list(compile_spec(root, "mlgen.yaml", only=("gitlab",)).warnings)


def stages(**jobs: Any) -> dict[str, Any]:
    """A spec with jobs in one stage."""
    return {"stages": {"train": jobs}}


def event(kind: str, project: str = "org/wine", **attributes: str) -> dict[str, str | None]:
    """The variables that GitLab sets for an event: https://docs.gitlab.com/ci/variables/predefined_variables/"""
    branch, tag = attributes.get("branch"), attributes.get("tag")
    source = {"tag": "push", "pull_request": "merge_request_event", "manual": "web"}.get(kind, kind)
    found: dict[str, str | None] = {"CI_PIPELINE_SOURCE": source, "CI_PROJECT_PATH": project}
    if kind == "pull_request":
        fork = attributes.get("fork") == "true"
        return found | {
            "CI_COMMIT_REF_NAME": "topic",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": branch,
            "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2" if fork else "1",
        }
    found |= {"CI_COMMIT_REF_NAME": tag or branch, "CI_PIPELINE_SCHEDULE_DESCRIPTION": attributes.get("schedule")}
    return found | ({"CI_COMMIT_TAG": tag} if tag else {"CI_COMMIT_BRANCH": branch})


def workspace(root: Path) -> Path:
    """A folder with what the compiler wrote, as a checkout."""
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    return root


def environment(**more: str) -> dict[str, str]:
    """The variables of a job."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "push",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_SHA": "0" * 40,
        "CI_PIPELINE_ID": "1",
        "CI_PIPELINE_IID": "1",
        "CI_PROJECT_URL": "https://gitlab.example.org/org/wine",
        "MLGEN_INPUT_X": "",
        **more,
    }


def run_script(script: str, root: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script as the runner does."""
    argv = ["bash", "--noprofile", "--norc", "-c", ': | eval "$1"', "bash", script]
    return subprocess.run(argv, cwd=root, env=environment(**more), capture_output=True, timeout=60)
