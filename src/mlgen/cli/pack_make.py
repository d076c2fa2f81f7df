"""`mlgen pack new` and `mlgen pack test`: for those who make packs."""

from __future__ import annotations

import os
import re

from mlgen import targets
from mlgen.cli.commands import planned, unified, write_text
from mlgen.cli.report import print_json, report
from mlgen.compiler import compile_spec
from mlgen.diagnostics import Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.packs.pack import Pack, snippet, snippet_names, spec_part
from mlgen.packs.pins import fresh, read_folder_pack
from mlgen.packs.scaffold import files
from mlgen.packs.stack import Stack, stacked
from mlgen.spec import Loaded
from mlgen.write import lock
from mlgen.write.apply import apply, refusals
from mlgen.write.plan import Change

TESTS = "tests"
SPEC = "mlgen.yaml"


class MakeOptions(NamedTuple):
    """The options of the commands that make packs."""

    directory: str = "."
    name: str = ""
    update: bool = False
    format: str = "text"


def new(options: MakeOptions) -> int:
    """Write a new pack into a folder that is empty or not there, with a test project and its outputs."""
    folder = options.directory
    name = options.name or re.sub("[^a-z0-9]+", "-", os.path.basename(os.path.abspath(folder)).lower()).strip("-")
    if not re.fullmatch("[a-z][a-z0-9-]{0,39}", name):
        hint = "small letters, digits and -; give it with --name"
        raise SpecError([error("MLG703", Position(folder), f"{name!r} is not a name for a pack", hint)])
    if os.path.lexists(folder) and not (os.path.isdir(folder) and not set(os.listdir(folder)) - {".git"}):
        raise SpecError([error("MLG501", Position(folder), f"{folder} is not an empty folder", "name another one")])
    changes = [Change(path, "new", None, text) for path, text in files(name, targets.names()[:2]).items()]
    apply(folder, changes)
    for path in [*(change.path for change in changes), *_written(folder, "basic")]:
        print(f"new: {path}")
    return 0


def _written(folder: str, name: str) -> list[str]:
    """Write the outputs of a test project; their paths in the pack."""
    root = os.path.join(folder, TESTS, name)
    changes = _outputs(root)
    refusals(root, changes, adopt=False)
    apply(root, changes)
    return [f"{TESTS}/{name}/{change.path}" for change in changes if change.state != "current"]


def test(options: MakeOptions) -> int:
    """Compile the pack's test projects and hold what comes out against what is committed; `update` writes it."""
    pack = read_folder_pack(options.directory)
    _check(pack)
    names = _names(options, pack)
    found: dict[str, list[Change]] = {}
    failed = False
    for name in names:
        root = os.path.join(options.directory, TESTS, name)
        try:
            found[name] = [change for change in _outputs(root) if change.state != "current"]
        except SpecError as err:
            failed = True
            if options.format == "text":
                print(f"{name}: does not compile")
            report(err.diagnostics, options._replace(directory=root))
    if failed:
        return 2
    if options.update:
        for name in names:
            print("".join(f"written: {path}\n" for path in _written(options.directory, name)), end="")
        return 0
    if options.format == "json":
        print_json({n: [{"path": c.path, "diff": unified(c)} for c in changes] for n, changes in found.items()})
    else:
        _tell(found)
    return 1 if any(found.values()) else 0


def _tell(found: dict[str, list[Change]]) -> None:
    for name, changes in found.items():
        print(f"{name}: {'as committed' if not changes else f'{len(changes)} files are other than committed'}")
        for change in changes:
            write_text(unified(change))
    if any(found.values()):
        print("`mlgen pack test --update` takes them as they are now")


def _names(options: MakeOptions, pack: Pack) -> list[str]:
    folder = os.path.join(options.directory, TESTS)
    there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    names = [name for name in there if os.path.isfile(os.path.join(folder, name, SPEC))]
    wanted = [name for name in names if options.name in ("", name)]
    if not wanted:
        known = f"it has {', '.join(names)}" if names else f"a test is a project in {TESTS}/NAME/{SPEC}"
        what = f"no test {options.name}" if options.name else "no tests"
        raise SpecError([error("MLG703", Position(pack.file(TESTS)), f"the pack has {what}", known)])
    return wanted


def _check(pack: Pack) -> None:
    """What no test project may happen to use; a SpecError says what is wrong with it."""
    spec_part(pack)
    for name in snippet_names(pack):
        snippet(pack, name)
    Stack((pack,), Loaded(SPEC, "", None, None)).templates()


def _outputs(root: str) -> list[Change]:
    """The outputs of a test project, with the packs as they are, whatever is pinned."""

    def packs(root: str, loaded: Loaded) -> Stack | None:
        return stacked(loaded, fresh(root)) if "extends" in (loaded.data or {}) else None

    compiled = compile_spec(root, SPEC, packs=packs)
    changes = planned(root, SPEC, compiled)
    return [change for change in changes if change.path != lock.LOCK]
