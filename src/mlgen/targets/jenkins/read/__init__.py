"""What a Jenkinsfile says, read from its text alone, as Jenkins reads it."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.readback import Reading
from mlgen.readback.unread import Unread


def read(texts: Mapping[str, str]) -> Reading:
    """The reading of the one file; Unread says what could not be read, and where."""
    from mlgen.targets.jenkins.read import jenkinsfile, run, steps
    from mlgen.targets.jenkins.reader import Unreadable

    (text,) = texts.values()
    world = steps.Steps()
    try:
        return run.reading(jenkinsfile.read(text, world), world)
    except Unreadable as fault:
        raise Unread(f"line {fault.line}: {fault}") from fault
    except steps.UNKNOWN as fault:
        raise Unread(f"it does what is not known: {fault!r}") from fault
