"""Rendered YAML read back as plain data."""

from __future__ import annotations

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlgen.typed import Any

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT, _LIST, _MAP = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_MERGE = "tag:yaml.org,2002:merge"
_WORDS = {"null": "tag:yaml.org,2002:null"}
_WORDS |= dict.fromkeys(("yes", "no", "true", "false", "on", "off"), "tag:yaml.org,2002:bool")


class Loader(_Safe):  # type: ignore[misc]
    """PyYAML's safe loader, for `yaml.load`; texts, lists and mappings take half the time."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> Any:
        """The tag of a node without one; nearly all scalars begin with a letter, and are text or a word."""
        if kind is ScalarNode and implicit[0] and value[:1].isalpha():
            word = value.lower() in _WORDS and value in (value.lower(), value.upper(), value.capitalize())
            return _WORDS[value.lower()] if word else _TEXT
        return super().resolve(kind, value, implicit)

    def construct_document(self, node: Node) -> Any:
        """The data of a document."""
        return self._data(node)

    def _data(self, node: Node) -> Any:
        if isinstance(node, ScalarNode) and node.tag == _TEXT:
            return node.value
        if isinstance(node, SequenceNode) and node.tag == _LIST:
            return [self._data(item) for item in node.value]
        if isinstance(node, MappingNode) and node.tag == _MAP and all(map(_is_plain, node.value)):
            found = {self._data(key): self._data(value) for key, value in node.value}
            if len(found) < len(node.value):
                raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
            return found
        return self.construct_object(node, deep=True)


def _is_plain(pair: tuple[Node, Node]) -> bool:
    key = pair[0]
    return isinstance(key, ScalarNode) and key.tag != _MERGE


_last: tuple[str, type, list[Any]] = ("", Loader, [])
"""The text that was parsed last, by which loader, and its documents."""


def documents(text: str, loader: type[Loader] = Loader) -> list[Any]:
    """The documents of the text, as data of the caller's own; a yaml.YAMLError says where it does not parse.

    A text is checked and then read: it is parsed once.
    """
    global _last
    if _last[:2] != (text, loader):
        _last = text, loader, list(yaml.load_all(text, loader))
    return [_copied(document) for document in _last[2]]


def document(text: str) -> Any:
    """The only document of the text; None where it is empty, and a yaml.YAMLError where there are several."""
    found = documents(text)
    if len(found) > 1:
        raise yaml.composer.ComposerError(None, None, "it has several documents", None)
    return found[0] if found else None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
