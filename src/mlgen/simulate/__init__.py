"""What would run on an event: by the spec's meaning, and by each target's files as they were read back."""

from __future__ import annotations
