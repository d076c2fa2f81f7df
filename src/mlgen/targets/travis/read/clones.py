"""Items that check out repositories, or take away what Travis has cloned."""

from __future__ import annotations

import re

from mlgen.named import NamedTuple
from mlgen.readback import Fetched, shell
from mlgen.regex import fullmatch
from mlgen.targets.travis.read.helpers import PLAIN, unquoted


class Clone(NamedTuple):
    """What is checked out beside, or instead of, what Travis clones; `tokens`: the secrets that it uses."""

    fetched: Fetched
    tokens: tuple[str, ...] = ()


_CREDENTIAL = r"(?: -c credential\.helper='!f\(\) \{ echo username=x-access-token; echo \"password=\$(\w+)\"; \}; f')?"
_URL = rf"(?:\"\$MLGEN_REPOSITORY_URL\.git\"|{PLAIN})"


def checkout(text: str) -> Clone | None:
    """The checkout of another repository, or of the project into a folder; None if the item is none."""
    lines = text.split(" &&\n")
    first = fullmatch(rf"git init --quiet ({PLAIN})", lines[0])
    if not first or len(lines) < 3:
        return None
    git = rf"git -C {re.escape(first[1])}"
    fetch = fullmatch(
        rf"{git}{_CREDENTIAL} fetch --quiet(?: --depth=(\d+))? ({_URL}) ({PLAIN}|\"\$TRAVIS_COMMIT\")", lines[1]
    )
    if not fetch or lines[2] != f"git -C {first[1]} checkout --quiet --detach FETCH_HEAD":
        return None
    submodules, lfs = "", False
    for line in lines[3:]:
        update = fullmatch(rf"{git}{_CREDENTIAL} submodule update --init( --recursive)?", line)
        if update and update[1] == fetch[1]:
            submodules = "recursive" if update[2] else "true"
        elif (pull := fullmatch(rf"{git}{_CREDENTIAL} lfs pull ({_URL})", line)) and pull[2] == fetch[3]:
            lfs = True
        else:
            return None
    own = fetch[3].startswith('"$MLGEN_')
    ref = "" if fetch[4] in ("HEAD", '"$TRAVIS_COMMIT"') else unquoted(fetch[4])
    depth = 0 if fetch[2] is None else None if fetch[2] == "1" else int(fetch[2])
    repository = "" if own else unquoted(fetch[3]).removesuffix(".git")
    return Clone(Fetched(repository, unquoted(first[1]), ref, depth, lfs, submodules), tuple(filter(None, [fetch[1]])))


def changed_checkout(text: str) -> Clone | None:
    """What is done to Travis' own clone: another commit, and the files of LFS; None if the item is neither."""
    lines = text.split(" &&\n")
    ref, lfs, tokens = "", False, []
    fetch = fullmatch(rf"git{_CREDENTIAL} fetch --quiet(?: --depth=\d+)? origin ({PLAIN})", lines[0])
    if fetch:
        back = ["git checkout --quiet --detach FETCH_HEAD", 'git checkout --quiet "$TRAVIS_COMMIT" -- .mlgen']
        if lines[1:3] != back:
            return None
        ref, tokens = unquoted(fetch[2]), [fetch[1]]
        del lines[:3]
    if lines:
        pull = fullmatch(rf"git{_CREDENTIAL} lfs pull", lines[0])
        if not pull or len(lines) > 1:
            return None
        lfs, tokens = True, [*tokens, pull[1]]
    return Clone(Fetched("", "", ref, None, lfs, ""), tuple(filter(None, tokens)))


def emptied(text: str) -> list[str] | None:
    """The paths that stay where the repository is taken away; None if the item does not do that."""
    start = '(cd "$TRAVIS_BUILD_DIR" && '
    return shell.emptied(text[len(start) : -1] if text.startswith(start) and text.endswith(")") else text)
