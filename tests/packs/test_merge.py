"""A spec over packs: maps merge by key, all else replaces, with the four rules that `packs.merge` tells."""

from typing import Any

import pytest
import yaml

from mlgen.packs.merge import in_order, placed, spec_over, without_empty_stages
from mlgen.spec.load import load, loaded


def merged(upper: str, lower: str) -> Any:
    below, above = load(lower, "pack.yaml"), load(upper, "mlgen.yaml")
    assert below.root is not None and above.root is not None
    root = without_empty_stages(spec_over(above.root, placed(below.root, "pack.yaml")))
    return loaded(upper, "mlgen.yaml", root).data


CASES = [
    ("env: {A: 1}", "env: {A: 2, B: 3}", "env: {A: 1, B: 3}"),
    ("runtime: {setup: [a]}", "runtime: {setup: [b, c], python: '3'}", "runtime: {setup: [a], python: '3'}"),
    ("runtime: {image: a}", "runtime: {image: {name: b, user: c}}", "runtime: {image: a}"),
    ("runtime: {image: {name: a}}", "runtime: {image: {name: b, user: c}}", "runtime: {image: {name: a, user: c}}"),
    ("environments: {p: }", "environments: {p: {approval: true}}", "environments: {p: {approval: true}}"),
    ("environments: ", "environments: {p: {approval: true}}", "environments: {p: {approval: true}}"),
    ("env: {A: }", "env: {A: x}", "env: {A: null}"),
    ("project: wine", "project: {owners: [a], name: b}", "project: {name: wine, owners: [a]}"),
    ("project: {name: wine}", "project: b", "project: {name: wine}"),
    ("targets: [a, b]", "targets: {b: {x: 1}, c: {}}", "targets: {a: {}, b: {x: 1}}"),
    ("targets: [a]", "targets: [b]", "targets: [a]"),
    ("targets: [a]", "targets: {b: {x: 1}}", "targets: [a]"),
    ("targets: {a: {y: 2}}", "targets: {a: {x: 1}, c: {}}", "targets: {a: {y: 2, x: 1}}"),
    ("targets: {a: {y: 2}}", "targets: [a, c]", "targets: {a: {y: 2}}"),
    ("version: 1", "targets: [a]", "{version: 1, targets: [a]}"),
    ("x-a: &a {k: 1}\nenv: {<<: *a, B: 2}", "env: {k: 3, c: 4}", "{x-a: {k: 1}, env: {k: 1, B: 2, c: 4}}"),
    ("env: {A: 1}", "x-b: &b {B: 2}\nenv: {<<: *b}", "{env: {A: 1, B: 2}, x-b: {B: 2}}"),
    ("stages: {train: {a: {run: x}}}", "stages: {train: {}, scan: {}}", "stages: {train: {a: {run: x}}}"),
]


@pytest.mark.parametrize(("upper", "lower", "result"), CASES)
def test_what_holds(upper: str, lower: str, result: str) -> None:
    assert merged(upper, lower) == yaml.safe_load(result)


@pytest.mark.parametrize(
    ("upper", "lower", "order"),
    [
        ("train test deploy", "test", "train test deploy"),
        ("train test deploy", "scan", "train test scan deploy"),
        ("train test", "scan", "train test scan"),
        ("train test deploy monitor", "deploy scan", "train test deploy scan monitor"),
        ("train test image deploy", "scan test", "train scan test image deploy"),
        ("train deploy", "data test monitor", "data train test deploy monitor"),
        ("prepare publish", "test deploy", "prepare publish test deploy"),
        ("deploy test", "train", "train deploy test"),
        ("test", "a b test c d", "a b test c d"),
    ],
)
def test_where_a_packs_stage_goes(upper: str, lower: str, order: str) -> None:
    found = in_order(upper.split(), lower.split())
    assert found == order.split()
    texts = ["stages:" + "".join(f"\n  {name}: {{j: {{}}}}" for name in names.split()) for names in (upper, lower)]
    assert list(merged(*texts)["stages"]) == found
