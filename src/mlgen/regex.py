"""Regular expressions that cost nothing until a text comes along that they may match.

Compiling is what costs, and a run of mlgen needs few of the expressions that its modules have.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mlgen.typed import TYPE_CHECKING, Any

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _/:'\"=%,@~<>!-\n")
_compile: Any = re.compile


@lru_cache(maxsize=1024)
def start(form: str) -> str:
    """A text with which everything begins that the expression matches: as long as is easy to tell, often empty."""
    count = next((index for index, letter in enumerate(form) if letter not in _PLAIN), len(form))
    if form[count : count + 1] in ("*", "?", "+", "{"):
        count -= 1
    return form[: max(count, 0)] if count > 0 and not _has_choice(form) else ""


def _has_choice(form: str) -> bool:
    """Whether there is a `|` outside of all parentheses."""
    if "|" not in form:
        return False
    depth, first, index = 0, -1, 0  # `first`: where the class that is open has its first letter
    while index < len(form):
        letter = form[index]
        if letter == "\\":
            index += 1
        elif first >= 0:
            first = -1 if letter == "]" and index > first else first  # as the first one it is one of the class
        elif letter == "[":
            index += form[index + 1 : index + 2] == "^"
            first = index + 1
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and depth == 0:
            return True
        index += 1
    return False


def fullmatch(form: str, text: str) -> re.Match[str] | None:
    """As `re.fullmatch`, without compiling the expression for a text that begins otherwise."""
    return re.fullmatch(form, text) if text.startswith(start(form)) else None


class _Later:
    """A regular expression that is compiled when one of its methods is first needed."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        method = getattr(_compile(*self._given), name)
        setattr(self, name, method)  # so that this is not called again
        return method

    def fullmatch(self, text: str, *bounds: int) -> re.Match[str] | None:
        """As that of a compiled expression."""
        pattern, flags = self._given
        if not flags and not bounds and not text.startswith(start(pattern)):
            return None
        self.fullmatch = _compile(pattern, flags).fullmatch  # type: ignore[method-assign]
        return self.fullmatch(text, *bounds)


if TYPE_CHECKING:
    regex = re.compile
else:
    regex = _Later
    """As `re.compile`; an expression that is wrong says so when it is first used."""
