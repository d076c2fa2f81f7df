"""A project as it was at a revision: its files written into a folder, so that they can be read like any project."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from mlgen.diagnostics import Position, SpecError, error

_LARGEST = 1 << 20
"""Bytes of a file that is taken along; no spec, import or pack has more."""


def written(directory: str, revision: str, into: str) -> str:
    """Write the repository's files at the revision below `into`; the project's folder there.

    Only objects are read: nothing is checked out in the repository, and no hook runs. A SpecError says why not.
    """
    try:
        root = _git(directory, "rev-parse", "--show-toplevel").decode().strip()
        commit = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        tree = _git(root, "ls-tree", "-r", "-l", "-z", commit.decode().strip())
    except (OSError, subprocess.CalledProcessError) as fault:
        said = getattr(fault, "stderr", b"") or b""
        why = said.decode("utf-8", "replace").strip() or f"git knows no {revision}"
        hint = "name a commit, tag or branch of the repository that the project is in"
        raise SpecError([error("MLG811", Position(directory), why, hint)]) from None
    for path, data in _files(root, tree):
        target = os.path.join(into, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
    return os.path.normpath(os.path.join(into, os.path.relpath(os.path.realpath(directory), os.path.realpath(root))))


def _files(root: str, tree: bytes) -> Iterator[tuple[str, bytes]]:
    """The regular files of the tree that are small enough, with their content."""
    found = []
    for entry in tree.split(b"\0"):
        head, _, path = entry.partition(b"\t")
        mode, kind, name, size = (*head.split(), b"", b"", b"", b"")[:4]
        if kind == b"blob" and mode != b"120000" and size.isdigit() and int(size) <= _LARGEST:
            found.append((os.fsdecode(path), name))
    asked = b"".join(name + b"\n" for _, name in found)
    given = _git(root, "cat-file", "--batch", data=asked)
    at = 0
    for file, _ in found:
        end = given.index(b"\n", at)
        length = int(given[at:end].split()[2])
        yield file, given[end + 1 : end + 1 + length]
        at = end + length + 2


def _git(directory: str, *words: str, data: bytes | None = None) -> bytes:
    command = ["git", "-C", directory, "--no-replace-objects", *words]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout
