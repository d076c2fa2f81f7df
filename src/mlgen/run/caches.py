"""A job's caches: folders below `~` are shared by all jobs, those of the project are copied in and out.

Below `~/.cache` it is the caller's own folder, which holds what its tools fetched already.
"""

from __future__ import annotations

import hashlib
import os
import shutil

from mlgen.ir import Cache, Job
from mlgen.run.workspace import Place, found


def restore(job: Job, place: Place, cache: str, project: str) -> None:
    """Puts what earlier runs kept in its places; `project` tells those of other projects apart."""
    for one in job.caches:
        for path in one.paths:
            if path.startswith("~/"):
                _share(path[2:], place, cache)
            elif os.path.isdir(kept := _kept(one, path, place, cache, project)):
                shutil.copytree(kept, os.path.join(place.project, path), symlinks=True, dirs_exist_ok=True)


def save(job: Job, place: Place, cache: str, project: str) -> None:
    """Keeps what the job leaves in its caches."""
    for one in job.caches:
        for path in one.paths:
            made = os.path.join(place.project, path)
            if not path.startswith("~/") and os.path.isdir(made):
                kept = _kept(one, path, place, cache, project)
                new = f"{kept}.{os.urandom(4).hex()}"
                shutil.copytree(made, new, symlinks=True)
                shutil.rmtree(kept, ignore_errors=True)
                try:
                    os.rename(new, kept)
                except OSError:  # another job was faster
                    shutil.rmtree(new, ignore_errors=True)


def _share(path: str, place: Place, cache: str) -> None:
    own = path.startswith(".cache/")
    shared = os.path.expanduser(f"~/{path}") if own else os.path.join(cache, "home", path)
    os.makedirs(shared, exist_ok=True)
    link = os.path.join(place.home, path)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(os.path.realpath(shared), link)


def _kept(one: Cache, path: str, place: Place, cache: str, project: str) -> str:
    """Where the folder is kept for these key files and salt."""
    digest = hashlib.sha256(repr((project, path, one.salt)).encode())
    for pattern in one.key:
        for name in found(place.project, pattern):
            with open(os.path.join(place.project, name), "rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return os.path.join(cache, "folders", digest.hexdigest()[:24])
