"""`mlgen diff --behaviour`: what a change of the spec does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

from mlgen.behaviour.changes import WEIGHTS, Change, changes
from mlgen.behaviour.revision import written
from mlgen.cli.commands import spec_of
from mlgen.cli.report import print_json, visible
from mlgen.compiler import analyse
from mlgen.diagnostics import SpecError
from mlgen.graph.words import joined
from mlgen.ir import Pipeline
from mlgen.named import NamedTuple

FORMATS = ("text", "json", "markdown")
_TITLES = {"safety": "Safety", "behaviour": "Behaviour", "comfort": "Reports, caches, kept files"}


class BehaviourOptions(NamedTuple):
    """The options of `diff --behaviour`."""

    directory: str
    spec: str
    revision: str
    format: str


def behaviour(options: BehaviourOptions) -> int:
    """Print the differences between the spec at the revision and the one that is there; always 0."""
    spec = spec_of(options)
    after, _ = analyse(options.directory, spec)
    before = _before(options, spec)
    found = changes(before, after)
    if options.format == "json":
        print_json({"revision": options.revision, "changes": [change._asdict() for change in found]})
    elif options.format == "markdown":
        print("\n".join(_markdown(after.name, options.revision, found)))
    else:
        for jobs, change in _together(found):
            print(visible(f"{jobs} {change.text}"))
        if not found:
            print("mlgen: nothing changes but text")
    return 0


def _before(options: BehaviourOptions, spec: str) -> Pipeline | None:
    with tempfile.TemporaryDirectory(prefix="mlgen-") as folder:
        project = written(options.directory, options.revision, folder)
        if not os.path.exists(os.path.join(project, spec)):
            return None
        try:
            return analyse(project, spec)[0]
        except SpecError as fault:
            said = [d._replace(hint=d.hint or f"as it stood at {options.revision}") for d in fault.diagnostics]
            at = [d._replace(position=d.position._replace(file=f"{options.revision}:{d.position.file}")) for d in said]
            raise SpecError(at) from None


def _together(found: tuple[Change, ...]) -> Iterator[tuple[str, Change]]:
    """The changes, those that say the same of several jobs as one, with the jobs' names."""
    alike: dict[tuple[str, str], list[Change]] = {}
    for change in found:
        alike.setdefault((change.weight, change.text), []).append(change)
    for changes_ in alike.values():
        names = [change.job for change in changes_ if change.job]
        yield (f"{joined(names)}:" if len(names) > 1 else "".join(names) or "the pipeline"), changes_[0]


def _markdown(name: str, revision: str, found: tuple[Change, ...]) -> list[str]:
    lines = [f"### What changes in the pipeline of {name}, against `{revision}`", ""]
    if not found:
        return [*lines, "Nothing changes but text."]
    for weight in WEIGHTS:
        of_weight = [change for change in found if change.weight == weight]
        if of_weight:
            lines += [f"**{_TITLES[weight]}**", ""]
            lines += [f"- **{jobs}** {_escaped(change.text)}" for jobs, change in _together(tuple(of_weight))]
            lines.append("")
    return lines[:-1]


def _escaped(text: str) -> str:
    """The text for Markdown, with what it quotes left as it is."""
    parts = text.split("`")
    said = [part if index % 2 else part.replace("<", "&lt;").replace("*", "\\*") for index, part in enumerate(parts)]
    return "`".join(said)
