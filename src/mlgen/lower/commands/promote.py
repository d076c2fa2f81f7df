"""`promote`: an alias of MLflow's registry moves to another version."""

from __future__ import annotations

from mlgen.lower.commands.call import Call, lines
from mlgen.lower.commands.tracking import REGISTRY, model_name
from mlgen.quoting import sh


def script(call: Call) -> str:
    """The call of `.mlgen/registry.py`, which uses the client of MLflow."""
    to = call.words.get("to", "champion")
    source = call.words.get("from", "challenger")
    words = [f"{REGISTRY} promote {sh(model_name(call))}", f"--from {source}", f"--to {to}"]
    # Several aliases that move do not share the one that remembers.
    words += [f"--previous previous-{to}"] if to != "champion" else []
    return lines(*words)
