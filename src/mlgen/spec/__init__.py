"""The user's text to valid, expanded data with positions."""

from __future__ import annotations

import os
from collections.abc import Callable

from mlgen.diagnostics import Position, SpecError
from mlgen.ir.source import Source
from mlgen.spec.defaults import positions
from mlgen.spec.expand import expand
from mlgen.spec.load import Loaded, Route, Text, load, read
from mlgen.spec.validate import validate
from mlgen.typed import Any

__all__ = ["Loaded", "load", "load_spec", "meaning", "read", "read_whole", "source"]


def load_spec(root: str, spec: str, text: str | None = None) -> Loaded:
    """The spec at `root/spec` as it is written; a SpecError says what is wrong with its YAML.

    With `text`, that is the spec, whatever stands on the disk.
    """
    return load(read(os.path.join(root, spec), spec) if text is None else text, spec)


def source(root: str, spec: str) -> Source:
    """The spec at `root/spec`, without its packs, valid and expanded."""
    return meaning(root, load_spec(root, spec))


def meaning(root: str, loaded: Loaded) -> Source:
    """The spec, valid against the schema and expanded; a SpecError says everything that is wrong."""
    return read_whole(root, loaded)[0]


def read_whole(root: str, loaded: Loaded) -> tuple[Source, Text]:
    """Like `meaning`, with the spec as it is written, its imported jobs in place."""
    faults = validate(loaded)
    if faults:
        raise SpecError(faults)
    if isinstance(loaded.data["project"], dict) and "root" in loaded.data["project"]:
        from mlgen.spec.place import misplaced

        faults = misplaced(root, loaded)
        if faults:
            raise SpecError(faults)
    if not any("from" in stage or "only" in stage for stage in loaded.data["stages"].values()):
        position = positions(loaded.data, loaded.position) if _has_defaults(loaded.data) else loaded.position
        return Source(loaded.file, expand(loaded.data), _reported(loaded.data, position)), loaded
    from mlgen.spec.imports import merged

    whole = merged(root, loaded)
    faults = validate(whole)
    if faults:
        raise SpecError(faults)
    position = _reported(whole.data, positions(whole.data, whole.position))
    return Source(loaded.file, expand(whole.data), position, whole.inputs, whole.warnings), whole


def _reported(data: Any, position: Callable[[Route, bool], Position]) -> Callable[[Route, bool], Position]:
    """The positions of a spec that may have a `report`, which is a job."""
    if "report" not in data:
        return position
    from mlgen.spec import report

    return report.positions(position)


def _has_defaults(data: dict[str, Any]) -> bool:
    return "defaults" in data or any("defaults" in members for members in data["stages"].values())
