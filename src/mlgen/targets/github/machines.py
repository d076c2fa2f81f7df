"""Where jobs run."""

from typing import Any

from mlgen.ir import Runner

# https://docs.github.com/en/actions/reference/runners/github-hosted-runners
LABELS = {"linux": "ubuntu-24.04", "windows": "windows-2025", "macos": "macos-15"}
"""The hosted machine of each system."""


def runs_on(runner: Runner) -> Any:
    """What `runs-on` takes."""
    said = runner.on("github")
    return said if said is not None else LABELS.get(runner.name, LABELS["linux"])
