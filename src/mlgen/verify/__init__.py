"""The rendered text held against what it must be, before anything is written."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Pipeline
from mlgen.targets.contract import Output, Target

if TYPE_CHECKING:
    from mlgen.verify.fault import Fault


def verify(target: Target, output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """The structural faults of one rendered file, found by its target."""
    return target.check(output, text, pipeline)


def readable(target: Target, pipeline: Pipeline) -> bool:
    """Whether the target's files can be read back: a part of a file that all projects of a repository share cannot."""
    return target.read is not None and not (pipeline.root and target.whole)


def faults(target: Target, texts: Mapping[str, str], pipeline: Pipeline) -> "list[Fault]":
    """The differences between what the target's rendered files say, by path, and what the pipeline means."""
    from mlgen.verify.fault import Fault
    from mlgen.verify.meaning import differences

    assert target.read is not None
    try:
        return differences(pipeline, target.read(texts), target.name, target.eased(pipeline))
    except ValueError as fault:
        return [Fault("text", "", str(fault))]


def differs(target: Target, texts: Mapping[str, str], pipeline: Pipeline) -> bool:
    """Whether there is any difference: as `faults`, but no longer than it takes to find one."""
    from mlgen.verify.meaning import each_difference

    assert target.read is not None
    try:
        found = each_difference(pipeline, target.read(texts), target.name, target.eased(pipeline))
        return next(found, None) is not None
    except ValueError:
        return True


def read_back(
    target: Target, texts: Mapping[str, str], pipeline: Pipeline, origin: Callable[[int], str], added: bool = False
) -> list[Diagnostic]:
    """The differences as diagnostics (MLG602), at the file's line; `origin` tells the template behind a line.

    `added`: a pack's template, which may add steps of its own: then only a command that is missing is a fault.
    """
    if not readable(target, pipeline):
        return []
    from mlgen.verify.places import line_of

    path = next(iter(texts))
    said = []
    for fault in faults(target, texts, pipeline):
        if added and _of_a_step(fault):
            continue
        line = line_of(texts[path], fault.route) if fault.route else 0
        template = origin(line) if line else ""
        message = f"{fault.job}: {fault.message}" if fault.job else fault.message
        hint = f"that line comes from {template}" if template else ""
        said.append(error("MLG602", Position(path, line, 1 if line else 0), message, hint))
    return said


def _of_a_step(fault: "Fault") -> bool:
    """Whether the fault may be that of a step which stands beside those that the spec asks for."""
    if fault.aspect == "secrets":
        return fault.message.startswith("a command of its does not see")
    return fault.aspect == "command" and not fault.message.endswith("is not executed")
