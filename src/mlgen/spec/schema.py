"""The JSON Schema of mlgen.yaml, as it is shipped. `mlgen.targets.assemble` makes it."""

from __future__ import annotations

from mlgen.resources import data_path


def schema_text() -> str:
    """The assembled schema."""
    with open(data_path("schemas", "mlgen.schema.json"), encoding="utf-8") as file:
        return file.read()
