"""One value of a YAML text changed, and nothing else: on small texts, and on every committed output."""

import difflib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgen.overrides.splice import Unfit, changed, merged, read, same

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    ROOT / "tests/fixtures/features" / name
    for name in (".github/workflows/ml.yml", ".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml")
]
TEXTS = [path.read_text("utf-8") for path in FILES]

SMALL = """\
# Head
name: x # the name

# About a
a:
  one: 1
  # About two
  two: {b: 2}
  script: |
    echo
    # a line of the script

  list:
    - first: 1 # one
      second: 2
    - third: 3
# About b
b: &b [1, 2]
c: *b
d: &d
  e: 1
f: *d
"""


def _change(*way: str | int, to: object) -> list[str]:
    """The lines that the change takes out and puts in."""
    after = changed(SMALL, way, to, "note")
    lines = difflib.unified_diff(SMALL.split("\n"), after.split("\n"), n=0, lineterm="")
    return [line for line in lines if line[:2] not in ("--", "++", "@@")]


@pytest.mark.parametrize(
    ("way", "value", "lines"),
    [
        (("a", "one"), 5, ["-  one: 1", "+  # note", "+  one: 5"]),
        (("a", "one"), None, ["-  one: 1", "+  # note removes one"]),
        (("a", "two", "c"), 3, ["-  two: {b: 2}", "+  # note", "+  two: {b: 2, c: 3}"]),
        (("a", "two", "b"), None, ["-  two: {b: 2}", "+  # note", "+  two: {}"]),
        (("a", "two"), {"x": "y\nz"}, ["-  two: {b: 2}", "+  # note", '+  two: {x: "y\\nz"}']),
        (("a", "new"), {"x": {"u": [1, {"z": "t"}]}}, [
            "+  # note", "+  new:", "+    x:", "+      u:", "+        - 1", "+        - z: t",
        ]),
        (("a", "script"), "one\ntwo\n", [
            "-    echo", "-    # a line of the script", "+    one", "+    two", "+  # note",
        ]),
        (("a", "list", 0, "first"), 7, ["-    - first: 1 # one", "+    # note", "+    - first: 7"]),
        (("a", "list", 0, "first"), None, [
            "-    - first: 1 # one", "-      second: 2", "+    # note removes first", "+    - second: 2",
        ]),
        (("a", "list", 0, "new"), 7, ["+      # note", "+      new: 7"]),
        (("a", "list", 1, "third"), "x", ["-    - third: 3", "+    # note", "+    - third: x"]),
        (("name",), "z", ["-name: x # the name", "+# note", "+name: z"]),
        (("new",), "y: z", ["+# note", '+new: "y: z"']),
        (("c",), [3], ["-c: *b", "+# note", "+c: [3]"]),
        (("f", "g"), 2, ["-f: *d", "+# note", "+f:", "+  e: 1", "+  g: 2"]),
        (("a", "one", "deep"), True, ["-  one: 1", "+  # note", "+  one:", "+    deep: true"]),
        (("a",), {}, None),
    ],
)  # fmt: skip
def test_only_what_is_meant_changes(way: tuple[str | int, ...], value: object, lines: list[str] | None) -> None:
    found = _change(*way, to=value)
    if lines is not None:
        assert sorted(found) == sorted(lines)
    assert same(read(changed(SMALL, way, value, "note")), merged(read(SMALL), way, value))


@pytest.mark.parametrize(
    ("way", "value", "word"),
    [
        (("a", "none"), None, "there is no none to remove"),
        (("a", "none", "deeper"), None, "there is no deeper to remove"),
        (("a", "one"), 1, "one has that value already"),
        (("a", "two"), {"b": 2}, "two has that value already"),
    ],
)
def test_what_does_not_fit_is_said(way: tuple[str, ...], value: object, word: str) -> None:
    with pytest.raises(Unfit) as caught:
        changed(SMALL, way, value, "note")
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("way", "value", "lines"),
    [
        (("b",), 3, ["-b: &b [1, 2]", "+# note", "+b: 3", "-c: *b", "+c: &b [1, 2]"]),
        (("b",), None, ["-b: &b [1, 2]", "+# note removes b", "-c: *b", "+c: &b [1, 2]"]),
        (("d", "e"), None, ["-d: &d", "+# note", "+d: {}", "-f: *d", "+f: &d"]),
    ],
)
def test_an_anchor_moves_to_the_first_that_still_needs_it(
    way: tuple[str, ...], value: object, lines: list[str]
) -> None:
    assert sorted(_change(*way, to=value)) == sorted(lines)


def test_the_last_of_several_documents_is_meant() -> None:
    text = "spec:\n  a: 1\n---\nb: 1\nscript: |\n  ---\n"
    assert changed(text, ("c",), 2, "note") == "spec:\n  a: 1\n---\nb: 1\n# note\nc: 2\nscript: |\n  ---\n"


def test_a_change_beside_another_of_the_same_override_is_not_marked_again() -> None:
    once = changed("a: 1\n", ("new", "x"), 1, "note")
    assert changed(once, ("new", "z"), 2, "note") == "a: 1\n# note\nnew:\n  x: 1\n  z: 2\n"


def _ways(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in pairs for found in ((*way, key), *_ways(item, (*way, key)))]


WAYS = [(index, way) for index, text in enumerate(TEXTS) for way in _ways(read(text))]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-: #", max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(WAYS), st.lists(st.sampled_from(["name", "new", "x y"]), max_size=2), VALUES)
def test_every_change_of_an_output_is_exact_or_refused(
    place: tuple[int, tuple[str | int, ...]], deeper: list[str], value: Any
) -> None:
    text, way = TEXTS[place[0]], (*place[1], *deeper)
    try:
        after = changed(text, way, value, "note")
    except Unfit:
        return
    assert same(read(after), merged(read(text), way, value))
    before, after_lines = text.split("\n"), after.split("\n")
    blocks = [
        op for op in difflib.SequenceMatcher(a=before, b=after_lines, autojunk=False).get_opcodes() if op[0] != "equal"
    ]
    assert sum(op[2] - op[1] for op in blocks) <= max(1, _height(read(text), place[1])), "no line of others is lost"


def _height(value: Any, way: tuple[str | int, ...]) -> int:
    """At most how many lines the value at the way, or what holds it in a line, takes."""
    for step in way:
        value = value[step]
    return 3 + str(value).count("\\n") + len(_ways(value)) + len(str(value)) // 20
