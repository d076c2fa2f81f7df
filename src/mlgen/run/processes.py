"""A job's scripts as processes: bounded in time, ended with all that they started, their output in a log.

Each script is the leader of a process group. What leaves its group is found by a variable that all processes of a job
inherit, where the system shows the variables of a process (Linux: /proc/PID/environ).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

MARK = "MLGEN_LOCAL"
"""The variable that every process of a job has, with a value of the job's own."""
GRACE = 30.0
"""Seconds between the signals TERM and KILL, as in the bounds that CI systems get."""
HASTE = 3.0
"""The same, where the run is interrupted or the job has ended."""
_LONGEST_LINE = 1 << 16


class Cancelled(Exception):
    """The run was interrupted."""


class Stop:
    """What the user wants: `asked`, that the run ends; `now`, without the last scripts of its jobs."""

    def __init__(self) -> None:
        self.asked, self.now = threading.Event(), threading.Event()


class Log:
    """The log of one job: what it prints, line by line, without the values of its secrets."""

    def __init__(self, path: str, secrets: Sequence[str], line: Callable[[str], None] | None) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        self._secrets = _parts(secrets)
        self._line = line
        self._read, self.write = os.pipe()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """A line of mlgen's own. It takes the same way as those of the job, so that the order is kept."""
        os.write(self.write, f"mlgen: {text}\n".encode("utf-8", "replace"))

    def close(self) -> None:
        """Ends the log. Every process of the job must have ended; one that has not is waited for a moment only."""
        os.close(self.write)
        self._thread.join(HASTE)

    def _copy(self) -> None:
        with os.fdopen(self._read, "rb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                for secret in self._secrets:
                    line = line.replace(secret, b"***")
                self._file.write(line)
                if self._line:
                    self._line(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._file.close()


def _parts(secrets: Sequence[str]) -> list[bytes]:
    """What must not be seen: each line of each value, the longest first. One of three characters would hide words."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    return sorted((line.encode() for line in lines if len(line) > 3), key=len, reverse=True)


class Group:
    """All processes of one job."""

    def __init__(self, key: str, log: Log, stop: Stop) -> None:
        self._key, self._log, self._stop = key, log, stop
        self._leaders: list[int] = []

    def run(
        self, words: Sequence[str], folder: str, env: Mapping[str, str], timeout: float = 0, final: bool = False
    ) -> int:
        """The command's exit status; 124 if it took more than `timeout` seconds (0: no bound).

        Raises Cancelled once the run is interrupted, unless the command is `final`: it may then take its time.
        """
        if not final:
            self.check()
        process = self.start(words, folder, env)
        ends = time.monotonic() + timeout if timeout else None
        while True:
            try:
                return _status(process.wait(0.05))
            except subprocess.TimeoutExpired:
                pass
            if (self._stop.now if final else self._stop.asked).is_set():
                _end(process, HASTE)
                raise Cancelled
            if ends is not None and time.monotonic() > ends:
                _end(process, GRACE)
                return 124

    def start(self, words: Sequence[str], folder: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Starts a command that runs until the job ends, or until it is waited for."""
        process = subprocess.Popen(
            list(words),
            cwd=folder,
            env={**env, MARK: self._key},
            stdin=subprocess.DEVNULL,
            stdout=self._log.write,
            stderr=self._log.write,
            start_new_session=True,
        )
        self._leaders.append(process.pid)
        return process

    def check(self) -> None:
        """Raises Cancelled if the run is interrupted."""
        if self._stop.asked.is_set():
            raise Cancelled

    def end(self) -> None:
        """Ends what the job has left running."""
        left = [pid for pid in self._leaders if _signal(pid, signal.SIGTERM)]
        strays = _marked(self._key)
        for pid in strays:
            _quiet_kill(pid, signal.SIGTERM)
        until = time.monotonic() + HASTE
        while (left or strays) and time.monotonic() < until:
            left = [pid for pid in left if _lives(pid)]
            strays = _marked(self._key)
            if left or strays:
                time.sleep(0.02)
        for pid in left:
            _signal(pid, signal.SIGKILL)
        for pid in strays:
            _quiet_kill(pid, signal.SIGKILL)


def _status(code: int) -> int:
    return 128 - code if code < 0 else code


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ends the group that the process leads: politely, and after so many seconds by force."""
    _signal(process.pid, signal.SIGTERM)
    _signal(process.pid, signal.SIGCONT)
    until = time.monotonic() + grace
    while time.monotonic() < until:
        process.poll()
        if not _lives(process.pid):
            break
        time.sleep(0.02)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: int) -> bool:
    """Whether there was a process of this group to get the signal."""
    try:
        os.killpg(group, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False


def _lives(group: int) -> bool:
    """Whether a process of this group still runs; one that has ended and was not asked for its status does not."""
    if not _signal(group, 0):
        return False
    states = [fields[0] for fields in map(_stat, _pids()) if fields and fields[2] == str(group)]
    return not states or any(state not in "ZX" for state in states)


def _stat(pid: int) -> list[str]:
    """State, parent and group of a process, and more; https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _pids() -> list[int]:
    """All processes, where the system shows them as files."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc/self") else []


def _quiet_kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _marked(key: str) -> list[int]:
    """The processes that have the mark of this job, where the system tells."""
    mark = f"{MARK}={key}".encode()
    found = []
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return found
