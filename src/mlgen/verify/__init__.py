"""The rendered text held against what it must be, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Pipeline
from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.contract import Output, Target
from mlgen.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgen.readback import Route
    from mlgen.verify.fault import Fault


def verify(target: Target, output: Output, text: str, pipeline: Pipeline) -> list[Diagnostic]:
    """The structural faults of one rendered file, found by its target."""
    return target.check(output, text, pipeline)


def faults(target: Target, texts: Mapping[str, str], pipeline: Pipeline) -> list[Fault]:
    """The differences between what the target's rendered files say, by path, and what the pipeline means."""
    from mlgen.verify.fault import Fault
    from mlgen.verify.meaning import differences

    assert target.read is not None
    try:
        return differences(pipeline, target.read(texts), target.name, target.eased(pipeline))
    except Unread as fault:
        return [Fault("text", "", str(fault), _way(next(iter(texts.values())), str(fault)))]


def _way(text: str, message: str) -> Route:
    """The way through the data with which the message begins, such as `jobs.fit.steps.0: …`; empty if it is none."""
    way = message.partition(": ")[0].replace("[", ".").replace("]", "").split(".")
    if not way[0] or f"\n{way[0]}:" not in f"\n{text}":
        return ()
    return tuple(int(step) if step.isdigit() else step for step in way)


def differs(target: Target, texts: Mapping[str, str], pipeline: Pipeline) -> bool:
    """Whether there is any difference: as `faults`, but no longer than it takes to find one."""
    from mlgen.verify.meaning import each_difference

    assert target.read is not None
    try:
        found = each_difference(pipeline, target.read(texts), target.name, target.eased(pipeline))
        return next(found, None) is not None
    except Unread:
        return True


class Origin(NamedTuple):
    """Where a line comes from: `TEMPLATE:LINE`, and whether that is a pack's template."""

    place: str
    added: bool


def read_back(
    target: Target, texts: Mapping[str, str], pipeline: Pipeline, above: int, origins: Callable[[], Sequence[Origin]]
) -> list[Diagnostic]:
    """The differences as diagnostics (MLG602), at the line of the first file; `origins` tells of each of its lines.

    `above`: how many lines the file has above its text.

    A pack may add steps of its own to jobs: then nothing but the lines that it adds may make a difference to what the
    jobs execute, which is seen without them. All else is held against the file as it is.
    """
    if target.read is None:
        return []
    found = faults(target, texts, pipeline)
    if not found:
        return []
    from mlgen.verify.places import line_of

    path, text = next(iter(texts.items()))
    lines = origins()
    if any(map(_of_a_step, found)) and any(origin.added for origin in lines):
        own = [line for line, origin in zip(text.splitlines(keepends=True), lines) if not origin.added]
        if not any(map(_of_a_step, faults(target, {**texts, path: "".join(own)}, pipeline))):
            found = [fault for fault in found if not _of_a_step(fault)]
    said = []
    for fault in found:
        line = line_of(text, fault.route) if fault.route else 0
        message = f"{fault.job}: {fault.message}" if fault.job else fault.message
        hint = f"that line comes from {lines[line - 1].place}" if 0 < line <= len(lines) else ""
        said.append(error("MLG602", Position(path, line + above if line else 0, 1 if line else 0), message, hint))
    return said


def _of_a_step(fault: Fault) -> bool:
    """Whether the fault may be that of a step which stands beside those that the spec asks for."""
    return fault.aspect in ("command", "step secrets", "added")
