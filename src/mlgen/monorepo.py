"""The file that all projects of a repository have in common, on a system that reads one file for all of them.

It is made from the files of the projects, as they are on the disk, and says of each project what it holds of it, so
that every project can tell from its own lock whether its share is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Pipeline
from mlgen.ir.paths import from_project, up
from mlgen.render import render
from mlgen.targets.contract import Output, Part, Target
from mlgen.verify import verify
from mlgen.write.digest import digest
from mlgen.write.header import PROJECTS, File, read_header, shared


def root_file(
    target: Target, folder: str, pipeline: Pipeline, own: File | None
) -> tuple[File | None, list[Diagnostic]]:
    """The repository's root file with the project in this folder (`own` is its part; None: without it).

    None if there is none to write: no project is left, or the project has never had a share in it.
    """
    assert target.whole is not None
    top = os.path.join(folder, up(pipeline.root))
    spec = f"{pipeline.root}/{pipeline.spec}"
    if own is None and not _has_share(os.path.join(top, target.paths[0]), spec):
        return None, []
    path = target.beside.format(name=pipeline.name, root=pipeline.root)
    parts = [part for part in _others(top, target, spec) if part.path != path]  # of another, it is refused later
    if own is not None:
        parts.append(Part(path, spec, own.text))
    if not parts:
        return None, []
    parts.sort()
    try:
        shares = {part.spec: digest(_text(target.whole((part,))).encode(), 8) for part in parts}
        output = target.whole(tuple(parts))
    except ValueError as fault:
        hint = "run `mlgen compile` for that project"
        return None, [error("MLG503", Position(target.paths[0]), str(fault), hint)]
    placed = output._replace(path=from_project(pipeline.root, output.path))
    text = _text(output)
    return shared(placed, text, target.name, shares, spec), verify(target, placed, text, pipeline)


def with_whole(target: Target, pipeline: Pipeline, texts: Mapping[str, str]) -> dict[str, str]:
    """The project's native files by path, and the root file as it would be for it alone: what a reader needs."""
    if not pipeline.root or target.whole is None:
        return dict(texts)
    path, text = next(iter(texts.items()))
    output = target.whole((Part(path, f"{pipeline.root}/{pipeline.spec}", text),))
    return {**texts, output.path: _text(output)}


def _text(output: Output) -> str:
    return render(output.template, output.view)


def _has_share(path: str, spec: str) -> bool:
    text = _read(path)
    header = read_header(text)
    return header is not None and header[0] == PROJECTS and f" {spec}: " in text


def _others(top: str, target: Target, own: str) -> Iterator[Part]:
    """The parts of the other projects: files of mlgen's whose spec is there."""
    folder, pattern = os.path.split(target.beside)
    suffix = pattern.removeprefix("{name}")
    try:
        names = sorted(name for name in os.listdir(os.path.join(top, folder)) if name.endswith(suffix))
    except OSError:
        return
    for name in names:
        path = f"{folder}/{name}"
        text = _read(os.path.join(top, path)).replace("\r\n", "\n")
        header = read_header(text)
        if header is None or header[0] in (own, PROJECTS) or ".." in header[0].split("/"):
            continue
        if os.path.isfile(os.path.join(top, header[0])):
            yield Part(path, header[0], text)


def _read(path: str) -> str:
    """The text of the file; empty if it cannot be had."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except OSError:
        return ""
