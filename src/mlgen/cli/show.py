"""What the asking commands print: capability tables, settings, the graph as plain data."""

import textwrap
from typing import Any

import typer

from mlgen import targets
from mlgen.cli.commands import Options, spec_of
from mlgen.cli.report import print_json
from mlgen.compiler import analyse
from mlgen.diagnostics import Position, SpecError, error
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Capability, Setting, Target
from mlgen.targets.uses import CONSTRUCTS

_SIGNS = {"native": "native", "emulated": "emulated", "unsupported": "no"}


def targets_(name: str, format: str) -> int:
    """Print what one target can say, or a table of all."""
    if name and name not in targets.names():
        raise typer.BadParameter(f"{name!r} is none of {', '.join(targets.names())}", param_hint="TARGET")
    chosen = [targets.get(n) for n in ([name] if name else targets.names())]
    if format == "json":
        print_json({t.name: [_row(c) for c in t.capabilities] for t in chosen})
    elif name:
        _one(chosen[0])
    else:
        _table(chosen)
    return 0


def _row(capability: Capability) -> dict[str, Any]:
    return {**capability._asdict(), "fallbacks": dict(capability.fallbacks)}


def _table(chosen: list[Target]) -> None:
    width = max(map(len, CONSTRUCTS)) + 2
    print("construct".ljust(width) + "".join(t.name.ljust(12) for t in chosen).rstrip())
    for construct in CONSTRUCTS:
        cells = []
        for target in chosen:
            capability = next(c for c in target.capabilities if c.construct == construct)
            cells.append((_SIGNS[capability.level] + ("*" if capability.weaker else "")).ljust(12))
        print((construct.ljust(width) + "".join(cells)).rstrip())
    print("\n* with a difference: `mlgen targets NAME` says which, and the fallbacks.")


def _one(target: Target) -> None:
    print(target.title)
    for capability in target.capabilities:
        print(f"\n{capability.construct}: {capability.level}")
        _paragraph(capability.how)
        if capability.weaker:
            _paragraph(f"Weaker: {capability.weaker}")
        for choice, meaning in capability.fallbacks:
            _paragraph(f"fallback {choice}: {meaning}")
        if capability.default:
            _paragraph(f"Without a fallback: {'an error' if capability.default == 'refuse' else 'a warning'}.")

    if target.locate is not None:
        print("\noverrides: file and jobs, merge patches of the native file")
        kept = ", ".join(target.harmless) or "none"
        _paragraph(f"Keys that need no `accept`, below `file` and of a job: {kept}.")
    if target.hooks:
        print("\noverrides: hooks, text of the native file's own language")
        for hook in target.hooks:
            _paragraph(f"{hook.name}: {hook.description} For example: {hook.example}")


def _paragraph(text: str) -> None:
    print(
        textwrap.fill(
            text, 100, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    )


def settings(options: Options) -> int:
    """Print the checklists."""
    pipeline, _ = analyse(options.directory, spec_of(options))
    names = [o.name for o in pipeline.targets]
    unknown = [name for name in options.targets if name not in names]
    if unknown:
        hint = f"it names {', '.join(names)}"
        raise SpecError(
            [error("MLG405", Position(options.spec), f"the spec does not name the target {n}", hint) for n in unknown]
        )
    found: dict[str, tuple[Setting, ...]] = {}
    for name in options.targets or names:
        target = targets.get(name)
        found[name] = target.settings(adapt(pipeline, target)[0])
    if options.format == "json":
        print_json({n: [s._asdict() for s in rows] for n, rows in found.items()})
        return 0
    for index, (name, rows) in enumerate(found.items()):
        print(("\n" if index else "") + f"# {targets.get(name).title}")
        for row in rows:
            print(f"- [ ] {row.title}{'' if row.must else ' (recommended)'}")
            print(
                textwrap.fill(
                    row.detail,
                    100,
                    initial_indent="      ",
                    subsequent_indent="      ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
    return 0


def plain(value: Any) -> Any:
    """A value of the graph as JSON data: named tuples as objects, positions as `file:line:column`."""
    if isinstance(value, Position):
        return str(value)
    if hasattr(value, "_asdict"):
        return {k.rstrip("_"): plain(v) for k, v in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value
