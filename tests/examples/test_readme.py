"""What README shows works."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def mlgen(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "mlgen", *arguments], capture_output=True, text=True)


def test_the_ten_lines_compile_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "mlgen.yaml").write_text(BLOCKS[0], "utf-8")
    assert len(BLOCKS[0].splitlines()) == 10
    done = mlgen("compile", "-C", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split(": ")[1] for line in done.stdout.splitlines()} == {
        ".github/workflows/ml.yml",
        ".gitlab-ci.yml",
        ".mlgen/env.sh",
        "mlgen.lock",
    }


def test_every_command_of_the_table_exists() -> None:
    known = mlgen("--help").stdout
    commands = set(re.findall(r"`mlgen ([a-z]+)", README))
    assert {"compile", "check", "settings", "explain"} <= commands
    assert [c for c in sorted(commands) if not re.search(rf"^ +{c} ", known, re.MULTILINE)] == []


def test_the_hooks_exist() -> None:
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert {h["id"] for repo in yaml.safe_load(BLOCKS[1])["repos"] for h in repo["hooks"]} <= hooks
    assert hooks == {"mlgen-check", "mlgen-compile"}


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links and [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_the_makefile_has_the_two_commands() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test", "bench"} <= set(targets)
