"""The text of a .gitlab-ci.yml as plain data: its header and its configuration."""

from __future__ import annotations

import yaml

from mlgen.named import NamedTuple
from mlgen.targets.rendered import Loader, documents
from mlgen.typed import Any

Data = dict[str, Any]


class Reference(NamedTuple):
    """`!reference [job, key, …]`: https://docs.gitlab.com/ci/yaml/yaml_optimization/#reference-tags"""

    way: tuple[str, ...]


class _Loader(Loader):
    """The fast loader, with GitLab's own tag."""


def _reference(loader: Any, node: Any) -> Reference:
    return Reference(tuple(map(str, loader.construct_sequence(node, deep=True))))


_Loader.add_constructor("!reference", _reference)


def load(text: str) -> tuple[Data, Data]:
    """The header, empty if there is none, and the configuration; ValueError if they do not parse to that."""
    try:
        found = documents(text, _Loader)
    except yaml.YAMLError as fault:
        raise ValueError(f"it is not YAML: {' '.join(str(fault).split())}") from fault
    if not 1 <= len(found) <= 2 or not all(isinstance(document, dict) for document in found):
        raise ValueError("it is not one mapping, or two with a header first")
    header = found[0] if len(found) == 2 else {}
    if header and (set(header) != {"spec"} or not isinstance(header["spec"], dict)):
        raise ValueError("its header is not `spec`")
    return header, found[-1]
