"""Where the lines of the emitted files come from, and what the lines of a spec became: for explaining only."""

from __future__ import annotations
