"""exports: only declared values, one line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def exports(call):
    def exports(*args: str):
        return call("exports", "--out", "out/values.env", *args)

    return exports


def out() -> str:
    return Path("out/values.env").read_text()


def test_json_values(exports) -> None:
    data = {"s": "a b=c", "i": 7, "f": 0.10, "e": 1e22, "t": True, "n": {"x": {"y": False}}, "d.k": "", "big": 10**30}
    Path("m.json").write_text(json.dumps(data))
    keys = {"s": "s", "i": "i", "f": "f", "e": "e", "t": "t", "y": "n.x.y", "_k1": "d.k", "big": "big"}
    exports(*(part for name, key in keys.items() for part in ("--json", f"{name}=m.json:{key}"))).passed()
    assert out() == f"s=a b=c\ni=7\nf=0.1\ne=1e+22\nt=true\ny=false\n_k1=\nbig={10**30}\n"


def test_appended_values(exports) -> None:
    Path("e").write_text("a=1\r\nsecret=x\n\nb = two words\na=3\n")
    exports("--file", "e", "--name", "b", "a").passed()
    assert out() == "b= two words\na=3\n"
    exports("--file", "e", "--name", "a", "--name", "b").passed()
    assert out() == "a=3\nb= two words\n"


def test_both_replace_what_was_there(exports) -> None:
    Path("e").write_text("a=1\n")
    Path("m.json").write_text('{"k": 2}')
    Path("out").mkdir()
    Path("out/values.env").write_text("old=1\n")
    exports("--file", "e", "--name", "a", "--json", "b=m.json:k").passed()
    assert out() == "b=2\na=1\n"
    exports().passed()
    assert out() == ""


@pytest.mark.parametrize("text", [None, "", "b=1\n", "A=1\n"])
def test_a_declared_name_must_be_there(exports, text: str | None) -> None:
    if text is not None:
        Path("e").write_text(text)
    exports("--file", "e", "--name", "a").failed("export a", "$MLGEN_EXPORTS")
    assert not Path("out/values.env").exists()


def test_a_missing_key_or_file(exports) -> None:
    Path("m.json").write_text('{"k": {}}')
    exports("--json", "a=m.json:k.x").failed("export a: m.json has no k.x")
    exports("--json", "a=none.json:k").failed("none.json", code=2)


@pytest.mark.parametrize(
    "value",
    ["null", "[]", "{}", "NaN", "Infinity", r'"a\nb"', r'"a\rb=1"', r'"\u0000"', r'"\u2028"', r'"\ud800"', r'"\u0085"'],
)
def test_values_that_are_not_one_line(exports, value: str) -> None:
    Path("m.json").write_text(f'{{"k": {value}}}')
    exports("--json", "a=m.json:k").failed("export a: ")
    assert not Path("out/values.env").exists()


@pytest.mark.parametrize("value", ["x\ry", "x\x0by", "x\x1b[0m", "x\u2028evil=1", "x\x85evil=1"])
def test_appended_values_with_control_characters(exports, value: str) -> None:
    Path("e").write_bytes(f"a={value}\n".encode())
    exports("--file", "e", "--name", "a").failed("export a: ")


def test_broken_files(exports) -> None:
    Path("e").write_text("a=1\nb<<EOF\n")
    exports("--file", "e", "--name", "a").failed("e:2: not name=value", code=2)
    Path("e").write_bytes(b"a=\xff\n")
    exports("--file", "e", "--name", "a").failed("not UTF-8", code=2)
    Path("m.json").write_text("1")
    exports("--json", "a=m.json:k").failed("m.json", code=2)


@pytest.mark.parametrize("name", ["1a", "a-b", "a b", "ä", "a\n", "a.b", "٣"])
def test_names(exports, name: str) -> None:
    Path("m.json").write_text('{"k": 1}')
    exports("--json", f"{name}=m.json:k").failed(code=2)
    exports("--file", "e", "--name", name).failed(code=2)


def test_declared_twice(exports) -> None:
    exports("--file", "e", "--name", "a", "a").failed("declared twice", code=2)
    exports("--file", "e", "--name", "a", "--json", "a=m.json:k").failed("declared twice", code=2)


def test_an_output_that_cannot_be_written(call) -> None:
    Path("e").write_text("a=1\n")
    call("exports", "--out", "e/x", "--file", "e", "--name", "a").failed(code=2)


@settings(deadline=None)
@given(st.text() | st.integers() | st.floats() | st.booleans())
def test_a_value_never_makes_a_second_line(ci, value) -> None:
    try:
        text = ci.export_value("a", value)
    except ci.Failure:
        return
    assert text.splitlines() in ([text], [])
    if not isinstance(value, str):
        assert text == json.dumps(value)
