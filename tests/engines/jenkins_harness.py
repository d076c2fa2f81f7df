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
from pathlib import Path
from typing import NamedTuple

from .tools import (
    HERE,
    MARKER,
    TOOLS,
    Argv,
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


class Served(NamedTuple):
    """What a request printed, and whether it ended in time."""

    text: str
    in_time: bool


class _Machine:
    """A Java machine that serves one request after the other, and is started anew after one that went wrong."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def serve(self, request: Mapping[str, object], folder: Path, seconds: float) -> Served:
        """Serve a request, whose console is kept in the folder; ToolFailure if it, or the machine, broke down."""
        console = folder / "console.txt"
        console.unlink(missing_ok=True)
        usable, said = False, ""
        try:
            line = self._answer({**request, "console": str(console)}, seconds)
            answer = json.loads(line) if line else {}
            usable = bool(answer.get("ok") and answer.get("idle"))
        finally:
            if not usable:
                said = self.end()
        text = console.read_text("utf-8", errors="replace") if console.exists() else ""
        if line is not None and not answer.get("ok"):
            raise ToolFailure(f"the Jenkins harness broke down:\n{text}{said}")
        return Served(text, line is not None)

    def _answer(self, request: Mapping[str, object], seconds: float) -> bytes | None:
        """Return the line that answers, nothing if the machine ended, or None if there is no answer in time."""
        self.process = self.process or self._started()
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin and stdout
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            return stdout.readline() if selector.select(seconds) else None

    def _started(self) -> subprocess.Popen[bytes]:
        # Requests are short, so that code is compiled once and fast. Groovy 2.4 needs the reflective access on Java 9
        # and later. Several workers have a machine each, whose heaps would otherwise grow to a quarter of the memory.
        options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"]
        options += ["--add-opens=java.base/java.lang=ALL-UNNAMED"]
        home, pipe = TOOLS / "jenkins" / "home", subprocess.PIPE
        env = base_env(home)
        argv: Argv = [find("java"), *options, "-cp", groovy_classpath(), "Main"]
        # What pipelines print goes to their consoles: the pipe of errors is for the machine itself, and stays short.
        return subprocess.Popen(argv, cwd=home, env=env, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)

    def end(self) -> str:
        """Kill the machine, if there is one, and return what it said of itself."""
        process, self.process = self.process, None
        if process is None:
            return ""
        process.kill()
        _, said = process.communicate()
        return said.decode(errors="replace")


_machine = _Machine()
atexit.register(_machine.end)


def run_pipeline(options: Path, *, env: Mapping[str, str], seconds: float) -> Served:
    """Run a Jenkinsfile by the options in a file, and kill all that it started after `seconds`."""
    marker = uuid.uuid4().hex
    try:
        return _machine.serve({"run": str(options), "env": {**env, MARKER: marker}}, options.parent, seconds)
    finally:
        reap(marker)  # also what a pipeline left behind, as Jenkins does


def run_script(script: Path, *args: Path, seconds: float = 60) -> str:
    """Return what a Groovy script prints."""
    served = _machine.serve({"script": str(script), "args": [str(arg) for arg in args]}, script.parent, seconds)
    if not served.in_time:
        raise ToolFailure(f"{script} took more than {seconds} s")
    return served.text


def check(paths: Sequence[Path]) -> list[str]:
    """Return what is wrong with the syntax of Jenkinsfiles: lines of `FILE:LINE:COLUMN MESSAGE`."""
    if not paths:
        return []
    with scratch() as folder:
        served = _machine.serve({"check": [str(path.resolve()) for path in paths]}, folder, 600)
    if not served.in_time:
        raise ToolFailure("the Jenkins harness took more than 600 s")
    return served.text.splitlines()
