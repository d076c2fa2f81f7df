"""Groovy literals, read back by a small decoder of the language's rules."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlgen.quoting import groovy
from tests.targets.strings import COMMANDS

_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"', "$": "$"}


def decode(literal: str) -> str:
    """The text of a `'…'` or `'''…'''` literal, by https://groovy-lang.org/syntax.html#all-strings."""
    mark = "'''" if literal.startswith("'''") and len(literal) >= 6 else "'"
    assert literal.startswith(mark)
    body, out, i = literal[len(mark) :], [], 0
    while not body.startswith(mark, i):
        assert i < len(body), "the literal has no end"
        c = body[i]
        assert mark == "'''" or c not in "\r\n", "a line break in a string of one line"
        if c != "\\":
            out.append(c)
            i += 1
        elif body[i + 1] == "u":
            out.append(chr(int(body[i + 2 : i + 6], 16)))
            i += 6
        else:
            out.append(_NAMED[body[i + 1]])
            i += 2
    assert i + len(mark) == len(body), "text after the end of the literal"
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16")


TEXTS = st.one_of(st.text(st.characters(codec="utf-8")), st.text(st.sampled_from("'\"\\\n$ux0a"), max_size=10))


@settings(deadline=None, max_examples=300)
@given(TEXTS)
@example("a\n'''")
@example("'''\n")
@example("''''\n''")
@example("\n'")
@example("\\'\n")
@example("\\u0041")
@example("a\\")
@example("\n\\'''\\")
def test_a_text_is_read_back_equal(text: str) -> None:
    assert decode(groovy(text)) == text


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str) -> None:
    assert decode(groovy(command)) == command


@settings(deadline=None, max_examples=100)
@given(TEXTS)
def test_it_is_one_that_groovy_never_interpolates_and_every_editor_shows(text: str) -> None:
    printed = groovy(text)
    assert printed.startswith("'")
    assert printed.count("\n") in (0, text.count("\n"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", printed.replace("\t", ""))


@pytest.mark.parametrize(
    ("value", "printed"),
    [(True, "true"), (False, "false"), (3, "3"), (-1, "-1"), ("x", "'x'"), ("it's", "'it\\'s'"), ("$x", "'$x'")],
)
def test_literals(value: Any, printed: str) -> None:
    assert groovy(value) == printed


def test_several_lines_stay_several_lines() -> None:
    assert groovy("one\n'two'\n") == "'''one\n'two'\n'''"
