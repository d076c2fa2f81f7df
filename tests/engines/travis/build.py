"""Runs a .travis.yml on this machine, as Travis would.

Written from the sources of travis-build (the job's script and the variables) and casher (workspaces and caches). One
job after another, each in a fresh clone at one and the same path, as on Travis: workspaces hold absolute paths.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..tools import git
from .config import AFTER, SLUG, ConfigError, Event, as_list, expand, global_env, parse, secrets, variables

ASSERTED = ("before_install", "install", "before_script")
BUILD_ID = "4711"
PULL = 7

__all__ = ["SLUG", "Build", "run"]


class Build(NamedTuple):
    """What became of a build.

    `jobs` has each job's state: passed, failed, errored, cancelled, or skipped for one whose condition does not hold.
    `order` has the jobs in the order in which they started.
    """

    jobs: dict[str, str]
    order: list[str]
    folder: Path
    ok: bool

    def log(self, job: str, pattern: str = "*") -> str:
        """What the job printed; with a pattern, in the phases and items of this name."""
        files = sorted((self.folder / "logs" / job).glob(pattern), key=lambda path: path.stat().st_mtime_ns)
        return "".join(file.read_text("utf-8", errors="surrogateescape") for file in files)

    def out(self, job: str, item: str) -> bytes:
        """The standard output of one item, such as `script-0`."""
        return (self.folder / "logs" / job / f"{item}.out").read_bytes()


class _Setting(NamedTuple):
    """What all jobs of a build have in common."""

    config: Mapping[str, Any]
    event: Event
    work: Path
    origin: Path
    commit: str
    pull_head: str
    settings: Mapping[str, str]
    secure: Mapping[str, str]
    path: Sequence[Path]
    caches: Path
    scale: float


def run(
    repo: Path,
    text: str,
    event: Event,
    work: Path,
    *,
    settings: Mapping[str, str] | None = None,
    secure: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    caches: Path | None = None,
    scale: float = 1.0,
) -> Build:
    """Run the build of the committed state of `repo`.

    `settings` are variables of the repository's settings, `secure` maps ciphertexts of the file to NAME=value; a pull
    request of a fork gets neither. `path` has folders to put first on PATH; `caches` keeps caches from one build to the
    next. `scale` shortens Travis' own limits of 10 minutes of silence and 50 minutes.
    """
    config = parse(text)
    stages = expand(config, event)
    allowed = as_list(config["jobs"].get("allow_failures"))
    jobs = {entry["name"]: "skipped" for entry in config["jobs"]["include"]}
    (work / "workspaces").mkdir(parents=True)
    origin, commit, pull_head = _origin(repo, event, work)
    hidden = event.fork
    setting = _Setting(
        config,
        event,
        work,
        origin,
        commit,
        pull_head,
        {} if hidden else settings or {},
        {} if hidden else secure or {},
        path,
        caches or work / "caches",
        scale,
    )
    order: list[str] = []
    cancelled = False
    for stage in stages:
        failed = False
        for job in stage:
            name = job["name"]
            if cancelled:
                jobs[name] = "cancelled"
                continue
            order.append(name)
            jobs[name] = _run_job(setting, job)
            may_fail = any(all(job.get(key) == value for key, value in entry.items()) for entry in allowed)
            failed |= jobs[name] != "passed" and not may_fail
        cancelled |= failed
    return Build(jobs, order, work, not cancelled)


def _origin(repo: Path, event: Event, work: Path) -> tuple[Path, str, str]:
    """A copy of the repository with what is built: the copy, the commit that is built, and a pull request's head."""
    origin = work / "origin.git"
    git(work, "clone", "-q", "--mirror", str(repo), str(origin))
    ref = f"refs/tags/{event.tag}" if event.tag else f"refs/heads/{event.branch}"
    known = git(origin, "for-each-ref", "--format=%(refname)").split()
    commit = git(origin, "rev-parse", f"{ref if ref in known else 'HEAD'}^{{commit}}").strip()
    if event.head:
        with_merge = work / "merge"
        git(work, "clone", "-q", "--no-checkout", str(repo), str(with_merge))
        git(with_merge, "fetch", "-q", str(repo), event.head)
        git(with_merge, "checkout", "-q", "--detach", commit)
        git(with_merge, "merge", "-q", "--no-ff", "-m", f"Merge {event.head} into {commit}", event.head)
        commit = git(with_merge, "rev-parse", "HEAD").strip()
        git(with_merge, "push", "-q", str(origin), f"HEAD:refs/pull/{PULL}/merge")
    return origin, commit, event.head or "f" * 40


