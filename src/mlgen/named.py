"""Frozen values with named fields: `typing.NamedTuple` to the type checker and to the reader, made in less time.

A run of mlgen makes a hundred such classes, and `typing.NamedTuple` needs a fifth of a millisecond for each, most of it
to compile a constructor. Here, classes with as many fields share the code of one, and what is the same for all classes
is inherited.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import _tuplegetter as _Field
    from types import FunctionType

    _codes = {}

    def _constructor(fields, defaults):
        """`lambda cls, FIELD, …: tuple.__new__(cls, (FIELD, …))`"""
        count = len(fields)
        if count not in _codes:
            names = "".join(f"_{index}, " for index in range(count))
            _codes[count] = eval(f"lambda cls, {names}: new(cls, ({names}))").__code__  # noqa: S307
        code = _codes[count].replace(co_varnames=("_cls", *fields), co_name="__new__")
        return FunctionType(code, {"new": tuple.__new__}, "__new__", defaults)

    class _Named(type):
        """Makes the fields that a class annotates into places of a tuple."""

        def __new__(cls, name, bases, members):
            if not bases or hasattr(bases[0], "_fields"):
                return type.__new__(cls, name, bases or (tuple,), members)
            annotate = members.get("__annotate_func__")  # Python 3.14 does not evaluate annotations by itself
            fields = tuple(annotate(1) if annotate else members.get("__annotations__", ()))
            defaults = {field: members[field] for field in fields if field in members}
            members |= {field: _Field(index, None) for index, field in enumerate(fields)}
            members |= {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}
            members["__new__"] = _constructor(fields, tuple(defaults.values()))
            return type.__new__(cls, name, bases, members)

    class NamedTuple(metaclass=_Named):
        """What all values have in common."""

        __slots__ = ()

        def _asdict(self):
            return dict(zip(self._fields, self))

        def _replace(self, /, **named):
            replaced = type(self)(*map(named.pop, self._fields, self))
            if named:
                raise ValueError(f"{type(self).__name__} has no {', '.join(named)}")
            return replaced

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            shown = [f"{field}={value!r}" for field, value in zip(self._fields, self)]
            return f"{type(self).__name__}({', '.join(shown)})"
