"""Changes to the disk, each by atomic replacement: a crash leaves every file old or new, whole."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlgen.diagnostics import Position, SpecError, error
from mlgen.ir.paths import up
from mlgen.write.header import PROJECTS, read_header
from mlgen.write.plan import Change


def refusals(root: str, changes: Sequence[Change], adopt: bool, folder: str = "") -> None:
    """A SpecError if a change may not be made; to be called before the first is. `folder`: see `plan`."""
    faults = []
    top = os.path.realpath(os.path.join(root, up(folder)))
    for change in changes:
        target = os.path.join(root, change.path)
        parent = os.path.realpath(os.path.dirname(target))
        if parent != top and not parent.startswith(top + os.sep):
            hint = "a link leads out of the project; remove it"
            faults.append(
                error("MLG503", Position(change.path), f"{change.path} would be written outside the project", hint)
            )
        elif change.new is not None and (file := _in_the_way(root, os.path.dirname(change.path))):
            message = f"{change.path} needs a folder {file}, which is a file"
            faults.append(error("MLG503", Position(change.path), message, f"move {file} away"))
        elif change.state == "foreign" and change.old is None:
            faults.append(error("MLG501", Position(change.path), f"{change.path} is not a file", "move it away"))
        elif change.state == "foreign" and (other := read_header((change.old or "").replace("\r\n", "\n"))) is not None:
            message = f"{change.path} was written by mlgen from {other[0]}"
            hint = "two specs would share this file: give each a folder and a `project` name of its own"
            if other[0] == PROJECTS or folder:
                hint += ", the folder as `project.root` in both"
            faults.append(error("MLG501", Position(change.path), message, hint))
        elif change.state == "foreign" and not adopt:
            hint = f"`mlgen compile --adopt` takes it over and keeps the old one as {change.path}.orig"
            faults.append(error("MLG501", Position(change.path), f"{change.path} was not written by mlgen", hint))
        elif change.state == "foreign" and os.path.lexists(f"{target}.orig"):
            hint = "move it away first, so that it is not lost"
            faults.append(error("MLG501", Position(change.path), f"{change.path}.orig exists already", hint))
    if faults:
        raise SpecError(faults)


def _in_the_way(root: str, folder: str) -> str:
    """What stands where this folder, or one above it, is needed, and is none; empty if nothing does."""
    while folder and not os.path.lexists(os.path.join(root, folder)):
        folder = os.path.dirname(folder)
    return "" if os.path.isdir(os.path.join(root, folder)) else folder


def apply(root: str, changes: Sequence[Change]) -> None:
    """Make the changes, in order. A SpecError says which file could not be written; those before it are.

    Wherever the process ends, each file is the old or the new one, whole.
    """
    for change in changes:
        target = os.path.join(root, change.path)
        try:
            if change.state == "removed":
                os.unlink(target)
                _prune(root, os.path.dirname(change.path))
            elif change.state != "current" and change.new is not None:
                if change.state == "foreign" and change.old is not None:
                    _replace(f"{target}.orig", change.old, lasting=True)
                _replace(target, change.new)
        except OSError as err:
            message = f"{change.path} cannot be written: {err.strerror or err}"
            raise SpecError([error("MLG503", Position(change.path), message)]) from None


def save(path: str, text: str) -> None:
    """Write a file that the user named, or a SpecError that says why it cannot be."""
    try:
        _replace(path, text)
    except OSError as err:
        raise SpecError(
            [error("MLG503", Position(path), f"{path} cannot be written: {err.strerror or err}", "name another file")]
        ) from None


def _replace(target: str, text: str, lasting: bool = False) -> None:
    """`lasting`: it is on the disk then. Nobody waits for that where it can be compiled again."""
    folder, name = os.path.split(target)
    os.makedirs(folder or ".", exist_ok=True)
    # Not `tempfile`, whose import takes longer than all the writing.
    new = os.path.join(folder, f".{name}.{os.urandom(6).hex()}")
    try:
        with open(new, "xb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(new, os.stat(target).st_mode & 0o777)
        os.replace(new, target)
    except BaseException:
        if os.path.lexists(new):
            os.unlink(new)
        raise


def create(root: str, path: str, text: str) -> bool:
    """Write a file that must not be there yet, whole or not at all; False, with nothing changed, if it is there."""
    target = os.path.join(root, path)
    new = os.path.join(root, f".{path}.{os.urandom(6).hex()}")
    try:
        try:
            with open(new, "xb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            _put(new, target)
        finally:
            if os.path.lexists(new):
                os.unlink(new)
    except FileExistsError:
        return False
    except OSError as err:
        raise SpecError([error("MLG503", Position(path), f"{path} cannot be written: {err.strerror or err}")]) from None
    return True


def _put(new: str, target: str) -> None:
    """Give a file a name that must be free; FileExistsError if it is not."""
    try:
        os.link(new, target)  # unlike a rename, it does not replace
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError from None
        os.rename(new, target)


def _prune(root: str, folder: str) -> None:
    """Remove folders that an output left empty, up to the project's root."""
    while folder and not os.listdir(os.path.join(root, folder)):
        os.rmdir(os.path.join(root, folder))
        folder = os.path.dirname(folder)
