"""The spec's data against the schema: fast when it is valid, in plain words when it is not."""

from collections.abc import Iterable, Iterator
from typing import Any

from mlgen.diagnostics import Diagnostic, error
from mlgen.spec import numbers, unbuilt
from mlgen.spec.load import Loaded, Route
from mlgen.spec.schema import schema_text


def validate(loaded: Loaded) -> list[Diagnostic]:
    """Every fault of the data's form; empty when the spec satisfies the schema and each number stays as written."""
    import jsonschema_rs

    text = schema_text()
    endless = list(numbers.endless(loaded))
    if endless:
        return endless
    validator = jsonschema_rs.validator_for(text)
    if validator.is_valid(loaded.data):
        return list(numbers.changed(loaded))
    found = list(_explain(loaded, text))
    if not found:  # the two validators differ; the stricter one counts
        for fault in validator.iter_errors(loaded.data):
            found.append(error("MLG102", loaded.position(tuple(fault.instance_path)), fault.message))
    return found


def _explain(loaded: Loaded, text: str) -> Iterator[Diagnostic]:
    import json

    schema = json.loads(text)
    if not isinstance(loaded.data, dict):
        hint = "start with `version: 1`" if loaded.root is None else "start with `version: 1`; every line is `key: value`"
        message = "the spec is empty" if loaded.root is None else "the spec must be a mapping"
        yield error("MLG102", loaded.position(()), message, hint)
        return
    known = tuple(schema["properties"]["targets"]["anyOf"][0]["items"]["enum"])
    later = unbuilt.find(loaded.data, known)
    for route in later:
        at = loaded.position(route, key=True)
        yield error("MLG901", at, f"{_name(route)} is not built yet", "this version of mlgen does not compile it; remove it")
    for fault in _validator()(schema).iter_errors(loaded.data):
        for leaf in _leaves(fault):
            if not any(_inside(leaf, route) for route in later):
                yield from _say(loaded, leaf)


def _validator() -> Any:
    """The Python validator, which tells more of a fault, with patterns as JSON Schema means them."""
    import re

    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, value: object, __: Any) -> Iterator[ValidationError]:
        # To Python, `$` also stands before a final line break.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", wanted), value):
            yield ValidationError(f"{value!r} does not match {wanted!r}")

    return validators.extend(Draft202012Validator, {"pattern": pattern})


def _inside(fault: Any, route: Route) -> bool:
    """Whether the fault is about a construct that is reported as not built."""
    path = tuple(fault.absolute_path)
    if path[: len(route)] == route:
        return True
    if fault.validator == "additionalProperties":
        return all((*path, key) == route for key in _unknown_keys(fault))
    return False


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
    same_place = len(inner.absolute_path) == len(outer.absolute_path)
    return same_place and inner.validator in ("type", "enum", "const") and not isinstance(inner.instance, str)


def _unknown_keys(fault: Any) -> list[str]:
    import re

    known = fault.schema.get("properties", {})
    free = fault.schema.get("patternProperties", {})
    return [key for key in fault.instance if key not in known and not any(re.search(p, key) for p in free)]


def _say(loaded: Loaded, fault: Any) -> Iterator[Diagnostic]:
    path = tuple(fault.absolute_path)
    name = _name(path)
    kind = fault.validator
    at = loaded.position(path)
    if kind == "additionalProperties":
        for key in _unknown_keys(fault):
            hint = _did_you_mean(key, fault.schema.get("properties", {}))
            code, message = _unknown(path, key)
            yield error(code, loaded.position((*path, key), key=True), message, hint)
    elif kind == "required":
        missing = [key for key in fault.validator_value if key not in fault.instance]
        for key in missing:
            yield error("MLG103", loaded.position(path, key=True), f"{name} lacks the key `{key}`", _describe(fault.schema, key))
    elif "propertyNames" in fault.absolute_schema_path:
        at = loaded.position((*path, fault.instance), key=True)
        yield error("MLG102", at, f"{fault.instance!r} is not a name that can stand in {name}", _wanted(fault))
    elif path[:1] == ("targets",) and kind == "enum":
        hint = _did_you_mean(str(fault.instance), map(str, fault.validator_value))
        code, what = ("MLG403", "fallback") if "fallback" in path else ("MLG405", "target")
        if len(path) == 2 or "fallback" in path:
            yield error(code, at, f"{name}: there is no {what} {_shown(fault.instance)}", hint)
        else:
            yield error("MLG102", at, f"{name}: {_wrong(fault)}", hint)
    elif path and path[-1] == "python" and isinstance(fault.instance, (int, float)):
        written = loaded.written(path)
        yield error("MLG104", at, f"{name}: YAML reads {written} as a number", f'quote it: python: "{written}"')
    else:
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


def _did_you_mean(key: str, known: Iterable[str]) -> str:
    import difflib

    names = list(known)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known keys: {', '.join(sorted(names))}" if names else "no keys may stand here"


def _describe(schema: dict[str, Any], key: str) -> str:
    found = schema.get("properties", {}).get(key, {})
    example = found.get("examples")
    return f"for example `{key}: {_shown(example[0])}`" if example else str(found.get("description", ""))


def _shown(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(fault: Any) -> str:
    value = "nothing" if fault.instance is None else _shown(fault.instance)
    if fault.validator == "enum":
        return f"{value} is none of {', '.join(map(str, fault.validator_value))}"
    if fault.validator == "const":
        return f"{value} must be {_shown(fault.validator_value)}"
    if fault.validator == "type":
        return f"{value} is not {_kinds(fault.validator_value)}"
    if fault.validator in ("minItems", "minProperties", "minLength"):
        return "it may not be empty"
    if fault.validator == "uniqueItems":
        return "an item stands twice"
    if fault.validator in ("minimum", "maximum", "maxLength", "maxItems"):
        return f"{value} is outside its bounds ({fault.validator} {fault.validator_value})"
    return f"{value} is not of the right form"


def _kinds(kinds: str | list[str]) -> str:
    words = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "empty"}
    return " or ".join(words[k] for k in ([kinds] if isinstance(kinds, str) else kinds))


def _wanted(fault: Any) -> str:
    schema = fault.schema
    if fault.validator == "enum":
        return _did_you_mean(str(fault.instance), map(str, fault.validator_value)) if isinstance(fault.instance, str) else ""
    if fault.validator == "type" and fault.instance is not None and "string" in schema.get("type", ()):
        return f'quote it: "{fault.instance}"' if isinstance(fault.instance, (int, float)) else ""
    if schema.get("examples"):
        return f"for example {_shown(schema['examples'][0])}"
    forms = {
        "^[0-9]{1,6}(s|m|h|d)$": "a duration is a whole number and a unit: 30s, 20m, 2h, 7d",
        "^[A-Za-z][A-Za-z0-9_-]*$": "a name starts with a letter and holds letters, digits, - and _",
        "^[A-Za-z_][A-Za-z0-9_]*$": "a variable's name holds letters, digits and _, and starts with no digit",
    }
    return forms.get(str(schema.get("pattern", "")), str(schema.get("description", "")))