def _run_job(setting: _Setting, job: Mapping[str, Any]) -> str:
    event, work = setting.event, setting.work
    home, logs = work / "home", work / "logs" / job["name"]
    shutil.rmtree(home, ignore_errors=True)
    checkout = home / "build" / event.repo
    checkout.mkdir(parents=True)
    logs.mkdir(parents=True)
    path = os.pathsep.join([*map(str, setting.path), os.environ["PATH"]])
    if as_list(job.get("services")) and not shutil.which("docker", path=path):
        raise ConfigError("there is no stand-in for docker")
    if (job.get("git") or {}).get("clone", True):
        _clone(setting, job, checkout)
    if job.get("keep_netrc", True):
        (home / ".netrc").write_text("machine github.com login token\n", "utf-8")
    script = work / "build.sh"
    lines = _script(setting, job, checkout, logs)
    script.write_text("\n".join(lines) + "\n", "utf-8", errors="surrogateescape")
    env = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8"}
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
        code = _wait(process, logs, setting.scale)
    with contextlib.suppress(ProcessLookupError):  # travis_terminate kills what the job left behind
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return {0: "passed", 1: "failed"}.get(code, "errored")


def _wait(process: subprocess.Popen[bytes], logs: Path, scale: float) -> int:
    """The job's exit code; -1 if it was silent for too long, or ran for too long: such a job is errored.

    https://docs.travis-ci.com/user/customizing-the-build/#build-timeouts
    """
    started = heard = time.monotonic()
    size = -1
    while process.poll() is None:
        now, last = time.monotonic(), size
        size = sum(file.stat().st_size for file in logs.iterdir())
        heard = now if size != last else heard
        if now - heard > 600 * scale or now - started > 3000 * scale:
            (logs / "worker.txt").write_text("No output has been received, or the job took too long\n", "utf-8")
            return -1
        time.sleep(0.02)
    return process.returncode


def _clone(setting: _Setting, job: Mapping[str, Any], checkout: Path) -> None:
    """https://docs.travis-ci.com/user/customizing-the-build/#git-clone-depth"""
    depth = (job.get("git") or {}).get("depth", 50)
    shallow = [] if depth is False else [f"--depth={depth}"]
    git(checkout, "init", "-q", "--template=", ".")
    git(checkout, "remote", "add", "origin", setting.origin.as_uri())
    git(checkout, "fetch", "-q", *shallow, "origin", "+refs/heads/*:refs/remotes/origin/*", setting.commit)
    git(checkout, "checkout", "-qf", setting.commit)
    git(checkout, "remote", "set-url", "origin", f"https://github.com/{setting.event.repo}.git")


def _exports(setting: _Setting, job: Mapping[str, Any], checkout: Path) -> list[tuple[str, str]]:
    """The variables in the order in which Travis exports them: its own, the settings', the file's, the job's.

    https://docs.travis-ci.com/user/environment-variables/#default-environment-variables
    """
    event = setting.event
    pull = event.type == "pull_request"
    builtin = {
        "CI": "true",
        "TRAVIS": "true",
        "TRAVIS_OS_NAME": "linux",
        "TRAVIS_BUILD_DIR": str(checkout),
        "TRAVIS_BUILD_ID": BUILD_ID,
        "TRAVIS_BUILD_NUMBER": "12",
        "TRAVIS_BUILD_WEB_URL": f"https://app.travis-ci.com/{event.repo}/builds/{BUILD_ID}",
        "TRAVIS_REPO_SLUG": event.repo,
        "TRAVIS_EVENT_TYPE": event.type,
        "TRAVIS_BRANCH": event.tag or event.branch,
        "TRAVIS_TAG": event.tag,
        "TRAVIS_COMMIT": setting.commit,
        "TRAVIS_COMMIT_RANGE": f"{event.base}...{setting.commit}" if event.type in ("push", "pull_request") else "",
        "TRAVIS_PULL_REQUEST": str(PULL) if pull else "false",
        "TRAVIS_PULL_REQUEST_BRANCH": event.head_branch,
        "TRAVIS_PULL_REQUEST_SHA": setting.pull_head if pull else "",
        "TRAVIS_PULL_REQUEST_SLUG": event.head_repo,
        "TRAVIS_SECURE_ENV_VARS": "false" if event.fork else "true",
    }
    quoted = [(name, shlex.quote(value)) for name, value in {**builtin, **setting.settings}.items()]
    found = []
    for entries in (global_env(setting.config), list(event.request_env), as_list(job.get("env"))):
        hidden = [] if event.fork else secrets(entries, setting.secure)
        found += [*variables(entries), *hidden]
    return [*quoted, *found]


