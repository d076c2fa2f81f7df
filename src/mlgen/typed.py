"""Words of `typing` for annotations: the real ones to the type checker, and nothing at all in a run.

Importing `typing` takes a fifth of the time that Python needs to start, and nobody looks at the annotations of a run.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
    from typing import Generic as Generic
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeAlias as TypeAlias
    from typing import TypeVar as TypeVar
else:

    class _Word:
        """Stands wherever a type may: with parameters, in a union, called with a name."""

        def __getitem__(self, parameters):
            return self

        def __or__(self, other):
            return self

        __ror__ = __or__

        def __call__(self, *names, **options):
            return self

    class Protocol:
        """A base that says nothing."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls

    Generic = Protocol
    Any = Literal = NoReturn = TextIO = TypeAlias = TypeVar = _Word()
