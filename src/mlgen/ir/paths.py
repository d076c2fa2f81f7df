"""Paths of declared files: when two speak of the same file, and how a matrix axis stands in one."""

from __future__ import annotations

import re

from mlgen.ir.expressions import glob_matches, is_literal
from mlgen.regex import regex
from mlgen.typed import Generic, TypeVar

MATRIX_REFERENCE = regex(r"\$\{matrix\.([A-Za-z_][A-Za-z0-9_]*)\}")


def normal(path: str) -> str:
    """The path without `./` and doubled or final slashes."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def up(root: str) -> str:
    """The way from a project's folder up to its repository, `../../` or empty."""
    return "../" * (root.count("/") + 1) if root else ""


def from_project(root: str, path: str) -> str:
    """A path of the repository, said from the project's folder `root` in it."""
    return path.removeprefix(f"{root}/") if not root or path.startswith(f"{root}/") else up(root) + path


def in_repository(root: str, path: str) -> str:
    """A path of the project's as one from its repository's root, where one that begins with / counts from already."""
    return path[1:] if path.startswith("/") else f"{root}/{path}" if root else path


def as_glob(path: str) -> str:
    """The path with each reference to an axis as a wildcard."""
    return MATRIX_REFERENCE.sub("*", normal(path))


def on_leg(path: str, values: dict[str, str]) -> str:
    """The path of one leg: each reference to an axis replaced by the leg's value."""
    return MATRIX_REFERENCE.sub(lambda found: values[found[1]], path)


def overlap(left: str, right: str) -> bool:
    """Whether two declared paths speak of the same file: equal, one inside the other, or a glob over it."""
    a, b = as_glob(left).split("/"), as_glob(right).split("/")
    return all(_segments(x, y) for x, y in _paired(a, b))


def covers(path: str, file: str) -> bool:
    """Whether a declared path (a file, a folder, a glob over either) speaks of this file."""
    glob = as_glob(path)
    return glob in ("", ".") or any(glob_matches(glob, each) for each in (file, *_folders(file)))


def _paired(a: list[str], b: list[str]) -> list[tuple[str, str]]:
    """The segments side by side, as far as both go; what follows `**` on either side is not compared."""
    stop = min(x.index("**") if "**" in x else len(x) for x in (a, b))
    return list(zip(a[:stop], b[:stop]))


def _segments(x: str, y: str) -> bool:
    if is_literal(x) and is_literal(y):
        return x == y
    if not (is_literal(x) or is_literal(y)):
        return _alike(_head(x), _head(y))
    return glob_matches(x, y) or glob_matches(y, x)


Owner = TypeVar("Owner")


class Index(Generic[Owner]):
    """Who makes which declared path: a literal one is found by its folders, without a look at all others."""

    def __init__(self) -> None:
        self._exact: dict[str, list[tuple[Owner, str]]] = {}
        self._below: dict[str, list[tuple[Owner, str]]] = {}
        self._wild: list[tuple[str, tuple[Owner, str]]] = []

    def add(self, owner: Owner, path: str) -> None:
        """The owner makes the path."""
        entry, glob = (owner, path), as_glob(path)
        if not is_literal(glob):
            self._wild.append((_head(glob), entry))
            return
        self._exact.setdefault(glob, []).append(entry)
        for folder in _folders(glob):
            self._below.setdefault(folder, []).append(entry)

    def near(self, path: str) -> list[tuple[Owner, str]]:
        """Those of which a path overlaps this one, with that path; in no certain order."""
        glob = as_glob(path)
        head = _head(glob)
        wild = [e for other, e in self._wild if _alike(other, head) and overlap(e[1], glob)]
        if not is_literal(glob):
            exact = (e for made, entries in self._exact.items() if _alike(made, head) for e in entries)
            return wild + [entry for entry in exact if overlap(entry[1], glob)]
        folders = [entry for folder in _folders(glob) for entry in self._exact.get(folder, ())]
        return wild + folders + self._exact.get(glob, []) + self._below.get(glob, [])


def _head(glob: str) -> str:
    """What every file that the glob speaks of begins with."""
    return re.split(r"[*?\[]", glob, maxsplit=1)[0]


def _alike(one: str, other: str) -> bool:
    """Whether paths with these beginnings can speak of one file."""
    return one.startswith(other) or other.startswith(one)


def _folders(path: str) -> list[str]:
    """The folders above the path."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
