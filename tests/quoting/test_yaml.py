"""Printed YAML is read back equal by YAML 1.1 (PyYAML) and 1.2 (ruamel.yaml) readers, in blocks and brackets."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlgen.quoting import yaml_block, yaml_flow, yaml_list, yaml_scalar
from mlgen.spec.load import load
from tests.targets.strings import COMMANDS

TRAPS = [
    "", " ", "a ", " a", "yes", "No", "ON", "off", "y", "N", "true", "False", "null", "~", "~/x", "~x", "Null", "0",
    "007", "0o7", "0x1f", "-0x1F",
    "0b1", "1_000", "1,000", "3.10", ".5", "-.5", "5.", "1e3", "1e+3", "-1.5e-3", ".inf", "-.Inf", ".NaN", "1:30",
    "-1:30:00", "190:20:30.15",
    "2024-01-31", "2024-01-31T10:00:00Z", "2001-12-14 21:59:43.10 -5", "<<", "=", "-", "--", "---", "--- x", "...",
    "- x", "-x", "? x", "?x", ": x",
    "a: b", "a:b", "a:", "http://x/y", "a #b", "a#b", "#b", "@x", "`x`", "%x", "!x", "!!str x", "&x", "*x", "|", ">",
    "|-", "[a]", "{a: b}", "a, b",
    "a]", "a}", "'", '"', "it's", 'say "x"', "it's \"x\"", "\\", "a\\b", "\\n", "C:\\x", "$x", "${x}", "${{ x }}",
    "(x)", "a\tb", "\ta", "a\nb", "a\n", "\n",
    "\n\n", "\na", "a\n\nb", "a\n \nb", "a\r\nb", "a\rb", "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028",
    "\u2029", "\ufeff", "\ufeffa",
    "é", "漢字", "🎉", "\U0010ffff", "\ufffe", "\uffff", "v1.2", "1.2.3", "x" * 200, "a " * 100, "null ", "0.0.0.0:80",
    "1__0", "_1", "0_", "+1", "+.5",
    "1e", "e1", "0xg", "08", "-08", "0o8", "1e400",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(TRAPS),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text(st.sampled_from("ab01-:#., '\"\\\n\t[]{}&*!|>%@~=?<_eExXoO+"), max_size=8),
)
SCALARS: st.SearchStrategy[Any] = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())


def read_1_1(text: str) -> Any:
    return yaml.safe_load(text)


def read_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(text)


def read_own(text: str) -> Any:
    return load(text, "x.yaml").data


READERS = (read_1_1, read_1_2, read_own)


def same(found: Any, value: Any) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return isinstance(found, float) and math.isnan(found)
    return found == value and type(found) is type(value)


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=200)
@given(value=SCALARS)
@example(value=1e16)
@example(value=1e-7)
@example(value=math.inf)
@example(value=-math.inf)
@example(value=math.nan)
def test_a_scalar_in_a_block(reader: Any, value: Any) -> None:
    text = f"key: {yaml_scalar(value)}\nnext: 1\n"
    assert same(reader(text)["key"], value), text
    listed = f"- {yaml_scalar(value)}\n- 1\n"
    assert same(reader(listed)[0], value), listed


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=200)
@given(values=st.lists(SCALARS, max_size=4))
def test_a_list_in_flow(reader: Any, values: list[Any]) -> None:
    found = reader(f"key: {yaml_list(values)}\n")["key"]
    assert len(found) == len(values)
    assert all(map(same, found, values)), yaml_list(values)


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=200)
@given(key=TEXTS, value=SCALARS)
def test_a_mapping_in_flow(reader: Any, key: str, value: Any) -> None:
    text = f"key: {{{yaml_flow(key)}: {yaml_flow(value)}}}\n"
    found = reader(text)["key"]
    assert list(found) == [key], text
    assert same(found[key], value), text


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=150)
@given(key=TEXTS)
def test_a_key_in_a_block(reader: Any, key: str) -> None:
    if len(yaml_scalar(key)) < 1000:
        assert list(reader(f"{yaml_scalar(key)}: 1\n")) == [key]


@pytest.mark.parametrize("text", TRAPS)
def test_traps(text: str) -> None:
    for reader in READERS:
        assert reader(f"key: {yaml_scalar(text)}\n") == {"key": text}
        assert reader(f"key: [{yaml_flow(text)}]\n") == {"key": [text]}


BLOCKS = st.one_of(TEXTS, st.sampled_from(COMMANDS), st.lists(TEXTS, min_size=2, max_size=4).map("\n".join))


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=200)
@given(text=BLOCKS, indent=st.integers(1, 14))
def test_a_block(reader: Any, text: str, indent: int) -> None:
    """Text of several lines ends in exactly one line break, by definition."""
    value = text.rstrip("\n") + "\n" if "\n" in text else text
    parent = " " * (indent - 1)
    document = f"{parent}key: {yaml_block(text, indent)}\n{parent}next: 1\n"
    assert reader(document) == {"key": value, "next": 1}, document
    listed = f"{parent}- {yaml_block(text, indent)}\n{parent}- 1\n"
    assert reader(listed) == [value, 1], listed


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_a_block(command: str) -> None:
    value = command + "\n" if "\n" in command else command
    for reader in READERS:
        assert reader(f"  run: {yaml_block(command, 4)}\n") == {"run": value}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("pytest -q", "pytest -q"),
        ('python -m wine.train --epochs "$N"', 'python -m wine.train --epochs "$N"'),
        ("v1.2.3", "v1.2.3"),
        ("~/.cache/pip", "~/.cache/pip"),
        ("3.10", '"3.10"'),
        ("yes", '"yes"'),
        ("", '""'),
        ("main: x", '"main: x"'),
        ('say "x": y', "'say \"x\": y'"),
        ("${{ github.ref }}", "${{ github.ref }}"),
    ],
)
def test_it_looks_as_a_person_writes_it(text: str, printed: str) -> None:
    assert yaml_scalar(text) == printed


def test_several_lines_are_a_literal_block() -> None:
    assert yaml_block("one\n\n  two\n", 4) == "|\n    one\n\n      two"
