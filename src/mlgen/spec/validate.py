"""The spec's data against the schema: fast when it is valid, in plain words when it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.quoting import yaml_flow
from mlgen.spec import numbers
from mlgen.spec.accept import accepts
from mlgen.spec.load import Route, Text
from mlgen.spec.schema import schema_text
from mlgen.typed import Any


def validate(loaded: Text) -> list[Diagnostic]:
    """Every fault of the data's form; empty when the spec satisfies the schema and each number stays as written."""
    endless = list(numbers.endless(loaded))
    if endless:
        return endless
    schema = json.loads(schema_text())
    if not accepts(schema, loaded.data):
        found = list(_explain(loaded, schema))
        if found:
            return found
    return list(numbers.changed(loaded))


def _explain(loaded: Text, schema: dict[str, Any]) -> Iterator[Diagnostic]:
    from mlgen.spec import unbuilt

    if not isinstance(loaded.data, dict):
        hint = (
            "start with `version: 1`" if loaded.root is None else "start with `version: 1`; every line is `key: value`"
        )
        message = "the spec is empty" if loaded.root is None else "the spec must be a mapping"
        yield error("MLG102", loaded.position(()), message, hint)
        return
    later = unbuilt.find(loaded.data)
    for route in later:
        at = loaded.position(route, key=True)
        yield error(
            "MLG901", at, f"{_name(route)} is not built yet", "this version of mlgen does not compile it; remove it"
        )
    for fault in _validator()(schema).iter_errors(loaded.data):
        for leaf in _leaves(fault):
            if not any(tuple(leaf.absolute_path)[: len(route)] == route for route in later):
                yield from _say(loaded, leaf, later)


def _validator() -> Any:
    """The Python validator, which tells more of a fault, with patterns as JSON Schema means them."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, value: object, __: Any) -> Iterator[ValidationError]:
        # To Python, `$` also stands before a final line break.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", wanted), value):
            yield ValidationError(f"{value!r} does not match {wanted!r}")

    extend: Any = validators.extend
    return extend(Draft202012Validator, {"pattern": pattern})


def _leaves(fault: Any) -> Iterator[Any]:
    """The faults that a reader can act on: inside `anyOf`, those of the alternative that was meant."""
    if fault.validator != "anyOf" or not fault.context:
        yield fault
        return
    branches: dict[int, list[Any]] = {}
    for inner in fault.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [found for found in branches.values() if not any(_wrong_kind(f, fault) for f in found)]
    if not meant:
        yield fault
        return
    for inner in min(meant, key=lambda found: (len(found), -max(len(f.absolute_path) for f in found))):
        yield from _leaves(inner)


def _wrong_kind(inner: Any, outer: Any) -> bool:
    """Whether the alternative was not meant: the value is of another kind, or not the one word that it takes."""
    same_place = len(inner.absolute_path) == len(outer.absolute_path)
    return same_place and (
        inner.validator in ("type", "const") or (inner.validator == "enum" and not isinstance(inner.instance, str))
    )


def _unknown_keys(fault: Any) -> list[str]:
    known = fault.schema.get("properties", {})
    free = fault.schema.get("patternProperties", {})
    return [key for key in fault.instance if key not in known and not any(re.search(p, key) for p in free)]


def _say(loaded: Text, fault: Any, later: list[Route]) -> Iterator[Diagnostic]:
    path = tuple(fault.absolute_path)
    name = _name(path)
    kind = fault.validator
    at = loaded.position(path)
    if kind == "additionalProperties":
        for key in _unknown_keys(fault):
            if (*path, key) in later:
                continue
            hint = _did_you_mean(key, fault.schema.get("properties", {}))
            code, message = _unknown(path, key)
            yield error(code, loaded.position((*path, key), key=True), message, hint)
    elif kind == "required":
        missing = [key for key in fault.validator_value if key not in fault.instance]
        for key in missing:
            yield error(
                "MLG103", loaded.position(path, key=True), f"{name} lacks the key `{key}`", _describe(fault.schema, key)
            )
    elif "propertyNames" in fault.absolute_schema_path:
        if (*path, fault.instance) in later:
            return
        at = loaded.position((*path, fault.instance), key=True)
        yield error("MLG102", at, f"{fault.instance!r} is not a name that can stand in {name}", _wanted(fault))
    elif path[:1] == ("targets",) and kind == "enum":
        hint = _did_you_mean(str(fault.instance), map(str, fault.validator_value), "known")
        code, what = ("MLG403", "fallback") if "fallback" in path else ("MLG405", "target")
        if len(path) == 2 or "fallback" in path:
            yield error(code, at, f"{name}: there is no {what} {_shown(fault.instance)}", hint)
        else:
            yield error("MLG102", at, f"{name}: {_wrong(fault)}", hint)
    elif path and path[-1] == "python" and isinstance(fault.instance, (int, float)):
        written = loaded.written(path)
        yield error("MLG104", at, f"{name}: YAML reads {written} as a number", f'quote it: python: "{written}"')
    elif not (kind == "pattern" and fault.instance == "" and "minLength" in fault.schema):
        yield error("MLG102", at, f"{name}: {_wrong(fault)}", _wanted(fault))


def _unknown(path: Route, key: str) -> tuple[str, str]:
    """The code and message for a key that the schema does not know: some are names of the targets' own tables."""
    if path == ("targets",):
        return "MLG405", f"there is no target {key!r}"
    if path[:1] == ("targets",) and path[-1] == "fallback":
        return "MLG403", f"{_name(path)}: there is no fallback for {key!r}"
    return "MLG101", f"unknown key {key!r} in {_name(path)}"


