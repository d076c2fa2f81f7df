"""What the spec changes in the native files by itself, as single changes with their places."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.source import Source
from mlgen.ir.values import Edit, Override
from mlgen.lower.names import did_you_mean
from mlgen.typed import Any


def references(source: Source) -> Iterator[Diagnostic]:
    """Targets and jobs that overrides name."""
    data = source.data
    jobs = [f"{stage}.{name}" for stage, members in data["stages"].items() for name in members]
    for target, said in data["overrides"].items():
        at = ("overrides", target)
        if target not in data["targets"]:
            hint = f"add {target} to `targets`, or take the override out"
            yield error("MLG421", source.key(*at), f"the spec has no target {target}", hint)
        for job in said.get("jobs") or {}:
            if job not in jobs:
                hint = did_you_mean(job, jobs)
                yield error("MLG201", source.key(*at, "jobs", job), f"there is no job {job}", hint)


def override(source: Source, target: str) -> Override:
    """The override of a target that has one."""
    said = source.data["overrides"][target]
    at = ("overrides", target)
    patches = (said.get("jobs") or {}).items()
    edits = [edit for job, patch in patches for edit in _edits(source, job, (*at, "jobs", job), patch)]
    if "file" in said:
        edits += _edits(source, "", (*at, "file"), said["file"])
    hooks = said.get("hooks") or {}
    return Override(
        tuple(edits),
        tuple((name, text.rstrip("\n"), source.at(*at, "hooks", name)) for name, text in hooks.items()),
        said.get("accept", ""),
        source.key(*at),
    )


def _edits(source: Source, job: str, at: tuple[str, ...], patch: dict[str, Any]) -> Iterator[Edit]:
    """A merge patch as changes of single values."""
    start = len(at)

    def leaves(value: Any, route: tuple[str, ...]) -> Iterator[Edit]:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                yield from leaves(item, (*route, key))
        else:
            yield Edit(job, route[start:], value, source.key(*route))

    yield from leaves(patch, at)
