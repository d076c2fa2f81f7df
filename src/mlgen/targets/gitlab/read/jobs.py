"""One job of the file: what is said of it, and the values that `SeenJob` holds of it, a leg each.

https://docs.gitlab.com/ci/yaml/#job-keywords
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.gitlab.read import scripts
from mlgen.targets.gitlab.read.config import File, known
from mlgen.targets.gitlab.read.context import KNOWN
from mlgen.targets.gitlab.read.rules import Reader, Rule
from mlgen.typed import Any

KEYS = frozenset((
    "after_script", "allow_failure", "artifacts", "before_script", "cache", "coverage", "dependencies", "environment",
    "id_tokens", "image", "inherit", "interruptible", "manual_confirmation", "needs", "parallel", "resource_group",
    "retry", "rules", "script", "services", "stage", "tags", "timeout", "trigger", "variables", "when",
))  # fmt: skip
ARTIFACTS = frozenset(("expire_in", "expose_as", "name", "paths", "reports", "when"))
VARIABLE = regex(r"\$(?:(\w+)|\{(\w+)\})")


class Need(NamedTuple):
    """One job of `needs`."""

    job: str
    optional: bool
    artifacts: bool


class Native(NamedTuple):
    """A job as the file has it, besides what `SeenJob` tells."""

    name: str
    said: Mapping[str, Any]
    rules: tuple[Rule, ...] | None
    when: str
    allow_failure: bool
    needs: tuple[Need, ...]
    staged: bool
    """Whether it has no `needs`, and so waits for all earlier stages: those in `needs`, all of them optional."""
    sources: tuple[str, ...]
    """The jobs of which it receives the artifacts."""
    archived: tuple[str, ...]
    """The paths in its artifacts, relative to the project's root, with axes as `${matrix.NAME}`."""
    late: bool
    """Whether its artifacts are there also after it has failed."""
    variables: Mapping[str, Any]
    """Its own and those of the file that it inherits."""
    legs: tuple[tuple[tuple[str, str], ...], ...]
    seen: scripts.Seen


def native(name: str, said: Mapping[str, Any], file: File, reader: Reader) -> Native:
    """The job; Unread where it says what this reader does not know."""
    known(said, KEYS, name)
    if ("script" in said) == ("trigger" in said):
        raise Unread(f"{name}: a job has either `script` or `trigger`")
    when = said.get("when", "on_success")
    if when not in ("on_success", "on_failure", "always", "manual", "never"):
        raise Unread(f"{name}: when: {when} is not known")
    rules = reader.read(said["rules"], f"{name}: rules") if "rules" in said else None
    if rules is not None and "when" in said:
        raise Unread(f"{name}: `when` stands beside `rules`")
    seen = scripts.read(name, dict(said))
    needs = tuple(_needs(name, said["needs"])) if "needs" in said else tuple(_before(name, said, file))
    sources = tuple(said["dependencies"]) if "dependencies" in said else tuple(n.job for n in needs if n.artifacts)
    for other in (*(need.job for need in needs), *sources):
        if other not in file.jobs:
            raise Unread(f"{name}: it refers to {other}, which is no job")
    variables = dict(said.get("variables") or {})
    taken = said.get("inherit", {}).get("variables", True)
    shared = file.variables if taken is True else {k: v for k, v in file.variables.items() if taken and k in taken}
    artifacts = said.get("artifacts") or {}
    known(artifacts, ARTIFACTS, f"{name}: artifacts")
    allow = said.get("allow_failure", when == "manual")
    legs = tuple(_legs(name, said["parallel"])) if "parallel" in said else ((),)
    axes = frozenset(axis for leg in legs for axis, _ in leg)
    return Native(
        name,
        said,
        rules,
        when,
        bool(allow) or any(rule.allow_failure for rule in rules or () if rule.when != "never"),
        needs,
        "needs" not in said,
        sources,
        tuple(relative(path, seen.root, axes) for path in artifacts.get("paths") or ()),
        artifacts.get("when", "on_success") != "on_success",
        {**shared, **variables},
        legs,
        seen,
    )


def _needs(name: str, entries: Any) -> Iterator[Need]:
    """https://docs.gitlab.com/ci/yaml/#needs"""
    if not isinstance(entries, list):
        raise Unread(f"{name}: needs: not a list")
    for entry in entries:
        said = {"job": entry} if isinstance(entry, str) else entry
        known(said, ("job", "optional", "artifacts"), f"{name}: needs")
        yield Need(said["job"], bool(said.get("optional", False)), bool(said.get("artifacts", True)))


def _stage(said: Mapping[str, Any], file: File, name: str) -> int:
    stage = said.get("stage", "test")
    if stage not in file.stages:
        raise Unread(f"{name}: its stage {stage} is not among the stages")
    return file.stages.index(stage)


def _before(name: str, said: Mapping[str, Any], file: File) -> Iterator[Need]:
    """All jobs of earlier stages: https://docs.gitlab.com/ci/yaml/#stages"""
    own = _stage(said, file, name)
    for other, what in file.jobs.items():
        if isinstance(what, dict) and _stage(what, file, other) < own:
            yield Need(other, True, True)


def _legs(name: str, parallel: Any) -> Iterator[tuple[tuple[str, str], ...]]:
    """https://docs.gitlab.com/ci/yaml/#parallelmatrix"""
    if isinstance(parallel, int):
        yield from ((("CI_NODE_INDEX", str(number)),) for number in range(1, parallel + 1))
        return
    known(parallel, ("matrix",), f"{name}: parallel")
    for entry in parallel["matrix"]:
        axes = [(axis, values if isinstance(values, list) else [values]) for axis, values in entry.items()]
        for chosen in itertools.product(*(values for _, values in axes)):
            yield tuple((axis, str(value)) for (axis, _), value in zip(axes, chosen))


def relative(path: str, root: str, axes: frozenset[str]) -> str:
    """A path of the repository as one of the project, with axes as the language has them."""
    if root:
        path = path[len(root) + 1 :] if path.startswith(f"{root}/") else f"/{path}"
    return with_axes(path, axes)


def with_axes(path: str, axes: frozenset[str]) -> str:
    """The path with variables that are axes as the language has them."""

    def axis(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return f"${{matrix.{name}}}" if name in axes else found[0]

    return VARIABLE.sub(axis, path) if "$" in path else path


def instances(path: str, maker: Native) -> set[str]:
    """The path on each leg of its maker."""
    if "${matrix." not in path:
        return {path}
    found = set()
    for leg in maker.legs:
        each = path
        for axis, value in leg:
            each = each.replace(f"${{matrix.{axis}}}", value)
        found.add(each)
    return found


def asked_variables(job: Native) -> Iterator[str]:
    """The variables for which its rules ask and of which nothing is known."""
    for rule in job.rules or ():
        for name in rule.condition.asks if rule.condition else ():
            if name not in KNOWN and name not in job.variables:
                yield name
