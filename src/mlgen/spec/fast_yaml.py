"""PyYAML, imported in less than half the time.

PyYAML compiles its regular expressions when it is imported. The one of all characters that YAML allows takes longer
than the rest of PyYAML, and libyaml, which does the reading, needs none of them; so each is compiled when it is first
used instead.
"""

from __future__ import annotations

import re

from mlgen.regex import regex
from mlgen.typed import Any

_compile: Any = re.compile
try:
    re.compile = regex
    import yaml
    from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
finally:
    re.compile = _compile

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML built without libyaml
    CParser = None  # type: ignore[assignment,misc]

__all__ = ["CParser", "CollectionNode", "MappingNode", "Node", "ScalarNode", "SequenceNode", "yaml"]
