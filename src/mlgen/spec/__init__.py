"""The user's text to valid, expanded data with positions."""

import os

from mlgen.diagnostics import SpecError
from mlgen.ir.source import Source
from mlgen.spec.expand import expand
from mlgen.spec.load import Loaded, load, read
from mlgen.spec.validate import validate

__all__ = ["Loaded", "load", "read", "source"]


def source(root: str, spec: str) -> Source:
    """The spec at `root/spec`, valid against the schema and expanded; a SpecError says everything that is wrong."""
    loaded = load(read(os.path.join(root, spec), spec), spec)
    faults = validate(loaded)
    if faults:
        raise SpecError(faults)
    if not any("from" in stage or "only" in stage for stage in loaded.data["stages"].values()):
        return Source(spec, expand(loaded.data), loaded.position)
    from mlgen.spec.imports import merged

    whole = merged(root, loaded)
    faults = validate(whole)
    if faults:
        raise SpecError(faults)
    return Source(spec, expand(whole.data), whole.position, whole.inputs, whole.warnings)
