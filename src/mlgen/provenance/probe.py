"""Pipelines that differ in one thing from the one that is asked about: what differs in their outputs comes from it.

A target's view and templates are functions of the pipeline. So no table has to say which field of which view a key of
the spec ends up in: texts of the pipeline are marked, and turn up in the lines that they became; numbers, flags and
whole fields are changed one at a time, and the lines that change with them depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mlgen.diagnostics import Position
from mlgen.ir import KINDS, Condition, Match, Pipeline, all_of
from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.typed import Any

TAG = regex(r"qzj([a-p]+)jzq", re.IGNORECASE)
"""Letters only, so that a marked text is quoted like the plain one, and stays a word, a path and a pattern."""

Path = tuple["str | int", ...]
"""Where a value stands in a `Job` (or, outside of jobs, in the `Pipeline`): `("environment", "url")`."""


class Place(NamedTuple):
    """A value of the pipeline: the id of its job (empty: of none), where it stands there, and a line of it, from 0."""

    job: str
    path: Path
    line: int = 0


_PATHS = {"outs", "metrics", "plots", "files", "paths", "file", "junit", "summary", "path", "baseline", "key_files"}
_ALIKE = {
    ("Job", "id"): "id", ("Edge", "job"): "id", ("Take", "job"): "id", ("Bundle", "consumers"): "id",
    ("Bundle", "name"): "bundle", ("Take", "bundle"): "bundle",
    ("Environment", "name"): "environment", ("Job", "lock"): "environment", ("Secret", "environments"): "environment",
    ("Secret", "name"): "secret", ("SecretUse", "name"): "secret", ("SecretUse", "variable"): "secret",
    ("Input", "name"): "input", ("Triggers", "manual"): "input", ("Triggers", "api"): "input",
    ("Schedule", "name"): "schedule", ("schedule", "pattern"): "schedule",
    ("branch", "pattern"): "ref", ("tag", "pattern"): "ref", ("Triggers", "push_branches"): "ref",
    ("Triggers", "pull_request_branches"): "ref", ("Triggers", "tags"): "ref", ("Schedule", "branch"): "ref",
    ("Pipeline", "default_branch"): "ref",
}  # fmt: skip
"""Fields that hold the same names, which must stay the same when they are marked."""
_KEPT = {
    ("Job", "stage"), ("Job", "python"), ("Pipeline", "spec"), ("Pipeline", "stages"), ("Pipeline", "targets"),
    ("Pipeline", "cancel"), ("Schedule", "stages"), ("Input", "type"), ("Input", "default"), ("Coverage", "format"),
    ("GateCheck", "on_missing"), ("GateCheck", "on_fail"), ("Job", "matrix"),
    ("Cache", "paths"), ("Job", "varies"), ("Job", "result"), ("Job", "permissions"), ("Runner", "name"),
    ("Container", "pull"), ("Checkout", "submodules"), ("Oidc", "kind"), ("Keep", "result"), ("Pipeline", "root"),
}  # fmt: skip
"""Words that are compared or read, and would mean something else with a mark; `variants` changes them instead."""


class Marked(NamedTuple):
    """A pipeline whose texts carry marks; `places` says of each mark where its text stands."""

    pipeline: Pipeline
    places: dict[str, tuple[Place, ...]]
    jobs: dict[str, str]
    """The marks that name a job, and the job's id."""


class _Marker:
    def __init__(self, without: frozenset[str]) -> None:
        self.without = without
        self.numbers: dict[tuple[str, str], str] = {}
        self.places: dict[str, list[Place]] = {}
        self.jobs: dict[str, str] = {}
        self.job = ""

    def text(self, kind: str, field: str, value: str, path: Path) -> str:
        group = _ALIKE.get((kind, field)) or ("path" if field in _PATHS else f"{kind}.{field}")
        if not value or group in self.without:
            return value
        lines = value.split("\n")
        return "\n".join(self.line(group, text, path, number) if text else "" for number, text in enumerate(lines))

    def line(self, group: str, text: str, path: Path, number: int) -> str:
        said = text.removeprefix("!") if group == "ref" else text
        name = self.numbers.setdefault((group, said), _letters(len(self.numbers)))
        self.places.setdefault(name, []).append(Place(self.job, path, number))
        if self.job and path in (("id",), ("key",)):
            self.jobs[name] = self.job
        return f"{text}qzj{name}jzq"

    def value(self, kind: str, field: str, value: Any, path: Path) -> Any:
        if isinstance(value, (Position, bool, int)) or value is None or (kind, field) in _KEPT:
            return value
        if isinstance(value, str):
            return self.text(kind, field, value, path)
        if isinstance(value, Match):
            known = (value.field, "pattern") in _ALIKE
            return value._replace(pattern=self.text(value.field, "pattern", value.pattern, path)) if known else value
        if hasattr(value, "_fields"):
            return self.named(value, path)
        if isinstance(value, dict):
            return {k: self.value(kind, field, v, (*path, k)) for k, v in value.items()}
        if not isinstance(value, (tuple, list)):
            return value
        if value and all(_is_pair(item) for item in value):
            return type(value)((k, self.value(kind, field, v, (*path, k))) for k, v in value)
        return type(value)(self.value(kind, field, v, (*path, i)) for i, v in enumerate(value))

    def named(self, value: Any, path: Path) -> Any:
        kind = type(value).__name__
        if kind == "Job":
            self.job, path = value.id, ()
        found = {f: self.value(kind, f, getattr(value, f), (*path, f)) for f in value._fields}
        if kind == "Job":
            self.job = ""
        return value._replace(**found)


