"""YAML text as plain data, in one pass over the parser's events: the core schema of YAML 1.2, where `on` is a text."""

from __future__ import annotations

import yaml

from mlgen.readback.unread import Unread
from mlgen.typed import Any

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML built without libyaml
    CParser = None  # type: ignore[assignment,misc]

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_WORDS |= {f(word): value for word, value in list(_WORDS.items()) for f in (str.capitalize, str.upper)}


_last: tuple[str, Any] = ("", None)
"""The text that was parsed last, and its data: a text is checked and then read."""


def data(text: str) -> Any:
    """The data of the text's only document; Unread where it is none, or says a key twice or what not all readers
    of YAML understand alike (anchors, tags, merged keys). The next one who asks for the same text has the same data."""
    global _last
    if _last[0] != text or not text:
        _last = text, _parsed(text)
    return _last[1]


def _parsed(text: str) -> Any:
    parser = _parser(text)
    try:
        for expected in (yaml.StreamStartEvent, yaml.DocumentStartEvent):
            if not isinstance(parser.get_event(), expected):
                raise Unread("the file is empty")
        found = _value(parser, parser.get_event())
        parser.get_event()  # the document's end
        if not isinstance(parser.get_event(), yaml.StreamEndEvent):
            raise Unread("the file has several documents")
        return found
    except yaml.YAMLError as error:
        raise Unread(f"the file does not parse: {' '.join(str(error).split())}") from error


def _parser(text: str) -> Any:
    if CParser is not None:
        return CParser(text)

    class Events(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
        def __init__(self) -> None:
            yaml.reader.Reader.__init__(self, text)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)

    return Events()


def _value(parser: Any, event: Any) -> Any:
    if isinstance(event, yaml.AliasEvent) or event.anchor or (event.tag and event.tag != "!"):
        raise Unread(f"{_line(event)}: an anchor or a tag, which cannot be read")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value) if event.implicit[0] else event.value
    get = parser.get_event
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := get(), yaml.SequenceEndEvent):
            items.append(_value(parser, event))
        return items
    found: dict[Any, Any] = {}
    while not isinstance(event := get(), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or event.tag or event.value == "<<":
            raise Unread(f"{_line(event)}: a key that is no plain text")
        if event.value in found:
            raise Unread(f"{_line(event)}: the key {event.value} is there twice")
        found[event.value] = _value(parser, get())
    return found


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _scalar(text: str) -> Any:
    """A plain scalar. https://yaml.org/spec/1.2.2/#103-core-schema"""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        try:
            if text.lstrip("+-").isdecimal():
                return int(text)
            if text[:2] in ("0x", "0o"):
                return int(text, 0)
            if text.lstrip("+-")[:1] in ".0123456789" and "_" not in text:
                return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            pass
    return text
