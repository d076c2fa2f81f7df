"""Where the third-party tools are, and how they are started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / ".tools"
NODE_HOME = TOOLS / "node"

#: What `timeout -s KILL` exits with when it had to kill: 128 + SIGKILL.
KILLED = 137

#: Tells the processes of one run of a tool, which all inherit it.
MARKER = "ENGINE_RUN"


Argv: TypeAlias = "list[str | Path]"


class MissingTool(RuntimeError):
    """A tool is not installed. This fails a test; it never skips one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed: run tests/engines/install.sh with this interpreter")


class ToolFailure(RuntimeError):
    """A tool broke down: it ended in a way that says nothing about the file it was given."""


class Completed(NamedTuple):
    """How a tool ended."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether the tool ran out of time."""
        return self.code == KILLED


def find(name: str) -> Path:
    """Return the program `name` of this interpreter's environment, else of PATH."""
    beside = Path(sys.executable).parent / name
    if beside.is_file() and os.access(beside, os.X_OK):
        return beside
    found = shutil.which(name)
    if found is None:
        raise MissingTool(name)
    return Path(found)


def node_module(path: str) -> Path:
    """Return a file of the installed node modules."""
    found = NODE_HOME / "node_modules" / path
    if not found.exists():
        raise MissingTool(f"node module {path}")
    return found


def base_env(home: Path, *first: Path) -> dict[str, str]:
    """Return the whole environment of a tool: nothing of the caller's but PATH, which starts with the folders `first`.

    Runners of CI systems hand their own environment on to the jobs, so a stray variable of the developer's would
    reach them.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = [*map(str, first), os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str | None = None,
    seconds: int = 60,
) -> Completed:
    """Run a tool to its end, or kill it and all that it started after `seconds`."""
    marker = uuid.uuid4().hex
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # Files, not pipes: a grandchild that outlives a killed tool would keep a pipe open and block the reader.
        done = subprocess.run(
            ["timeout", "-s", "KILL", str(seconds), *map(str, argv)],
            cwd=cwd,
            env={**env, MARKER: marker},
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=out,
            stderr=err,
            start_new_session=True,
            check=False,
        )
        out.seek(0)
        err.seek(0)
        # timeout(1) kills its own process group, itself included, which Python reports as a negative code.
        code = KILLED if done.returncode == -9 else done.returncode
        if code == KILLED:
            reap(marker)
        return Completed(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"))


def reap(marker: str) -> None:
    """Kill what is left of a tool: runners put their jobs into process groups of their own."""
    wanted = f"{MARKER}={marker}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="engines-") as folder:
        yield Path(folder).resolve()


def node(script: str, *args: str | Path, cwd: Path, seconds: int = 60) -> Completed:
    """Run one of the node scripts beside this module with the installed node modules in reach."""
    node_module("")
    with scratch() as home:
        env = base_env(home) | {"ENGINES_NODE_HOME": str(NODE_HOME)}
        hooks = HERE / "node" / "hooks.mjs"
        return run([find("node"), "--import", hooks.as_uri(), HERE / script, *args], cwd=cwd, env=env, seconds=seconds)


def git(repo: Path, *args: str, home: Path | None = None) -> str:
    """Run git in `repo` without the user's or the machine's configuration, and return what it prints."""
    env = base_env(home or repo) | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Engine",
        "GIT_AUTHOR_EMAIL": "engine@example.org",
        "GIT_COMMITTER_NAME": "Engine",
        "GIT_COMMITTER_EMAIL": "engine@example.org",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }
    done = run([find("git"), *args], cwd=repo, env=env)
    if done.code:
        raise ToolFailure(f"git {' '.join(args)}: {done.err.strip()}")
    return done.out
