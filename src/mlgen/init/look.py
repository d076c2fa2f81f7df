"""All that `init` finds out about a project; it reads and changes nothing."""

from __future__ import annotations

import os
import re

from mlgen.init.packages import Packages, packages
from mlgen.init.project import Project, inner
from mlgen.init.repository import Repository, System, repository, systems
from mlgen.init.versions import Version, python_version
from mlgen.init.work import Work, foreign, work
from mlgen.named import NamedTuple


class Found(NamedTuple):
    """`notes` says what could not be looked at."""

    name: str
    repository: Repository
    systems: tuple[System, ...]
    python: Version
    packages: Packages
    work: Work
    has_python: bool
    notes: tuple[str, ...]

    @property
    def ci_files(self) -> tuple[str, ...]:
        """The files of CI systems, without the hosts that stand for one."""
        return tuple(path for system in self.systems for path in system.signs if system.by_files)


def look(root: str) -> Found:
    """What the folder shows of itself."""
    project = Project(root)
    git = repository(root)
    tools = packages(project)
    shown = systems(project, git.address)
    version = python_version(project, [path for system in shown for path in system.signs])
    if foreign(project):
        tools = tools.activated()
    todo = work(project, tools)
    return Found(
        _name(project, git),
        git,
        tuple(shown),
        version,
        tools,
        todo,
        any(path.endswith(".py") for path in project.files),
        tuple(project.notes),
    )


def _name(project: Project, git: Repository) -> str:
    """The project's name by its own files, its repository or its folder, in the letters that a spec takes."""
    data = project.toml("pyproject.toml")
    said = (
        inner(data, "project").get("name"),
        inner(data, "tool", "poetry").get("name"),
        project.ini("setup.cfg").get("metadata", {}).get("name"),
        project.yaml("MLproject").get("name"),
        "" if git.inside else git.address.rpartition("/")[2],
        os.path.basename(os.path.abspath(project.root)),
    )
    return next((name for text in said if isinstance(text, str) and (name := slug(text))), "my-project")


def slug(text: str) -> str:
    """The text in the letters of a name in the spec; empty if nothing of it is left."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text.strip()).strip("-")
    return re.sub(r"^[^A-Za-z]+", "", plain)[:60].rstrip("-")
