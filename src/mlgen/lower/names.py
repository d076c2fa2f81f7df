"""What a job is called in a spec, which job is meant, and what is said of names that mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.globs import glob_fault
from mlgen.ir.source import Source
from mlgen.typed import Any, TypeAlias

Route: TypeAlias = "tuple[str | int, ...]"


def named(data: dict[str, Any], name: str) -> list[str]:
    """The ids of the jobs that `name` may mean: a job's name, or `stage.name`."""
    stage, _, job = name.partition(".")
    if job:
        return [name] if job in data["stages"].get(stage, ()) else []
    return [f"{stage}.{name}" for stage, members in data["stages"].items() if name in members]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the closest known name, or with all of them."""
    import difflib

    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(names)}" if names else "none is defined"


def patterns(source: Source, at: Route, said: Iterable[str]) -> Iterator[Diagnostic]:
    """Globs whose brackets cannot be read."""
    for index, pattern in enumerate(said):
        if reason := glob_fault(pattern.removeprefix("!")):
            yield error(
                "MLG102", source.at(*at, index), f"{pattern}: {reason}", "in a glob, [a-z] is one character of those"
            )
