"""Changes to the disk, each by atomic replacement: a crash leaves every file old or new, whole."""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlgen.diagnostics import Position, SpecError, error
from mlgen.write.plan import Change


def refusals(root: Path, changes: Sequence[Change], adopt: bool) -> None:
    """A SpecError if a change may not be made; to be called before the first is."""
    faults = []
    top = os.path.realpath(root)
    for change in changes:
        parent = os.path.realpath((root / change.path).parent)
        if parent != top and not parent.startswith(top + os.sep):
            hint = "a link leads out of the project; remove it"
            faults.append(error("MLG503", Position(change.path), f"{change.path} would be written outside the project", hint))
        elif change.state == "foreign" and change.old is None:
            faults.append(error("MLG501", Position(change.path), f"{change.path} is not a file", "move it away"))
        elif change.state == "foreign" and not adopt:
            hint = f"`mlgen compile --adopt` takes it over and keeps the old one as {change.path}.orig"
            faults.append(error("MLG501", Position(change.path), f"{change.path} was not written by mlgen", hint))
        elif change.state == "foreign" and os.path.lexists(f"{root / change.path}.orig"):
            hint = "move it away first, so that it is not lost"
            faults.append(error("MLG501", Position(change.path), f"{change.path}.orig exists already", hint))
    if faults:
        raise SpecError(faults)


def apply(root: Path, changes: Sequence[Change]) -> None:
    """Make the changes, in order. A SpecError says which file could not be written; those before it are."""
    for change in changes:
        target = root / change.path
        try:
            if change.state == "removed":
                target.unlink()
                _prune(root, target.parent)
            elif change.state != "current" and change.new is not None:
                if change.state == "foreign" and change.old is not None:
                    os.replace(target, f"{target}.orig")
                _replace(target, change.new)
        except OSError as err:
            message = f"{change.path} cannot be written: {err.strerror or err}"
            raise SpecError([error("MLG503", Position(change.path), message)]) from None


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def _prune(root: Path, folder: Path) -> None:
    """Remove folders that an output left empty, up to the project's root."""
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
