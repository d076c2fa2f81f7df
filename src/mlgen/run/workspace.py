"""Where a job runs: a clean copy of the working tree, with a repository of its own and a home that is empty.

The tree is taken once, when the run starts, so that all jobs see the same whatever is edited meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping

from mlgen.ir import Checkout, Job, paths
from mlgen.ir.values import Leg
from mlgen.named import NamedTuple
from mlgen.run.processes import Group
from mlgen.run.project import Project, git

RUNS = ".mlgen-run"
"""The folder in the project for what runs leave: never part of a job's copy."""


class Failed(Exception):
    """What keeps a job from going on, in words for its user."""


class Snapshot(NamedTuple):
    """The tree as it was when the run started: `files` are relative to `folder`, those in `modules` by submodule."""

    folder: str
    files: tuple[str, ...]
    modules: tuple[tuple[str, tuple[str, ...]], ...]
    inside: str
    """The project's folder in it; empty: it is the project."""


class Place(NamedTuple):
    """The folders of one job (one leg): `project` is where its scripts start."""

    base: str
    tree: str
    project: str
    home: str
    temporary: str


def snapshot(project: Project, folder: str) -> Snapshot:
    """Copies the working tree, tracked files and those that git does not ignore, and what git needs for its history."""
    start = project.top if project.whole else project.folder
    prefix = "" if start == project.top else project.inside + "/"
    found = list(_listed(project, start))
    modules = tuple(
        (prefix + name, tuple(_below(os.path.join(start, name)))) for name in found if _is_module(start, name)
    )
    names = {name for name, _ in modules}
    files = tuple(prefix + name for name in found if prefix + name not in names)
    os.makedirs(folder)
    copy_files(project.top, folder, files)
    for name, inner in modules:
        copy_files(os.path.join(project.top, name), os.path.join(folder, name), inner)
    if project.git:
        _history(project.top, folder)
    return Snapshot(folder, files, modules, project.inside)


