"""What heads a job's scripts on every target."""

from __future__ import annotations

from mlgen.ir import Job
from mlgen.quoting import sh


def opening(job: Job, setup: bool = False, folder: bool = True) -> str:
    """The lines before a script of the job, one or more without a final newline; empty if there are none.

    Variables whose values hold references; then, but not before the setup, the working directory (unless `folder` is
    False: where the system has a key for it) and what activates the job's environment.
    """
    lines = [f"export {name}={word}" for name, word in job.dynamic]
    if not setup and folder and job.working_directory:
        lines.append(f"cd {sh(job.working_directory)}")
    if not setup and job.activate:
        lines.append(job.activate)
    return "\n".join(lines)


def headed(job: Job, script: str, setup: bool = False, folder: bool = True) -> str:
    """The script with what heads it; an empty script stays empty."""
    head = opening(job, setup, folder)
    return f"{head}\n{script}" if head and script else script
