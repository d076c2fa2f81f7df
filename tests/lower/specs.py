"""Small specs as data, and the pipeline that they mean."""

from pathlib import Path
from typing import Any

import yaml

from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.ir import Job, Pipeline
from mlgen.ir.source import Source
from mlgen.lower import lower
from mlgen.spec.expand import expand
from mlgen.spec.load import load
from mlgen.spec.validate import validate

Spec = dict[str, Any]


def pipeline(spec: str | Spec) -> Pipeline:
    """The pipeline of a spec, given as YAML or as data, without `version`, `project` and `targets`."""
    return lowered(spec)[0]


def lowered(spec: str | Spec) -> tuple[Pipeline, tuple[Diagnostic, ...]]:
    data = yaml.safe_load(spec) if isinstance(spec, str) else spec
    whole = {"version": 1, "project": "wine", "targets": ["github"], **data}
    loaded = load(yaml.safe_dump(whole, sort_keys=False), "mlgen.yaml")
    faults = validate(loaded)
    if faults:
        raise SpecError(faults)
    return lower(Source("mlgen.yaml", expand(loaded.data), loaded.position))


def trusted(spec: Spec) -> Pipeline:
    """Like `pipeline`, for data that is known to satisfy the schema: without text, positions and the schema."""
    from mlgen.diagnostics import Position

    whole = {"version": 1, "project": "wine", "targets": ["github"], **spec}
    return lower(Source("mlgen.yaml", expand(whole), lambda path, key: Position("mlgen.yaml")))[0]


def codes(spec: str | Spec) -> list[str]:
    """The codes of what is wrong with the spec."""
    try:
        return [d.code for d in lowered(spec)[1]]
    except SpecError as err:
        return [d.code for d in err.diagnostics]


def read(path: Path) -> Spec:
    return yaml.safe_load(path.read_text("utf-8"))


def edges(job: Job) -> dict[str, str]:
    """What the job waits for: `hard`, or `barrier`, with `?` where the other need not run whenever it does."""
    return {e.job: ("hard" if e.hard else "barrier") + ("" if e.always else "?") for e in job.edges}
