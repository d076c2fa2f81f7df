"""The blocks of pages that show a command of mlgen's and what it prints: executed, and put in again."""

import contextlib
import io
import re
import shlex
from pathlib import Path

from mlgen.cli.main import run

_BLOCK = re.compile(r"(```console\n\$ (mlgen .* -C examples.*)\n)(?:.*\n)*?(```\n)")
"""The first line is the command, run in the root of the checkout for one of the examples."""


def pages(root: Path) -> dict[str, str]:
    """The pages that have such blocks, by path below docs/, as they must be."""
    found = {}
    for page in sorted((root / "docs").glob("*.md")):
        text = page.read_text("utf-8")
        made = _BLOCK.sub(lambda block: block[1] + _printed(root, block[2]) + block[3], text)
        if _BLOCK.search(text):
            found[page.name] = made
    return found


def _printed(root: Path, command: str) -> str:
    words = shlex.split(command)[1:]
    if "-C" in words:
        folder = words.index("-C") + 1
        words[folder] = str(root / words[folder])
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run(words)
    if code:
        raise SystemExit(f"docs: `{command}` ends with {code}")
    return out.getvalue()
