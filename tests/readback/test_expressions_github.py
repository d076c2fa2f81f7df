"""The reader's evaluator of expressions against GitHub's own: random conditions, no disagreement."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgen.targets.github.read.expressions import Contexts, parse
from tests.engines.tools import node

LEAST = 500
CONTEXTS: dict[str, Any] = {
    "github": {
        "event_name": "push", "ref": "refs/heads/Main", "ref_type": "branch", "base_ref": "", "run_id": "17",
        "event": {"schedule": None, "pull_request": {"number": 7, "draft": False}},
    },
    "needs": {
        "a": {"result": "success", "outputs": {"x": "true", "score": "0.9", "n": "10"}},
        "b-c": {"result": "skipped", "outputs": {}},
        "d": {"result": "failure", "outputs": {"x": "FALSE"}},
    },
    "inputs": {"epochs": "10", "mode": "Fast", "verbose": True, "rate": 0.5, "none": None},
    "matrix": {"list": ["a", "B", 1, None, True], "empty": []},
}  # fmt: skip
STATUS = ("success", "failure", "cancelled", "skipped")
NAMES = [
    "github.event_name", "github.ref", "github.ref_type", "github.base_ref", "github.run_id", "GitHub.Event_Name",
    "github.event.schedule", "github.event.pull_request.number", "github.event.pull_request.draft",
    "github.event.other.x",
    "github['ref']", "github.event['pull_request'].number", "needs.a.result", "needs.a.outputs.x",
    "needs.a.outputs.score",
    "needs.a.outputs.none", "needs.b-c.result", "needs['b-c'].outputs.x", "needs.d.outputs.X", "inputs.epochs",
    "inputs.mode", "inputs.verbose", "inputs.rate", "inputs.none", "inputs.other", "matrix.list[0]", "matrix.list[2]",
    "matrix.list[9]", "matrix.list['1']", "matrix.empty[0]", "success()", "failure()", "cancelled()", "always()",
]  # fmt: skip
LISTS = ["needs.*.result", "needs.*.outputs.x", "matrix.list", "matrix.empty", "github.*", "matrix.list.*", "matrix[*]"]
LITERALS = [
    "true", "false", "null", "NaN", "Infinity", "-Infinity", "0", "1", "-1", "10", "0.5", "1e3", "-1.5e-3",
    "0xff", "0o17", "''", "' '", "'push'", "'PUSH'", "'10'", "' 10 '", "'0xff'", "'1e3'", "'it''s'", "'success'",
    "'true'",
    "'a'", "'refs/heads/'", "'ä'", "'Ä'", "'ß'", "'Infinity'", "'1_0'", "'.5'", "'5.'", "'+5'", "'-'",
]  # fmt: skip

values = st.sampled_from(NAMES + LITERALS)
spaces = st.sampled_from(["", " ", "  "])


def _joined(parts: tuple[str, str, str, str]) -> str:
    left, sign, right, space = parts
    return f"{left}{space}{sign}{space}{right}"


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["&&", "||", "==", "!=", "<", "<=", ">", ">="])
    named = st.sampled_from(["contains", "startsWith", "endsWith", "StartsWith"])
    wrapped = inner.map(lambda text: f"({text})")
    lists = st.sampled_from(LISTS)
    return st.one_of(
        st.tuples(wrapped, signs, wrapped, spaces).map(_joined),
        st.tuples(values, signs, values, spaces).map(_joined),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner, spaces).map(_joined),
        inner.map(lambda text: f"!({text})"),
        values.map(lambda text: f"!{text}"),
        st.tuples(named, inner, inner).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
        st.tuples(lists, inner).map(lambda parts: f"contains({parts[0]}, {parts[1]})"),
        st.tuples(lists, values).map(lambda parts: f"join({parts[0]}, {parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"format('{{1}}-{{0}} {{{{}}}}', {parts[0]}, {parts[1]})"),
    )


def cases() -> list[tuple[str, str]]:
    """Random expressions, each with the status of the jobs before; the same ones every time."""
    found: dict[tuple[str, str], None] = {}

    @settings(max_examples=900, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.recursive(values, _grown, max_leaves=8), st.sampled_from(STATUS))
    def collect(source: str, status: str) -> None:
        found[source, status] = None

    collect()
    return list(found)


def ours(source: str, status: str) -> Any:
    """What the reader's evaluator gives, as JSON has it."""
    known = {each: status == each for each in ("success", "failure", "cancelled")} | {"always": True}
    value = parse(source).evaluate(Contexts(CONTEXTS, known))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_no_disagreement_with_github(tmp_path: Path) -> None:
    asked = cases()
    assert len(asked) >= LEAST
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([{"source": s, "contexts": CONTEXTS, "status": t} for s, t in asked]), "utf-8")
    done = node("github/expressions.mjs", file, cwd=tmp_path)
    assert done.code == 0, done.err
    theirs = json.loads(done.out)
    wrong = [
        f"{source} ({status}): {ours(source, status)!r}, GitHub says {other!r}"
        for (source, status), other in zip(asked, theirs, strict=True)
        if (type(ours(source, status)) is bool) != (type(other) is bool) or ours(source, status) != other
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    ["", "TRUE", "a b", "(a", "a ==", "'open", "a.", "a..b", "f(", "1.2.3", "a[", "&& a", "a && && b", "secrets",
     "startsWith(a)",
     "success(1)", "hashFiles('x')", 'github.ref == "x"'],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="`"):
        parse(source).evaluate(Contexts({"a": "x", "github": {}}, {}))
