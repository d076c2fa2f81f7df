"""What `mlgen.lock` pins each pack to, and the pack itself, held against that."""

from __future__ import annotations

import os

from mlgen.diagnostics import Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.packs import cache
from mlgen.packs.content import Refused, content_digest, read_folder
from mlgen.packs.pack import Pack, opened, refused
from mlgen.packs.sources import Origin
from mlgen.packs.stack import Resolver
from mlgen.write import lock


class Pins(NamedTuple):
    """The pins of a project, by source."""

    root: str
    known: dict[str, lock.Pin]


def read_pins(root: str) -> Pins:
    """The pins of the project; none if it has no lock yet."""
    try:
        with open(os.path.join(root, lock.LOCK), encoding="utf-8") as file:
            return Pins(root, lock.pins(file.read()))
    except FileNotFoundError:
        return Pins(root, {})
    except (OSError, UnicodeDecodeError) as err:
        at = Position(lock.LOCK)
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise SpecError([error("MLG503", at, f"{lock.LOCK} cannot be read: {reason}")]) from None


def pinned(root: str) -> Resolver:
    """Each pack as `mlgen.lock` pins it, without asking anyone outside this machine if it is in the cache."""
    pins = read_pins(root)

    def resolve(origin: Origin, at: Position) -> Pack:
        pin = pins.known.get(origin.text)
        if pin is None:
            hint = "`mlgen pack lock` pins it"
            raise SpecError([error("MLG721", at, f"the pack {origin.text} is not pinned in {lock.LOCK}", hint)])
        return _of_folder(root, origin, at, pin) if origin.folder else _of_pinned_git(origin, pin, at)

    return resolve


def fresh(root: str) -> Resolver:
    """Each pack as its source has it now, whatever is pinned; it is kept in the cache."""

    def resolve(origin: Origin, at: Position) -> Pack:
        pack = _of_folder(root, origin, at) if origin.folder else _of_git(origin, at)
        cache.keep(pack.digest, pack.files)
        return pack

    return resolve


def _changed(pin: lock.Pin, at: Position, what: str, hint: str = "") -> SpecError:
    message = f"the pack {pin['name']} is not what {lock.LOCK} pins: {what}"
    hint = hint or f"`mlgen pack diff` shows what that changes, `mlgen pack update {pin['name']}` takes it"
    return SpecError([error("MLG722", at, message, hint)])


def _of_pinned_git(origin: Origin, pin: lock.Pin, at: Position) -> Pack:
    files = cache.kept(pin["content"])
    if files is None:
        pack = _of_git(origin, at)
        if pack.commit != pin.get("commit"):
            was, now = pin.get("commit", "")[:12], pack.commit[:12]
            raise _changed(pin, at, f"{origin.revision} was {was} and is {now}")
        if pack.digest != pin["content"]:
            raise _changed(pin, at, "its content has another digest")
        cache.keep(pack.digest, pack.files)
        return pack
    place = cache.folder(pin["content"])
    if content_digest(files) != pin["content"]:
        raise _changed(pin, at, f"the copy in {place} was changed", "remove that folder: the pack is fetched anew")
    return opened(origin, place, files, pin.get("commit", ""), at)


def _of_git(origin: Origin, at: Position) -> Pack:
    """A pack by git, from its repository; its place is where the cache keeps it."""
    from mlgen.packs import git

    try:
        commit, files = git.fetch(origin)
    except Refused as err:
        raise refused(origin, origin.text, err, at) from None
    except git.GitError as err:
        hint = "look at the URL, the network, and whether git may read the repository"
        raise SpecError([error("MLG701", at, f"the pack {origin.text} cannot be had: {err}", hint)]) from None
    return opened(origin, cache.folder(content_digest(files)), files, commit, at)


def pin_of(pack: Pack) -> lock.Pin:
    """What the lock keeps of a pack."""
    pin = {"name": pack.name, "version": pack.manifest.version, "content": pack.digest}
    return {**pin, "commit": pack.commit} if pack.commit else pin


def _of_folder(root: str, origin: Origin, at: Position, pin: lock.Pin | None = None) -> Pack:
    """A pack in a folder is read where it is; with a pin, held against it."""
    folder = os.path.join(root, origin.folder)
    place = os.path.normpath(origin.folder).replace(os.sep, "/")
    if not os.path.isdir(folder):
        raise SpecError(
            [error("MLG701", at, f"there is no folder {origin.folder}", "it is relative to the project's root")]
        )
    try:
        files = read_folder(folder)
    except Refused as err:
        raise refused(origin, place, err, at) from None
    except OSError as err:
        message = f"the pack {origin.text} cannot be read: {err.strerror or err}"
        raise SpecError([error("MLG701", at, message)]) from None
    if pin and content_digest(files) != pin["content"]:
        raise _changed(pin, at, "the folder was changed")
    return opened(origin, place, files, "", at)


def read_folder_pack(folder: str) -> Pack:
    """The pack in a folder, as it is; a SpecError says what is wrong with it."""
    at = Position(folder)
    origin = Origin(folder, folder=folder)
    return _of_folder("", origin, at)
