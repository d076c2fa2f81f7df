"""The .travis.yml of a repository with several projects: it imports a file of each into the one build."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.targets.contract import Output, Part

TEMPLATE = "travis/root.yml.j2"
MOST_IMPORTS = 25
"""https://docs.travis-ci.com/user/build-config-imports"""


def whole(parts: tuple[Part, ...]) -> Output:
    """The root file."""
    return Output(".travis.yml", TEMPLATE, {"projects": [{"path": part.path, "spec": part.spec} for part in parts]})


def faults(data: object, output: Output) -> Iterator[tuple[str, str]]:
    """What is wrong with the rendered root file: a code, and a message."""
    wanted = [project["path"] for project in output.view["projects"]]
    if len(wanted) > MOST_IMPORTS:
        yield "MLG404", f"{len(wanted)} projects, of which Travis CI imports at most {MOST_IMPORTS}"
    said = data.get("import") if isinstance(data, dict) else None
    if not isinstance(said, list) or said != [{"source": path, "mode": "deep_merge_append"} for path in wanted]:
        yield "MLG601", "it does not import every project"
    elif isinstance(data, dict) and set(data) != {"version", "os", "keep_netrc", "import"}:
        yield "MLG601", "it says more than what all projects have in common"
