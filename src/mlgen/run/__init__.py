"""`mlgen run`: the pipeline on this machine, from the graph alone. It is what every CI system is held against."""

from __future__ import annotations
