"""The schema of mlgen.yaml, joined from `schemas/base.yaml` and each target's own words.

`python -m mlgen.targets.assemble` writes `schemas/mlgen.schema.json` in a checkout; a test holds it current.
"""

from __future__ import annotations

import json
from pathlib import Path

from mlgen import targets
from mlgen.targets.contract import Target
from mlgen.typed import Any


def assemble(base: Path) -> dict[str, Any]:
    """The schema; a target's `schema.yaml` has `title`, `description`, `options` and `runner`.

    It may have `secret`, `step` and `native`: what stands under the target's name there. The fallbacks that the spec
    may choose come from the target's capability table.
    """
    import yaml

    schema: dict[str, Any] = yaml.safe_load(base.read_text("utf-8"))
    listed, mapped = schema["properties"]["targets"]["anyOf"]
    listed["items"] = {"enum": list(targets.names())}
    schema["properties"]["targets"]["examples"] = [list(targets.names()[:2])]
    schema["properties"]["overrides"]["examples"] = [{targets.names()[0]: {"file": {"x": 1}, "accept": "a trial"}}]
    runner = schema["properties"]["runners"]["additionalProperties"]["properties"]
    secret = schema["properties"]["secrets"]["additionalProperties"]["properties"]
    job = schema["$defs"]["job"]["properties"]
    for name in targets.names():
        own = yaml.safe_load((Path(targets.__file__).parent / name / "schema.yaml").read_text("utf-8"))
        mapped["properties"][name] = _options(name, own)
        runner[name] = own["runner"]
        secret[name] = own.get("secret") or _SECRET
        job["steps"]["items"]["properties"][name] = own.get("step") or _own_words(own, "The step")
        job["native"]["properties"][name] = own.get("native") or _own_words(own, "The job")
        schema["properties"]["overrides"]["properties"][name] = _overrides(targets.get(name))
    return schema


_SECRET: dict[str, Any] = {
    "title": "Secret",
    "description": "What the CI system calls the secret.",
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
            "title": "Id",
            "description": "The name of the CI system's own secret or variable.",
            "examples": ["TOKEN"],
        }
    },
    "examples": [{"id": "TOKEN"}],
}


def _overrides(target: Target) -> dict[str, Any]:
    """What may be changed in the target's native file."""
    found: dict[str, Any] = {}
    if target.locate is not None:
        patch: dict[str, Any] = {"type": "object", "minProperties": 1, "additionalProperties": True}
        text = "A merge patch of the whole file: mappings are joined by key, null removes, all else replaces."
        found["file"] = {**patch, "title": "File", "description": text, "examples": [{"name": "x"}]}
        found["jobs"] = {
            **patch,
            "title": "Jobs",
            "description": "A merge patch of a job's own mapping in that file, by STAGE.JOB.",
            "propertyNames": {"$ref": "#/$defs/job_name"},
            "additionalProperties": patch,
            "examples": [{"train.fit": {"name": "x"}}],
        }
    if target.hooks:
        found["hooks"] = {
            "title": "Hooks",
            "description": "Text in the file's own language, by the place where it stands.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                hook.name: {
                    "title": hook.name,
                    "description": hook.description,
                    "type": "string",
                    "pattern": "\\S",
                    "examples": [hook.example],
                }
                for hook in target.hooks
            },
        }
    reason = "Why a change that could alter the pipeline's meaning is right."
    found["accept"] = {"title": "Accept", "description": reason, "type": "string", "minLength": 1, "examples": ["x"]}
    return {
        "title": target.title,
        "description": f"What the spec itself changes in the files of {target.title}.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": found,
    }


def _own_words(own: dict[str, Any], what: str) -> dict[str, Any]:
    """A mapping that only the target itself reads."""
    return {
        "title": own["title"],
        "description": f"{what} in the words of {own['title']}.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": True,
        "examples": [{"key": "value"}],
    }


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
