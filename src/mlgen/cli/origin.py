"""`mlgen explain FILE:LINE`: where a line of an emitted file comes from, and what a line of the spec became."""

from __future__ import annotations

import os

from mlgen import targets
from mlgen.cli.commands import Options, spec_of
from mlgen.cli.report import print_json, report, visible
from mlgen.diagnostics import Position, SpecError, error, source_lines, warning
from mlgen.provenance.keys import Key, dotted
from mlgen.provenance.origins import Origin, Traced, TracedFile, traced
from mlgen.provenance.places import Became, became, keys_at
from mlgen.render.trace import Ref
from mlgen.typed import Any

_SHOWN = 6
"""So many lines of a run are shown; the others are counted."""


def explain(options: Options, file: str, line: int) -> int:
    """Explain one line of the spec, or of a file that comes from it."""
    spec = spec_of(options)
    name = _name(options.directory, file)
    if name == spec:
        return _of_spec(traced(options.directory, spec), line, options)
    found = traced(options.directory, spec, lambda path: path == name)
    if not found.files:
        others = ", ".join(f.path for f in traced(options.directory, spec, lambda _: True).files)
        message = f"{name} is no file that mlgen writes from {spec}"
        raise SpecError([error("MLG006", Position(name), message, f"it writes {others}")])
    origin = _line(options, found.files[0], line)
    if options.format == "json":
        print_json(_json(found.files[0], origin))
    else:
        print(_text(found, found.files[0], origin))
    return 0


def _name(root: str, file: str) -> str:
    """The file's path in the project: given from the project's root, or from where the command runs."""
    if not os.path.isabs(file) and (os.path.exists(os.path.join(root, file)) or not os.path.exists(file)):
        return os.path.normpath(file).replace(os.sep, "/")
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root)).replace(os.sep, "/")


def _line(options: Options, file: TracedFile, line: int) -> Origin:
    """The line that stands there; where the file on the disk is another, the one that it was."""
    wanted = [origin.text for origin in file.lines]
    try:
        with open(os.path.join(options.directory, file.path), encoding="utf-8", errors="replace") as handle:
            there = handle.read().splitlines()
    except OSError:
        there = wanted
    if not 1 <= line <= len(there):
        message = f"{file.path} has {len(there)} lines"
        raise SpecError([error("MLG006", Position(file.path), message, f"name a line from 1 to {len(there)}")])
    if there == wanted:
        return file.lines[line - 1]
    at = Position(file.path, line, 1)
    hint = "run `mlgen compile`, and ask again"
    index = _same(there, wanted, line - 1)
    if index is None:
        message = "the file is not current, and mlgen would not write this line"
        raise SpecError([error("MLG006", at, message, hint)])
    report([warning("MLG006", at, f"the file is not current; this is its line {index + 1}", hint)], options)
    return file.lines[index]


def _same(there: list[str], wanted: list[str], index: int) -> int | None:
    import difflib

    for a, b, size in difflib.SequenceMatcher(None, there, wanted, autojunk=False).get_matching_blocks():
        if a <= index < a + size:
            return b + index - a
    return None


# --- a line of an emitted file


def why(origin: Origin) -> str:
    """In words, what is behind a line that no key of the spec is printed in."""
    if not origin.refs:
        return "mlgen's header: it names the spec, and its digest tells whether the file was edited by hand"
    if origin.keys or origin.because:
        return ""
    where = f", as in the part of every job like {origin.job}" if origin.job else ""
    return f"mlgen's own: no key of the spec is behind this line{where}"


def _text(found: Traced, file: TracedFile, origin: Origin) -> str:
    rows = [("", origin.text), ("", "")]
    rows += [("says", _key(key)) for key in origin.keys]
    rows += [("depends on", _key(key)) for key in origin.because]
    if why(origin):
        rows.append(("why", why(origin)))
    if origin.job and not any(key.path == found.keys.job(origin.job).path for key in origin.keys):
        rows.append(("job", _key(found.keys.job(origin.job))))
    if file.target:
        rows.append(("target", _key(found.keys.key(("targets", file.target)))))
    rows += [("template" if not index else "through", ref_text(ref)) for index, ref in enumerate(origin.refs[::-1])]
    rows += [("if", test) for test in dict.fromkeys(test for ref in origin.refs for test in ref.under)]
    lines, last = [f"{file.path}:{origin.number}"], ""
    for name, said in rows:
        lines.append(f"  {name if name != last else '':11} {said}".rstrip() if name else f"  {said}".rstrip())
        last = name
    return "\n".join(map(visible, lines))


def _key(key: Key) -> str:
    note = f" ({key.note})" if key.note else ""
    return f"{key.name}  {str(key.position) if key.position.line else ''}".rstrip() + note


def ref_text(ref: Ref) -> str:
    """A place in a template, and what is printed there."""
    return f"{ref.template}:{ref.line}" + (f"  prints {ref.print}" if ref.print else "")


def _json(file: TracedFile, origin: Origin) -> dict[str, Any]:
    return {
        "file": file.path,
        "line": origin.number,
        "text": origin.text,
        "target": file.target,
        "job": origin.job,
        "keys": [_key_json(key) for key in origin.keys],
        "depends_on": [_key_json(key) for key in origin.because],
        "why": why(origin),
        "templates": [
            {"file": r.template, "line": r.line, "prints": r.print, "if": list(r.under)} for r in origin.refs[::-1]
        ],
    }


def _key_json(key: Key) -> dict[str, Any]:
    at = key.position
    return {"key": key.name, "file": at.file, "line": at.line, "column": at.column, "note": key.note}


# --- a line of the spec


def _of_spec(found: Traced, line: int, options: Options) -> int:
    text = source_lines(found.loaded.text)
    spec = found.loaded.file
    if not 1 <= line <= len(text):
        hint = f"name a line from 1 to {len(text)}"
        raise SpecError([error("MLG006", Position(spec), f"{spec} has {len(text)} lines", hint)])
    paths = keys_at(found.loaded, line)
    if not paths:
        hint = "name a line on which a key stands"
        raise SpecError([error("MLG006", Position(spec, line, 1), "there is no key on this line", hint)])
    parts = became(found, line)
    names = [dotted(path) for path in paths]
    if options.format == "json":
        print_json({"file": spec, "line": line, "keys": names, "became": [_part(part) for part in parts]})
        return 0
    print(visible(f"{spec}:{line}  {', '.join(names)}"))
    for target in (*(o.name for o in found.pipeline.targets), ""):
        mine = [part for part in parts if part.target == target]
        title = targets.get(target).title if target else "for all of them"
        print(f"\n{title}" + ("" if mine else ": nothing in its files depends on it"))
        for part in mine:
            _print_part(part)
    return 0


def _part(part: Became) -> dict[str, Any]:
    ranges = [{"first": run[0].number, "last": run[-1].number} for run in part.ranges()]
    return {"file": part.file, "target": part.target, "ranges": ranges}


def _print_part(part: Became) -> None:
    for run in part.ranges():
        last = f"-{run[-1].number}" if len(run) > 1 else ""
        print(f"  {part.file}:{run[0].number}{last}")
        for origin in run[:_SHOWN]:
            print(visible(f"    {origin.text}").rstrip())
        if len(run) > _SHOWN:
            print(f"    … {len(run) - _SHOWN} more lines")
