"""No key is silently ignored: on each target, taking one out of a spec changes what comes out, or the key is refused.

The keys are those of the schema, so that a new one fails here until a spec of `specs/` has it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from mlgen import targets

from .walk import SCHEMA, SPECS, Path_, Route, data_of, documented, found, outcome, without

ELSEWHERE = {
    "overrides": "tests/overrides",
    "extends": "tests/packs",
    "defaults": "its keys are those of a job; tests/spec/test_expand.py has how they are joined",
    "stages.*.defaults": "as above",
    "stages.*.*.use": "tests/packs",
    "stages.*.from": "tests/spec/imports",
    "stages.*.only": "tests/spec/imports",
    "version": "it has one value",
    "targets": "which targets there are decides whether there is anything at all",
    **{f"targets.{name}": "as above" for name in targets.names()},
}
ALIKE = {
    "project.owners": "for people and policies: `mlgen ir` and `mlgen graph` show them",
    "stages.*.*.reports.coverage.format": "it has one value",
}
"""What no native file says."""
SAID = {
    "github": {
        "environments.*.approval.prompt": "approval: they see no prompt",
        "stages.*.*.approval.prompt": "approval: they see no prompt",
        "runtime.image.entrypoint": "container: its entrypoint is not run",
        "runtime.image.pull": "container: the image is always fetched",
    },
    "gitlab": {
        "project.repository": "the specs name a repository of another host",
        "stages.*.*.checkout.lfs": "checkout: LFS files come always",
        "stages.*.*.services.*.ready": "services: `ready` cannot run inside the service",
    },
    "circleci": {
        "runtime.image.options": "fallback of the specs: container: image",
        "runtime.image.pull": "fallback of the specs: container: image",
        "targets.circleci.integration": "it has one value",
        "secrets.*.plain": "plain: logs mask it like a secret",
        "stages.*.*.checkout.depth": "checkout: the history is always there",
        "stages.*.*.keep.for": "fallback of the specs: keep: organization",
        "stages.*.*.keep.result": "keep: also after a failure",
        "stages.*.*.services.*.ready": "services: `ready` runs on a virtual machine only",
    },
    "travis": {
        "runtime.cache.key": "fallback of the specs: cache: branch",
        "runtime.image.entrypoint": "container: no entrypoint runs",
        "secrets.*.environments": "fallback of the specs: secrets: wider",
        "stages.*.*.checkout.submodules": "checkout: submodules are always fetched",
        **dict.fromkeys(
            ("stages.*.*.keep", "stages.*.*.keep.for", "stages.*.*.keep.paths", "stages.*.*.keep.result"),
            "fallback of the specs: keep: none",
        ),
        "stages.*.*.lock": "fallback of the specs: lock: builds",
        "triggers.manual.inputs.*.description": "inputs: no form and no types",
        "triggers.api.*.inputs.*.description": "inputs: no form and no types",
    },
}
"""What a target does otherwise, by the words of its capability table (CONSTRUCT: WORDS), or by a fallback."""


def _name(way: Path_) -> str:
    return ".".join(way)


def _left_out(way: Path_) -> bool:
    return _name(way) in ELSEWHERE or "fallback" in way or way[0] == "overrides"


@cache
def places() -> dict[Path_, list[tuple[str, Route]]]:
    """Where the specs have each key."""
    where: dict[Path_, list[tuple[str, Route]]] = {}
    for name in SPECS:
        for way, route in found(data_of(name), SCHEMA):
            where.setdefault(way, []).append((name, route))
    return where


def test_every_key_has_a_spec() -> None:
    keys = {way for way, _ in documented(SCHEMA)}
    assert len(keys) > 400
    assert sorted(_name(way) for way in keys - places().keys() if not _left_out(way)) == []


def test_every_key_is_documented() -> None:
    bare = [_name(way) for way, node in documented(SCHEMA) if not (node.get("title") and node.get("description"))]
    assert [name for name in bare if "fallback" not in name] == []


def _matters(target: str, where: list[tuple[str, Route]], whole: dict[str, Any]) -> bool:
    """Whether the key changes anything in one of the specs that have it, or one of them is refused."""
    for spec, route in where:
        if spec not in whole:
            whole[spec] = outcome(spec, data_of(spec), target)
        if whole[spec][0] == "refused" and route[0] not in ("project", "targets"):  # such a spec is small
            return True
        if outcome(spec, without(data_of(spec), route), target) != whole[spec]:
            return True
    return False


@pytest.mark.parametrize("target", targets.names())
def test_no_key_is_ignored(target: str) -> None:
    others = set(targets.names()) - {target}
    whole: dict[str, Any] = {}
    ignored = {
        _name(way)
        for way, where in places().items()
        if not _left_out(way) and not others & set(way) and not _matters(target, where, whole)
    }
    assert ignored == {*ALIKE, *SAID.get(target, {})}


@pytest.mark.parametrize("target", targets.names())
def test_what_a_target_refuses_is_a_typed_diagnostic(target: str) -> None:
    for spec in SPECS:
        made = outcome(spec, data_of(spec), target, proved=True)
        assert made[0] == "compiled" or {code for code, _ in made[1:]} & {"MLG401", "MLG404"}, (spec, made)


def test_what_is_said_otherwise_stands_in_the_tables() -> None:
    for name, keys in SAID.items():
        rows = {row.construct: f"{row.how} {row.weaker}" for row in targets.get(name).capabilities}
        for why in keys.values():
            construct, _, words = why.partition(": ")
            assert construct not in rows or words in rows[construct], (name, why)
