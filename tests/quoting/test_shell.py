"""Text for bash, executed by bash."""

import itertools
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mlgen.quoting import sh, sh_path
from mlgen.quoting.shell import bounded, delimiter, duration, is_simple
from tests.targets.strings import COMMANDS

CLEAN = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "LC_ALL": "C.UTF-8"}


def bash(script: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The script run as a CI system does."""
    command = ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=cwd, env={**CLEAN, **env}, capture_output=True, timeout=60)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@settings(deadline=None, max_examples=20)
@given(st.lists(WORDS, min_size=1, max_size=30))
@example(["", " ", "'", '"', "\\", "$x", "`x`", "a\nb", "!", "~", "*", "-n", "é", "\x01", "\n"])
def test_a_word_reaches_a_command_byte_for_byte(words: list[str]) -> None:
    done = bash("printf '%s\\0' " + " ".join(map(sh, words)))
    assert done.stdout.split(b"\0")[:-1] == [word.encode() for word in words]


@settings(deadline=None, max_examples=100)
@given(WORDS)
def test_a_quoted_word_is_one_word(word: str) -> None:
    assert shlex.split(sh(word)) == [word]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data/a.csv", ["data/a.csv"]),
        ("data/*.csv", ["data/a.csv", "data/b.csv"]),
        ("data/?.csv", ["data/a.csv", "data/b.csv"]),
        ("data/[ab].csv", ["data/a.csv", "data/b.csv"]),
        ("data/", ["data/"]),
        ("with space/x", ["with space/x"]),
        ("a;b", ["a;b"]),
        ("$HOME", ["$HOME"]),
        ("`id`", ["`id`"]),
        ("~", ["~"]),
        ("{a,b}", ["{a,b}"]),
        ("a&b", ["a&b"]),
        ("-n*", ["-n*"]),
    ],
)
def test_a_paths_globs_are_expanded_and_nothing_else(tmp_path: Path, path: str, found: list[str]) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", "c.txt"):
        (tmp_path / "data" / name).touch()
    done = bash(f"printf '%s\\n' -- {sh_path(path)}", tmp_path)
    assert done.stdout.decode().splitlines()[1:] == found


BOUNDS = [(0, 0), (60, 0), (0, 2), (60, 1)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bounded_script_does_what_the_script_does(command: str, bounds: tuple[int, int]) -> None:
    plain, within = bash(command), bash(bounded(command, *bounds))
    assert (within.stdout, within.returncode) == (plain.stdout, plain.returncode)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [*COMMANDS, "SCRIPT", "SCRIPT_2", "exit 3", "false", "", "false || true", "! true", "x=1", "cat"]
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(BOUNDS),
)
def test_bounded_scripts_of_several_parts(parts: list[str], bounds: tuple[int, int]) -> None:
    script = "\n".join(parts)
    assume(script.strip())
    plain, within = bash(script), bash(bounded(script, *bounds))
    assert within.stdout == plain.stdout * (1 if plain.returncode == 0 else bounds[1] + 1)
    assert within.returncode == plain.returncode


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("false", 1),
        ("(exit 9)", 9),
        ("true | false", 1),
        ("false\ntrue", 1),
        ("unset nope; echo $nope", 1),
        ("kill -9 $$", None),
        ("nosuchcommand", 127),
        ("false || exit 4", 4),
    ],
)
def test_the_exit_code_is_the_scripts_own(script: str, code: int | None, bounds: tuple[int, int]) -> None:
    plain, within = bash(script), bash(bounded(script, *bounds))
    if code is None:
        assert within.returncode != 0
    else:
        assert within.returncode == plain.returncode == code


@pytest.mark.parametrize(
    "script",
    ["sleep 30", "sleep 30\necho not reached", "while true; do sleep 0.1; done", "trap '' TERM INT; exec sleep 0.5"],
)
def test_a_timeout_stops_the_script(script: str) -> None:
    start = time.monotonic()
    done = bash(bounded(script, 1, 0))
    took = time.monotonic() - start
    if "trap" in script:
        assert took < 5
    else:
        assert done.returncode == 124
        assert 0.9 < took < 8
    assert b"not reached" not in done.stdout


def test_a_timeout_stops_every_process_of_the_script(tmp_path: Path) -> None:
    bash(bounded("(sleep 2; touch late) & wait", 1, 0), tmp_path)
    time.sleep(1.6)
    assert not (tmp_path / "late").exists()


def test_each_try_has_the_timeout(tmp_path: Path) -> None:
    script = "echo x >> tries\n[ $(wc -l < tries) -ge 2 ] || sleep 30"
    start = time.monotonic()
    assert bash(bounded(script, 1, 3), tmp_path).returncode == 0
    assert time.monotonic() - start < 10
    assert (tmp_path / "tries").read_text() == "x\nx\n"


@pytest.mark.parametrize("succeeds_at", [1, 2, 3, 4])
@pytest.mark.parametrize("timeout", [0, 60])
def test_a_retry_goes_on_in_the_same_folder_until_it_succeeds(tmp_path: Path, succeeds_at: int, timeout: int) -> None:
    script = f'echo try >> log\necho "$PWD" >> where\n[ $(wc -l < log) -ge {succeeds_at} ]'
    done = bash(bounded(script, timeout, 2), tmp_path)
    assert (tmp_path / "log").read_text().count("try") == min(succeeds_at, 3)
    assert done.returncode == (0 if succeeds_at <= 3 else 1)
    assert set((tmp_path / "where").read_text().splitlines()) == {str(tmp_path)}


def test_a_simple_command_is_retried_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "flaky").write_text("#!/bin/sh\necho try >> log\n[ $(wc -l < log) -ge 2 ]\n")
    (tmp_path / "flaky").chmod(0o755)
    script = bounded("./flaky now", 60, 2)
    assert "SCRIPT" not in script
    assert bash(script, tmp_path).returncode == 0
    assert (tmp_path / "log").read_text() == "try\ntry\n"


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("script", ["cat", "cat\necho end"])
def test_standard_input_stays_the_scripts_own(script: str, bounds: tuple[int, int]) -> None:
    command = ["bash", "-euo", "pipefail", "-c", bounded(script, *bounds)]
    done = subprocess.run(command, env=CLEAN, input=b"given\n", capture_output=True, timeout=60)
    assert done.stdout.startswith(b"given\n")


@pytest.mark.parametrize("bounds", BOUNDS)
def test_variables_of_the_job_reach_the_script(bounds: tuple[int, int]) -> None:
    """Also those that are called as the shell's own helpers would be."""
    names = {"script": "a", "try": "b", "code": "c"}
    command = ["bash", "-euo", "pipefail", "-c", bounded('echo "$script $try $code"\ntrue', *bounds)]
    done = subprocess.run(command, env={**CLEAN, **names}, capture_output=True, timeout=60)
    assert done.stdout == b"a b c\n"


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q",
        "python -m wine.train",
        './run.sh "$EPOCHS"',
        'make "a b" x=1',
        "dvc repro data/raw",
        'cp a.txt "${OUT}"',
        "python3.11 x.py --lr 0.1",
    ],
)
def test_simple_commands(command: str) -> None:
    assert is_simple(command)


