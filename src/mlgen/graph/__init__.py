"""The pipeline as people look at it: text for a terminal, diagrams, and a page with everything about it."""

from __future__ import annotations