def _listed(project: Project, start: str) -> Iterator[str]:
    """The files below a folder, without those of earlier runs and those that are deleted but not yet committed."""
    if not project.git:
        yield from _below(start)
        return
    said = git(start, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in sorted(set((said or "").split("\0")) - {""}):
        if os.path.lexists(os.path.join(start, name)) and not name.startswith(f"{RUNS}/"):
            yield name.rstrip("/")


def _is_module(start: str, name: str) -> bool:
    full = os.path.join(start, name)
    return os.path.isdir(full) and not os.path.islink(full)


def _below(start: str) -> Iterator[str]:
    """All files below a folder but git's own and those of runs, links as they are."""
    for top, folders, names in os.walk(start):
        folders[:] = sorted(f for f in folders if f not in (".git", RUNS))
        links = [f for f in folders if os.path.islink(os.path.join(top, f))]
        for name in (*sorted(names), *links):
            if name != ".git":
                yield os.path.relpath(os.path.join(top, name), start)


def _history(top: str, folder: str) -> None:
    """The history as a clone has it: branches as those of `origin`, and nothing that could be pushed to.

    Objects are borrowed from the repository, so that this costs little whatever its size.
    """
    whole = os.path.join(folder, ".git")
    clone = f"{folder}.clone"
    if git(top, "clone", "--quiet", "--shared", "--no-checkout", top, clone) is None:
        return  # a repository that git does not trust, or cannot read
    shutil.move(os.path.join(clone, ".git"), whole)
    shutil.rmtree(clone)
    git(folder, "fetch", "--quiet", top, "+refs/remotes/origin/*:refs/remotes/origin/*")
    git(folder, "remote", "set-url", "--push", "origin", "mlgen-run-does-not-push")
    if head := git(folder, "rev-parse", "--verify", "--quiet", "HEAD"):
        git(folder, "update-ref", "--no-deref", "HEAD", head)  # a commit, as in CI, and no branch
        git(folder, "read-tree", "HEAD")


def place_for(base: str, snap: Snapshot, job: Job) -> Place:
    """Makes a job's folders and fills them with the tree, as the job's `checkout` asks."""
    tree, home, temporary = (os.path.join(base, name) for name in ("tree", "home", "tmp"))
    for folder in (tree, home, temporary):
        os.makedirs(folder)
    place = Place(base, tree, os.path.join(tree, snap.inside), home, temporary)
    own = next((one for one in job.checkouts if not one.repository and not one.path), None)
    if own is not None:
        _checked_out(snap, own, tree)
    os.makedirs(place.project, exist_ok=True)
    return place


def _checked_out(snap: Snapshot, one: Checkout, tree: str) -> None:
    if os.path.isdir(os.path.join(snap.folder, ".git")):
        shutil.copytree(os.path.join(snap.folder, ".git"), os.path.join(tree, ".git"), symlinks=True)
    if one.ref:
        for name in (f"refs/remotes/origin/{one.ref}", f"refs/tags/{one.ref}", one.ref):
            if git(tree, "checkout", "--quiet", "--force", "--detach", name) is not None:
                return
        raise Failed(f"checkout: this repository has no {one.ref}")
    copy_files(snap.folder, tree, snap.files)
    for name, inner in snap.modules:
        os.makedirs(os.path.join(tree, name), exist_ok=True)
        if one.submodules:
            copy_files(os.path.join(snap.folder, name), os.path.join(tree, name), inner)


def other_checkouts(job: Job, place: Place, group: Group, env: Mapping[str, str]) -> None:
    """Clones the other repositories that the job asks for."""
    for one in job.checkouts:
        if one.repository or one.path:
            name = one.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
            folder = os.path.join(place.project, one.path or name)
            source = _address(one) if one.repository else place.tree
            words = ["git", "clone", "--quiet", *(["--recurse-submodules"] if one.submodules else [])]
            words += [f"--depth={one.depth or 1}"] if one.depth != 0 and one.repository and not one.ref else []
            login = []
            if one.token:
                # The token goes through a variable, and nothing of it stays in the clone.
                helper = f'!f() {{ echo username=x-access-token; echo "password=${one.token}"; }}; f'
                login = ["-c", f"credential.helper={helper}"]
            status = group.run(["git", *login, *words[1:], "--", source, folder], place.project, env)
            if status == 0 and one.ref:
                status = group.run(
                    ["git", "-C", folder, "checkout", "--quiet", "--detach", one.ref], place.project, env
                )
            if status:
                raise Failed(f"checkout: {one.repository or 'the project'} cannot be cloned")


def _address(one: Checkout) -> str:
    whole = "://" in one.repository or "@" in one.repository or os.path.isabs(one.repository)
    return one.repository if whole else f"https://{one.repository.rstrip('/').removesuffix('.git')}.git"


# ---- files


def on_leg(path: str, leg: Leg | None) -> str:
    """The declared path on this leg."""
    return paths.on_leg(path, dict(leg.values)) if leg else path


def found(folder: str, path: str) -> list[str]:
    """The files below a folder that a declared path (a file, a folder, a glob) stands for, relative to the folder."""
    import glob

    whole = os.path.join(folder, path)
    hits = [whole] if os.path.lexists(whole) else glob.glob(os.path.join(glob.escape(folder), path), recursive=True)
    files: set[str] = set()
    for hit in hits:
        inner = _below(hit) if os.path.isdir(hit) and not os.path.islink(hit) else None
        files.update((hit,) if inner is None else (os.path.join(hit, name) for name in inner))
    return sorted(os.path.relpath(name, folder) for name in files)


def copy_files(source: str, target: str, files: Iterable[str]) -> None:
    """Copies files to the same places below another folder, links as links."""
    made: set[str] = set()
    for name in files:
        whole = os.path.join(target, name)
        parent = os.path.dirname(whole)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        if os.path.islink(whole) or os.path.isfile(whole):
            os.unlink(whole)
        shutil.copy2(os.path.join(source, name), whole, follow_symlinks=False)
