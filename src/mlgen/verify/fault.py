"""One difference between what the spec means and what an emitted file says."""

from __future__ import annotations

from collections.abc import Iterable

from mlgen.named import NamedTuple
from mlgen.readback import Route


class Fault(NamedTuple):
    """`aspect` is what differs, `job` the spec's id (empty: the file as a whole), `route` where the file says it."""

    aspect: str
    job: str
    message: str
    route: Route = ()


def listed(names: Iterable[str]) -> str:
    """The names for a message."""
    return ", ".join(sorted(names)) or "nothing"


def host_name(name: str) -> str:
    """The name as one of a host, which knows no underscores and no case."""
    return name.replace("_", "-").lower()
