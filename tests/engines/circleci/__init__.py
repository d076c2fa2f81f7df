"""CircleCI played on this machine, written from its documentation alone: nothing here knows mlgen."""

from .config import ConfigError, Invocation, Pipeline, event, parsed
from .expressions import ExpressionError, evaluate, inserted
from .machine import Machine

__all__ = [
    "ConfigError",
    "ExpressionError",
    "Invocation",
    "Machine",
    "Pipeline",
    "evaluate",
    "event",
    "inserted",
    "parsed",
]
