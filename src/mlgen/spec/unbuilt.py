"""Constructs of the language that this version knows and does not compile: a typed diagnostic, never silence.

Every one of them is outside the schema, so that this table is looked at only when a spec is invalid.
"""

from collections.abc import Callable, Iterator
from typing import Any

from mlgen.spec.load import Route

_JOB_KEYS = [
    "activate",
    "approval",
    "build",
    "checkout",
    "defaults",
    "helm",
    "keep",
    "kubernetes",
    "lock",
    "native",
    "oidc",
    "on_failure",
    "package",
    "packages",
    "params",
    "permissions",
    "promote",
    "register",
    "release",
    "reuse",
    "runtime",
    "services",
    "shards",
    "shell",
    "smoke",
    "steps",
    "tools",
    "working_directory",
]

_WHENS: list[Route] = [("when",), ("when", "not"), ("when", "*"), ("when", "*", "not")]

_ROUTES: list[Route] = [
    *((key,) for key in ("defaults", "model", "overrides", "policy", "report", "tracking")),
    *(("runtime", key) for key in ("activate", "packages", "shell", "tools")),
    ("project", "root"),
    ("secrets", "*", "file"),
    ("secrets", "*", "plain"),
    ("triggers", "api"),
    ("stages", "*", "defaults"),
    *(("stages", "*", "*", key) for key in _JOB_KEYS),
    *(
        ("stages", "*", "*", *when, key)
        for when in _WHENS
        for key in ("changed", "input", "message", "result", "value")
    ),
]

_SHAPES: list[tuple[Route, Callable[[Any], bool]]] = [
    (("runtime", "image"), lambda value: isinstance(value, dict)),
    (("stages", "*", "*", "image"), lambda value: isinstance(value, dict)),
    (("stages", "*", "*", "environment"), lambda value: isinstance(value, dict)),
    (("stages", "*", "*", "secrets"), lambda value: isinstance(value, dict)),
    (("stages", "*", "*", "secrets", "*"), lambda value: isinstance(value, dict)),
    *(
        (("stages", "*", "*", *when, "event", *item), lambda value: value in ("api", "retrain"))
        for when in _WHENS
        for item in ((), ("*",))
    ),
    (
        ("gates", "*", "baseline"),
        lambda value: isinstance(value, str) or (isinstance(value, dict) and "branch" in value),
    ),
    (("gates", "*", "on_fail"), lambda value: value in ("stop", "retrain", "rollback", "issue", "webhook")),
    (
        ("gates", "*", "on_fail", "*"),
        lambda value: isinstance(value, dict) or value in ("stop", "retrain", "rollback", "issue", "webhook"),
    ),
]


def find(data: Any, targets: tuple[str, ...]) -> list[Route]:
    """The paths of all such constructs in the spec's data; `targets` are the names of the known CI systems."""
    routes = [*_ROUTES, *(("secrets", "*", name) for name in targets)]
    found = [route for pattern in routes for route, _ in _matching(data, pattern)]
    found += [route for pattern, test in _SHAPES for route, value in _matching(data, pattern) if test(value)]
    # Of one inside another, the outer tells enough.
    found = [route for route in found if not any(route[:n] in found for n in range(1, len(route)))]
    return sorted(set(found), key=str)


def _matching(data: Any, pattern: Route, prefix: Route = ()) -> Iterator[tuple[Route, Any]]:
    if not pattern:
        yield prefix, data
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(data, list) and step == "*":
        for index, item in enumerate(data):
            yield from _matching(item, rest, (*prefix, index))
    elif isinstance(data, dict):
        for key in list(data) if step == "*" else [step]:
            if key in data:
                yield from _matching(data[key], rest, (*prefix, key))
