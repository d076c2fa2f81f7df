"""The wheel's build hook: ships the templates compiled to Python, so that an installed mlgen parses none of them."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledTemplates(BuildHookInterface):
    """Adds `mlgen/_data/compiled/TAG/*.py` to a wheel; `mlgen.render` falls back to the sources without it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a temporary folder: the checkout, which may be read-only, stays as it is."""
        if version == "editable":  # there the templates are edited, and must be read from the checkout
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        try:
            from mlgen.render import compiled_tag, precompile
        finally:
            sys.path.pop(0)
        self.folder = tempfile.TemporaryDirectory(prefix="mlgen-templates-")
        precompile(self.folder.name)
        build_data["force_include"][self.folder.name] = f"mlgen/_data/compiled/{compiled_tag()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder, whose files are in the wheel by now."""
        if version != "editable":
            self.folder.cleanup()
