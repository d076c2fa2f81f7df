"""`mlgen pack …`: what the commands do, each with its options and its exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlgen.cli.commands import planned, spec_of, unified, write_text
from mlgen.cli.report import print_json, report
from mlgen.compiler import compile_spec
from mlgen.named import NamedTuple
from mlgen.packs.pins import Pins, pinned, read_pins
from mlgen.packs.sources import Origin
from mlgen.packs.stack import origins
from mlgen.packs.update import Move, content_changes, moved_text, moves, repinned, with_moves
from mlgen.spec import Loaded, load_spec
from mlgen.write import lock, plan
from mlgen.write.apply import apply


class PackOptions(NamedTuple):
    """The options of the `pack` commands that look at a project."""

    directory: str = "."
    spec: str = "mlgen.yaml"
    names: tuple[str, ...] = ()
    to: str = ""
    format: str = "text"


def lock_(options: PackOptions) -> int:
    """Pin the packs that are not pinned yet, as they are; leave the others."""
    loaded, pins = _project(options)
    unpinned = [origin.text for origin, _ in origins(loaded) if origin.text not in pins.known]
    found = moves(options.directory, loaded, pins, unpinned, "", newer=False) if unpinned else []
    _apply(options, loaded, pins, found)
    _tell(options, found, "every pack is pinned already")
    return 0


def update(options: PackOptions) -> int:
    """Move the pins of all packs, or of those named, and say what is different."""
    loaded, pins = _project(options)
    found = moves(options.directory, loaded, pins, options.names, options.to, newer=True)
    done = [move for move in found if move.changes]
    # What would not compile is no update.
    stack = with_moves(options.directory, loaded, found, pinned(options.directory))
    compile_spec(options.directory, loaded.file, packs=lambda _, __: stack)
    _apply(options, loaded, pins, found)
    _tell(options, done, "every pack is current")
    return 0


def diff(options: PackOptions) -> int:
    """What an update would change in this project's outputs; nothing is written."""
    loaded, pins = _project(options)
    found = moves(options.directory, loaded, pins, options.names, options.to, newer=True)
    stack = with_moves(options.directory, loaded, found, pinned(options.directory))
    compiled = compile_spec(options.directory, loaded.file, packs=lambda _, __: stack)
    changes = planned(options.directory, loaded.file, compiled)
    changed = [change for change in changes if change.path != lock.LOCK and change.state != "current"]
    if options.format == "json":
        files = [{"path": c.path, "state": c.state, "diff": unified(c)} for c in changed]
        print_json({"packs": [_as_json(m) for m in found], "changed": files})
        return 0
    report(compiled.warnings, options)
    _tell(options, [move for move in found if move.changes], "every pack is current")
    for change in changed:
        write_text(unified(change))
    return 0


def _project(options: PackOptions) -> tuple[Loaded, Pins]:
    return load_spec(options.directory, spec_of(options)), read_pins(options.directory)


def _apply(options: PackOptions, loaded: Loaded, pins: Pins, found: Sequence[Move]) -> None:
    """The lock first: one that pins what no spec names yet does no harm, and the same command mends it."""
    new = repinned(pins, lock.parse(_lock(options.directory)), loaded, found)
    spec = plan.edited_spec(options.directory, loaded.file, moved_text(loaded, found))
    apply(options.directory, [plan.repinned(options.directory, new), spec])


def _lock(root: str) -> str:
    try:
        with open(os.path.join(root, lock.LOCK), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _tell(options: PackOptions, found: Sequence[Move], otherwise: str) -> None:
    if options.format == "json":
        print_json({"packs": [_as_json(move) for move in found]})
        return
    for move in found:
        print(_line(move))
        for change in content_changes(move):
            print(f"  {change}")
    if not found:
        print(f"mlgen: {otherwise}")


def _line(move: Move) -> str:
    now = f"{move.pack.manifest.version} ({_shown(move.after, move.pack.commit)})"
    if move.pin is None:
        return f"{move.pack.name}: pinned to {now}"
    was = _shown(move.before, move.pin.get("commit", ""))
    return f"{move.pack.name}: {move.pin['version']} ({was}) -> {now}"


def _shown(origin: Origin, commit: str) -> str:
    words = (origin.folder, "" if origin.is_commit else origin.revision, commit[:12])
    return " ".join(word for word in words if word)


def _as_json(move: Move) -> dict[str, object]:
    after = {"source": move.after.text, "version": move.pack.manifest.version, "commit": move.pack.commit}
    before = {"source": move.before.text, **{k: (move.pin or {}).get(k, "") for k in ("version", "commit")}}
    return {
        "name": move.pack.name,
        "before": before if move.pin else None,
        "after": after,
        "changes": content_changes(move),
    }
