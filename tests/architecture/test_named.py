"""The base of all values is what `typing.NamedTuple` is, only made faster."""

import copy
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from mlgen import named


class Mine(named.NamedTuple):
    """A value."""

    name: str
    size: int = 1
    tags: "tuple[Unknown, ...]" = ()  # type: ignore[name-defined]  # noqa: F821
    """What a field is."""

    @property
    def shout(self) -> str:
        return self.name.upper()


class Theirs(typing.NamedTuple):
    name: str
    size: int = 1
    tags: tuple[str, ...] = ()


class Empty(named.NamedTuple):
    """Without fields."""


class Below(Mine):
    """A class of a value's kind."""


MADE: list[Callable[[Any], Any]] = [
    lambda kind: kind("a"),
    lambda kind: kind("a", 2, ("x",)),
    lambda kind: kind(name="a", tags=("x",)),
    lambda kind: kind("a", tags=("x",)),
    lambda kind: kind("a")._replace(size=3),
    lambda kind: kind("a")._asdict(),
    lambda kind: (kind._fields, kind._field_defaults, kind.__match_args__),
    lambda kind: [*kind("a", 5)],
    lambda kind: (kind("a") == kind("a", 1), kind("a") < kind("b"), hash(kind("a")) == hash(("a", 1, ()))),
    lambda kind: repr(kind("a")).partition("(")[2],
    lambda kind: kind("a").size,
]
REFUSED: list[Callable[[Any], Any]] = [
    lambda kind: kind(),
    lambda kind: kind("a", 1, (), 4),
    lambda kind: kind("a", name="b"),
    lambda kind: kind("a", unknown=1),
    lambda kind: kind("a")._replace(unknown=1),
    lambda kind: setattr(kind("a"), "name", "b"),
    lambda kind: setattr(kind("a"), "other", "b"),
]


@pytest.mark.parametrize("make", MADE)
def test_it_does_what_typings_does(make: Callable[[Any], Any]) -> None:
    assert make(Mine) == make(Theirs)


@pytest.mark.parametrize("make", REFUSED)
def test_it_refuses_what_typings_refuses(make: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)) as theirs:
        make(Theirs)
    with pytest.raises(theirs.type):
        make(Mine)


def test_methods_docstrings_and_copies() -> None:
    value = Mine("a", 2)
    assert value.shout == "A" and Mine.__doc__ == "A value." and repr(value) == "Mine(name='a', size=2, tags=())"
    assert copy.deepcopy(value) == value and pickle.loads(pickle.dumps(value)) == value
    assert type(pickle.loads(pickle.dumps(value))) is Mine
    match value:
        case Mine(name, size):
            assert (name, size) == ("a", 2)


def test_classes_without_fields_of_their_own() -> None:
    assert Empty() == () and repr(Empty()) == "Empty()"
    assert Below("a").shout == "A" and Below._fields == Mine._fields and isinstance(Below("a")._replace(size=2), Below)


def test_no_module_makes_values_the_slow_way() -> None:
    from tests.architecture.test_code import MODULES

    named_tuples = [path.name for path in MODULES if "typing.NamedTuple" in path.read_text("utf-8")]
    imported = [
        str(path)
        for path in MODULES
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("from typing import") and "NamedTuple" in line
    ]
    assert (named_tuples, imported) == (["named.py"], [])
