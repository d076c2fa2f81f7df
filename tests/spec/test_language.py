"""Every key of the language (language.yaml is its reference) is known: it is compiled, or said to be not built yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.spec.load import load
from mlgen.spec.validate import validate

LANGUAGE = load(Path(__file__).with_name("language.yaml").read_text("utf-8"), "language.yaml").data

MINIMAL: dict[str, Any] = {
    "version": 1,
    "project": "wine",
    "targets": ["github"],
    "stages": {"data": {"fetch": {"run": "./fetch"}}},
}
BESIDE = {
    "audience", "chart", "client", "cron", "default", "files", "format", "image", "job", "json", "key", "location",
    "metrics", "name", "options",
    "password", "path", "paths", "provider", "region", "require", "role", "run", "service_account", "subscription",
    "tenant", "type", "url", "username",
}  # fmt: skip
"""Keys that are kept beside another one of the same mapping, since the mapping could need them."""

Route = tuple[Any, ...]


def _routes(data: Any, route: Route = ()) -> Iterator[Route]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*route, key)
            yield from _routes(value, (*route, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _routes(value, (*route, index))


def _alone(data: Any, route: Route) -> Any:
    """The data with only the key at the end of the route, and what it needs beside it."""
    if not route:
        return data
    step, rest = route[0], route[1:]
    if isinstance(data, list):
        return [_alone(data[step], rest)]
    return {
        key: _alone(value, rest) if key == step else value
        for key, value in data.items()
        if key == step or key in BESIDE
    }


def _codes(spec: Any) -> list[tuple[str, str]]:
    found = validate(load(yaml.safe_dump(spec, sort_keys=False), "mlgen.yaml"))
    return [(d.code, d.message) for d in found]


@pytest.mark.parametrize("route", list(_routes(LANGUAGE)), ids=lambda route: ".".join(map(str, route)))
def test_a_key_is_compiled_or_said_to_be_not_built(route: Route) -> None:
    spec = {**MINIMAL, **_alone(LANGUAGE, route)} if route[0] != "version" else MINIMAL
    assert [found for found in _codes(spec) if found[0] != "MLG901"] == []


def test_the_reference_as_a_whole_holds_nothing_unknown() -> None:
    found = _codes(LANGUAGE)
    assert found
    assert [item for item in found if item[0] != "MLG901"] == []
    assert len(found) == len(set(found))


def test_the_routes_reach_every_line() -> None:
    assert len(list(_routes(LANGUAGE))) > 300


def test_what_is_compiled() -> None:
    """A list, so that a key does not silently become one that is not built."""
    built = {
        ".".join(str(step) for step in route if not isinstance(step, int))
        for route in _routes(LANGUAGE)
        if route[0] != "stages"
        and not _codes({**MINIMAL, **(_alone(LANGUAGE, route) if route[0] != "version" else {})})
    }
    assert {
        "project.default_branch", "project.owners", "project.repository", "targets.travis.fallback.approval",
        "runtime.python",
        "runtime.setup", "runtime.cache.key", "runtime.cache.salt", "runners.gpu.gitlab", "secrets.MLFLOW_TRACKING_URI",
        "env.DB_PASSWORD.public", "concurrency.cancel", "triggers.push.branches", "triggers.pull_request.branches",
        "triggers.tag",
        "triggers.schedule.stages", "triggers.schedule.branch", "triggers.manual.inputs.epochs.description",
        "gates.canary.require", "environments.production.approval", "environments.production.tags",
        "environments.cloud.deployment",
    } <= built  # fmt: skip