FUNCTIONS = """
travis_cmd() {
  local assert output display retry timing cmd result secure event
  cmd="${1}"
  output=true
  eval "${cmd} ${secure}"
  result="${?}"
  return "${result}"
}
travis_retry() {
  local result=0 count=1
  while [[ "${count}" -le 3 ]]; do
    "${@}" && { result=0 && break; } || result="${?}"
    count="$((count + 1))"
  done
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


def _script(setting: _Setting, job: Mapping[str, Any], checkout: Path, logs: Path) -> Iterator[str]:
    yield FUNCTIONS
    yield f"cd {shlex.quote(str(checkout))}"
    for name, value in _exports(setting, job, checkout):
        yield f"export {name}={value}"
    directories = (job.get("cache") or {}).get("directories", [])
    slugs = [setting.caches / slug for slug in _slugs(setting, job)] if directories else []
    for slug in slugs:
        if Path(f"{slug}.tgz").exists():
            # A cache holds absolute paths; another build may lie elsewhere here.
            home = f"s|^{Path(f'{slug}.home').read_text('utf-8')}/|{setting.work / 'home'}/|"
            yield f"tar -xPzf {shlex.quote(str(slug))}.tgz --transform {shlex.quote(home)}"
            break
    workspaces = job.get("workspaces") or {}
    for name in as_list(workspaces.get("use")):
        archive = shlex.quote(str(setting.work / "workspaces" / name))
        yield f"tar -xPzf {archive}.tgz || echo could not download workspace"
    for phase in ASSERTED:
        for command in _commands(job, phase, logs, checkout):
            yield f"{command} || exit 2"
    for command in _commands(job, "script", logs, checkout):
        yield command
        yield "travis_result $?"
    yield from _commands(job, "before_cache", logs, checkout)
    if create := workspaces.get("create"):
        yield from _archive(setting.work / "workspaces" / create["name"], as_list(create["paths"]))
    if directories:
        yield from _archive(slugs[0], directories)
        Path(f"{slugs[0]}.home").write_text(str(setting.work / "home"), "utf-8")
    for phase, test in zip(AFTER, ("= 0", "!= 0", "!= x")):
        for command in _commands(job, phase, logs, checkout):
            yield f'[ "$TRAVIS_TEST_RESULT" {test} ] && {command}'
    yield 'exit "$TRAVIS_TEST_RESULT"'


def _archive(to: Path, paths: Sequence[str]) -> Iterator[str]:
    to.parent.mkdir(parents=True, exist_ok=True)
    archive = shlex.quote(str(to))
    yield f'(cd "$TRAVIS_BUILD_DIR" && casher_add {" ".join(paths)}) >{archive}.paths'
    yield f"tar --format=posix -Pczf {archive}.tgz -T {archive}.paths"


def _slugs(setting: _Setting, job: Mapping[str, Any]) -> list[str]:
    """Where the cache is kept, and where else one is looked for: https://docs.travis-ci.com/user/caching/#fetching-and-storing-caches"""
    public = [entry for entry in [*global_env(setting.config), *as_list(job.get("env"))] if isinstance(entry, str)]
    parts = ["linux", job.get("dist", "focal"), job.get("python", ""), *public]
    rest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    branch = (setting.event.tag or setting.event.branch).replace("/", "%")
    pull = [f"PR.{PULL}"] if setting.event.type == "pull_request" else []
    return [f"{each}-{rest}" for each in dict.fromkeys([*pull, branch, "main"])]


def _commands(job: Mapping[str, Any], phase: str, logs: Path, checkout: Path) -> Iterator[str]:
    default = "pip install -r requirements.txt" if (checkout / "requirements.txt").exists() else "echo no requirements"
    value = job.get(phase, default if phase == "install" and job.get("language") == "python" else None)
    if value == "skip":
        return
    for index, item in enumerate(as_list(value)):
        log = shlex.quote(str(logs / f"{phase}-{index}"))
        yield f"travis_cmd {shlex.quote(str(item))} >{log}.out 2>{log}.err"
