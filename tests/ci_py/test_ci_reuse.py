"""reuse: what an earlier run made is taken only where that run saw exactly the same, and nobody changed it since."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

KEPT = ".mlgen/reuse/fit"
OPTIONS = [
    "--salt",
    "s1",
    "--read",
    "src",
    "--read",
    "params.yaml",
    "--env",
    "SEED",
    "--out",
    "models",
    "--out",
    "m.json",
]


@pytest.fixture
def reuse(run) -> Callable[..., int]:
    """The exit status of `reuse`; only 0 may mean that the command is left out."""

    def reuse(*more: str, options: list[str] = OPTIONS, **env: str) -> int:
        done = run("reuse", KEPT, *options, *more, **env)
        assert "Traceback" not in done.err
        return done.code

    return reuse


def _write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


@pytest.fixture
def ran(reuse) -> None:
    """A run has made its files, and a later one starts with no more than the cache."""
    _write("src/train.py", "train")
    _write("src/deep/er.py", "er")
    _write("params.yaml", "lr: 1")
    assert reuse() == 3
    _write("models/a.pkl", "model")
    _write("models/deep/b.pkl", "model b")
    _write("m.json", "{}")
    os.chmod("models/a.pkl", 0o755)
    os.symlink("a.pkl", "models/link")
    assert reuse("--save") == 0
    shutil.rmtree("models")
    os.unlink("m.json")


@pytest.mark.usefixtures("ran")
def test_the_files_of_the_earlier_run_are_there(reuse) -> None:
    _write("models/a.pkl", "stale")
    assert reuse() == 0
    assert Path("models/a.pkl").read_text() == "model" and os.access("models/a.pkl", os.X_OK)
    assert Path("models/deep/b.pkl").read_text() == "model b"
    assert os.readlink("models/link") == "a.pkl"
    assert Path("m.json").read_text() == "{}"


CHANGES = {
    "a file that is read": lambda: _write("src/train.py", "other"),
    "a file more": lambda: _write("src/new.py", ""),
    "a file less": lambda: os.unlink("src/deep/er.py"),
    "parameters": lambda: _write("params.yaml", "lr: 2"),
    "a file that can be run": lambda: os.chmod("src/train.py", 0o755),
    "an exported value": lambda: _write(".mlgen/exports/other.env", "score=1\n"),
    "what was kept": lambda: _write(f"{KEPT}/files/models/a.pkl", "poison"),
    "a kept file less": lambda: os.unlink(f"{KEPT}/files/m.json"),
    "a marker that is no JSON": lambda: _write(f"{KEPT}/marker.json", "{"),
    "a marker that is no object": lambda: _write(f"{KEPT}/marker.json", "[]"),
    "no marker": lambda: os.unlink(f"{KEPT}/marker.json"),
    "no cache": lambda: shutil.rmtree(KEPT),
}


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_not_the_same_lets_the_command_run(change: str, reuse) -> None:
    CHANGES[change]()
    assert reuse() == 3
    assert not Path("models").exists() and not Path("m.json").exists(), "nothing of the other run is left about"


@pytest.mark.usefixtures("ran")
def test_other_commands_and_variables_are_not_the_same(reuse) -> None:
    assert reuse(options=["--salt", "s2", *OPTIONS[2:]]) == 3
    assert reuse(SEED="7") == 3
    assert reuse(MLGEN_INPUT_EPOCHS="7") == 3
    assert reuse(OTHER="7") == 0


@pytest.mark.usefixtures("ran")
def test_a_tag_is_made_afresh(reuse) -> None:
    assert reuse(MLGEN_TAG="v1") == 3


@pytest.mark.usefixtures("ran")
def test_what_a_pull_request_made_is_for_pull_requests(reuse) -> None:
    assert reuse(MLGEN_EVENT="pull_request") == 0, "it may take what a branch made"
    assert reuse("--save", MLGEN_EVENT="pull_request") == 0
    assert reuse(MLGEN_EVENT="pull_request") == 0
    assert reuse(MLGEN_EVENT="push") == 3


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("path", ["../out", "/tmp/out", "models/../../out", "."])
def test_a_marker_cannot_write_elsewhere(path: str, reuse) -> None:
    marker = json.loads(Path(f"{KEPT}/marker.json").read_text())
    marker["files"][path] = marker["files"]["m.json"]
    _write(f"{KEPT}/marker.json", json.dumps(marker))
    assert reuse() == 3
    assert not Path("../out").exists()


def test_what_was_not_made_is_not_kept(reuse, run) -> None:
    _write("models/a.pkl", "model")
    run("reuse", KEPT, *OPTIONS, "--save").failed("did not make m.json")
    assert not Path(KEPT).exists()


def test_it_starts_in_the_projects_root(reuse, monkeypatch: pytest.MonkeyPatch) -> None:
    _write("models/a.pkl", "model")
    _write("m.json", "{}")
    _write("src/x.py", "")
    monkeypatch.chdir("src")
    assert reuse("--root", "..", "--save") == 0
    assert Path(f"../{KEPT}/marker.json").exists()
    assert reuse("--root", "..") == 0
