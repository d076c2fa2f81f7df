"""This machine: where a run keeps what it needs again, and what it does otherwise than a CI system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from mlgen.diagnostics import Diagnostic, warning
from mlgen.ir import Job, Pipeline


def cache_folder() -> str:
    """Where environments and caches are kept; https://specifications.freedesktop.org/basedir-spec/latest/."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "mlgen", "run")


@contextmanager
def work_folder(cache: str, keep: bool = False) -> Iterator[str]:
    """A folder for the jobs, outside the project; those of runs that were killed are removed."""
    top = os.path.join(cache, "work")
    os.makedirs(top, exist_ok=True)
    for name in os.listdir(top):
        owner = name.partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(os.path.join(top, name), ignore_errors=True)
    work = os.path.realpath(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=top))
    try:
        yield work
    finally:
        if not keep:
            shutil.rmtree(work, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def differences(pipeline: Pipeline, jobs: Sequence[Job], services: Collection[str]) -> Iterator[Diagnostic]:
    """What these jobs ask for and do not get here, each said once."""

    def say(found: Sequence[Job], message: str, hint: str) -> Iterator[Diagnostic]:
        if found:
            names = ", ".join(job.id for job in found[:3]) + (" …" if len(found) > 3 else "")
            yield warning("MLG804", found[0].position, f"{message} ({names})", hint)

    images = [job for job in jobs if job.image]
    yield from say(images, "images are not used: jobs run on this machine", "a tool that only the image has is missing")
    absent = sorted({s.name for job in jobs for s in job.services} - set(services))
    users = [job for job in jobs if any(s.name in absent for s in job.services)]
    hint = f"start it yourself on its ports here, or by --service '{absent[0]}=COMMAND'" if absent else ""
    yield from say(users, f"services are not started: {', '.join(absent)}", hint)
    missing = sorted({name for job in jobs for name in job.packages if not _installed(name)})
    users = [job for job in jobs if set(job.packages) & set(missing)]
    yield from say(users, f"system packages are not installed: {', '.join(missing)}", "install them yourself")
    users = [job for job in jobs if job.oidc]
    yield from say(users, "no identity token is issued here", "log in yourself, and let variables through with --pass")
    users = [job for job in jobs if job.permissions and "MLGEN_TOKEN" not in os.environ]
    yield from say(users, "there is no token of the code host", "set MLGEN_TOKEN in the environment")


def _installed(package: str) -> bool:
    """Whether the system's package manager has it; False where there is none that knows such names."""
    try:
        done = subprocess.run(["dpkg", "-s", package], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
