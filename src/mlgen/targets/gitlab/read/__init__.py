"""What a .gitlab-ci.yml says, read from its text alone, as GitLab reads it."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.readback import Reading


def read(texts: Mapping[str, str]) -> Reading:
    """The reading of the one file, or of a project's and the root file that includes it; Unread says what could
    not be read, and where."""
    from mlgen.targets.gitlab.read import config, run

    if len(texts) > 1:
        from mlgen.targets.gitlab.read import parts

        return run.reading(parts.joined(texts))
    (text,) = texts.values()
    return run.reading(config.read(text))
