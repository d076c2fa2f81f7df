"""Commands of a job: ended after a silence that is too long, and what runs beside them ended with the job."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """A duration as Go writes it, such as 1h30m, in seconds."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], silence: float) -> tuple[int, str]:
    """The exit code and the output of a command, which is killed after `silence` seconds without output."""
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    out = b""
    heard = time.monotonic()
    # A process that the command left behind may keep the pipe open: the command's own end counts.
    while True:
        ready, _, _ = select.select([process.stdout], [], [], 0.05)
        chunk = os.read(process.stdout.fileno(), 65536) if ready else b""
        if chunk:
            out += chunk
            heard = time.monotonic()
        elif ready or process.poll() is not None:
            break
        elif time.monotonic() - heard > silence:
            end(process)
            out += f"\nToo long with no output (exceeded {silence:g} s)\n".encode()
            break
    return process.wait(), out.decode(errors="replace")


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all of its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Background:
    """Processes that live no longer than their job."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            end(process)

    def start(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Start a command and go on."""
        null = subprocess.DEVNULL
        self._processes.append(
            subprocess.Popen(argv, cwd=cwd, env=dict(env), stdin=null, stdout=null, stderr=null, start_new_session=True)
        )
