"""One step of a job, as plain values for the template."""

from __future__ import annotations

from mlgen.targets.circleci import text
from mlgen.typed import Any

Step = dict[str, Any]


def run(name: str, command: str, comment: str = "", **options: Any) -> Step:
    """A `run` step; its keys in the order of the documentation."""
    pairs = [(key, value) for key, value in options.items() if value]
    step = {"kind": "run", "name": text.literal(name), "command": command, "options": pairs}
    return {**step, "environment": (), "comment": comment}
