"""The questions, on a pseudo-terminal; and that no other run asks any."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.init.projects import PROJECTS, make

ROOT = Path(__file__).resolve().parents[2]
INTERRUPT, END = b"\x03", b"\x04"


class Terminal:
    """The command on a terminal of its own; `answer` waits for a question, then types."""

    def __init__(self, cwd: Path, *arguments: str) -> None:
        pid, self.leader = pty.fork()
        if pid == 0:
            os.chdir(cwd)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "NO_COLOR": "1"}
            os.execve(sys.executable, [sys.executable, "-m", "mlgen", "init", *arguments], env)
        self.pid = pid
        self.shown = ""
        self.seen = 0

    def until(self, text: str, timeout: float = 30) -> None:
        end = time.monotonic() + timeout
        while text not in self.shown[self.seen :]:
            assert time.monotonic() < end, f"no {text!r} in {self.shown!r}"
            if select.select([self.leader], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.leader, 4096).decode("utf-8", "replace").replace("\r\n", "\n")
                except OSError:
                    break
        self.seen = self.shown.index(text, self.seen) + len(text)

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        os.write(self.leader, text.encode() + b"\n")

    def end(self, key: bytes = b"") -> int:
        """Read the rest of what is shown; the exit code.

        The key is pressed until it is heard: an interrupt between the question and the reading of the answer sets
        Python's flag, which is looked at only once the reading is over.
        """
        while True:
            if key and "nothing was written" in self.shown:
                key = b""  # another one would interrupt Python's own end
            if key and not select.select([self.leader], [], [], 3)[0]:
                os.write(self.leader, key)
                continue
            try:
                part = os.read(self.leader, 4096)
            except OSError:
                break
            if not part:
                break
            self.shown += part.decode("utf-8", "replace").replace("\r\n", "\n")
        os.close(self.leader)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "wine", PROJECTS["requirements"], "git@github.com:org/wine.git")


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_empty_answers_take_what_was_found(project: Path) -> None:
    shown = Terminal(project)
    for question in ("Name of the project [wine]: ", "Compile for [github]: ", "Python [3.10]: "):
        shown.answer(question, "")
    shown.answer("Command that trains [python train.py]: ", "")
    shown.answer("Command that tests [python -m pytest --junitxml=reports/unit.xml]: ", "")
    assert shown.end() == 0, shown.shown
    asked = (project / "mlgen.yaml").read_text("utf-8")
    (project / "mlgen.yaml").unlink()
    subprocess.run([sys.executable, "-m", "mlgen", "init", "--yes"], cwd=project, check=True, capture_output=True)
    assert (project / "mlgen.yaml").read_text("utf-8") == asked


def test_answers_are_taken_and_wrong_ones_asked_again(project: Path) -> None:
    shown = Terminal(project)
    shown.answer("Name of the project [wine]: ", "my wine")
    shown.until("my-wine?")
    shown.answer("Name of the project [wine]: ", "my-wine")
    shown.answer("Compile for [github]: ", "gitlab, hudson")
    shown.until("hudson is none of circleci, github")
    shown.answer("Compile for [github]: ", "gitlab, travis gitlab")
    shown.answer("Python [3.10]: ", "3")
    shown.until("such as 3.12")
    shown.answer("Python [3.10]: ", "3.13")
    shown.answer("Command that trains", 'make train: "x" # y')
    shown.answer("Command that tests", "-")
    assert shown.end() == 0, shown.shown
    spec = yaml.safe_load((project / "mlgen.yaml").read_text("utf-8"))
    assert spec["project"]["name"] == "my-wine"
    assert list(spec["targets"]) == ["gitlab", "travis"]
    assert spec["runtime"]["python"] == "3.13"
    assert spec["stages"] == {"train": {"fit": {"run": 'make train: "x" # y'}}}


def test_flags_are_not_asked_for(project: Path) -> None:
    shown = Terminal(project, "--name", "x", "-t", "jenkins", "--python", "3.9", "--train", "")
    shown.answer("Command that tests", "")
    assert shown.end() == 0
    assert "Name of" not in shown.shown and "Compile for" not in shown.shown
    assert "found: " not in (project / "mlgen.yaml").read_text("utf-8")


@pytest.mark.parametrize("key", [INTERRUPT, END], ids=["interrupt", "end"])
@pytest.mark.parametrize("answered", [0, 1, 4])
def test_a_stop_leaves_nothing_behind(project: Path, key: bytes, answered: int) -> None:
    before = contents(project)
    shown = Terminal(project)
    questions = ["Name of", "Compile for", "Python [", "Command that trains", "Command that tests"]
    for question in questions[:answered]:
        shown.answer(question, "")
    shown.until(questions[answered])
    os.write(shown.leader, key)
    assert shown.end(key) == 130
    assert "nothing was written" in shown.shown and "Traceback" not in shown.shown
    assert contents(project) == before


@pytest.mark.parametrize("arguments", [("--yes",), ("--dry-run", "-y"), ("--format", "json")])
def test_nothing_is_asked_where_that_is_wished(project: Path, arguments: tuple[str, ...]) -> None:
    shown = Terminal(project, *arguments)
    assert shown.end() == 0
    assert "Name of the project" not in shown.shown


def test_nothing_is_asked_without_a_terminal(project: Path) -> None:
    """Neither of a closed input, nor of one that would wait for ever."""
    read, write = os.pipe()
    for stdin in (subprocess.DEVNULL, read):
        done = subprocess.run(
            [sys.executable, "-m", "mlgen", "init", "--dry-run"],
            cwd=project,
            stdin=stdin,
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"# What CI does")
    os.close(read)
    os.close(write)


def test_the_output_may_go_to_a_file_while_the_input_is_a_terminal(project: Path) -> None:
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "mlgen", "init"], cwd=project, stdin=follower, capture_output=True, timeout=60
    )
    os.close(leader)
    os.close(follower)
    assert done.returncode == 0
    assert b"Name of" not in done.stdout


def test_closed_input(project: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" -m mlgen init <&-', sys.executable], cwd=project, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
