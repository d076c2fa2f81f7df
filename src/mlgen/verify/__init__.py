"""The rendered text held against what it must be, before anything is written."""

from mlgen.diagnostics import Diagnostic
from mlgen.ir import Pipeline
from mlgen.targets.contract import Output, Target


def verify(target: Target, output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """The structural faults of one rendered file, found by its target."""
    return target.check(output, text, pipeline)
