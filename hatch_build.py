"""The wheel's build hook: ships the templates as Python modules, so that an installed mlgen need not import Jinja."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledTemplates(BuildHookInterface):
    """Adds the modules to `mlgen/render/compiled/` of a wheel; without them `mlgen.render` reads the templates."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a temporary folder: the checkout, which may be read-only, stays as it is."""
        if version == "editable":  # there the templates are edited, and must be read from the checkout
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        try:
            from mlgen.render.sources import compiled
        finally:
            sys.path.pop(0)
        self.folder = tempfile.TemporaryDirectory(prefix="mlgen-templates-")
        for module, source in compiled().items():
            file = Path(self.folder.name, f"{module}.py")
            file.write_text(source, "utf-8")
            build_data["force_include"][str(file)] = f"mlgen/render/compiled/{module}.py"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder, whose files are in the wheel by now."""
        if version != "editable":
            self.folder.cleanup()
