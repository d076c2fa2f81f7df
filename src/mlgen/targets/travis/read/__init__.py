"""What a .travis.yml says, read from its text alone, as Travis reads it."""

from collections.abc import Mapping

from mlgen.readback import Reading


def read(texts: Mapping[str, str]) -> Reading:
    """The reading of the one file; a ValueError says what could not be read, and where."""
    from mlgen.targets.travis.read import config, run

    ((path, text),) = texts.items()
    return run.reading(config.read(text, path.rpartition("/")[2] != ".travis.yml"))
