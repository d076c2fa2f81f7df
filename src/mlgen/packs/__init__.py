"""An organisation's packs: what lies beneath a project's spec, pinned in `mlgen.lock`.

Imported only for a spec that has `extends`, and by the `pack` commands.
"""

from __future__ import annotations
