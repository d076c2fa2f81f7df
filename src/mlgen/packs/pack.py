"""One pack, read: what it is called, what it lays beneath a spec, and its job snippets."""

from __future__ import annotations

from collections.abc import Sequence

from mlgen.diagnostics import Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.packs.content import JOBS, MANIFEST, SPEC, Files, Refused, content_digest
from mlgen.packs.manifest import Manifest, manifest
from mlgen.packs.merge import placed
from mlgen.packs.sources import Origin
from mlgen.spec.fast_yaml import MappingNode, Node
from mlgen.spec.load import Loaded, load


class Pack(NamedTuple):
    """A pack whose content was read; `place` is its folder as diagnostics name it."""

    origin: Origin
    place: str
    manifest: Manifest
    files: Files
    digest: str
    """Of its content."""
    commit: str = ""
    """What its tag or commit is in git; empty for a folder."""

    @property
    def name(self) -> str:
        """What it calls itself."""
        return self.manifest.name

    def file(self, path: str) -> str:
        """A file of the pack as diagnostics name it."""
        return f"{self.place}/{path}"

    def text(self, path: str) -> str:
        """The text of a file of the pack; a SpecError if it is none."""
        try:
            return self.files[path].decode("utf-8-sig")
        except UnicodeDecodeError:
            at = Position(self.file(path))
            raise SpecError([error("MLG706", at, f"{self.file(path)} is not UTF-8 text", "save it as UTF-8")]) from None


def opened(origin: Origin, place: str, files: Files, commit: str, at: Position) -> Pack:
    """The pack with this content; a SpecError says everything that is wrong with its description.

    `at`: where the spec names the pack.
    """
    if MANIFEST not in files:
        hint = "a pack is a folder with a pack.yaml; `mlgen pack new FOLDER` makes one"
        raise SpecError([error("MLG701", at, f"there is no pack.yaml in {origin.text}", hint)])
    pack = Pack(origin, place, Manifest("", "", ()), files, content_digest(files), commit)
    return pack._replace(manifest=manifest(pack.text(MANIFEST), pack.file(MANIFEST)))


def refused(origin: Origin, place: str, refusal: Refused, at: Position) -> SpecError:
    """The content of a pack that may not be used."""
    where = Position(f"{place}/{refusal.path}") if refusal.path else at
    return SpecError([error("MLG706", where, f"the pack {origin.text}: {refusal.message}", refusal.hint)])


def spec_part(pack: Pack) -> Node | None:
    """What the pack lays beneath a spec."""
    return _composed(pack, SPEC, "a pack's part of a spec")


def snippet_names(pack: Pack) -> list[str]:
    """The job snippets that the pack has."""
    return sorted(p.removeprefix(f"{JOBS}/").removesuffix(".yaml") for p in pack.files if p.startswith(f"{JOBS}/"))


def snippet(pack: Pack, name: str) -> Node | None:
    """The job snippet of this name; None if the pack has none."""
    path = f"{JOBS}/{name}.yaml"
    return _composed(pack, path, "a job snippet") if path in pack.files else None


def snippet_named(name: str, packs: Sequence[Pack]) -> tuple[Pack, Node] | None:
    """The job snippet NAME of the last pack that has it, or PACK/NAME; None if no pack has it."""
    owner, _, short = name.rpartition("/")
    for pack in reversed(packs):
        if owner in ("", pack.name) and (found := snippet(pack, short)) is not None:
            return pack, found
    return None


def _composed(pack: Pack, path: str, what: str) -> Node | None:
    if path not in pack.files:
        return None
    loaded = load(pack.text(path), pack.file(path))
    if loaded.root is None:
        return None
    if not isinstance(loaded.root, MappingNode):
        raise SpecError(
            [error("MLG703", loaded.position(()), f"{what} must be a mapping", "every line is `key: value`")]
        )
    _refuse_nesting(loaded, path)
    return placed(loaded.root, pack.file(path))


def _refuse_nesting(loaded: Loaded, path: str) -> None:
    key = "extends" if path == SPEC else "use"
    if key in loaded.data:
        at = loaded.position((key,), key=True)
        hint = "the project names every pack in its own `extends`" if path == SPEC else "say what it has here"
        raise SpecError([error("MLG703", at, f"`{key}` may not stand in a pack's {path}", hint)])
