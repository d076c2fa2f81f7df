"""Packs that were once had, kept by the digest of their content, so that compiling needs no network.

Nothing here belongs to a user's repository. What is read is held against its digest by the caller.
"""

from __future__ import annotations

import os
import re

from mlgen.packs.content import Files, Refused, read_folder


def folder(content: str) -> str:
    """Where the pack with this content is kept; https://specifications.freedesktop.org/basedir-spec/latest/."""
    if not re.fullmatch("[0-9a-f]{64}", content):
        raise ValueError(content)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "mlgen", "packs", content)


def kept(content: str) -> Files | None:
    """What is kept for this content, whatever became of it; None if nothing is."""
    try:
        place = folder(content)
        return read_folder(place) if os.path.isdir(place) else None
    except (ValueError, OSError, Refused):
        return None


def keep(content: str, files: Files) -> None:
    """Keep a pack. A cache that cannot be written is no reason to stop: it is asked again another time."""
    import shutil
    import tempfile

    place = folder(content)
    new = ""
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        new = tempfile.mkdtemp(dir=os.path.dirname(place), prefix=".new-")
        for path, data in files.items():
            full = os.path.join(new, *path.split("/"))
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "xb") as file:
                file.write(data)
        if os.path.isdir(place):  # with other content, or it would not be kept anew
            shutil.rmtree(place)
        os.rename(new, place)
    except OSError:
        pass
    finally:
        if new and os.path.isdir(new):
            shutil.rmtree(new, ignore_errors=True)
