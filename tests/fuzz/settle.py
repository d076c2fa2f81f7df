"""A random spec compiled for as many targets as can say it, with fallbacks where they offer one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mlgen.compiler import Compiled, compile_spec
from mlgen.diagnostics import Diagnostic, SpecError

from .specs import Spec

_FALLBACKS = (
    re.compile(r"targets\.(\w+)\.fallback\.(\w+)[^`]*`([\w-]+)`"),
    re.compile(r"targets\.(\w+)\.fallback: \{(\w+): ([\w-]+)\}"),
)
REFUSALS = ("MLG401", "MLG404")
"""What a target cannot say, or not at this size."""
FAULTS = ("MLG601", "MLG602")
"""What no spec may cause: an output that is wrong, or means something else."""


class Settled(NamedTuple):
    """What a spec compiles to. `refused`: what was said of targets that are left out, or of the spec as a whole."""

    spec: Spec
    compiled: Compiled | None
    refused: tuple[Diagnostic, ...]

    @property
    def faults(self) -> list[Diagnostic]:
        """What must not be, of any valid spec."""
        return [d for d in self.refused if d.code in FAULTS]


def settle(spec: Spec) -> Settled:
    """Compile the spec; targets that refuse it get the first fallback offered, or are left out."""
    spec = {**spec, "targets": {name: dict(options) for name, options in spec["targets"].items()}}
    refused: list[Diagnostic] = []
    for _ in range(60):
        try:
            _compiled(spec)  # the proof takes long, and adds nothing to what refuses a spec
            return Settled(spec, _compiled(spec, proved=True), tuple(refused))
        except SpecError as fault:
            errors = [d for d in fault.diagnostics if d.severity == "error"]
        if any(d.code not in REFUSALS for d in errors):
            return Settled(spec, None, tuple(errors))
        if not [d for d in errors if _fell_back(spec, d)]:
            refused += errors
            _leave_out(spec)
        if not spec["targets"]:
            return Settled(spec, None, tuple(refused))
    raise AssertionError(f"no end of fallbacks: {spec['targets']}")


def _compiled(spec: Spec, only: tuple[str, ...] = (), *, proved: bool = False) -> Compiled:
    with tempfile.TemporaryDirectory(prefix="mlgen-fuzz-") as folder:
        (Path(folder) / "mlgen.yaml").write_text(text(spec), "utf-8")
        return compile_spec(folder, "mlgen.yaml", only, proved=proved)


def text(spec: Spec) -> str:
    """The spec as YAML."""
    return str(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True))


def _fell_back(spec: Spec, fault: Diagnostic) -> bool:
    for pattern in _FALLBACKS:
        found = pattern.search(fault.hint)
        if found and found[1] in spec["targets"]:
            chosen: dict[str, Any] = spec["targets"][found[1]].setdefault("fallback", {})
            if found[2] not in chosen:
                chosen[found[2]] = found[3]
                return True
    return False


def _leave_out(spec: Spec) -> None:
    """Take out the targets that refuse the spec by themselves."""
    for name in list(spec["targets"]):
        try:
            _compiled(spec, (name,))
        except SpecError:
            del spec["targets"][name]
