"""The file as GitLab takes it apart: header, jobs with what they extend and refer to, and the defaults beneath them.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.gitlab.document import Data, Reference, load
from mlgen.typed import Any

GLOBAL = frozenset(("default", "stages", "variables", "workflow"))
"""What may stand beside jobs. What brings text from elsewhere, and job keys for the whole file, are refused."""
REFUSED = frozenset(("after_script", "before_script", "cache", "image", "include", "services", "types"))
SCRIPTS = ("before_script", "script", "after_script")
DEFAULTED = (
    "after_script", "artifacts", "before_script", "cache", "hooks", "id_tokens", "image", "interruptible", "retry",
    "services", "tags", "timeout",
)  # fmt: skip
"""What a job takes from `default`: https://docs.gitlab.com/ci/yaml/#default; `timeout` is inert there."""
MOST_LEVELS = 10
"""Of `extends` and `!reference`: https://docs.gitlab.com/ci/yaml/yaml_optimization/"""


class File(NamedTuple):
    """What the file says: its inputs, its own variables and stages, and each job with everything it takes."""

    inputs: Mapping[str, Data]
    stages: tuple[str, ...]
    workflow: Data
    variables: Mapping[str, Any]
    jobs: Mapping[str, Data]


def documents(text: str) -> tuple[Data, Data]:
    """The header, empty if there is none, and the configuration; Unread if they do not parse to that."""
    try:
        return load(text)
    except ValueError as fault:
        raise Unread(str(fault)) from fault


def read(text: str) -> File:
    """The file; Unread where it says something that this reader does not know."""
    return parsed(*documents(text))


def parsed(header: Data, config: Data) -> File:
    """The file of this header and configuration; Unread as for `read`."""
    if set(header.get("spec", {})) - {"inputs"}:
        raise Unread(f"spec: unknown keys {', '.join(set(header['spec']) - {'inputs'})}")
    inputs = header.get("spec", {}).get("inputs") or {}
    if refused := sorted(set(config) & REFUSED):
        raise Unread(f"{refused[0]}: this key of the whole file is not read")
    default = config.get("default") or {}
    known(default, DEFAULTED, "default")
    if bad := sorted(str(name) for name in config if not isinstance(name, str)):
        raise Unread(f"{bad[0]}: a name that is no text")
    jobs = {}
    for name, said in config.items():
        if name not in GLOBAL and not name.startswith("."):
            if not isinstance(said, dict):
                raise Unread(f"{name}: not a job")
            jobs[name] = _effective(name, said, config, default)
    stages = config.get("stages", ["build", "test", "deploy"])
    for part in ("workflow", "variables"):
        if not isinstance(config.get(part, {}), dict):
            raise Unread(f"{part}: not a mapping")
    if header:
        _no_blocks({name: said for name, said in config.items() if not name.startswith(".")})
        _no_blocks(jobs)  # with what they extend
    return File(inputs, (".pre", *stages, ".post"), config.get("workflow", {}), config.get("variables", {}), jobs)


def known(said: Mapping[str, Any], keys: tuple[str, ...] | frozenset[str], where: str) -> None:
    """Unread if the mapping has a key that is not among these."""
    if not isinstance(said, dict):
        raise Unread(f"{where}: not a mapping")
    for key in said:
        if key not in keys:
            raise Unread(f"{where}: the key {key} is not known")


def _effective(name: str, said: Data, config: Data, default: Data) -> Data:
    """The job with what it extends, its references put in, and the defaults that it inherits."""
    whole = _extended(name, said, config, 0) if "extends" in said else said
    if _refers(whole):
        whole = _resolved(whole, config, 0)
    inherit = whole.get("inherit", {})
    known(inherit, ("default", "variables"), f"{name}: inherit")
    taken = inherit.get("default", True)
    keys = default if taken is True else () if taken is False else taken
    found = {key: default[key] for key in keys if key in default and key not in whole and key != "timeout"}
    for key in SCRIPTS:
        lines = whole.get(key, found.get(key))
        if lines is not None:
            found[key] = list(_lines(lines, f"{name}: {key}"))
    return {**whole, **found}


def _extended(name: str, said: Data, config: Data, depth: int) -> Data:
    """https://docs.gitlab.com/ci/yaml/#extends: mappings are merged, all else is replaced, the last one wins."""
    if depth > MOST_LEVELS:
        raise Unread(f"{name}: extends goes on for more than {MOST_LEVELS} levels")
    found: Data = {}
    bases = said.get("extends", ())
    for base in [bases] if isinstance(bases, str) else bases:
        if not isinstance(config.get(base), dict):
            raise Unread(f"{name}: it extends {base}, which is not there")
        found = _merged(found, _extended(base, config[base], config, depth + 1))
    return _merged(found, {key: value for key, value in said.items() if key != "extends"})


def _merged(below: Data, above: Data) -> Data:
    found = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _merged(found[key], value) if both else value
    return found


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_refers, value.values()))
    return isinstance(value, Reference) or (isinstance(value, list) and any(map(_refers, value)))


def _resolved(value: Any, config: Data, depth: int) -> Any:
    if isinstance(value, Reference):
        if depth > MOST_LEVELS:
            raise Unread(f"!reference {'.'.join(value.way)} goes on for more than {MOST_LEVELS} levels")
        found: Any = config
        for step in value.way:
            if not isinstance(found, dict) or step not in found:
                raise Unread(f"!reference {'.'.join(value.way)} leads nowhere")
            found = found[step]
        return _resolved(found, config, depth + 1)
    if isinstance(value, dict):
        return {key: _resolved(item, config, depth) for key, item in value.items()}
    return [_resolved(item, config, depth) for item in value] if isinstance(value, list) else value


def _lines(value: Any, where: str) -> Iterator[str]:
    """The entries of a script: one text, or a list of texts and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item, where)
    else:
        raise Unread(f"{where}: {value!r} is no line of a script")


OPENING = "$[["


def block(value: object) -> str:
    """The input that a value consists of, as `$[[ inputs.NAME ]]`; empty if it is none.

    https://docs.gitlab.com/ci/inputs/: it is replaced before the file is parsed.
    """
    if not isinstance(value, str) or OPENING not in value:
        return ""
    kind, _, name = value.strip().removeprefix(OPENING).removesuffix("]]").strip().partition(".")
    if kind != "inputs" or (not name.isidentifier() and not name.replace("-", "_").isidentifier()):
        raise Unread(f"`{value.strip()}` would be replaced")
    return name


def _no_blocks(value: Any, route: str = "") -> None:
    """Unread if anything holds what GitLab replaces; variables may, as their whole value."""
    if isinstance(value, dict):
        for key, item in value.items():
            if route or key != "variables":
                _no_blocks(item, f"{route}.{key}" if route else str(key))
    elif isinstance(value, list):
        for item in value:
            _no_blocks(item, route)
    elif isinstance(value, str) and OPENING in value:
        raise Unread(f"{route}: `{OPENING}` would be replaced")
