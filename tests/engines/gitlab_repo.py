"""What gitlab-ci-local needs around a config: a git repository with a remote, and its command line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .tools import HERE, Argv, find, git, node_module

#: gitlab-ci-local takes the server, group and project names from a remote of this name, and fetches nothing from it.
PROJECT_URL = "https://gitlab.example.org/group/project.git"

_SEPARATOR = re.compile(r"^---[ \t]*(#.*)?$", re.MULTILINE)


def split_header(text: str) -> tuple[dict[str, Any], str]:
    """Split off the header document of a config, if it has one: https://docs.gitlab.com/ci/yaml/#header-keywords

    The second part keeps its line numbers: the header's lines are left blank in it.
    """
    for separator in _SEPARATOR.finditer(text):
        head, body = text[: separator.start()], text[separator.end() :]
        header = YAML(typ="safe", pure=True).load(head)
        if isinstance(header, dict):
            return header, "\n" * head.count("\n") + body
    return {}, text


def scratch_repository(repo: Path, *, config: Path, root: Path | None = None) -> None:
    """Make a repository of one commit on main that holds `config` as .gitlab-ci.yml, and the tree `root`."""
    if root is None:
        repo.mkdir(parents=True)
    else:
        shutil.copytree(root, repo, ignore=shutil.ignore_patterns(".git"), symlinks=True)
    shutil.copyfile(config, repo / ".gitlab-ci.yml")
    git(repo, "init", "-q", "-b", "main", ".")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "scratch")
    add_remotes(repo)


def add_remotes(repo: Path) -> None:
    """Give a repository the remotes that gitlab-ci-local asks for: a bare clone as origin, with its default branch."""
    origin = repo.parent / f"{repo.name}.git"
    git(repo.parent, "clone", "-q", "--bare", str(repo), str(origin))
    if "origin" in git(repo, "remote").split():
        git(repo, "remote", "remove", "origin")
    git(repo, "remote", "add", "origin", str(origin))
    git(repo, "fetch", "-q", "origin")
    git(repo, "remote", "set-head", "origin", "main")
    git(repo, "remote", "add", "gcl-origin", PROJECT_URL)
    git(repo, "config", "user.name", "Engine")
    git(repo, "config", "user.email", "engine@example.org")


def command(work: Path) -> Argv:
    """Return the start of a gitlab-ci-local command line that starts no containers and keeps its state in `work`."""
    program = node_module("gitlab-ci-local/dist/index.js")
    home = work / "gitlab-ci-local"
    home.mkdir(parents=True, exist_ok=True)
    engine = HERE / "gitlab" / "no-containers"
    return [find("node"), program, "--home", home, "--container-executable", engine, "--no-color"]


#: Lines with which gitlab-ci-local accompanies any run.
_CHATTER = re.compile(r"^(parsing and downloads finished|json schema validated|Using fallback|\s*$)")


def complaint(log: str) -> str:
    """Return what gitlab-ci-local complains about, without its chatter."""
    return "\n".join(line for line in log.splitlines() if not _CHATTER.match(line)).strip()
