"""`release`: the tag becomes a release of the code host, with files."""

from __future__ import annotations

from mlgen.ir import paths
from mlgen.lower.commands.call import Call, lines
from mlgen.quoting.shell import sh, sh_path


def script(call: Call) -> str:
    """The call of `.mlgen/host.py`, which knows the code hosts."""
    options = ["python3 .mlgen/host.py release"]
    options += [f"--notes {sh(paths.normal(call.words['notes']))}"] if "notes" in call.words else []
    return lines(*options, *(sh_path(paths.normal(path)) for path in call.words.get("files", ())))


def reads(call: Call) -> list[str]:
    """The files, and the notes."""
    named = [*call.words.get("files", ()), *([call.words["notes"]] if "notes" in call.words else [])]
    return [paths.normal(path) for path in named]


def permissions(call: Call) -> dict[str, str]:
    """What the job's token must be allowed to."""
    return {"contents": "write"}
