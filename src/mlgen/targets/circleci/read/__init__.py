"""What a config of CircleCI says, read from its text alone, as CircleCI reads it."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.readback import Reading


def read(texts: Mapping[str, str]) -> Reading:
    """The reading of the one file; Unread says what could not be read, and where."""
    from mlgen.targets.circleci.read import config, run

    (text,) = texts.values()
    return run.reading(config.read(text))
