"""What the steps of a job have told."""

from __future__ import annotations

from mlgen.named import NamedTuple
from mlgen.readback import Cached, Fetched, Script, Served
from mlgen.targets.circleci.read import helpers
from mlgen.typed import Literal


class Moment(NamedTuple):
    """What decides, before the commands, whether they are reached: `take` (paths that must be there) or `when`."""

    what: Literal["take", "when"]
    paths: tuple[str, ...] = ()
    expression: str = ""
    compared: bool = False
    """Whether it is known with what a push is compared."""


class Steps(NamedTuple):
    """The steps of a job, read."""

    scripts: tuple[Script, ...] = ()
    portable: bool = False
    allow_failure: bool = False
    moments: tuple[Moment, ...] = ()
    taken: tuple[str, ...] = ()
    persisted: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    exports_file: str = ""
    names: tuple[tuple[str, str], ...] = ()
    files: frozenset[str] = frozenset()
    tokens: tuple[str, ...] = ()
    identities: frozenset[str] = frozenset()
    checkouts: tuple[Fetched, ...] = ()
    services: tuple[Served, ...] = ()
    waited: frozenset[int] = frozenset()
    """The ports for which it waits until they answer."""
    container: helpers.Container | None = None
    reports: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    caches: tuple[Cached, ...] = ()
    aside: helpers.Aside | None = None
    merged: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
