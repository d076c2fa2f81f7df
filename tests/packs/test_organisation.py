"""docs/organisation.md, executed: every command, with the output that it shows, against real git repositories.

`title="FILE"` writes a file, `$ ` begins a command, and the lines after it are what it prints: a line `…` stands for
any lines, a `…` in a line for any text, and a commit for any commit. A command may fail where what it shows says so.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from mlgen.render.sandbox import blocks_of
from mlgen.render.sources import environment
from tests.packs.conftest import git

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/organisation.md").read_text("utf-8")
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


class Shell:
    """A shell in a folder of its own, which knows `mlgen`, `pre-commit` and the organisation's git server."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "work"
        self.folder.mkdir()
        programs = root / "programs"
        programs.mkdir()
        for name, module in (("mlgen", "mlgen"), ("pre-commit", "pre_commit")):
            (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
            (programs / name).chmod(0o755)
        server = root / "server/ml/pack.git"
        server.mkdir(parents=True)
        git(server, "init", "-q", "--bare", "-b", "main")
        config = root / "gitconfig"
        config.write_text(
            f'[url "file://{root}/server/"]\n insteadOf = https://git.acme.example/\n'
            "[user]\n name = Tests\n email = tests@example.org\n[commit]\n gpgSign = false\n"
        )
        self.env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(root),
            "XDG_CACHE_HOME": str(root / "cache"),
            "PRE_COMMIT_HOME": str(root / "pre-commit"),
            "PYTHONPATH": str(ROOT / "src"),
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, command: str) -> tuple[int, str]:
        """What the command prints, and its exit code; a `cd` stays."""
        script = f'{command}\ncode=$?\npwd > "$HOME/pwd"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.folder = Path(Path(self.env["HOME"], "pwd").read_text().strip())
        return done.returncode, done.stdout


def shown(lines: list[str]) -> re.Pattern[str]:
    """The output that the page shows, as a pattern."""
    parts = []
    for line in lines:
        text = re.escape(line).replace("…", ".*").replace("0123456789ab", "[0-9a-f]{12}")
        parts.append(r"(?:.*\n)*?" if line == "…" else text + r"\n")
    return re.compile("".join(parts))


def commands(block: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def test_the_blocks_are_those_of_the_templates() -> None:
    rows = re.findall(r"^\| `([a-z]+/[A-Za-z.-]+\.j2)` \| (.*) \|$", PAGE, re.MULTILINE)
    told = {template: set(re.findall("`([a-z]+)`", text)) for template, text in rows}
    assert told == {name: set(blocks_of(name)) for name in environment().list_templates() if blocks_of(name)}


def test_the_day(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    done = 0
    for kind, title, text in BLOCKS:
        if title:
            (shell.folder / title).parent.mkdir(exist_ok=True)
            (shell.folder / title).write_text(text, "utf-8")
            continue
        assert kind == "console"
        for command, lines in commands(text):
            code, output = shell.run(command)
            assert shown(lines).fullmatch(output), f"$ {command}\n{output}\n--- the page shows\n" + "\n".join(lines)
            may_fail = any("error MLG" in line or "Failed" in line or "are other than" in line for line in lines)
            assert (code != 0) == may_fail, f"$ {command}: {code}\n{output}"
            done += 1
    assert done == PAGE.count("\n$ ") > 30
