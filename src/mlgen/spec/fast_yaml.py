"""PyYAML, imported in less than half the time.

PyYAML compiles its regular expressions when it is imported. The one of all characters that YAML allows takes longer
than the rest of PyYAML, and libyaml, which does the reading, needs none of them; so each is compiled when it is first
used instead.
"""

import re
from typing import Any


class _Later:
    """A regular expression that is compiled when one of its methods is first looked up."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        method = getattr(_compile(*self._given), name)
        setattr(self, name, method)  # so that this is not called again
        return method


_compile: Any = re.compile
try:
    re.compile = _Later  # type: ignore[assignment]
    import yaml
    from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
finally:
    re.compile = _compile

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML built without libyaml
    CParser = None  # type: ignore[assignment,misc]

__all__ = ["CParser", "CollectionNode", "MappingNode", "Node", "ScalarNode", "SequenceNode", "yaml"]
