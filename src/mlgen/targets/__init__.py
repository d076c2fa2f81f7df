"""The CI systems, found by discovery: each folder here that holds a `schema.yaml` is one."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module

from mlgen.targets.contract import Target

_HERE = os.path.dirname(os.path.abspath(__file__))


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The names of all targets, sorted."""
    return tuple(sorted(e for e in os.listdir(_HERE) if os.path.exists(os.path.join(_HERE, e, "schema.yaml"))))


def get(name: str) -> Target:
    """The target of this name; KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    target: Target = import_module(f"mlgen.targets.{name}").TARGET
    return target
