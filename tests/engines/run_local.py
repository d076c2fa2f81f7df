"""Runs a spec by `mlgen run`, with a folder of programs that jobs find before those of their environment.

As a script: `run_local.py PROGRAMS SECONDS ARGUMENT...`; a command may take no longer than so many seconds (0: as the
spec says).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .runs import RunResult
from .tools import ToolFailure, git

ROOT = Path(__file__).resolve().parents[2]

CACHE = Path(os.environ.get("MLGEN_TEST_CACHE") or ROOT / ".tools").absolute() / "run-cache"


def run_local(
    repo: Path,
    arguments: Sequence[str],
    *,
    work: Path,
    base: str,
    branch: str,
    secrets: Mapping[str, str],
    python: Path,
    seconds: float = 0,
) -> RunResult:
    """Run the spec of `repo`; `base` is where the branch is on the server. No event starts a run: there are no jobs."""
    git(repo, "update-ref", f"refs/remotes/origin/{branch}", base)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLGEN_")}
    env |= {"XDG_CACHE_HOME": str(CACHE), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **secrets}
    words = [sys.executable, "-m", "tests.engines.run_local", str(python), str(seconds)]
    words += ["run", *arguments, "--any-python", "--format", "json", "--verbose", "-C", str(repo)]
    done = subprocess.run(words, cwd=repo, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 2 and "MLG801" in done.stdout and "no run starts" in done.stdout:
        return RunResult(True, {}, [], work, done.stdout)
    if done.returncode not in (0, 1):
        raise ToolFailure(f"mlgen run: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    data = json.loads(done.stdout)
    jobs = {name.partition(".")[2]: _status(job) for name, job in data["jobs"].items()}
    log = done.stderr + "".join(
        f"[{file.stem}] {file.read_text('utf-8')}" for file in sorted((Path(data["folder"]) / "logs").glob("*.log"))
    )
    return RunResult(done.returncode == 0, jobs, data["order"], Path(data["folder"]), log)


def _status(job: Mapping[str, Any]) -> str:
    """The word of the table where it tells more than those of other engines."""
    if job["result"] == "failure" and job.get("allowed"):
        return "warning"
    if "its approval is refused" in job.get("reason", ""):
        return "manual"
    return {"skipped": "idle", "stopped": "stop"}.get(job["result"], job["result"])


def _main(programs: str, seconds: float, arguments: Sequence[str]) -> int:
    from mlgen.cli.main import run
    from mlgen.run import pythons
    from mlgen.run.processes import Group

    active, start = pythons.active, Group.run

    def before(env: Mapping[str, str], folder: str) -> dict[str, str]:
        found = active(env, folder)
        return {**found, "PATH": os.pathsep.join((os.path.join(programs, "bin"), found["PATH"]))}

    def bounded(
        self: Group, words: Sequence[str], folder: str, env: Mapping[str, str], timeout: float = 0, final: bool = False
    ) -> int:
        return start(self, words, folder, env, min(timeout, seconds) if seconds else timeout, final)

    pythons.active, Group.run = before, bounded  # type: ignore[method-assign]
    pythons.key = lambda *_: None  # a setup runs in each job, as on a CI system
    return run(list(arguments))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