@pytest.mark.parametrize(
    "command",
    ["", " ", "cd x", "echo $X", "a && b", "a; b", "a | b", "A=1 b", "a > b", "a *", "a ~", "a {1,2}", "a 'b'",
    "a `b`", "a $(b)", "a\nb", "if x", "[ a ]", "! a", "a # b",
     "export A", "source x", ". x", "set -e", "kill 1", "wait", "exit 1", "-x", "time a", "exec a", "a \\b", '"a" b',
     " a", "a &", "(a)", "a 'b", 'a "b', "%1", "x() y", "let x", "[[ a ]]", "a <b", "alias", ":"],
)  # fmt: skip
def test_commands_that_only_a_shell_can_run(command: str) -> None:
    assert not is_simple(command)


def test_no_word_that_only_the_shell_knows_is_simple() -> None:
    names = bash("compgen -b -k").stdout.decode().split()
    with_a_program = {"[", "echo", "false", "printf", "pwd", "test", "true"}
    assert len(names) > 60
    assert [name for name in names if is_simple(f"{name} x") and name not in with_a_program] == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "printf",
                "a",
                "--x=y",
                '"$V"',
                '"a b"',
                '"${V}"',
                "$V",
                "*",
                "'q'",
                "&&",
                ";",
                "1.5",
                "x:y",
                '"',
                "\\",
                "~",
                "{a,b}",
                "#c",
                "@f",
                "%s",
                "\t",
                "é",
                "!",
                "a=b",
                "-",
            ]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_simple_is_run_by_env_as_by_the_shell(parts: list[str]) -> None:
    """`timeout` and `env` start a program in the same way."""
    script = "/usr/bin/printf %s.. " + " ".join(parts)
    assume(is_simple(script))
    assert bash(f"env {script}", V="v w").stdout == bash(script, V="v w").stdout


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (59, "59s"),
        (60, "1m"),
        (90, "90s"),
        (3600, "1h"),
        (5400, "90m"),
        (86400, "1d"),
        (604800, "7d"),
        (90000, "25h"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_a_delimiter_is_no_line_of_the_text() -> None:
    for lines in itertools.permutations(["SCRIPT", "SCRIPT_2", " SCRIPT", "SCRIPT ", "SCRIPT_3"], 3):
        assert delimiter("\n".join(lines)) not in lines


def test_without_bounds_it_is_the_script_itself() -> None:
    assert bounded("pytest -q\n", 0, 0) == "pytest -q\n"
    assert bounded("pytest -q", 1200, 0) == "timeout -k 30 20m pytest -q"
