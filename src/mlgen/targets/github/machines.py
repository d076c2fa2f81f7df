"""Where jobs run."""

from __future__ import annotations

from mlgen.ir import Runner
from mlgen.typed import Any

# https://docs.github.com/en/actions/reference/runners/github-hosted-runners
LABELS = {"linux": "ubuntu-24.04", "windows": "windows-2025", "macos": "macos-15"}
"""The hosted machine of each system."""


def runs_on(runner: Runner) -> Any:
    """What `runs-on` takes."""
    said = runner.on("github")
    return said if said is not None else LABELS.get(runner.name, LABELS["linux"])
