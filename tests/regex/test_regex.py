"""Expressions that are not compiled for texts which begin otherwise match what `re` matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgen.regex import fullmatch, regex, start

FORMS = {
    "git clone (.+)": "git clone ",
    "abc?d": "ab",
    "ab{2}": "a",
    "a|b": "",
    "run (?:a|b)": "run ",
    "run [|)]x": "run ",
    r"run \|x": "run ",
    "x[]|]y|z": "",
    "x[^]|]y": "x",
    r"x[\[]|y": "",
    "x[b^]|y": "",
    "x[[]|y": "",
    "x[a[]|y": "",
    "x[^^]|y": "",
    "x(?:[)|]|y)": "x",
    "": "",
    "a*": "",
}
_CLASSES = ["[|f)]", r"[\[]", "[b^]", "[x[]", "[]x]", "[^]x]"]
_PIECES = st.sampled_from([*_CLASSES, "a", "bc", " ", "x?", "y*", "(?:d|e)", r"\|", "|", r"\w", "(g)", ".", "h+", "-"])


@pytest.mark.parametrize("form", FORMS)
def test_the_start(form: str) -> None:
    assert start(form) == FORMS[form]


@given(st.lists(_PIECES, max_size=6).map("".join).filter(lambda form: "**" not in form), st.data())
def test_what_matches_begins_so(form: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(form, fullmatch=True))
    assert text.startswith(start(form))
    assert fullmatch(form, text) and regex(form).fullmatch(text)


@given(st.lists(_PIECES, max_size=6).map("".join), st.text("abcdefgh xy|-", max_size=6))
def test_as_re(form: str, text: str) -> None:
    wanted = re.fullmatch(form, text) is not None
    assert (fullmatch(form, text) is not None) == wanted
    later = regex(form)
    assert (later.fullmatch(text) is not None) == wanted == (later.fullmatch(text) is not None)
    assert (later.search(text) is not None) == (re.search(form, text) is not None)