def _name(path: Route) -> str:
    """The path as a reader writes it: `stages.train.fit.secrets[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "the spec"


_SYNONYMS = {
    "after_script": "finally", "artifacts": "outs", "cmd": "run", "command": "run", "commands": "run",
    "container": "image", "dependencies": "deps", "depends_on": "needs", "if": "when", "inputs": "deps",
    "on": "triggers", "only": "when", "outputs": "outs", "parallel": "matrix", "requires": "needs",
    "retries": "retry", "rules": "when", "runs-on": "runner", "runs_on": "runner", "script": "run",
    "strategy": "matrix", "tags": "runner", "timeout-minutes": "timeout", "timeout_minutes": "timeout",
    "variables": "env",
}  # fmt: skip
"""What other languages call a key."""


def _did_you_mean(key: str, known: Iterable[str], lead: str = "known keys") -> str:
    import difflib

    names = list(known)
    if _SYNONYMS.get(key) in names:
        return f"did you mean `{_SYNONYMS[key]}`?"
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"{lead}: {', '.join(sorted(names))}" if names else "no keys may stand here"


def _describe(schema: dict[str, Any], key: str) -> str:
    found = schema.get("properties", {}).get(key, {})
    example = found.get("examples")
    return f"for example `{key}: {_shown(example[0])}`" if example else str(found.get("description", ""))


def _shown(value: Any) -> str:
    """The value on one line of YAML."""
    text = yaml_flow(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(fault: Any) -> str:
    if fault.instance is None:
        return "it has no value"
    value = (
        f'"{fault.instance}"'
        if isinstance(fault.instance, str) and len(fault.instance) <= 60
        else _shown(fault.instance)
    )
    wanted = fault.validator_value
    if fault.validator == "anyOf":
        return f"{value} is not {_either(_alternatives(fault))}"
    if fault.validator == "enum":
        return f"{value} is none of {', '.join(c if isinstance(c, str) else _shown(c) for c in wanted)}"
    if fault.validator == "const":
        return f"{value} is not {_shown(wanted)}"
    if fault.validator == "type":
        return f"{value} is not {_either(_kinds(wanted))}"
    if fault.validator in ("minItems", "minProperties", "minLength") or (
        fault.instance.__class__ is str and not fault.instance.strip()
    ):
        return "it may not be empty"
    if fault.validator == "uniqueItems":
        return "an item stands twice"
    if fault.validator in ("minimum", "maximum"):
        return f"{value} is {'less' if fault.validator == 'minimum' else 'more'} than {wanted}"
    if fault.validator == "maxLength":
        return f"it has {len(fault.instance)} characters; at most {wanted} are allowed"
    return f"{value} is not of the right form"


def _alternatives(fault: Any) -> list[str]:
    """The kinds that the value could have been of, from an `anyOf` of which none was meant."""
    found: list[str] = []
    for inner in fault.context:
        if len(inner.absolute_path) == len(fault.absolute_path):
            if inner.validator == "anyOf":
                found += _alternatives(inner)
            elif inner.validator == "type":
                found += _kinds(inner.validator_value)
            else:
                found.append(f"`{_shown(inner.validator_value)}`")
    return found


def _kinds(kinds: str | list[str]) -> list[str]:
    words = {
        "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
        "boolean": "true or false", "null": "empty",
    }  # fmt: skip
    given = [kinds] if isinstance(kinds, str) else kinds
    return [words[k] for k in given if not (k == "integer" and "number" in given)]


def _either(words: Iterable[str]) -> str:
    parts = list(dict.fromkeys(words))
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1]


def _wanted(fault: Any) -> str:
    schema, value = fault.schema, fault.instance
    if fault.validator == "enum":
        close = _did_you_mean(str(value), map(str, fault.validator_value), "")
        return close if close.startswith("did you mean") else ""
    if fault.validator == "const":
        return "without quotes" if str(value) == str(fault.validator_value) else ""
    text = _alternatives(fault) if fault.validator == "anyOf" else _kinds(schema["type"]) if "type" in schema else []
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off") and "true or false" in text:
        return f"write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    fits = re.search(schema.get("pattern", ""), str(value))
    if fault.validator == "type" and isinstance(value, (int, float)) and "text" in text and fits:
        return f'quote it: "{value}"'
    if schema.get("examples"):
        return f"for example `{_shown(schema['examples'][0])}`"
    return str(schema.get("description", ""))
