"""The compiled files held against the disk: what is new, changed, edited by hand, in the way, or no longer wanted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from mlgen import __version__
from mlgen.diagnostics import Position, SpecError, error
from mlgen.ir.paths import up
from mlgen.named import NamedTuple
from mlgen.typed import Literal
from mlgen.write import lock
from mlgen.write.digest import digest
from mlgen.write.header import ABSENT, PROJECTS, File, read_header

State = Literal["current", "new", "changed", "edited", "foreign", "removed", "left"]
"""`edited`: mlgen's file with changes by hand; `foreign`: without mlgen's header, or of another spec that is there.

`left`: no longer asked for, and edited by hand, so that it is not removed.

A checkout with CRLF line ends is `changed`, since a shell cannot run such a script; the spec itself may have them.
"""


class Change(NamedTuple):
    """One file: what stands on the disk (None: nothing) and what should (None: nothing)."""

    path: str
    state: State
    old: str | None
    new: str | None


def plan(
    root: str,
    spec: str,
    files: Sequence[File],
    known: Callable[[], Iterable[str]],
    partial: bool,
    inputs: Sequence[str] = (),
    packs: Iterable[tuple[str, str]] = (),
    folder: str = "",
) -> tuple[Change, ...]:
    """The changes that make the disk as compiled, the lock last; `inputs` are other files than the spec.

    `known` gives paths where outputs may stand from before; it is asked only when the lock cannot tell. `partial`: only
    some targets were compiled, so that nothing is removed, the lock keeps the others' entries, and it vouches for the
    whole only if it already did. `packs` are the sources of the packs that took part, and the digests of their content.
    `folder` is the project's in its repository, below which files of it lie, too.
    """
    home = _Home(root, spec, folder)
    wanted = {file.path for file in files}
    changes = [_compare(home, file) for file in files]
    old = _read(root, lock.LOCK)
    entries = lock.parse(old or "")
    before = entries.get(spec, {})
    if not partial:
        candidates = [n[1:] for n in before if n[0] in "/&"] or list(known())
        changes += [c for path in candidates if path not in wanted and (c := _gone(home, path)) is not None]
    entry = {"mlgen": __version__, "input": lock.input_digest(_bytes(os.path.join(root, spec)))}
    entry.update({"<" + path: lock.file_digest(os.path.join(root, path)) for path in inputs})
    entry.update(("@" + source, content) for source, content in packs)
    kept: lock.Entry = {}
    if partial:
        kept = {n: before[n] for n in before if n[0] in "/&"}
        if {n: before[n] for n in before if n[0] not in "/&"} != entry:
            entry["input"] = "of some targets only"
    made = {"/" + file.path: digest(file.text.encode()) for file in files if not file.share}
    made.update({"&" + file.path: file.share for file in files if file.share not in ("", ABSENT)})
    entries[spec] = {**entry, **kept, **made}
    text = lock.dump(entries, lock.pins(old or ""))
    state: State = "current" if old == text else "new" if old is None else "changed"
    return (*changes, Change(lock.LOCK, state, old, text))


def repinned(root: str, packs: dict[str, lock.Pin]) -> Change:
    """The change of the lock that leaves it with these pins; what the outputs were made from stays said."""
    old = _read(root, lock.LOCK)
    text = lock.dump(lock.parse(old or ""), packs)
    return Change(lock.LOCK, "current" if old == text else "new" if old is None else "changed", old, text)


def edited_spec(root: str, spec: str, text: str) -> Change:
    """The change of the spec itself; only `pack update` makes one, of the revisions under `extends`."""
    old = _read(root, spec)
    return Change(spec, "current" if old == text else "changed", old, text)


def in_the_way(root: str, spec: str, files: Sequence[File], folder: str = "") -> tuple[str, ...]:
    """The paths at which something stands that mlgen did not write from this spec."""
    return tuple(file.path for file in files if _compare(_Home(root, spec, folder), file).state == "foreign")


class _Home(NamedTuple):
    """Where the spec is: on the disk, and in its repository."""

    root: str
    spec: str
    folder: str

    def owns(self, named: str, share: bool) -> bool:
        """Whether a file whose header names that spec is this one's: also when the spec has a new name.

        A file that several projects share is that of each, and of none alone.
        """
        if share or named == PROJECTS:
            return share and named == PROJECTS
        if named == (f"{self.folder}/{self.spec}" if self.folder else self.spec):
            return True
        there = named if self.folder else os.path.basename(named)
        return ".." not in named.split("/") and not os.path.isfile(os.path.join(self.root, up(self.folder), there))


def _compare(home: _Home, file: File) -> Change:
    old = _read(home.root, file.path)
    if old is None:
        there = os.path.lexists(os.path.join(home.root, file.path))
        return Change(file.path, "foreign" if there else "new", None, file.text)
    if old == file.text:
        return Change(file.path, "current", old, file.text)
    header = read_header(old.replace("\r\n", "\n"))
    if header is None or not home.owns(header[0], bool(file.share)):
        return Change(file.path, "foreign", old, file.text)
    return Change(file.path, "changed" if header[1] == header[2] else "edited", old, file.text)


def _gone(home: _Home, path: str) -> Change | None:
    """What is to be said of an output of before; None if the file is not there or not mlgen's."""
    old = _read(home.root, path)
    header = read_header(old.replace("\r\n", "\n")) if old is not None else None
    if header is None or not home.owns(header[0], header[0] == PROJECTS):
        return None
    return Change(path, "removed" if header[1] == header[2] else "left", old, None)


def _read(root: str, path: str) -> str | None:
    """The text of the file as it is, line endings included; None if there is none. Not UTF-8: no text of mlgen's."""
    try:
        return _bytes(os.path.join(root, path)).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as err:
        message = f"{path} cannot be read: {err.strerror or err}"
        raise SpecError([error("MLG503", Position(path), message, "mend that, or move it away")]) from None


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
