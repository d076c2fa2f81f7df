"""Conditions of Travis as the reader evaluates them, against the interpreter that the tests run builds with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen.targets.travis.read.expressions import Context, parse
from tests.engines.travis import holds

TEXTS = ("", "main", "v1.0", "release/1", "true", "False", "a b", "owner/name", "push", "api", "pull_request", "x(y)")
NAMES = ("MLGEN_SCHEDULED", "MLGEN_INPUT_EPOCHS", "A")
REGEXES = (r"\Av[^\/]*\z", r"\Arelease\/.*\z", "main", "^x", r"\[extra\]", "[a-m]+$", r"true|false", r"\A\z", r".", "")
ATTRIBUTES = ("branch", "tag", "type", "repo", "head_repo", "head_branch", "commit_message")

words = st.sampled_from(TEXTS)
quoted = st.one_of(words.map('"{}"'.format), words.map("'{}'".format))
variables = st.sampled_from(NAMES).map("env({})".format)
values = st.one_of(st.sampled_from(ATTRIBUTES), quoted, variables, st.sampled_from(("true", "FALSE")))
joined = st.lists(values, min_size=1, max_size=3).map(lambda found: f"concat({', '.join(found)})")
operands = st.one_of(values, joined)


def _pair(operator: str) -> Any:
    return st.tuples(operands, operands).map(lambda pair: f"{pair[0]} {operator} {pair[1]}")


terms = st.one_of(
    operands,
    *map(_pair, ("=", "==", "!=")),
    *(
        st.tuples(operands, st.sampled_from(REGEXES)).map(lambda pair, o=o: f"{pair[0]} {o} /{pair[1]}/")
        for o in ("=~", "~=", "!~")
    ),
    *(
        st.tuples(operands, st.lists(operands, min_size=1, max_size=3)).map(
            lambda pair, o=o: f"{pair[0]} {o} ({', '.join(pair[1])})"
        )
        for o in ("IN", "not in")
    ),
    st.tuples(operands, st.sampled_from(("IS", "is not")), st.sampled_from(("present", "BLANK", "true", "false"))).map(
        " ".join
    ),
)
conditions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("AND", "or", "&&", "||", "OR")), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("NOT ({})".format),
        inner.map("! ({})".format),
    ),
    max_leaves=6,
)
known = st.fixed_dictionaries({name: st.one_of(st.none(), words) for name in ATTRIBUTES})
env = st.dictionaries(st.sampled_from(NAMES), words)


@settings(max_examples=1000, deadline=None)
@given(conditions, known, env)
def test_the_reader_decides_as_the_interpreter_does(
    condition: str, attributes: dict[str, str | None], variables: dict[str, str]
) -> None:
    found = parse(condition).holds(Context(attributes, variables))
    assert found == holds(condition, {**attributes, "env": variables})


@pytest.mark.parametrize(
    "condition",
    [
        "branch!=main", 'branch = main', 'dist = "jammy"', 'branch = "a"AND tag IS blank', 'branch = "a', "branch =",
        'branch = "a" tag IS blank', "(branch", "branch IN ()", "tag =~ v1", "tag =~ /(/", "env(A B)", "env($A) = 1",
        "tag =~ /[[:alpha:]]/", r"tag =~ /\h/", "tag =~ /ä/", "NOTbranch", "tag IS empty", 'branch NOT "a"', "a||b",
    ],
)  # fmt: skip
def test_what_travis_reads_otherwise_than_it_looks_is_refused(condition: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        parse(condition)
