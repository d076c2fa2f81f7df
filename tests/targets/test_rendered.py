"""The quick loader of rendered YAML gives what PyYAML's own safe loader gives, and takes no key twice."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.readback import document as fast
from mlgen.targets.rendered import Loader, document, documents

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for p in ROOT.glob("examples/*/**/.*.yml") if p.is_file())
FILES += sorted(p for p in ROOT.glob("examples/*/.*/**/*.yml") if p.is_file())
TEXTS = [
    "a: 1\nb: 0x1f\nc: 1.5\nd: true\ne: on\nf: ~\ng:\nh: 2020-01-01\ni: 1:30\n",
    "a: &x {b: [1, two, '3']}\nc: *x\nd: {<<: *x, e: f}\n",
    "- [a, [b, {c: d}], []]\n- {}\n- !!str 1\n- !!int '1'\n- !!binary aGk=\n- !!set {a, b}\n",
    "1: a\ntrue: b\nnull: c\n? [a]\n: b\n",
    "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
    "",
    "a: [\n",
    "a: !unknown b\n",
    "a: *missing\n",
    "? {a: b}\n: c\n",
]


def _load(text: str, loader: Any) -> Any:
    try:
        return list(yaml.load_all(text, loader))
    except yaml.YAMLError as err:
        return type(err)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / "examples").as_posix())
def test_an_output(path: Path) -> None:
    text = path.read_text("utf-8")
    assert isinstance(_load(text, Loader), list)
    assert _load(text, Loader) == _load(text, yaml.SafeLoader)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text(text: str) -> None:
    assert repr(_load(text, Loader)) == repr(_load(text, yaml.CSafeLoader))


def test_a_key_that_stands_twice() -> None:
    """Of which PyYAML would take the last, and a CI system whichever it likes."""
    with pytest.raises(yaml.YAMLError, match="a key stands twice"):
        yaml.load("a: {b: 1, c: 2, b: 3}\n", Loader)


WORDS = ("yes", "no", "on", "off", "true", "false", "null", "nothing", "e1", "inf")
FORMS = (str.lower, str.upper, str.title, str.swapcase, lambda word: word[0] + word[1:].upper())


@pytest.mark.parametrize(
    "word", [*"yYnN~", "0x1f", "\u00e9", ".inf", *(form(word) for word in WORDS for form in FORMS)]
)
def test_words_are_what_they_are_to_pyyaml(word: str) -> None:
    text = f"{word}: [{word}, '{word}', !!str {word}]"
    assert yaml.load(text, Loader) == yaml.safe_load(text)


def test_each_caller_has_data_of_its_own() -> None:
    text = "a: [1, {b: 2}]\n"
    for _ in range(2):
        found = document(text)
        assert found == {"a": [1, {"b": 2}]}
        found["a"][1]["b"] = 3
    assert documents("a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert document("") is None
    with pytest.raises(yaml.YAMLError, match="several documents"):
        document("a: 1\n---\nb: 2\n")


def test_a_text_that_does_not_parse_is_told_each_time() -> None:
    assert document("a: 1\n") == fast.data("a: 1\n") == {"a": 1}
    for _ in range(2):
        with pytest.raises(yaml.YAMLError):
            document("a: [\n")
        with pytest.raises(fast.Unread):
            fast.data("a: [\n")
    assert document("a: 1\n") == fast.data("a: 1\n") == {"a": 1}
