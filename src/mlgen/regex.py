"""Regular expressions of modules, which cost nothing in a run that does not use them."""

from __future__ import annotations

import re

from mlgen.typed import TYPE_CHECKING, Any


class _Later:
    """A regular expression that is compiled when one of its methods is first looked up."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        method = getattr(_compile(*self._given), name)
        setattr(self, name, method)  # so that this is not called again
        return method


_compile: Any = re.compile
if TYPE_CHECKING:
    regex = re.compile
else:
    regex = _Later
    """As `re.compile`; an expression that is wrong says so when it is first used."""
