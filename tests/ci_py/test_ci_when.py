"""`ci.py when`: what has changed, messages and values, in real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main", *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(message: str, **files: str) -> str:
    for name, text in files.items():
        path = Path(name.replace("__", "/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def base(workspace: Path) -> str:
    git("init", "-q")
    return commit("first", src__a="1", readme="1", data__raw__x="1")


@pytest.fixture
def when(run: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def decide(expression: str, **env: str) -> int:
        for name, value in {"MLGEN_EVENT": "push", **env}.items():
            monkeypatch.setenv(name, value)
        code: int = run("when", expression).code  # type: ignore[attr-defined]
        return code

    return decide


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("src/a", 0), ("src", 0), ("src/", 0), ("src/**", 0), ("**/a", 0), ("s?c/[a-c]", 0), ("*/a", 0), ("**", 0),
        ("src/b", 3), ("sr", 3), ("*", 0), ("a", 3), ("src/[!a]", 3), ("readme", 3), ("src/a/b", 3), ("?", 3),
    ],
)  # fmt: skip
def test_paths(base: str, when: Callable[..., int], pattern: str, code: int) -> None:
    commit("second", src__a="2")
    assert when(f'changed("readme.md", "{pattern}")', MLGEN_BASE=base) == code


def test_what_has_changed_is_told_from_the_merge_base(base: str, when: Callable[..., int]) -> None:
    git("checkout", "-q", "-b", "feature")
    commit("on the branch", src__a="2")
    git("checkout", "-q", "main")
    tip = commit("on main", readme="2")
    git("checkout", "-q", "feature")
    assert when('changed("readme")', MLGEN_BASE=tip) == 3
    assert when('changed("src")', MLGEN_BASE=tip) == 0
    git("update-ref", "refs/remotes/origin/main", tip)
    assert when('changed("src", against="main")', MLGEN_BASE="") == 0
    assert when('changed("readme", against="main")', MLGEN_BASE="") == 3


@pytest.mark.parametrize("unknown", ["", "0" * 40, "f" * 40, "--output=x"])
def test_an_unknown_base_counts_as_changed(base: str, when: Callable[..., int], unknown: str) -> None:
    assert when('changed("nothing")', MLGEN_BASE=unknown) == 0
    assert when('not changed("nothing")', MLGEN_BASE=unknown) == 3


@pytest.mark.parametrize("event", ["tag", "schedule", "manual", "retrain"])
def test_other_events_bring_everything(base: str, when: Callable[..., int], event: str) -> None:
    assert when('changed("nothing")', MLGEN_EVENT=event, MLGEN_BASE=base) == 0


def test_a_removed_and_a_renamed_file_have_changed(base: str, when: Callable[..., int]) -> None:
    git("mv", "src/a", "moved")
    commit("second")
    assert when('changed("src/a")', MLGEN_BASE=base) == 0
    assert when('changed("moved")', MLGEN_BASE=base) == 0


def test_names_that_git_would_quote(base: str, when: Callable[..., int]) -> None:
    Path('d\u00e9j\u00e0 "vu"\n.txt').write_text("x")
    commit("second")
    assert when('changed("d*")', MLGEN_BASE=base) == 0
    assert when('changed("src")', MLGEN_BASE=base) == 3


def test_messages(base: str, when: Callable[..., int]) -> None:
    head = commit("Train it\n\n[train] it's $HOME and `more`")
    assert when('message("[train]")', MLGEN_COMMIT=head) == 0
    assert when('message("[Train]")', MLGEN_COMMIT=head) == 3
    assert when('message("`more`")', MLGEN_COMMIT=head) == 0
    assert when('message("[train]")', MLGEN_COMMIT=base) == 3
    assert when('message("[train]")', MLGEN_COMMIT=head, MLGEN_EVENT="schedule") == 3
    assert when('not message("[train]")', MLGEN_COMMIT=head, MLGEN_EVENT="schedule") == 0
    assert when('message("x")', MLGEN_COMMIT="--all") == 2


def test_values_and_words_between(base: str, when: Callable[..., int]) -> None:
    assert when('score == "0.9"', score="0.9") == 0
    assert when('score == "0.9"', score="0.90") == 3
    assert when('absent == "x"') == 3
    assert when('score == "0.9" and not (other == "b" or absent == "c")', score="0.9", other="a") == 0
    assert when('MLGEN_EVENT not in ("push", "tag") or score == "1"', score="1") == 0
    assert when('matches(MLGEN_BRANCH, "release/*")', MLGEN_BRANCH="release/1") == 0
    assert when('matches(MLGEN_BRANCH, "release/*")', MLGEN_BRANCH="release/1/2") == 3
    assert when('matches(MLGEN_BRANCH, "**")', MLGEN_BRANCH="") == 3


@pytest.mark.parametrize(
    "wrong", ["", "score ==", "__import__('os').system('x')", "changed(__name__)", "a < b", "score", "f(1)", "1 == 1"]
)
def test_what_cannot_be_read_is_no_answer(base: str, when: Callable[..., int], wrong: str) -> None:
    assert when(wrong) == 2
