"""The git repository around the project, and the CI systems that it shows signs of."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatchcase

from mlgen import targets
from mlgen.init.project import Project
from mlgen.named import NamedTuple


class Repository(NamedTuple):
    """`address` is HOST/PATH without user or password; `inside` is the project's folder below the repository's root."""

    address: str = ""
    branch: str = "main"
    inside: str = ""


class System(NamedTuple):
    """A CI system with signs of its use: files of it, or the code host."""

    name: str
    signs: tuple[str, ...]
    by_files: bool


def repository(root: str) -> Repository:
    """What git knows; without git, or outside a repository, nothing."""
    if _git(root, "rev-parse", "--is-inside-work-tree") != "true":
        return Repository()
    remotes = _git(root, "remote").splitlines()
    remote = "origin" if "origin" in remotes else remotes[0] if remotes else ""
    head = _git(root, "symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD").rpartition(f"{remote}/")[2]
    names = _git(root, "for-each-ref", "--format=%(refname:short)", "refs/heads", f"refs/remotes/{remote}").split()
    current = _git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    known = {name.removeprefix(f"{remote}/") for name in (*names, current)}
    branch = head or next((b for b in ("main", "master") if b in known), "main")
    return Repository(
        _address(_git(root, "remote", "get-url", remote) if remote else ""),
        branch if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}", branch, re.ASCII) else "main",
        _git(root, "rev-parse", "--show-prefix").rstrip("/"),
    )


def _git(root: str, *arguments: str) -> str:
    """What git says; empty if it fails, is not there, or thinks for too long."""
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _address(url: str) -> str:
    """HOST/PATH of a remote's URL, in either form of git's; empty for a folder, or what cannot be read.

    https://git-scm.com/docs/git-clone#_git_urls. A user and a password before the host do not belong in a spec.
    """
    found = re.fullmatch(r"(?:ssh|https?|git)://(?:[^/@]*@)?([^/:]+)(?::\d+)?/(.+)", url) or re.fullmatch(
        r"(?:[^/@:]+@)?([^/@:]{2,}):(?!/)(.+)", url
    )
    if not found:
        return ""
    path = found[2].rstrip("/").removesuffix(".git")
    address = f"{found[1].lower()}/{path}"
    return address if re.fullmatch(r"[a-z0-9.-]+(/[A-Za-z0-9._~-]+)+", address) else ""


def systems(project: Project, address: str) -> list[System]:
    """The CI systems whose files are there; where there are none, the one of the code host."""
    known = [targets.get(name) for name in targets.names()]
    found = [System(t.name, tuple(p for sign in t.signs.files for p in project.matching(sign)), True) for t in known]
    by_files = [system for system in found if any(map(_is_live, system.signs))]
    if by_files:
        return by_files
    host = address.partition("/")[0]
    return [System(t.name, (host,), False) for t in known if host and any(fnmatchcase(host, h) for h in t.signs.hosts)]


def _is_live(path: str) -> bool:
    return not os.path.basename(path).endswith(".orig")
