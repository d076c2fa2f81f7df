"""What a job sees in its environment: the same names as in CI, and of this machine's own only what a tool needs."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable, Mapping

from mlgen.ir import Job, Pipeline
from mlgen.ir.events import Event, attributes
from mlgen.ir.values import Leg
from mlgen.regex import regex
from mlgen.run.project import Project, base_of, git, repository_url
from mlgen.run.workspace import Place

TARGET = "local"
"""MLGEN_TARGET of a run on this machine."""

_PASSED = regex(
    r"PATH|LANG|LC_\w+|TZ|(HTTPS?|NO|ALL|FTP)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|NODE_EXTRA_CA_CERTS|PIP_\w+|UV_\w+|LD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|DOCKER_HOST|PYENV_ROOT|NVM_DIR|CARGO_HOME|RUSTUP_HOME",
    re.IGNORECASE,
)
"""Variables of the caller that every job has: where programs, certificates, proxies, packages and devices are."""


def of_the_run(project: Project, pipeline: Pipeline, event: Event, number: int, url: str) -> dict[str, str]:
    """The portable variables of the run, those of jobs excepted."""
    head = (git(project.folder, "rev-parse", "--verify", "--quiet", "HEAD") or "") if project.git else ""
    branch = event.source if event.kind == "pull_request" else event.branch
    found = {
        "EVENT": event.name,
        "BRANCH": branch,
        "BRANCH_SLUG": slug(branch),
        "BASE_BRANCH": event.branch if event.kind == "pull_request" else "",
        "BASE": base_of(project, event),
        "TAG": event.tag,
        "COMMIT": head,
        "CHECKOUT": head,
        "PR": "",
        "SCHEDULE": event.schedule,
        "DEFAULT_BRANCH": pipeline.default_branch,
        "RUN_ID": str(number),
        "RUN_NUMBER": str(number),
        "RUN_URL": url,
        "REPOSITORY_URL": repository_url(project),
        "ACTOR": _user(),
        "TARGET": TARGET,
    }
    known = attributes(event, pipeline)
    inputs = {entry.variable: known[f"input:{entry.name}"] for entry in pipeline.triggers.inputs}
    return {f"MLGEN_{name}": value for name, value in found.items()} | inputs


def slug(branch: str) -> str:
    """The branch as a word of a host's name, as `.mlgen/env.sh` makes it."""
    return re.sub("[^a-z0-9]", "-", branch.lower().encode("utf-8", "surrogateescape").decode("latin-1"))[:63].strip("-")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def of_the_machine(place: Place, passed: Iterable[str]) -> dict[str, str]:
    """What is left of the caller's environment, with a home of the job's own; `passed` are names that go through."""
    found = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    # The caller's own environments, also that of mlgen, are not the job's.
    parts = found.get("PATH", os.defpath).split(os.pathsep)
    found["PATH"] = os.pathsep.join(part for part in parts if not os.path.isfile(os.path.join(part, "../pyvenv.cfg")))
    if "PIP_CONFIG_FILE" not in found and (config := _pip_config()):
        found["PIP_CONFIG_FILE"] = config
    found |= {"CI": "true", "HOME": place.home, "TMPDIR": place.temporary, "GIT_CEILING_DIRECTORIES": place.base}
    return found | {name: os.environ[name] for name in passed if name in os.environ}


def _pip_config() -> str:
    """The caller's own settings of pip: https://pip.pypa.io/en/stable/topics/configuration/#location"""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for path in (os.path.join(base, "pip/pip.conf"), os.path.expanduser("~/.pip/pip.conf")):
        if os.path.isfile(path):
            return path
    return ""


def of_the_job(pipeline: Pipeline, job: Job, leg: Leg | None) -> dict[str, str]:
    """What the spec says of the job's variables, those excepted whose values hold references."""
    axes = dict(leg.values) if leg else {}
    return {**dict(pipeline.env), **dict(job.env), **axes, "MLGEN_JOB": job.id}


def exported(folder: str) -> dict[str, str]:
    """The values that other jobs have handed on into the project's folder."""
    found: dict[str, str] = {}
    place = os.path.join(folder, ".mlgen/exports")
    for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
        if name.endswith(".env"):
            with open(os.path.join(place, name), encoding="utf-8") as file:
                found |= dict(line.rstrip("\n").partition("=")[::2] for line in file if "=" in line)
    return found


def results(job: Job, pipeline: Pipeline, ended: Mapping[str, str]) -> dict[str, str]:
    """How all ended that a job with `when: {result: …}` waits for."""
    if not job.result:
        return {}
    words = {"success": "success", "skipped": "skipped"}
    return {
        f"MLGEN_RESULT_{pipeline.job(edge.job).key.upper().replace('-', '_')}": words.get(ended[edge.job], "failure")
        for edge in job.edges
    }
