"""Moving pins: what a pack is now against what the project pins, and what that would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlgen.diagnostics import Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.packs import cache
from mlgen.packs.content import Files
from mlgen.packs.pack import Pack
from mlgen.packs.pins import Pins, fresh, pin_of
from mlgen.packs.sources import Origin, is_revision
from mlgen.packs.stack import Resolver, Stack, origins, stacked
from mlgen.regex import regex
from mlgen.spec.load import Loaded, load
from mlgen.write import lock

_RELEASE = regex(r"([A-Za-z][A-Za-z0-9_-]*[-_/])?(v?)([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})")


class Move(NamedTuple):
    """One pack: what it is pinned to (None: nothing yet) and what it would be."""

    before: Origin
    pin: lock.Pin | None
    after: Origin
    pack: Pack

    @property
    def changes(self) -> bool:
        """Whether anything is other than it is pinned."""
        return self.before != self.after or self.pin != pin_of(self.pack)


def newest(origin: Origin, tags: Iterable[str]) -> str:
    """The newest release among the tags that are written like the revision; the revision itself if none is newer.

    A release is a tag like v1.2.0; those with another word before the number, or a word after it, are none of them.
    """
    mine = _RELEASE.fullmatch(origin.revision)
    if mine is None:
        return origin.revision
    alike = [f for tag in tags if (f := _RELEASE.fullmatch(tag)) and f.groups()[:2] == mine.groups()[:2]]
    best = max([mine, *alike], key=lambda f: [int(n) for n in f[3].split(".")])
    return best[0]


def moves(root: str, spec: Loaded, pins: Pins, names: Sequence[str], to: str, newer: bool) -> list[Move]:
    """The packs of the spec (with `names`: those of them), each with what it is at its source now.

    `to`: the revision to take; else, with `newer`, the newest release is taken where the source names a release.
    """
    wanted = origins(spec)
    chosen = _chosen(wanted, pins, names, spec)
    if to and not is_revision(to):
        raise SpecError([error("MLG702", Position(spec.file), f"{to!r} is not the name of a tag or a commit")])
    if to and len([o for o, _ in chosen if o.url]) != 1:
        hint = "name one: `mlgen pack update NAME --to REVISION`"
        raise SpecError([error("MLG702", Position(spec.file), "--to moves one pack that comes by git", hint)])
    resolve = fresh(root)
    found = []
    for origin, at in chosen:
        after = origin
        if origin.url and to:
            after = origin.at(to)
        elif origin.url and newer and not origin.is_commit:
            after = origin.at(_newest(origin, at))
        found.append(Move(origin, pins.known.get(origin.text), after, resolve(after, at)))
    return found


def _newest(origin: Origin, at: Position) -> str:
    from mlgen.packs import git

    try:
        return newest(origin, git.tags(origin))
    except git.GitError as err:
        raise SpecError([error("MLG701", at, f"the pack {origin.text} cannot be had: {err}")]) from None


def _chosen(
    wanted: list[tuple[Origin, Position]], pins: Pins, names: Sequence[str], spec: Loaded
) -> list[tuple[Origin, Position]]:
    if not wanted:
        hint = "name its packs under `extends`"
        raise SpecError([error("MLG702", Position(spec.file), f"{spec.file} extends no pack", hint)])
    called = {o.text: {o.text, pins.known.get(o.text, {}).get("name", "")} for o, _ in wanted}
    unknown = [name for name in names if not any(name in said for said in called.values())]
    if unknown:
        known = ", ".join(sorted(pins.known.get(o.text, {}).get("name", o.text) for o, _ in wanted))
        at = spec.position(("extends",))
        raise SpecError([error("MLG702", at, f"the spec extends no pack {n}", f"it extends {known}") for n in unknown])
    return [(o, at) for o, at in wanted if not names or called[o.text] & set(names)]


def moved_text(spec: Loaded, found: Iterable[Move]) -> str:
    """The text of the spec with the new sources under `extends`, and everything else as it was."""
    text = spec.text
    for move in found:
        if move.before.text == move.after.text:
            continue
        texts = [origin.text for origin, _ in origins(load(text, spec.file))]
        at = load(text, spec.file).position(("extends", texts.index(move.before.text)))
        lines = text.split("\n")
        line = lines[at.line - 1]
        start = at.column - 1
        lines[at.line - 1] = line[:start] + line[start:].replace(move.before.text, move.after.text, 1)
        text = "\n".join(lines)
        if [o.text for o, _ in origins(load(text, spec.file))].count(move.after.text) != 1:
            message = f"{move.before.text} cannot be replaced in {spec.file}"
            raise SpecError([error("MLG702", at, message, f"write {move.after.text} yourself")])
    return text


def repinned(pins: Pins, entries: dict[str, lock.Entry], spec: Loaded, found: Iterable[Move]) -> dict[str, lock.Pin]:
    """The pins after the moves: of the packs that this spec extends, and of those that another spec was made with."""
    done = list(found)
    new = {move.after.text: pin_of(move.pack) for move in done}
    gone = {move.before.text for move in done}
    used = {n[1:] for name, entry in entries.items() if name != spec.file for n in entry if n.startswith("@")}
    mine = {origin.text for origin, _ in origins(spec)}
    kept = {s: p for s, p in pins.known.items() if s in used or (s in mine and s not in gone)}
    return {**kept, **new}


def content_changes(move: Move) -> list[str]:
    """What became of the pack's files, a line each; empty if that cannot be told or nothing did."""
    old: Files | None = cache.kept(move.pin["content"]) if move.pin else None
    new = move.pack.files
    if old is None:
        return []
    words = [(path, "new" if path not in old else "removed" if path not in new else "changed") for path in {*old, *new}]
    return [f"{word}: {path}" for path, word in sorted(words) if old.get(path) != new.get(path)]


def with_moves(root: str, spec: Loaded, found: Sequence[Move], others: Resolver) -> Stack:
    """The spec with the packs as they would be; `others` gives those that do not move."""
    packs = {move.after.text: move.pack for move in found}
    text = moved_text(spec, found)

    def resolve(origin: Origin, at: Position) -> Pack:
        return packs[origin.text] if origin.text in packs else others(origin, at)

    return stacked(load(text, spec.file), resolve)
