"""What the commands do, without any command-line library: each takes the options and gives the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from mlgen.cli.report import as_json, print_json, report, visible
from mlgen.compiler import Compiled, compile_spec, usual_paths
from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.parallel import cores
from mlgen.quoting import sh
from mlgen.typed import Protocol, TypeAlias
from mlgen.write.apply import apply, refusals
from mlgen.write.plan import Change, plan


class Options(NamedTuple):
    """The options of `compile`, `check`, `diff` and `validate`."""

    directory: str = "."
    spec: str = "mlgen.yaml"
    targets: tuple[str, ...] = ()
    dry_run: bool = False
    adopt: bool = False
    format: str = "text"


Command: TypeAlias = Callable[[Options], int]

_WORDS = {
    "new": "new",
    "changed": "changed",
    "edited": "put right, since it was edited by hand",
    "foreign": "taken over",
    "removed": "removed",
    "left": "left, since it was edited by hand, although the spec no longer asks for it",
}


class _Project(Protocol):
    @property
    def directory(self) -> str: ...
    @property
    def spec(self) -> str: ...


def spec_of(options: _Project) -> str:
    """The spec's path in the project's root, or a SpecError that says why there is none."""
    spec = os.path.normpath(options.spec)
    if not os.path.isdir(options.directory):
        hint = "name the project's folder with -C"
        raise SpecError([error("MLG001", Position(options.directory), f"there is no folder {options.directory}", hint)])
    if os.path.basename(spec) != spec:
        hint = "name the project's folder with -C, and the spec's file in it with -f"
        raise SpecError([error("MLG001", Position(spec), "the spec must lie in the project's root", hint)])
    return spec


def _compiled(options: Options, proved: bool = True) -> tuple[Compiled, tuple[Change, ...]]:
    spec = spec_of(options)
    compiled = compile_spec(options.directory, spec, options.targets, processes=cores(), proved=proved)
    partial = bool(options.targets)
    return compiled, planned(options.directory, spec, compiled, partial)


def planned(root: str, spec: str, compiled: Compiled, partial: bool = False) -> tuple[Change, ...]:
    """What has to change on the disk."""
    pipeline = compiled.pipeline
    known = lambda: usual_paths(pipeline)  # noqa: E731
    return plan(root, spec, compiled.files, known, partial, compiled.inputs, compiled.packs, pipeline.root)


def compile_(options: Options) -> int:
    """Write every output that is not current; with `dry_run`, only say what would be written."""
    compiled, changes = _compiled(options)
    refusals(options.directory, changes, options.adopt, compiled.pipeline.root)
    if not options.dry_run:
        apply(options.directory, changes)
    done = [change for change in changes if change.state != "current"]
    if options.format == "json":
        print_json({"changed": [_change(c) for c in done], "diagnostics": [as_json(d) for d in compiled.warnings]})
        return 0
    report(compiled.warnings, options)
    for change in done:
        print(f"{'would be ' if options.dry_run else ''}{_WORDS[change.state]}: {change.path}")
    if not done:
        print(f"mlgen: {len(changes) - 1} files are current")
    return 0


def check(options: Options) -> int:
    """0 if every output is current; else 1, with a unified diff and the command that mends it.

    What is current was read back when it was written, and what is not will be.
    """
    compiled, changes = _compiled(options, proved=False)
    stale = [change for change in changes if change.state != "current"]
    if options.format != "text":
        findings = [_stale(change) for change in stale]
        if options.format == "json":
            print_json(
                {
                    "current": not stale,
                    "stale": [_change(c) for c in stale],
                    "diagnostics": [as_json(d) for d in findings],
                }
            )
        else:
            report([*findings, *compiled.warnings], options)
        return 1 if stale else 0
    if not stale:
        print(f"mlgen: {len(changes) - 1} files are current")
        return 0
    for change in stale:
        write_text(unified(change))
    report([_stale(change) for change in stale], options)
    mend = " ".join(["mlgen compile", *_said("-C", options.directory, "."), *_said("-f", options.spec, "mlgen.yaml")])
    mended = "" if any(change.state in ("foreign", "left") for change in stale) else f"; `{mend}` mends that"
    print(f"{len(stale)} of {len(changes)} files are not current{mended}", file=sys.stderr)
    return 1


def _said(name: str, value: str, usual: str) -> list[str]:
    return [] if value == usual else [name, sh(value)]


def write_text(text: str) -> None:
    """Print text of a file; to a terminal without the control characters that could drive it."""
    sys.stdout.write("".join(c if c == "\n" else visible(c) for c in text) if sys.stdout.isatty() else text)


def diff(options: Options) -> int:
    """Print what `compile` would change, as a unified diff; always 0."""
    compiled, changes = _compiled(options)
    if options.format == "json":
        print_json({"changed": [{**_change(c), "diff": unified(c)} for c in changes if c.state != "current"]})
        return 0
    report(compiled.warnings, options)
    for change in changes:
        write_text(unified(change))
    return 0


def validate(options: Options) -> int:
    """Check the spec, and that every target can say it; write nothing."""
    compiled, _ = _compiled(options)
    if options.format != "text":
        report(compiled.warnings, options)
        return 0
    report(compiled.warnings, options)
    jobs, names = compiled.pipeline.jobs, [o.name for o in compiled.pipeline.targets]
    print(f"mlgen: {options.spec} is valid: {len(jobs)} jobs for {', '.join(names)}")
    return 0


def _change(change: Change) -> dict[str, str]:
    return {"path": change.path, "state": change.state}


def _stale(change: Change) -> Diagnostic:
    code = {"edited": "MLG504", "left": "MLG504", "foreign": "MLG501"}.get(change.state, "MLG502")
    what = {
        "new": "is missing",
        "changed": "is not current",
        "edited": "was edited by hand",
        "foreign": "was not written by mlgen from this spec",
        "removed": "is an output that the spec no longer asks for",
        "left": "was edited by hand, and the spec no longer asks for it",
    }[change.state]
    hint = {"foreign": "move it away, or take it over with `mlgen compile --adopt`", "left": "remove it"}
    if change.old is not None and change.old.replace("\r\n", "\n") == change.new:
        mend = "run `mlgen compile`, and keep them: `* text eol=lf` in .gitattributes"
        return error("MLG502", Position(change.path), f"{change.path} has CRLF line ends", mend)
    return error(code, Position(change.path), f"{change.path} {what}", hint.get(change.state, "run `mlgen compile`"))


def unified(change: Change) -> str:
    """The change as a unified diff; empty when the file is current."""
    import difflib

    if change.state in ("current", "left"):
        return ""
    old, new = _lines(change.old), _lines(change.new)
    names = (
        f"a/{change.path}" if change.old is not None else "/dev/null",
        f"b/{change.path}" if change.new is not None else "/dev/null",
    )
    found = difflib.unified_diff(old, new, *names)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in found)


def _lines(text: str | None) -> Sequence[str]:
    shown = (text or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return shown.splitlines(keepends=True) if "\r" not in shown else [line + "\n" for line in shown.split("\n")]
