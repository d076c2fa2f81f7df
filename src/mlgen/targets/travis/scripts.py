"""A job's scripts as items of Travis' phases, each given to one long-lived bash that runs without -e.

An item is evaluated inside a function of Travis with variables of its own, so that a script which is more than plain
words gets a bash to itself: https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/bash/travis_cmd.bash
"""

from __future__ import annotations

from mlgen.quoting import sh, sh_path
from mlgen.quoting.shell import bounded, delimiter, duration, is_simple
from mlgen.regex import regex

BASH = "bash -euo pipefail -c"
CONTAINER = "job"
PASSED = '[ "$TRAVIS_TEST_RESULT" = 0 ]'
"""Whether all items of `script` up to here succeeded: https://docs.travis-ci.com/user/environment-variables."""

_GLOB = regex(r"[*?\[]")


def item(script: str, timeout: int = 0, retry: int = 0, contained: bool = False, after: str = "") -> str:
    """The script as one item, with the meaning of a `bash -euo pipefail`; `after` is a test that comes before it."""
    first = f"{after} && " if after else ""
    if timeout and not retry and not is_simple(script) and (contained or "'" not in script):
        where = f"docker exec {CONTAINER} " if contained else ""
        return f"{first}{where}timeout -k 30 {duration(timeout)} {BASH} {sh(script)}"
    if contained:
        return f"{first}docker exec {CONTAINER} {BASH} {sh(bounded(script, timeout, retry))}"
    if _is_plain(script) and not retry:
        return first + bounded(script, timeout, 0)
    whole = bounded(script, timeout, retry)
    if "\n" not in whole and "'" not in whole:
        return f"{first}{BASH} '{whole}'"
    if timeout or retry:
        return f"{first}(\nset -euo pipefail\n{whole}\n)"
    end = delimiter(script)
    return f"IFS= read -r -d '' mlgen_script <<'{end}' || true\n{script}\n{end}\n{first}{BASH} \"$mlgen_script\""


def items(script: str, contained: bool = False) -> list[str]:
    """A script that prepares: a list of plain commands stays one, since the phase stops at the first that fails."""
    lines = script.split("\n")
    if not contained and all(map(_is_plain, lines)):
        return lines
    return [item(script, contained=contained)]


def _is_plain(script: str) -> bool:
    """Whether Travis' own bash runs it just like a `bash -euo pipefail` of its own."""
    return is_simple(script) and "$" not in script and not _GLOB.search(script)


def paths(names: tuple[str, ...] | list[str]) -> str:
    """Paths as words of a command."""
    return " ".join(map(sh_path, names))
