"""Where the project's files are (relative to its root), and how they are written."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path("data/wine.csv")
PARAMS = Path("params.yaml")
MODEL = Path("models/model.pkl")
METRICS = Path("metrics.json")
DATA_REPORT = Path("reports/data.xml")


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because a rename is atomic within one file system only.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
