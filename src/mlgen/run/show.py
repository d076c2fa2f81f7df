"""A run as it is seen: lines as jobs begin and end, on a terminal with what runs now below them, and a table."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

from mlgen.ir import Job
from mlgen.ir.values import Leg
from mlgen.run.engine import Outcome
from mlgen.run.job import End
from mlgen.run.plan import Plan
from mlgen.run.record import Record
from mlgen.typed import TextIO

WORDS = {"success": "passed", "failure": "FAILED", "stopped": "stopped", "skipped": "skipped", "cancelled": "cancelled"}
_TINTS = {"success": "32", "failure": "31", "stopped": "31", "skipped": "2", "cancelled": "33"}
_TAIL = 15
"""Lines of a failed job's log that are shown."""


class Progress:
    """Tells the user how the run goes; `live`: on a terminal that can be drawn on."""

    def __init__(self, stream: TextIO, record: Record, live: bool, color: bool, verbose: bool, width: int) -> None:
        self._stream, self._record = stream, record
        self._live, self._color, self._verbose, self._width = live, color, verbose, width
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._drawn = False

    def started(self, job: Job, leg: Leg | None) -> None:
        """A job has begun: a line of its own only where nothing else tells."""
        self._running[_name(job, leg)] = time.monotonic()
        if not self._live:
            self._print(f"{_name(job, leg)}: started")

    def ended(self, job: Job, leg: Leg | None, end: End) -> None:
        """How it ended, with the end of the log if it failed."""
        self._running.pop(_name(job, leg), None)
        if job.matrix and leg is None and job.milestone is False and end.state not in ("stopped", "skipped"):
            return  # its legs have told
        text = f"{_name(job, leg)}: {self.tinted(end.state)}"
        text += f" in {seconds(end.seconds)}" if end.seconds else ""
        text += " (allowed)" if end.state == "failure" and job.allow_failure else ""
        self._print(f"{text}: {end.reason}" if end.reason else text)
        if end.state == "failure" and not self._verbose and end.seconds:
            for line in tail(self._record.log(job, leg)):
                self._print(f"  | {line}")

    def line(self, job: Job, leg: Leg | None, text: str) -> None:
        """What a job prints."""
        if self._verbose:
            self._print(f"{_name(job, leg)} | {printable(text)}")

    def tick(self) -> None:
        """Draws what runs now."""
        if not self._live:
            return
        now = time.monotonic()
        parts = [f"{name} {now - since:.0f} s" for name, since in self._running.items()]
        with self._lock:
            self._clear()
            if parts:
                text = f"running: {', '.join(parts)}"
                self._stream.write(text if len(text) < self._width else text[: self._width - 4] + "...")
                self._drawn = True
            self._stream.flush()

    def interrupted(self) -> None:
        """The run is to end."""
        self._print("interrupted: ending what runs; once more for doing so at once")

    def close(self) -> None:
        """Nothing more is drawn."""
        with self._lock:
            self._clear()
            self._stream.flush()

    def tinted(self, state: str) -> str:
        """The word for how a job ended."""
        return f"\x1b[{_TINTS[state]}m{WORDS[state]}\x1b[0m" if self._color else WORDS[state]

    def say(self, text: str) -> None:
        """A line."""
        self._print(text)

    def _print(self, text: str) -> None:
        with self._lock:
            self._clear()
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._drawn = False


def table(plan: Plan, outcome: Outcome, progress: Progress, folder: str) -> None:
    """The summary: each job, how it ended, how long it took, and why."""
    ends: Mapping[str, End] = {**{n: End("skipped", r) for n, r in plan.left_out.items()}, **outcome.jobs}
    width = max(len(job.id) for job in plan.pipeline.jobs)
    progress.say("")
    for job in plan.pipeline.jobs:
        end = ends[job.id]
        word = progress.tinted(end.state) + " " * (10 - len(WORDS[end.state]))
        took = seconds(end.seconds) if end.seconds else ""
        why = f"{end.reason} (allowed)" if end.state == "failure" and job.allow_failure else end.reason
        progress.say(f"{job.id:{width}}  {word}{took:>8}  {why}".rstrip())
    counts = {state: sum(end.state == state for end in ends.values()) for state in WORDS}
    words = ", ".join(f"{count} {WORDS[state].lower()}" for state, count in counts.items() if count)
    progress.say(f"\n{counted(len(ends))} in {seconds(outcome.seconds)}: {words}. Logs and files: {folder}")


def tail(path: str) -> list[str]:
    """The last lines of a log."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 16384))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [printable(line) for line in lines[-_TAIL:]]


def printable(text: str) -> str:
    """The text without what could drive a terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


def counted(count: int) -> str:
    """So many jobs."""
    return f"{count} job" if count == 1 else f"{count} jobs"


def seconds(count: float) -> str:
    """A duration for people."""
    if count < 60:
        return f"{count:.1f} s"
    return f"{int(count // 60)} min {int(count % 60)} s"


def _name(job: Job, leg: Leg | None) -> str:
    return f"{job.id} ({leg.slug})" if leg else job.id
