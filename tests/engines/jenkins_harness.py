"""The Groovy harness in jenkins/: compiled once, and one Java machine that serves all requests of this process."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import selectors
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .tools import (
    HERE,
    KILLED,
    MARKER,
    TOOLS,
    Argv,
    Completed,
    MissingTool,
    ToolFailure,
    base_env,
    find,
    reap,
    run,
    scratch,
)

GROOVY_JAR = Path("/usr/share/java/groovy-all.jar")


def groovy_classpath() -> str:
    """Return the class path of the harness, compiled once for each state of its sources."""
    if not GROOVY_JAR.exists():
        raise MissingTool("groovy")
    sources = sorted((HERE / "jenkins").glob("*.groovy"))
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    classes = TOOLS / "jenkins" / digest
    if not classes.exists():
        classes.parent.mkdir(parents=True, exist_ok=True)
        with (classes.parent / "lock").open("w") as lock, scratch() as home:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not classes.exists():
                compiled = home / "classes"
                compiler = "org.codehaus.groovy.tools.FileSystemCompiler"
                argv: Argv = [find("java"), "-cp", GROOVY_JAR, compiler, "-d", compiled, *sources]
                done = run(argv, cwd=home, env=base_env(home), seconds=300)
                if done.code:
                    raise ToolFailure(f"the Jenkins harness does not compile:\n{done.out}{done.err}")
                shutil.copytree(compiled, classes.with_suffix(".new"), dirs_exist_ok=True)
                classes.with_suffix(".new").rename(classes)
    return f"{classes}{os.pathsep}{GROOVY_JAR}"


class Harness(NamedTuple):
    """A Java machine that waits for requests."""

    process: subprocess.Popen[bytes]

    def ask(self, request: Mapping[str, object], seconds: float) -> bool | None:
        """Return whether a request went well, or None if it did not end in time; the machine is killed then."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin and stdout
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            line = stdout.readline() if selector.select(seconds) else b""
        if line:
            return bool(json.loads(line)["ok"])
        self.end()
        return None

    def end(self) -> None:
        """Kill the machine, and let the next request start another."""
        _harness.cache_clear()
        self.process.kill()
        self.process.wait()


@cache
def _harness() -> Harness:
    # Groovy 2.4 needs the reflective access on Java 9 and later.
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "--add-opens=java.base/java.lang=ALL-UNNAMED"]
    home = TOOLS / "jenkins" / "home"
    argv: Argv = [find("java"), *options, "-cp", groovy_classpath(), "Main"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, cwd=HERE, env=base_env(home), stdin=pipe, stdout=pipe, start_new_session=True)
    found = Harness(process)
    atexit.register(found.end)
    return found


def _serve(request: dict[str, object], folder: Path, seconds: float) -> tuple[bool | None, str]:
    """Return how a request ended, and what it printed."""
    console = folder / "console.txt"
    ok = _harness().ask({**request, "console": str(console)}, seconds)
    return ok, console.read_text("utf-8", errors="replace") if console.exists() else ""


def run_pipeline(options: Path, *, env: Mapping[str, str], seconds: float) -> Completed:
    """Run a Jenkinsfile by the options in a file, or kill it after `seconds`. The console stays beside that file."""
    marker = uuid.uuid4().hex
    ok, out = _serve({"run": str(options), "env": {**env, MARKER: marker}}, options.parent, seconds)
    if ok is None:
        reap(marker)
    return Completed(KILLED if ok is None else 0 if ok else 1, out, "")


def run_script(script: Path, *args: Path, seconds: float = 60) -> str:
    """Return what a Groovy script prints."""
    ok, out = _serve({"script": str(script), "args": [str(arg) for arg in args]}, script.parent, seconds)
    if not ok:
        raise ToolFailure(f"{script}:\n{out}")
    return out


def check(paths: Sequence[Path]) -> list[str]:
    """Return what is wrong with the syntax of Jenkinsfiles: lines of `FILE:LINE:COLUMN MESSAGE`."""
    if not paths:
        return []
    with scratch() as folder:
        ok, out = _serve({"check": [str(path.resolve()) for path in paths]}, folder, 600)
    if not ok:
        raise ToolFailure(f"the Jenkins harness broke down:\n{out}")
    return out.splitlines()
