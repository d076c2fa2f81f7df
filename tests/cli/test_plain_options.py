"""`compile` and `check` with plain options are read without the command-line library; both read them alike."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlgen.cli import app as app_module
from mlgen.cli import commands, main

WORDS = st.sampled_from(
    [
        "-C",
        "-f",
        "-t",
        "--dry-run",
        "--adopt",
        "--format",
        "json",
        "text",
        "a",
        "b.yaml",
        "github",
        "-",
        "--",
        "",
        "-x",
        "-Cdir",
        "--directory",
        "--directory=a",
        "--target=x",
        "--help",
        "a b",
        "-tgithub",
        "--file",
    ]
)


def _read(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, plain: bool
) -> "tuple[str, commands.Options] | int | None":
    """The command and options that the arguments mean; an exit code without a command; None where it is not read."""
    seen: list[tuple[str, commands.Options]] = []

    def record(command: commands.Command, options: commands.Options) -> int:
        seen.append((command.__name__, options))
        return 0

    monkeypatch.setattr(main, "guarded", record)
    monkeypatch.setattr(app_module, "guarded", record)
    code = main._plain(arguments) if plain else main._typer(arguments)
    return seen[0] if seen else code


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["compile", "check"]), st.lists(WORDS, max_size=6))
@example("compile", ["-t", "a", "-t", "b", "-C", "x", "-C", "y"])
@example("check", ["--adopt"])
@example("compile", ["-C", "--adopt"])
@example("compile", ["-f", ""])
def test_both_read_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, words: list[str]
) -> None:
    plain = _read([command, *words], monkeypatch, plain=True)
    if plain is not None:
        assert plain == _read([command, *words], monkeypatch, plain=False)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-C", "x"],
        ["-f", "x"],
        ["-t", "x"],
        ["-C", "x", "-f", "y", "-t", "z", "-t", "w"],
        ["--dry-run"],
        ["--adopt", "--dry-run"],
    ],
)
def test_plain_options_are_read_without_the_library(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    assert _read(["compile", *words], monkeypatch, plain=True) is not None


def test_other_commands_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([], ["validate"], ["--help"], ["compile", "--format", "json"], ["compile", "--help"]):
        assert _read(arguments, monkeypatch, plain=True) is None
