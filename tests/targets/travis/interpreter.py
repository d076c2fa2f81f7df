"""Runs a .travis.yml on this machine, as Travis would.

Written from https://docs.travis-ci.com and the sources of travis-yml (expansion), travis-build (the job's script and
the variables) and casher (workspaces). One job after another, each in a fresh clone at one and the same path.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from tests.targets.travis.conditions import holds

SLUG = "example/project"
ASSERTED = ("before_install", "install", "before_script")
BEST_EFFORT = ("after_success", "after_failure", "after_script")


class Event(NamedTuple):
    """A request for a build; `request_env` is what a request over the API adds to `env.global`."""

    type: str = "push"
    branch: str = "main"
    tag: str = ""
    head_branch: str = ""
    head_repo: str = ""
    repo: str = SLUG
    request_env: tuple[str, ...] = ()
    message: str = ""
    base: str = f"{'0' * 39}1"


class Build(NamedTuple):
    """What became of a build: each job's state, the jobs in the order in which they started, and their folders."""

    jobs: dict[str, str]
    order: list[str]
    folder: Path

    def log(self, job: str, pattern: str = "*") -> str:
        """What the job printed; with a pattern, in the phases and items of this name."""
        files = sorted((self.folder / "logs" / job).glob(pattern), key=lambda path: path.stat().st_mtime_ns)
        return "".join(file.read_text("utf-8", errors="surrogateescape") for file in files)

    def out(self, job: str, item: str) -> bytes:
        """The standard output of one item, such as `script-0`."""
        return (self.folder / "logs" / job / f"{item}.out").read_bytes()


def parse(text: str) -> dict[str, Any]:
    """The file as data, read by a YAML library other than the one that mlgen itself uses."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def as_list(value: Any) -> list[Any]:
    """A phase, or another value that may be one or many."""
    return [] if value is None else value if isinstance(value, list) else [value]


# https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/env/var.rb
VARIABLE = re.compile(
    r"(\w+)=((?:[^\"'`\ ]?(\"|'|`).*?((?<!\\)\3))+|(?:[^\$]?\$\(.*?\))+|[^\"'\ ]+|(?=\s)|\Z)",
)


def variables(entries: Sequence[str]) -> list[tuple[str, str]]:
    """Names and values of `env` entries; the values are still shell words."""
    return [(found[1], found[2]) for entry in entries for found in VARIABLE.finditer(entry)]


def _plain(word: str) -> str:
    quoted = re.fullmatch(r"([\"'])(.*)\1", word)
    return quoted[2] if quoted else word


def _data(config: Mapping[str, Any], event: Event, own: Sequence[str]) -> dict[str, Any]:
    env = [*as_list(config.get("env", {}).get("global")), *event.request_env, *own]
    return {
        "type": event.type,
        "branch": event.tag or event.branch,
        "tag": event.tag or None,
        "repo": event.repo,
        "head_repo": event.head_repo or None,
        "head_branch": event.head_branch or None,
        "fork": False,
        "commit_message": event.message,
        "env": {name: _plain(value) for name, value in variables(env)},
    }


def expand(config: Mapping[str, Any], event: Event) -> list[list[dict[str, Any]]]:
    """The jobs of the build, stage by stage; no stages if the root condition does not hold."""
    if not holds(str(config.get("if", "")), _data(config, event, ())):
        return []
    inherited = {key: config[key] for key in config.keys() - {"if", "jobs", "env", "stages", "version"}}
    jobs: list[dict[str, Any]] = []
    stage = "test"
    for entry in config["jobs"]["include"]:
        stage = entry.get("stage", stage)
        job = {**inherited, **entry, "stage": stage}
        if holds(str(entry.get("if", "")), _data(config, event, as_list(entry.get("env")))) and job not in jobs:
            jobs.append(job)
    names = list(dict.fromkeys(name.lower() for name in [*config.get("stages", []), *(job["stage"] for job in jobs)]))
    stages = [[job for job in jobs if job["stage"].lower() == name] for name in names]
    return [members for members in stages if members]


def run(
    repo: Path,
    text: str,
    event: Event,
    work: Path,
    *,
    settings: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
) -> Build:
    """Run the build of the committed state of `repo`; `settings` are variables, `path` folders to put first on PATH."""
    config = parse(text)
    allowed = as_list(config["jobs"].get("allow_failures"))
    build = Build({entry["name"]: "skipped" for entry in config["jobs"]["include"]}, [], work)
    (work / "workspaces").mkdir(parents=True)
    cancelled = False
    for stage in expand(config, event):
        failed = False
        for job in stage:
            name = job["name"]
            if cancelled:
                build.jobs[name] = "cancelled"
                continue
            build.order.append(name)
            build.jobs[name] = _run_job(repo, config, job, event, work, settings or {}, path)
            may_fail = any(all(job.get(key) == value for key, value in entry.items()) for entry in allowed)
            failed |= build.jobs[name] != "passed" and not may_fail
        cancelled |= failed
    return build


def _run_job(
    repo: Path,
    config: Mapping[str, Any],
    job: Mapping[str, Any],
    event: Event,
    work: Path,
    settings: Mapping[str, str],
    path: Sequence[Path],
) -> str:
    home, logs = work / "home", work / "logs" / job["name"]
    shutil.rmtree(home, ignore_errors=True)
    checkout = home / "build" / event.repo
    checkout.parent.mkdir(parents=True)
    logs.mkdir(parents=True)
    subprocess.run(["git", "clone", "-q", "--template=", "--no-hardlinks", repo, checkout], check=True)
    git_config = checkout / ".git/config"
    url = f"https://github.com/{event.repo}.git"
    git_config.write_text(git_config.read_text("utf-8").replace(str(repo), url), "utf-8")
    head = (checkout / ".git/refs/heads/main").read_text("utf-8").strip()
    exports = _exports(config, job, event, head, checkout, settings)
    script = work / "build.sh"
    script.write_text("\n".join(_script(job, exports, checkout, logs, work)) + "\n", "utf-8", errors="surrogateescape")
    env = {"HOME": str(home), "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]), "LANG": "C.UTF-8"}
    with (logs / "shell.txt").open("wb") as log:
        process = subprocess.Popen(
            ["bash", script],
            cwd=home,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        code = process.wait(timeout=120)
    with contextlib.suppress(ProcessLookupError):  # travis_terminate kills what the job left behind
        os.killpg(process.pid, signal.SIGKILL)
    return {0: "passed", 1: "failed"}.get(code, "errored")


def _exports(
    config: Mapping[str, Any],
    job: Mapping[str, Any],
    event: Event,
    head: str,
    checkout: Path,
    settings: Mapping[str, str],
) -> list[tuple[str, str]]:
    """The variables in the order in which Travis exports them: its own, the settings', the file's, the job's."""
    pull = event.type == "pull_request"
    builtin = {
        "CI": "true",
        "TRAVIS": "true",
        "TRAVIS_OS_NAME": "linux",
        "TRAVIS_BUILD_DIR": str(checkout),
        "TRAVIS_BUILD_ID": "4711",
        "TRAVIS_BUILD_NUMBER": "12",
        "TRAVIS_BUILD_WEB_URL": f"https://app.travis-ci.com/{event.repo}/builds/4711",
        "TRAVIS_REPO_SLUG": event.repo,
        "TRAVIS_EVENT_TYPE": event.type,
        "TRAVIS_BRANCH": event.tag or event.branch,
        "TRAVIS_TAG": event.tag,
        "TRAVIS_COMMIT": head,
        "TRAVIS_COMMIT_RANGE": f"{event.base}...{head}" if event.type in ("push", "pull_request") else "",
        "TRAVIS_PULL_REQUEST": "7" if pull else "false",
        "TRAVIS_PULL_REQUEST_BRANCH": event.head_branch,
        "TRAVIS_PULL_REQUEST_SHA": "f" * 40 if pull else "",
        "TRAVIS_PULL_REQUEST_SLUG": event.head_repo,
    }
    quoted = [(name, shlex.quote(value)) for name, value in {**builtin, **settings}.items()]
    entries = [*as_list(config.get("env", {}).get("global")), *event.request_env, *as_list(job.get("env"))]
    return [*quoted, *variables(entries)]


