"""What of a pack's folder counts: its description, its part of the spec, its job snippets and its templates.

Nothing else of the folder is ever read, so that neither a README nor the pack's own tests change what a project is
pinned to. Imports nothing heavy: the no-change `check` of a project with a pack in a folder runs through here.
"""

from __future__ import annotations

import os

from mlgen.write.digest import digest

MANIFEST = "pack.yaml"
SPEC = "spec.yaml"
JOBS = "jobs"
TEMPLATES = "templates"

MOST_FILES = 500
MOST_BYTES = 4_000_000
"""Of all files of a pack together."""

Files = dict[str, bytes]
"""The content of a pack: each path below its folder, with `/`, and the file's bytes with LF line ends."""


class Refused(Exception):
    """The content may not be what a pack holds: `path` in the pack (may be empty), what is wrong, how to mend it."""

    def __init__(self, path: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.path, self.message, self.hint = path, message, hint


def counts(path: str) -> bool:
    """Whether a file at this path below the pack's folder is part of its content."""
    top, _, rest = path.partition("/")
    if not rest:
        return path in (MANIFEST, SPEC)
    return (top == JOBS and "/" not in rest and rest.endswith(".yaml")) or top == TEMPLATES


def read_folder(folder: str) -> Files:
    """The content of the pack in this folder; Refused says what may not be in one, an OSError what cannot be read."""
    top = os.path.realpath(folder)
    found = bounded({})
    for path in _paths(folder):
        full = os.path.join(folder, path)
        if os.path.islink(full):
            _check_link(top, full, path)
        if not os.path.isfile(full):
            raise Refused(path, f"{path} is not a file", "a pack holds files only")
        if os.path.getsize(full) > MOST_BYTES:
            raise too_large()
        with open(full, "rb", buffering=0) as file:
            found[path] = file.read().replace(b"\r\n", b"\n")
    return bounded(found)


def _paths(folder: str) -> list[str]:
    found = [name for name in (MANIFEST, SPEC) if os.path.lexists(os.path.join(folder, name))]
    for top in (JOBS, TEMPLATES):
        if os.path.islink(os.path.join(folder, top)):
            raise Refused(top, f"{top} is a link to a folder", "put the folder itself into the pack")
        for at, folders, files in os.walk(os.path.join(folder, top)):
            below = os.path.relpath(at, folder).replace(os.sep, "/")
            for name in folders:
                if os.path.islink(os.path.join(at, name)):
                    raise Refused(
                        f"{below}/{name}", f"{below}/{name} is a link to a folder", "put the folder itself there"
                    )
            found += [path for name in files if counts(path := f"{below}/{name}")]
            if len(found) > MOST_FILES:
                raise _too_many()
    return found


def _check_link(top: str, full: str, path: str) -> None:
    """A link may name another file of the pack's content, and nothing else."""
    target = os.path.relpath(os.path.realpath(full), top).replace(os.sep, "/")
    if not counts(target):
        raise Refused(path, f"{path} is a link that leads out of the pack", "put the file itself into the pack")


def bounded(files: Files) -> Files:
    """The same files; Refused if they are too many, too large, or have names that not every machine can keep."""
    if len(files) > MOST_FILES:
        raise _too_many()
    if sum(map(len, files.values())) > MOST_BYTES:
        raise too_large()
    for path in files:
        if not path.isprintable() or any(c in path for c in '\\:*?"<>|') or ".." in path.split("/"):
            raise Refused("", f"{path!r} is not a name that every machine can keep", "rename the file")
    return files


def _too_many() -> Refused:
    return Refused("", f"the pack has more than {MOST_FILES} files", "a pack holds a spec, job snippets and templates")


def too_large() -> Refused:
    """What is said of a pack that is too large."""
    return Refused("", f"the pack has more than {MOST_BYTES // 1_000_000} MB", "a pack holds no data")


def content_digest(files: Files) -> str:
    """A digest of the content, 256 bits: no two packs have the same one by intent."""
    lines = [f"{digest(files[path], 32)} {path}\n" for path in sorted(files)]
    return digest("".join(lines).encode("utf-8", "surrogateescape"), 32)


def folder_digest(folder: str) -> str:
    """The digest of the content of the pack in this folder; empty if there is none that may be used."""
    try:
        files = read_folder(folder)
    except (OSError, Refused):
        return ""
    return content_digest(files) if MANIFEST in files else ""
