"""The reader's own evaluator of CircleCI's expressions, beside the one that the tests' engine has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen.targets.circleci.read.expressions import Refused, expression
from mlgen.targets.circleci.read.inserted import filled, plain
from tests.engines.circleci.expressions import ExpressionError, evaluate

VALUES = {
    "pipeline.event.name": ("push", "pull_request", "schedule", "api"),
    "pipeline.git.branch": ("main", "release/1", "v1", ""),
    "pipeline.git.tag": ("", "v1", "v1.2"),
    "pipeline.parameters.epochs": (0, 10),
    "pipeline.parameters.full": (True, False),
}
UNSET = "pipeline.event.github.pull_request.base.ref"
PATTERNS = (r"/^v[0-9]+$/", r"/^release\/[^\/]*$/", "/^.*$/", r"/^v1\.2$/")
TEXTS = sorted({f'"{value}"' for values in VALUES.values() for value in values if isinstance(value, str)})

_names = st.sampled_from([*VALUES, UNSET])
_operands = st.one_of(_names, st.sampled_from([*TEXTS, "0", "10", "true", "false"]))
_compared = st.one_of(
    st.builds("{} {} {}".format, _operands, st.sampled_from(["==", "!="]), _operands),
    st.builds("{} starts-with {}".format, _operands, _operands),
    st.builds("{} matches {}".format, _operands, st.sampled_from(PATTERNS)),
)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("not ({})".format, inner),
    )


CONDITIONS = st.recursive(st.one_of(_compared, _names), _joined, max_leaves=8)
KNOWN = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


def _ours(text: str, known: dict[str, Any]) -> Any:
    try:
        return expression(text).evaluate(known)
    except Refused:
        return Refused


def _theirs(text: str, known: dict[str, Any]) -> Any:
    try:
        return evaluate(text, known)
    except ExpressionError:
        return Refused


@settings(max_examples=600, deadline=None)
@given(CONDITIONS, KNOWN)
def test_both_evaluate_alike(text: str, known: dict[str, Any]) -> None:
    assert _ours(text, known) == _theirs(text, known)


@pytest.mark.parametrize(
    "text",
    [
        "a ==",
        "(a == b",
        'a == "b" == "c"',
        "a matches b",
        "a matches /v.*/",
        "a matches /^(?i)v$/",
        "a ^ b",
        "",
        "and a",
    ],
)
def test_what_it_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        expression(text)


def test_parameters_are_put_in_and_signs_stay() -> None:
    said = {"a": r"x << parameters.n >> \<<y", "b": "<< parameters.n >>", "c": "<< pipeline.number >>"}
    found = filled(said, {"n": 3})
    assert found == {"a": r"x 3 \<<y", "b": 3, "c": "<< pipeline.number >>"}
    assert plain(found["a"]) == "x 3 <<y"
    with pytest.raises(ValueError, match=r"there is no parameters\.m"):
        filled("<< parameters.m >>", {"n": 3})
    with pytest.raises(ValueError, match="is not closed"):
        plain("cat <<EOF")