def _is_pair(item: Any) -> bool:
    return type(item) is tuple and len(item) == 2 and isinstance(item[0], str)


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit, 16)) for digit in f"{number:x}")


def mark(pipeline: Pipeline, works: Callable[[Pipeline], object]) -> Marked:
    """The pipeline with marks in its texts, but in those with which `works` raises."""
    marker = _Marker(frozenset())
    try:
        works(marked := marker.named(pipeline, ()))
    except Exception:  # a text that is read, as a number or as one of a few words
        groups = dict.fromkeys(group for group, _ in marker.numbers)
        bad = frozenset(group for group in groups if not _works(pipeline, groups.keys() - {group}, works))
        marker = _Marker(bad)
        marked = marker.named(pipeline, ())
        try:
            works(marked)
        except Exception:
            return Marked(pipeline, {}, {})
    return Marked(marked, {name: tuple(places) for name, places in marker.places.items()}, marker.jobs)


def _works(pipeline: Pipeline, without: Any, works: Callable[[Pipeline], object]) -> bool:
    try:
        works(_Marker(frozenset(without)).named(pipeline, ()))
    except Exception:
        return False
    return True


def unmarked(text: str) -> str:
    """The text without marks."""
    return TAG.sub("", text)


# --- one thing changed at a time

_STAY = {"id", "name", "stage", "key", "position", "run", "kind", "axes", "legs", "crossed"}


def variants(pipeline: Pipeline) -> Iterator[tuple[tuple[str, ...], Pipeline]]:
    """For each field that some job or the pipeline has: the pipeline in which it is something else everywhere.

    The path begins with `jobs` for a field of jobs.
    """
    for path in dict.fromkeys(path for job in pipeline.jobs for path in _paths(job)):
        jobs = tuple(_changed(job, path) for job in pipeline.jobs)
        yield ("jobs", *path), pipeline._replace(jobs=jobs)
    for kind in KINDS:
        if pipeline.triggers.on(kind):
            without = pipeline.triggers.condition._replace(**{kind: False})
            yield (
                ("triggers", "condition", kind),
                pipeline._replace(triggers=pipeline.triggers._replace(condition=without)),
            )
    for path in _paths(pipeline._replace(jobs=(), targets=(), stages=())):
        if path[:2] != ("triggers", "condition"):
            yield path, _changed(pipeline, path)


def _paths(value: Any, depth: int = 2) -> Iterator[tuple[str, ...]]:
    """The fields that hold something, and those of a field that is a named tuple itself."""
    for field in value._fields:
        found = getattr(value, field)
        if (field in _STAY and type(value).__name__ != "Pipeline") or isinstance(found, Position) or not found:
            continue
        if isinstance(found, Condition):
            yield (field,)
        elif hasattr(found, "_fields"):
            if field not in ("triggers", "reports", "runner", "runners", "checkouts"):
                yield (field,)
            if depth > 1:
                yield from ((field, *rest) for rest in _paths(found, depth - 1))
        else:
            yield (field,)


def _changed(value: Any, path: tuple[str, ...]) -> Any:
    head, *rest = path
    found = getattr(value, head, None)
    if not found:
        return value
    if rest:
        return value._replace(**{head: _changed(found, tuple(rest))})
    return value._replace(**{head: _other(head, found)})


def _other(field: str, value: Any) -> Any:
    """Something else of the same type: nothing where that is possible, and for numbers another one."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value + (420 if value >= 60 else 1)
    if isinstance(value, Condition):
        never = {"tag": "tag"}
        return Condition(*(all_of([e, Match(never.get(k, "branch"), "none")]) for k, e in zip(KINDS, value)))
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ()
    if isinstance(value, str):
        words = {"on_fail": "fail", "on_missing": "fail", "default_branch": "another", "type": value}
        return words.get(field, "")
    return None
