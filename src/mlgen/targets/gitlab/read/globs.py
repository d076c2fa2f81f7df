"""The globs of `rules:changes`: Ruby's, with braces, of which `*` does not cross a slash and also finds hidden files.

https://docs.gitlab.com/ci/yaml/#ruleschanges: File.fnmatch?(glob, path, FNM_PATHNAME | FNM_DOTMATCH | FNM_EXTGLOB),
https://docs.ruby-lang.org/en/3.3/File.html#method-c-fnmatch-3F.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mlgen.readback.unread import Unread
from mlgen.regex import regex

MOST = 50
"""Globs of one rule: https://docs.gitlab.com/ci/yaml/#ruleschanges"""


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Whether a file's path matches one of the globs; Unread if they are too many, or hold a variable."""
    given = list(globs)
    if not 0 < len(given) <= MOST:
        raise Unread(f"{len(given)} globs in one rule, and GitLab takes 1 to {MOST}")
    for glob in given:
        if "$" in glob:
            raise Unread(f"the glob `{glob}` holds a variable")
    whole = re.compile("|".join(f"(?:{_expression(each)})" for glob in given for each in _braced(glob)), re.DOTALL)
    return lambda path: whole.fullmatch(path) is not None


def _braced(glob: str) -> list[str]:
    """The globs that one with braces stands for."""
    found = re.search(r"(?:^|[^\\])(?:\\\\)*\{([^{}]*)\}", glob)
    if not found:
        return [glob]
    start, end = found.start(1) - 1, found.end(1) + 1
    return [each for choice in found[1].split(",") for each in _braced(glob[:start] + choice + glob[end:])]


_PARTS = regex(r"\\(.)|(\*\*/)|(\*+)|(\?)|(\[(?:[!^]?\]?[^\]]*)\])|(.)", re.DOTALL)


def _expression(glob: str) -> str:
    found = []
    for part in _PARTS.finditer(glob):
        escaped, below, stars, one, group, plain = part.groups()
        starts = part.start() == 0 or glob[part.start() - 1] == "/"
        if below:
            found.append("(?:[^/]+/)*" if starts else "[^/]*/")
        elif stars:
            found.append("[^/]*")
        elif one:
            found.append("[^/]")
        elif group:
            inner = group[1:-1]
            inner = "^" + inner[1:] if inner[:1] in ("!", "^") else inner
            found.append("(?!/)[" + inner.replace("[", r"\[") + "]")
        else:
            found.append(re.escape(escaped or plain or ""))
    return "".join(found)
