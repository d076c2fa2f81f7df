"""What a .travis.yml says, read from its text alone, as Travis reads it."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.readback import Reading


def read(texts: Mapping[str, str]) -> Reading:
    """The reading of the project's file (a root file only imports it); Unread says what cannot be read, where."""
    from mlgen.targets.travis.read import config, run

    path, text = next(iter(texts.items()))
    return run.reading(config.read(text, path.rpartition("/")[2] != ".travis.yml"))
