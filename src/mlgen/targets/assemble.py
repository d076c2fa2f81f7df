"""The schema of mlgen.yaml, joined from `schemas/base.yaml` and each target's own words.

`python -m mlgen.targets.assemble` writes `schemas/mlgen.schema.json` in a checkout; a test holds it current.
"""

import json
from pathlib import Path
from typing import Any

from mlgen import targets


def assemble(base: Path) -> dict[str, Any]:
    """The schema; a target's `schema.yaml` has `title`, `description`, `options` and `runner`.

    The fallbacks that the spec may choose come from the target's capability table.
    """
    import yaml

    schema: dict[str, Any] = yaml.safe_load(base.read_text("utf-8"))
    listed, mapped = schema["properties"]["targets"]["anyOf"]
    listed["items"] = {"enum": list(targets.names())}
    schema["properties"]["targets"]["examples"] = [list(targets.names()[:2])]
    runner = schema["properties"]["runners"]["additionalProperties"]["properties"]
    for name in targets.names():
        own = yaml.safe_load((Path(targets.__file__).parent / name / "schema.yaml").read_text("utf-8"))
        mapped["properties"][name] = _options(name, own)
        runner[name] = own["runner"]
    return schema


def _options(name: str, own: dict[str, Any]) -> dict[str, Any]:
    fallbacks = {
        capability.construct: {
            "title": capability.construct,
            "description": " ".join(f"{choice}: {meaning}." for choice, meaning in capability.fallbacks),
            "enum": [choice for choice, _ in capability.fallbacks],
        }
        for capability in targets.get(name).capabilities
        if capability.fallbacks
    }
    fallback = {
        "title": "Fallback",
        "description": "What to do where the target cannot say a construct.",
        "type": "object",
        "additionalProperties": False,
        "properties": fallbacks,
    }
    return {
        "title": own["title"],
        "description": own["description"],
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {**own["options"], "fallback": fallback},
    }


def text() -> str:
    """The schema's text, as the file holds it."""
    base = Path(__file__).resolve().parents[3] / "schemas" / "base.yaml"
    return json.dumps(assemble(base), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parents[3] / "schemas" / "mlgen.schema.json").write_text(text(), "utf-8")