FUNCTIONS = """
travis_cmd() {
  local assert output display retry timing cmd result secure event
  cmd="${1}"
  output=true
  eval "${cmd} ${secure}"
  result="${?}"
  return "${result}"
}
travis_terminate() {
  set +e
  pkill -9 -P $$ &>/dev/null
  exit "$1"
}
travis_result() {
  local result="${1}"
  export TRAVIS_TEST_RESULT=$((${TRAVIS_TEST_RESULT:-0} | $((result != 0))))
}
casher_add() {
  local paths=($(echo "$@")) path
  for path in $(printf '%s ' "${paths[@]}"); do
    path=$(realpath -ms -- "$path")
    if [[ -L $path ]]; then continue; fi
    if [[ ! -e $path ]]; then mkdir -p "$path"; fi
    echo "$path"
  done
}
"""


def _script(
    job: Mapping[str, Any], exports: list[tuple[str, str]], checkout: Path, logs: Path, work: Path
) -> Iterator[str]:
    yield FUNCTIONS
    yield f"cd {shlex.quote(str(checkout))}"
    for name, value in exports:
        yield f"export {name}={value}"
    workspaces = job.get("workspaces", {})
    for name in as_list(workspaces.get("use")):
        yield f"tar -xPzf {shlex.quote(str(work / 'workspaces' / name))}.tgz || echo could not download workspace"
    for phase in ASSERTED:
        for command in _commands(job, phase, logs):
            yield f"{command} || exit 2"
    for command in _commands(job, "script", logs):
        yield command
        yield "travis_result $?"
    if create := workspaces.get("create"):
        archive = shlex.quote(str(work / "workspaces" / create["name"]))
        yield f"casher_add {' '.join(as_list(create['paths']))} >{archive}.paths"
        yield f"tar --format=posix -Pczf {archive}.tgz -T {archive}.paths"
    for phase, test in zip(BEST_EFFORT, ("= 0", "!= 0", ">= 0")):
        test = test.replace(">= 0", "!= x")
        for command in _commands(job, phase, logs):
            yield f'[ "$TRAVIS_TEST_RESULT" {test} ] && {command}'
    yield 'exit "$TRAVIS_TEST_RESULT"'


def _commands(job: Mapping[str, Any], phase: str, logs: Path) -> Iterator[str]:
    default = "pip install -r requirements.txt" if phase == "install" and job.get("language") == "python" else None
    value = job.get(phase, default)
    if value == "skip":
        return
    for index, item in enumerate(as_list(value)):
        log = shlex.quote(str(logs / f"{phase}-{index}"))
        yield f"travis_cmd {shlex.quote(str(item))} >{log}.out 2>{log}.err"
