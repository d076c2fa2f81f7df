"""The project as the run sees it: where it lies in its repository, what it is compared with, and who asks."""

from __future__ import annotations

import os
import re
import subprocess

from mlgen.ir import Change, Pipeline
from mlgen.ir.events import Event
from mlgen.ir.paths import covers, in_repository
from mlgen.named import NamedTuple


class Project(NamedTuple):
    """`folder` is the project's absolute path; `top` that of its repository, or of the project where there is none.

    `whole`: jobs see all of the repository, since the spec says that the project is a folder of it.
    """

    folder: str
    top: str
    git: bool
    whole: bool

    @property
    def inside(self) -> str:
        """The project's folder, relative to `top`; empty: that is the project."""
        return "" if self.folder == self.top else os.path.relpath(self.folder, self.top)


def project_at(folder: str, pipeline: Pipeline) -> Project:
    """The project in this folder; one that the repository around it ignores has none."""
    place = os.path.realpath(folder)
    top = git(place, "rev-parse", "--show-toplevel")
    if not top or (os.path.realpath(top) != place and git(place, "check-ignore", "-q", place) is not None):
        return Project(place, place, False, False)
    return Project(place, os.path.realpath(top), True, bool(pipeline.root))


def git(folder: str, *words: str) -> str | None:
    """What git prints, without the final line break; None if it fails or there is none."""
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else os.fsdecode(done.stdout).rstrip("\n")


def current_branch(project: Project) -> str:
    """The branch that is checked out; empty: none is."""
    return (git(project.folder, "symbolic-ref", "--quiet", "--short", "HEAD") or "") if project.git else ""


def head_message(project: Project) -> str:
    """The message of the last commit."""
    return (git(project.folder, "log", "-1", "--format=%B") or "") if project.git else ""


def repository_url(project: Project) -> str:
    """Where the repository is on the web, by its remote `origin`, without credentials; empty if that cannot be told."""
    url = (git(project.folder, "remote", "get-url", "origin") or "") if project.git else ""
    found = re.fullmatch(r"(?:ssh://|https?://)?(?:[^@/]+@)?([\w.-]+)(?::\d+(?=/)|)[:/](.+?)(?:\.git)?/?", url)
    return f"https://{found[1]}/{found[2]}" if found and "://" not in found[2] else ""


# ---- what has changed


def base_of(project: Project, event: Event) -> str:
    """The commit that the event is compared with; empty: it cannot be told.

    Of a push that is the branch as its remote has it, since this is what was built last; of a pull request the commit
    in which its branch leaves the target's.
    """
    if not project.git or event.kind not in ("push", "pull_request"):
        return ""
    tip = _tip(project, event.branch, remote_only=event.kind == "push")
    return (git(project.folder, "merge-base", tip, "HEAD") or "") if tip else ""


def _tip(project: Project, branch: str, remote_only: bool = False) -> str:
    for ref in (f"refs/remotes/origin/{branch}", *(() if remote_only else (f"refs/heads/{branch}",))):
        if found := git(project.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"):
            return found
    return ""


def changed_fields(project: Project, pipeline: Pipeline, event: Event) -> dict[str, str]:
    """What conditions over changes ask, by field, on events of commits whose changes are not given."""
    if event.kind not in ("push", "pull_request") or event.changed is not None:
        return {}
    base = base_of(project, event)
    return {change.field: "true" if _has_changed(project, change, base) else "false" for change in pipeline.changes}


def _has_changed(project: Project, change: Change, base: str) -> bool:
    """Whether a path of it differs between the base and the working tree, which is what is run."""
    if change.against:
        tip = _tip(project, change.against)
        base = (git(project.folder, "merge-base", tip, "HEAD") or "") if tip else ""
    if not base:
        return True
    differing = git(project.folder, "diff", "--name-only", "-z", "--no-renames", base, "--")
    added = git(project.folder, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", ":/")
    if differing is None or added is None:
        return True
    files = [name for name in (differing + added).split("\0") if name]
    folder = (git(project.folder, "rev-parse", "--show-prefix") or "").rstrip("/")
    return any(covers(in_repository(folder, path), name) for path in change.paths for name in files)
