"""What a change of the spec, or of its packs, does to the pipeline: in words that a reviewer reads."""

from __future__ import annotations
