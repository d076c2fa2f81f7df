"""Travis CI played on this machine, written from its documentation and sources alone: nothing here knows mlgen."""

from .build import SLUG, Build, run
from .conditions import ParseError, holds
from .config import ConfigError, Event, as_list, expand, imported, parse

__all__ = [
    "SLUG", "Build", "ConfigError", "Event", "ParseError", "as_list", "expand", "holds", "imported", "parse", "run",
]  # fmt: skip
