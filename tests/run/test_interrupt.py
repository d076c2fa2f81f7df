"""An interrupted run ends all that it started, and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run.conftest import REPOSITORY, Project
from tests.run.test_outcomes import left

SPEC = """
    stages:
      test:
        slow:
          run: ["setsid sleep 4715 &", "sleep 4716 & sleep 4717"]
          finally: 'echo "finally $MLGEN_RESULT"'
          timeout: 1h
        deaf: {run: ["trap '' TERM", "while true; do sleep 0.1; done # 4718"]}
        after: {run: "true", needs: [slow]}
"""


def start(project: Project) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    words = [sys.executable, "-m", "mlgen", "run", "-C", str(project.folder), "-j", "4"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 120
    while not (left("sleep 4715") and left("sleep 4716") and left("sleep 4717")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_that_runs_is_ended(project: Project, number: int) -> None:
    process = start(project.spec(SPEC))
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert [command for command in ("sleep 4715", "sleep 4716", "sleep 4717") if left(command)] == []
    assert "interrupted: ending what runs" in out
    assert "test.slow   cancelled" in out
    assert "test.after  cancelled" in out
    log = project.folder / ".mlgen-run/latest/logs/slow.log"
    assert "finally failure" in log.read_text("utf-8")
    assert deaf() == []


def deaf() -> list[str]:
    """The processes of the job that does not listen."""
    return [str(p) for p in Path("/proc").glob("[0-9]*/cmdline") if b"done # 4718" in _read(p)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_second_interrupt_does_not_wait_for_last_scripts(project: Project) -> None:
    process = start(project.spec(SPEC.replace("finally: 'echo", "finally: 'sleep 4719; echo")))
    process.send_signal(signal.SIGINT)
    until = time.monotonic() + 60
    while not left("sleep 4719") and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, left("sleep 4719")) == (130, []), out
