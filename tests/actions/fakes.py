"""Tools that only record how they are called, and what a test lets them say: docker, kubectl, helm and others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

TOOL = """#!{python}
import json, os, sys
name = os.path.basename(sys.argv[0])
home = os.environ["FAKES"]
line = " ".join([name, *sys.argv[1:]])
rules = json.load(open(os.path.join(home, "rules.json")))
read = "-" in sys.argv[1:] or "--password-stdin" in sys.argv
env = {{key: value for key, value in os.environ.items() if key in ("KUBECONFIG", "TWINE_USERNAME", "TWINE_PASSWORD")}}
call = {{"argv": [name, *sys.argv[1:]], "stdin": sys.stdin.read() if read else "", "env": env}}
with open(os.path.join(home, "calls"), "a") as log:
    log.write(json.dumps(call) + "\\n")
if "--metadata-file" in sys.argv:
    with open(sys.argv[sys.argv.index("--metadata-file") + 1], "w") as out:
        json.dump({{"buildx.build.ref": "x", "containerimage.descriptor": {{"digest": "sha256:no"}},
                   "containerimage.digest": "sha256:" + "a" * 64, "image.name": "y"}}, out, indent=2)
done = os.path.join(home, "done.json")
seen = json.load(open(done)) if os.path.exists(done) else {{}}
for part, answers in rules.items():
    if part in line:
        count = seen.get(part, 0)
        seen[part] = count + 1
        json.dump(seen, open(done, "w"))
        code, text = answers[min(count, len(answers) - 1)]
        sys.stdout.write(text)
        sys.exit(code)
"""

TOOLS = ("docker", "trivy", "kubectl", "helm", "aws", "az", "gcloud", "twine")


class Called(NamedTuple):
    """One call of a tool."""

    argv: list[str]
    stdin: str
    env: dict[str, str]

    @property
    def line(self) -> str:
        return " ".join(self.argv)


class Done(NamedTuple):
    """How a script ended, and what it called."""

    code: int
    out: str
    err: str
    calls: list[Called]

    def lines(self, *parts: str) -> list[str]:
        """The calls that have one of these in them; all without."""
        return [call.line for call in self.calls if not parts or any(part in call.line for part in parts)]

    def order(self, *parts: str) -> None:
        """Calls with these words came one after another."""
        places = [next((i for i, call in enumerate(self.calls) if part in call.line), -1) for part in parts]
        assert -1 not in places, (parts, self.lines())
        assert places == sorted(places), (parts, self.lines())


class Machine:
    """A folder with fake tools, in which scripts run as a CI system runs them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work = folder / "fakes", folder / "work"
        self.rules: dict[str, list[tuple[int, str]]] = {}
        for made in (self.home / "bin", self.work / ".mlgen"):
            made.mkdir(parents=True)
        for tool in TOOLS:
            path = self.home / "bin" / tool
            path.write_text(TOOL.format(python=sys.executable))
            path.chmod(0o755)

    def say(self, part: str, *answers: tuple[int, str]) -> None:
        """A call with these words ends with this status and output; several: one after another."""
        self.rules[part] = list(answers)

    def run(self, script: str, **env: str) -> Done:
        """Runs a script; keywords are environment variables."""
        (self.home / "rules.json").write_text(json.dumps(self.rules))
        for name in ("calls", "done.json"):
            (self.home / name).unlink(missing_ok=True)
        whole = {
            "PATH": f"{self.home / 'bin'}{os.pathsep}{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.work),
            "TMPDIR": str(self.home),
            "FAKES": str(self.home),
            "MLGEN_EVENT": "push",
            "MLGEN_BRANCH": "main",
            "MLGEN_DEFAULT_BRANCH": "main",
            "MLGEN_COMMIT": "c0ffee",
            "MLGEN_TAG": "",
            "MLGEN_REPOSITORY_URL": "https://git.example.org/org/wine",
            "MLGEN_EXPORTS": str(self.work / "exports"),
            **env,
        }
        (self.work / "exports").unlink(missing_ok=True)
        command = ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=self.work, env=whole, capture_output=True, text=True, timeout=60)
        log = self.home / "calls"
        calls: list[Any] = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return Done(done.returncode, done.stdout, done.stderr, [Called(**call) for call in calls])

    @property
    def exports(self) -> dict[str, str]:
        path = self.work / "exports"
        lines = path.read_text().splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)

    @property
    def left(self) -> list[str]:
        """Folders that scripts made for themselves and did not take away."""
        return sorted(path.name for path in self.home.iterdir() if path.name.startswith("tmp."))
