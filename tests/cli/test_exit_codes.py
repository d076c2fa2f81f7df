"""0 fine, 1 stale or refused, 2 the user's input, 3 a bug in mlgen, 130 interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgen import __version__
from mlgen.cli import commands
from tests.cli.conftest import BROKEN, ROOT, SPEC, Said, process

Mlgen = Callable[..., Said]


def test_a_project_from_its_spec_to_current_outputs(mlgen: Mlgen, project: Path) -> None:
    assert mlgen("validate").code == 0
    assert mlgen("check").code == 1
    assert mlgen("diff").code == 0
    assert mlgen("compile").code == 0
    said = mlgen("check")
    assert (said.code, said.out, said.err) == (0, "mlgen: 2 files are current\n", "")
    assert mlgen("diff").out == ""


def test_check_says_what_is_stale_how_and_what_mends_it(mlgen: Mlgen, project: Path) -> None:
    mlgen("compile")
    (project / "mlgen.yaml").write_text(SPEC.replace("train.py", "train.py -v"))
    said = mlgen("check")
    assert said.code == 1
    assert "-        run: python train.py\n+        run: python train.py -v\n" in said.out
    assert ".github/workflows/ml.yml: error MLG502: .github/workflows/ml.yml is not current" in said.err
    assert said.err.endswith("2 of 3 files are not current; `mlgen compile` mends that\n")


def test_the_command_that_mends_names_the_folder_and_the_spec(mlgen: Mlgen, project: Path) -> None:
    (project / "a b").mkdir()
    (project / "a b/s.yaml").write_text(SPEC)
    assert "`mlgen compile -C 'a b' -f s.yaml` mends that" in mlgen("check", "-C", "a b", "-f", "s.yaml").err
    assert mlgen("compile", "-C", "a b", "-f", "s.yaml").code == 0


WRONG: list[tuple[str, ...]] = [
    ("compile", "-f", "nothing.yaml"), ("compile", "-C", "nowhere"), ("compile", "-t", "nosuch"), ("compile",
    "--format", "xml"), ("compile", "-f", "sub/mlgen.yaml"),
    ("compile", "--dry"), ("compile", "extra"),
    ("check", "-f", "nothing.yaml"), ("check", "-t", "travis"), ("check", "--adopt"), ("check", "-C"),
    ("validate", "-f", "broken.yaml"), ("validate", "-C", "mlgen.yaml"), ("validate", "--format", ""),
    ("diff", "-f", "broken.yaml"), ("diff", "--format", "sarif"), ("diff", "-t", "GITHUB"),
    ("targets", "nosuch"), ("targets", "--format", "sarif"), ("targets", "github", "travis"),
    ("settings", "nosuch"), ("settings", "travis"), ("settings", "--format", "annotations"), ("settings", "-C",
    "nowhere"),
    ("schema", "x"), ("schema", "--format", "json"), ("schema", "-C", "."),
    ("ir", "-f", "nothing.yaml"), ("ir", "-f", "../mlgen.yaml"), ("ir", "-C", "nowhere"), ("ir", "--format", "json"),
    ("explain",), ("explain", "MLG999"), ("explain", "nonsense"), ("explain", "MLG001", "--format", "sarif"),
    ("nosuch",), ("--nosuch",), (),
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_input(mlgen: Mlgen, project: Path, arguments: tuple[str, ...]) -> None:
    (project / "broken.yaml").write_text(BROKEN)
    (project / "sub").mkdir()
    (project / "sub/mlgen.yaml").write_text(SPEC)
    said = mlgen(*arguments)
    assert said.code == 2
    assert said.err.strip() or not arguments, "it says why"
    assert "Traceback" not in said.err
    assert "internal error" not in said.err
    assert sorted(p.name for p in project.iterdir()) == ["broken.yaml", "mlgen.yaml", "sub"], "nothing is written"


def test_a_refusal_to_write_is_1(mlgen: Mlgen, project: Path) -> None:
    (project / ".github/workflows").mkdir(parents=True)
    (project / ".github/workflows/ml.yml").write_text("name: mine\n")
    said = mlgen("compile")
    assert said.code == 1
    assert "--adopt" in said.err
    assert mlgen("compile", "--dry-run").code == 1
    assert mlgen("compile", "--adopt").code == 0


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), ValueError("\x1b[31mred"), AssertionError()])
def test_a_bug_is_3_and_no_traceback(mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(commands, "compile_spec", broken)
    said = mlgen("compile")
    assert said.code == 3
    assert said.out == ""
    assert said.err.startswith(f"mlgen: internal error: {type(error).__name__}")
    assert "This is a bug in mlgen" in said.err
    assert "Traceback" not in said.err
    assert "\x1b" not in said.err
    monkeypatch.setenv("MLGEN_DEBUG", "1")
    with pytest.raises(type(error)):
        mlgen("compile")


@pytest.mark.parametrize("command", ["compile", "check", "validate", "ir"])
def test_an_interrupt_is_130(mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlgen.compiler.load_spec", interrupted)
    said = mlgen(command)
    assert said.code == 130
    assert "Traceback" not in said.err


def test_ctrl_c_in_a_process_of_its_own(project: Path) -> None:
    (project / "mlgen.yaml").unlink()
    os.mkfifo(project / "mlgen.yaml")  # reading it waits for a writer
    running = process("validate", cwd=project)
    writer = _opened(project / "mlgen.yaml")
    running.send_signal(signal.SIGINT)
    try:
        running.wait(timeout=5)
    except subprocess.TimeoutExpired:  # Python 3.10 misses a signal that comes between two system calls
        running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    os.close(writer)
    assert running.returncode == 130
    assert b"Traceback" not in err


def _opened(fifo: Path) -> int:
    """The writing end, as soon as there is a reader."""
    for _ in range(400):
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nobody reads the spec")


def test_a_reader_that_goes_away(project: Path) -> None:
    """`mlgen schema | head -1`: no traceback, and an exit code that is no success."""
    script = 'python -m mlgen schema | head -1; echo "${PIPESTATUS[0]}"'.replace("python", sys.executable, 1)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[0] == "{"
    assert done.stdout.splitlines()[1] in ("141", "0"), "0 if all fitted into the pipe"
    assert done.stderr == ""


def test_a_closed_pipe(mlgen: Mlgen, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys\nfrom mlgen.cli.main import run\nsys.exit(run(['schema']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_the_version(mlgen: Mlgen) -> None:
    assert mlgen("--version").out == f"mlgen {__version__}\n"
    assert mlgen("--version").code == 0


def test_help_names_every_command(mlgen: Mlgen) -> None:
    said = mlgen("--help")
    assert said.code == 0
    for command in ("compile", "check", "validate", "diff", "targets", "settings", "schema", "ir", "explain"):
        assert f"  {command} " in said.out
        detail = mlgen(command, "--help")
        assert detail.code == 0
        assert "Usage: mlgen" in detail.out


def test_python_m_mlgen(project: Path) -> None:
    running = process("validate", cwd=project)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out.decode(), err) == (0, "mlgen: mlgen.yaml is valid: 1 jobs for github\n", b"")


def test_json_where_a_program_reads(mlgen: Mlgen) -> None:
    for arguments in (
        ("check",),
        ("diff",),
        ("compile", "--dry-run"),
        ("validate",),
        ("targets",),
        ("settings",),
        ("explain", "MLG001"),
    ):
        said = mlgen(*arguments, "--format", "json")
        json.loads(said.out)
        assert said.err == ""
