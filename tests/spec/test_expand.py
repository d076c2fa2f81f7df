"""Shorthands: each means the same as its long form."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.spec import source

BASE = {"version": 1, "project": "wine", "targets": ["github"], "stages": {"data": {"fetch": {"run": "./fetch"}}}}


def expanded(tmp_path: Path, **change: Any) -> dict[str, Any]:
    (tmp_path / "mlgen.yaml").write_text(yaml.safe_dump({**BASE, **change}, sort_keys=False), "utf-8")
    return source(tmp_path, "mlgen.yaml").data


def job(said: dict[str, Any]) -> dict[str, Any]:
    return {"stages": {"data": {"fetch": {"run": "./fetch", **said}}}}


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"project": "wine"}, {"project": {"name": "wine", "default_branch": "main"}}),
    ({"project": {"name": "wine", "owners": "ml"}}, {"project": {"name": "wine", "owners": ["ml"]}}),
    ({"targets": ["github"]}, {"targets": {"github": None}}),
    ({"targets": {"github": {}}}, {"targets": {"github": None}}),
    ({"secrets": {"A": {}}}, {"secrets": {"A": None}}),
    ({"environments": {"a": {}}}, {"environments": {"a": None}}),
    ({"environments": {"a": {"approval": True}}}, {"environments": {"a": {"approval": {}}}}),
    ({"environments": {"a": {"branches": "main"}}}, {"environments": {"a": {"branches": ["main"]}}}),
    ({"triggers": {"push": {}, "pull_request": {}}}, {"triggers": {"push": None, "pull_request": None}}),
    ({}, {"triggers": {"push": {}, "pull_request": {}}}),
    ({"triggers": {"tag": "v*"}}, {"triggers": {"tag": ["v*"]}}),
    ({"triggers": {"manual": {}}}, {"triggers": {"manual": None}}),
    ({"runtime": {"setup": "a\nb"}}, {"runtime": {"setup": ["a", "b"]}}),
    ({"runtime": {"cache": {"paths": "a", "key": "b"}}}, {"runtime": {"cache": [{"paths": ["a"], "key": ["b"]}]}}),
    (job({"run": "a\nb\n"}), job({"run": ["a", "b"]})),
    (job({"deps": "a"}), job({"deps": ["a"]})),
    (job({"secrets": "A"}) | {"secrets": {"A": {}}}, job({"secrets": ["A"]}) | {"secrets": {"A": {}}}),
    (job({"needs": "x"}), job({"needs": [{"job": "x", "optional": False}]})),
    (job({"when": {"branch": "main", "event": "push"}}), job({"when": [{"branch": ["main"], "event": ["push"]}]})),
    (job({"when": {"not": {"tag": "v*"}}}), job({"when": [{"not": {"tag": ["v*"]}}]})),
    (job({"exports": ["a"]}), job({"exports": ["a"]})),
    (job({"reports": {"junit": "r.xml"}}), job({"reports": {"junit": ["r.xml"]}})),
    (job({"cache": "none"}), job({"cache": []})),
    (job({"image": "x"}), job({"image": {"name": "x"}})),
    (job({"image": "x", "packages": "a"}), job({"runtime": {"image": "x", "packages": ["a"]}})),
    (
        job({"environment": "a"}) | {"environments": {"a": {}}},
        {"defaults": {"environment": "a"}, "environments": {"a": {}}},
    ),
    (job({"timeout": "1h"}), {"stages": {"data": {"defaults": {"timeout": "1h"}, "fetch": {"run": "./fetch"}}}}),
    (job({"secrets": {"B": "A"}}) | {"secrets": {"A": {}}}, job({"secrets": [{"B": "A"}]}) | {"secrets": {"A": {}}}),
    (job({"services": {"db": "x"}}), job({"services": {"db": {"image": "x"}}})),
    (job({"checkout": {"depth": 0}}), job({"checkout": [{"depth": 0}]})),
    (job({"keep": "30d"}), job({"keep": {"for": "30d", "result": "success"}})),
    (job({"when": {"changed": ["a"]}}), job({"when": {"changed": {"paths": ["a"]}}})),
    ({"concurrency": {"cancel": ["pull_request"]}} | {"x-a": 1}, {"concurrency": {"cancel": ["pull_request"]}}),
]


@pytest.mark.parametrize(("short", "long"), SAME)
def test_a_shorthand_means_its_long_form(tmp_path: Path, short: dict[str, Any], long: dict[str, Any]) -> None:
    assert expanded(tmp_path, **short) == expanded(tmp_path, **long)


def test_gates(tmp_path: Path) -> None:
    short = {"metrics": "m.json", "require": "a > 1", "on_fail": "warn"}
    found = expanded(tmp_path, gates={"a": short, "b": {**short, "require": ["a > 1"], "on_fail": ["fail", "warn"]}})[
        "gates"
    ]
    assert found["a"] == found["b"]
    assert found["a"] == {
        "branch": "",
        "metrics": "m.json",
        "require": ["a > 1"],
        "baseline": "",
        "on_missing": "fail",
        "on_fail": "warn",
    }


def test_an_input_is_not_changed(tmp_path: Path) -> None:
    from mlgen.spec.expand import expand

    data = {**BASE, "triggers": {"push": None}, "environments": {"a": None}}
    before = repr(data)
    expand(data)
    assert repr(data) == before


def test_without_pull_requests_nothing_is_cancelled(tmp_path: Path) -> None:
    assert expanded(tmp_path, triggers={"push": {}})["cancel"] == []
    assert expanded(tmp_path)["cancel"] == ["pull_request"]
    assert expanded(tmp_path, concurrency={"cancel": []})["cancel"] == []
