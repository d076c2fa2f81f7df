"""`mlgen explain KEY.PATH`: which layer a value of the spec comes from."""

from __future__ import annotations

import re

from mlgen.cli.commands import Options, spec_of
from mlgen.cli.report import print_json, visible
from mlgen.compiler import pinned_packs
from mlgen.packs.layers import Layer, default, is_key, layers
from mlgen.quoting import yaml_flow
from mlgen.spec import load_spec
from mlgen.spec.load import Route


def route(text: str) -> Route:
    """The way that `stages.train.fit.secrets[0]` names."""
    return tuple(int(step[1:-1]) if step[0] == "[" else step for step in re.findall(r"\[[0-9]+\]|[^.\[\]]+", text))


def is_known(text: str) -> bool:
    """Whether the text begins with a key of the language."""
    return bool(route(text)) and is_key(route(text)[:1])


def explain(options: Options, key: str) -> int:
    """Print what each layer says of the key, the one that holds first."""
    loaded = load_spec(options.directory, spec_of(options))
    way = route(key)
    found = layers(loaded, pinned_packs(options.directory, loaded), way)
    known, usual = default(way)
    if options.format == "json":
        rows = [{"layer": row.name, "at": str(row.position), "value": row.value} for row in found]
        print_json({"key": key, "layers": rows, "default": usual if known else None})
        return 0
    if not found:
        print(f"{key}: {_shown(usual)}\n  mlgen's default" if known else f"{key}: not said; mlgen has no fixed default")
        return 0
    merges = isinstance(found[0].value, dict) and len(found) > 1
    print(f"{key}: {'merged, the uppermost first' if merges else _shown(found[0].value)}")
    for index, row in enumerate(found):
        print(_line(row, index, merges))
    return 0


def _line(row: Layer, index: int, merges: bool) -> str:
    place = f"{visible(row.name)}, {row.position}" if row.name != row.position.file else str(row.position)
    if not index and not merges:
        return f"  from {place}"
    return f"  {'' if merges else 'over '}{_shown(row.value)}, from {place}"


def _shown(value: object) -> str:
    """The value on one line of YAML, cut where it is long."""
    text = yaml_flow(value)
    return text if len(text) <= 100 else text[:97] + "..."
