"""gate: parsing and meaning of requirements, the table, missing and hostile files."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import operator
import string
import subprocess
import tempfile
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


def save(name: str, data: Any) -> str:
    Path(name).write_text(data if isinstance(data, str) else json.dumps(data))
    return name


@pytest.fixture
def gate(call):
    """Runs a gate on metrics and, if given, a baseline."""

    def gate(metrics: Any, *requirements: str, baseline: Any = None, more: tuple[str, ...] = ()):
        args = ["gate", "quality", "--metrics", save("metrics.json", metrics)]
        args += [part for text in requirements for part in ("--require", text)]
        if baseline is not None:
            args += ["--baseline", save("baseline.json", baseline)]
        return call(*args, *more)

    return gate


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("value", [0.89, 0.9, 0.91])
def test_operators(gate, op: str, value: float) -> None:
    result = gate({"a": value}, f"a {op} 0.90")
    assert result.code == (0 if OPERATORS[op](value, 0.9) else 1)


def test_the_table(gate) -> None:
    result = gate({"accuracy": 0.93, "loss": 1}, "accuracy >= 0.90", "loss<0.2", baseline={})
    result.failed("gate quality: 1 of 2 requirements failed: loss<0.2")
    assert result.out == (
        "gate quality: metrics.json\n"
        "  result  requirement       value  limit\n"
        "  ok      accuracy >= 0.90  0.93   0.90\n"
        "  FAIL    loss<0.2          1      0.2\n"
    )


@pytest.mark.parametrize("path", ["test.r2", "a.b.c", "x.y.z", "flat"])
def test_paths(gate, path: str) -> None:
    metrics = {"test": {"r2": 1}, "a.b": {"c": 1}, "x": {"y.z": 1}, "flat": 1}
    gate(metrics, f"{path} == 1").passed()


def test_a_flat_key_goes_before_nested_ones(gate) -> None:
    gate({"a": {"b": 1}, "a.b": 2}, "a.b == 2").passed()


def test_a_dead_end_is_not_the_end(gate) -> None:
    gate({"a": 1, "a.b": {"c": 2}}, "a.b.c == 2").passed()


BAD = {
    "missing": "missing",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e999": "Infinity",
    "1e99999999999999999999999": "Infinity",
    "1" * 5000: "Infinity",
    "true": "not a number",
    "null": "not a number",
    '"0.9"': "not a number",
    "[1]": "not a number",
    "{}": "not a number",
}


@pytest.mark.parametrize("text", BAD, ids=[text[:20] for text in BAD])
@pytest.mark.parametrize("requirement", ["a >= 0", "a != 7", "a <= 9", "a >= baseline", "a != baseline"])
def test_a_bad_metric_fails_whatever_is_asked(gate, text: str, requirement: str) -> None:
    metrics = "{}" if text == "missing" else f'{{"a": {text}}}'
    for more in ((), ("--on-missing", "pass")):
        result = gate(metrics, requirement, baseline={"a": 1}, more=more)
        result.failed("1 of 1")
        assert BAD[text] in result.out
    result = gate(metrics, requirement, baseline={}, more=("--on-missing", "pass"))
    result.failed("1 of 1")


@pytest.mark.parametrize("text", [text for text in BAD if text != "missing"], ids=lambda text: text[:20])
def test_a_bad_baseline_fails_also_where_a_missing_one_passes(gate, text: str) -> None:
    gate({"a": 1}, "a != baseline", baseline=f'{{"a": {text}}}', more=("--on-missing", "pass")).failed("1 of 1")


@pytest.mark.parametrize(("more", "code"), [((), 1), (("--on-missing", "fail"), 1), (("--on-missing", "pass"), 0)])
def test_an_absent_baseline(gate, more: tuple[str, ...], code: int) -> None:
    for result in (
        gate({"a": 1}, "a >= baseline", more=("--baseline", "none.json", *more)),
        gate({"a": 1}, "a >= baseline", more=("--baseline", "no/folder/none.json", *more)),
        gate({"a": 1}, "a >= baseline", baseline={"b": 1}, more=more),
    ):
        assert result.code == code
        assert "baseline missing" in result.out
    gate({"a": 1}, "a >= 0.5", more=("--baseline", "none.json", *more)).passed()
    gate({"a": 1}, "a >= baseline", "a >= 2", more=("--baseline", "none.json", *more)).failed("a >= 2")


@pytest.mark.parametrize("text", ["", "[]", "1", "{", "{'a': 1}", "a: 1", "[" * 100000, "\udcff"])
def test_an_unreadable_baseline_fails(gate, text: str) -> None:
    Path("broken.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    for more in ((), ("--on-missing", "pass", "--on-fail", "warn")):
        gate({"a": 1}, "a >= baseline", more=("--baseline", "broken.json", *more)).failed("broken.json", code=2)


def test_a_baseline_that_is_a_folder_or_a_broken_link_fails(gate) -> None:
    Path("folder").mkdir()
    Path("link").symlink_to("nowhere")
    for name in ("folder", "link"):
        gate({"a": 1}, "a >= baseline", more=("--baseline", name, "--on-missing", "pass")).failed(name, code=2)


def test_no_baseline_file_is_wrong_usage(gate) -> None:
    gate({"a": 1}, "a >= baseline", more=("--on-missing", "pass")).failed("--baseline", code=2)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_unreadable_metrics(gate, text: str) -> None:
    gate(text, "a > 1", more=("--on-fail", "warn")).failed("metrics.json", code=2)


def test_missing_metrics(call) -> None:
    call("gate", "g", "--metrics", "none.json", "--require", "a > 1", "--on-fail", "warn").failed("none.json", code=2)


def test_a_byte_order_mark_is_no_trouble(gate) -> None:
    gate("\ufeff" + '{"a": 1}', "a == 1").passed()


def test_decimals_mean_what_they_say(gate) -> None:
    assert 0.8 - 0.1 > 0.7  # which is why floats will not do
    gate({"a": 0.7}, "a >= baseline - 0.1", "a == baseline - 0.1", baseline={"a": 0.8}).passed()
    gate({"a": 0.3}, "a == baseline + 0.2", baseline={"a": 0.1}).passed()


def test_warn(gate) -> None:
    result = gate({"a": 1}, "a > 1", more=("--on-fail", "warn"))
    assert (result.code, result.err) == (0, "mlgen: warning: gate quality: 1 of 1 requirements failed: a > 1\n")


def test_summary_and_annotations(gate, summary: Path) -> None:
    result = gate({"a|b": 1}, "a|b > 1", more=("--on-fail", "warn"))
    assert result.code == 0
    assert "::warning title=mlgen::gate quality: 1 of 1 requirements failed: a|b > 1\n" in result.out
    assert summary.read_text() == (
        "### Gate quality: failed\n\n| result | requirement | value | limit |\n| --- | --- | --- | --- |\n"
        "| FAIL | a\\|b \\> 1 | 1 | 1 |\n\n"
    )
    gate({"a": 1}, "a > 1").failed()
    gate({"a": 2}, "a > 1").passed()
    assert summary.read_text().count("failed") == 2
    assert "### Gate quality: passed" in summary.read_text()


def test_a_summary_that_cannot_be_written_does_not_decide(gate, summary: Path, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary / "no" / "folder"))
    result = gate({"a": 2}, "a > 1")
    assert result.code == 0
    assert "::warning title=mlgen::the job's summary cannot be written" in result.out


def test_a_full_summary_is_left_alone(gate, summary: Path) -> None:
    summary.write_bytes(b"x" * (1024 * 1024 - 10))
    assert gate({"a": 2}, "a > 1").code == 0
    assert summary.stat().st_size == 1024 * 1024 - 10


def test_as_a_program(run) -> None:
    save("m.json", {"a": 1})
    run("gate", "g", "--metrics", "m.json", "--require", "a >= 1", "--require", "a < 2").passed()
    run("gate", "g", "--metrics", "m.json", "--require", "a > 1").failed("gate g: 1 of 1 requirements failed: a > 1")


finite = st.floats(allow_nan=False, allow_infinity=False)
space = st.text(alphabet=" \t", max_size=2)


@settings(deadline=None, max_examples=300)
@given(
    value=finite | st.integers(-(10**30), 10**30),
    base=st.none() | finite,
    shift=st.floats(min_value=0, max_value=1e300, allow_nan=False),
    sign=st.sampled_from(["", "+", "-"]),
    op=st.sampled_from(list(OPERATORS)),
    spaces=st.tuples(space, space, space, space),
    equal=st.booleans(),
)
def test_meaning(ci: ModuleType, value, base, shift, sign, op, spaces, equal) -> None:
    """Against an oracle on fractions of what is written."""
    a, b, c, d = spaces
    if equal and base is not None and sign == "":
        value = base
    if base is None:
        right, limit = f"{sign}{shift!r}", Fraction(Decimal(f"{sign}{shift!r}"))
    elif sign:
        right = f"baseline{c}{sign}{d}{shift!r}"
        limit = Fraction(Decimal(repr(base))) + Fraction(Decimal(f"{sign}{shift!r}"))
    else:
        right, limit = "baseline", Fraction(Decimal(repr(base)))
    with tempfile.TemporaryDirectory() as folder:
        metrics, baseline = Path(folder, "m.json"), Path(folder, "b.json")
        metrics.write_text(json.dumps({"m": value}))
        baseline.write_text(json.dumps({"m": base}) if base is not None else "{}")
        args = [
            "gate",
            "g",
            "--metrics",
            str(metrics),
            "--baseline",
            str(baseline),
            "--require",
            f"{a}m{b}{op}{c}{right}{d}",
        ]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = ci.main(args)
    assert code == (0 if OPERATORS[op](Fraction(Decimal(repr(value))), limit) else 1)


def is_number(text: str, signed: bool) -> bool:
    """Whether that is a finite decimal number; written apart from the pattern in ci.py."""
    if text[:1] in ("+", "-"):
        text = text[1:] if signed else "x"
    if not text or text[0] not in string.digits + "." or not set(text) <= set(string.digits + ".eE+-"):
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def is_requirement(text: str) -> bool:
    """Whether that is a requirement, told by splitting."""
    start = min((text.index(char) for char in "<>=!" if char in text), default=-1)
    if start < 0:
        return False
    left, rest = text[:start].strip(), text[start:]
    op = next((op for op in (">=", "<=", "==", "!=", ">", "<") if rest.startswith(op)), None)
    if op is None or len(left.split()) != 1:
        return False
    right = rest[len(op) :].strip()
    if right.startswith("baseline"):
        shift = right[len("baseline") :].strip()
        return not shift or (shift[0] in "+-" and is_number(shift[1:].strip(), signed=False))
    return is_number(right, signed=True)


tokens = [
    "a",
    "m.x",
    " ",
    "\t",
    ">",
    "<",
    "=",
    "!",
    ">=",
    "==",
    "baseline",
    "+",
    "-",
    "1",
    "0.5",
    ".",
    "e9",
    "nan",
    "inf",
]
hostile = st.lists(st.sampled_from(tokens), max_size=9).map("".join) | st.text(max_size=20)
likely = st.tuples(
    st.sampled_from(["a", " a.b ", "", "a b"]),
    st.sampled_from([*OPERATORS, "=", "=>", "<>"]),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from(
        ["1", "-1", "+.5", "1.", "1e5", "1e999", "1_0", "٣", "0x1", "nan", "inf", "-", ".", "baseline", "Baseline"]
    ),
    st.sampled_from(["", " ", "+1", "- 0.01", "-", "+ -1", "* 2", "- baseline", "x", "-1e999"]),
).map("".join)


@settings(max_examples=2000)
@given(text=hostile | likely)
def test_parsing(ci: ModuleType, text: str) -> None:
    try:
        wanted = ci.requirement(text)
    except argparse.ArgumentTypeError:
        assert not is_requirement(text)
        return
    assert is_requirement(text)
    assert wanted.operator in OPERATORS
    assert wanted.baseline == ("baseline" in text.split(wanted.operator, 1)[1])


@pytest.mark.parametrize(
    "text", ["", "a", "a >", "> 1", "a = 1", "a >= x", "a >= 1 2", "a >= baseline * 2", "a >= nan", "a > 1e999"]
)
def test_a_bad_requirement_is_wrong_usage(gate, text: str) -> None:
    gate({"a": 1}, text).failed("--require", code=2)


@pytest.mark.parametrize(("value", "word"), [("0.9", "passed"), ("0.1", "stopped")])
def test_a_gate_that_stops_tells_the_other_jobs(
    call: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch, value: str, word: str
) -> None:
    (workspace / "m.json").write_text('{"a": ' + value + "}")
    monkeypatch.setenv("MLGEN_EXPORTS", str(workspace / "exports"))
    words = (
        "gate",
        "q",
        "--metrics",
        "m.json",
        "--require",
        "a > 0.5",
        "--on-fail",
        "stop",
        "--export",
        "MLGEN_GATE_Q",
    )
    assert call(*words).code == 0
    assert (workspace / "exports").read_text() == f"MLGEN_GATE_Q={word}\n"
    monkeypatch.delenv("MLGEN_EXPORTS")
    call(*words).failed("MLGEN_EXPORTS", code=2) if word == "passed" else None


def test_a_baseline_on_a_branch(call: Callable[..., Any], workspace: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    def judge(*more: str) -> Any:
        words = ("gate", "q", "--metrics", "out/m.json", "--require", "a >= baseline", "--baseline-branch", "main")
        return call(*words, *more)

    git("init", "-q", "--bare", "../origin")
    git("init", "-q")
    (workspace / "out").mkdir()
    (workspace / "readme").write_text("x")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("remote", "add", "origin", str(workspace.parent / "origin"))
    (workspace / "out" / "m.json").write_text('{"a": 0.5}')
    judge().failed("main cannot be read", code=2)
    git("push", "-q", "origin", "main")
    judge().failed("1 of 1 requirements failed")
    judge("--on-missing", "pass").passed()
    git("add", "-A")
    git("commit", "-qm", "second")
    git("push", "-q", "origin", "main")
    git("update-ref", "-d", "refs/remotes/origin/main")
    judge().passed()
    (workspace / "out" / "m.json").write_text('{"a": 0.4}')
    judge().failed("1 of 1 requirements failed")
