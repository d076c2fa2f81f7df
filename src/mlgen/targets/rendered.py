"""Rendered YAML read back as plain data."""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

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
