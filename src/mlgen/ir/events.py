"""The events that can start a run, and the ones that a pipeline tells apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from mlgen.ir.conditions import KINDS
from mlgen.ir.expressions import Match, evaluate, matches
from mlgen.ir.globs import glob_matches, is_literal, witnesses
from mlgen.ir.model import Pipeline
from mlgen.ir.paths import covers, in_repository
from mlgen.ir.values import Change
from mlgen.named import NamedTuple

MOST = 48
"""Events of one kind that `events` gives; of more combinations, each value and some pairs of them are taken."""


class Event(NamedTuple):
    """What started a run, and what was known when it did.

    `branch` is the pushed branch, a pull request's target, or the branch of a schedule, manual or api run; `source` a
    pull request's own. `cron` is what fires the schedule. `fork`: the run is given no secrets, since the pull request
    comes from a fork or, with `bot`, from a dependency bot's branch of the repository itself. `inputs` are the values
    given, by name; others have their defaults. `changed` are the files that differ from what the run is compared with,
    by their paths from the repository's root, in which the project has the folder `root`; None: it cannot be told, and
    everything counts as changed. `values` are what jobs export in the run, as `JOB.EXPORT` and value. `repository` is
    where the run is, without its host; empty: the spec does not say.
    """

    kind: str
    branch: str = ""
    source: str = ""
    tag: str = ""
    schedule: str = ""
    api: str = ""
    fork: bool = False
    inputs: tuple[tuple[str, str], ...] = ()
    message: str = ""
    changed: tuple[str, ...] | None = None
    values: tuple[tuple[str, str], ...] = ()
    cron: str = ""
    bot: bool = False
    repository: str = ""
    root: str = ""
    defaults: tuple[tuple[str, str], ...] = ()
    """What the inputs have of which no value is given, by name."""

    @property
    def name(self) -> str:
        """What MLGEN_EVENT holds: the kind, or the name of the api event."""
        return self.api or self.kind

    def __str__(self) -> str:
        """The event in a few words, such as `push to main`."""
        fork = " from a dependency bot" if self.bot else " from a fork" if self.fork else ""
        word = {
            "push": f"push to {self.branch}",
            "pull_request": f"pull request to {self.branch}{fork}",
            "tag": f"tag {self.tag}",
            "schedule": f"schedule {self.schedule}",
            "manual": f"manual on {self.branch}",
            "api": f"{self.api} by api on {self.branch}",
        }[self.kind]
        more = [f"{name}={value}" for name, value in (*self.inputs, *self.values)]
        more += [f"message {self.message!r}"] if self.message else []
        if self.changed is not None:
            more.append(f"changed {', '.join(self.changed) or 'nothing'}")
        return f"{word} ({'; '.join(more)})" if more else word


def attributes(event: Event, pipeline: Pipeline) -> dict[str, str]:
    """What the conditions of the pipeline ask about, by field: see `expressions`."""
    known = {"fork": "true" if event.fork else "false"}
    given = dict(event.inputs)
    for entry in pipeline.triggers.inputs:
        asked = event.name in pipeline.triggers.asked_on(entry.name)
        known[f"input:{entry.name}"] = given.get(entry.name, entry.default) if asked else entry.default
    for field in ("branch", "tag", "schedule", "api"):
        if value := getattr(event, field):
            known[field] = value
    told = event.kind in ("push", "pull_request") and event.changed is not None
    for change in pipeline.changes:
        changed = not told or _in_any(event.changed or (), (change,), pipeline.root)
        known[change.field] = "true" if changed else "false"
    for match in _asked(pipeline, event.kind):
        if match.field.startswith("message:"):
            text = match.field.removeprefix("message:")
            holds = event.kind in ("push", "pull_request", "tag") and text in event.message
            known[match.field] = "true" if holds else "false"
    return known | {f"value:{name}": value for name, value in event.values}


def events(pipeline: Pipeline) -> tuple[Event, ...]:
    """An event of every kind that some condition of the pipeline tells apart from the others, in a fixed order.

    Values are the shortest that make each pattern hold and fail; where a kind has more than `MOST` combinations, each
    value is there with the first of the others, and then as many combinations as fit.
    """
    return tuple(event for kind in KINDS if pipeline.triggers.on(kind) for event in _of_kind(pipeline, kind))


def at_home(event: Event, pipeline: Pipeline) -> Event:
    """The event with what the pipeline itself tells of it.

    That is the project's repository, its folder there, the defaults of the inputs, and what fires its schedule.
    """
    home = pipeline.repository.removeprefix("https://").strip("/").removesuffix(".git").partition("/")[2]
    defaults = tuple((entry.name, entry.default) for entry in pipeline.triggers.inputs)
    cron = next((s.cron for s in pipeline.triggers.schedules if s.name == event.schedule), "")
    return event._replace(repository=home, root=pipeline.root, defaults=defaults, cron=cron)


def starts(event: Event, pipeline: Pipeline) -> bool:
    """Whether the event starts a run at all."""
    return evaluate(pipeline.trigger(event.kind), attributes(event, pipeline))


def _of_kind(pipeline: Pipeline, kind: str) -> Iterator[Event]:
    asked = _asked(pipeline, kind)
    axes: list[list[Mapping[str, object]]] = []
    axes.append(_places(pipeline, kind, asked))
    if kind == "pull_request":
        bots: list[Mapping[str, object]] = [{"fork": True, "bot": True}] if Match("fork", "true") in asked else []
        axes.append([{"fork": False}, {"fork": True}, *bots])
    if kind in ("manual", "api"):
        axes += _inputs(pipeline, kind, asked)
    if kind in ("push", "pull_request", "tag"):
        axes.append(_messages(asked))
    if kind in ("push", "pull_request"):
        axes.append(_changes(pipeline, asked))
    axes += _values(asked)
    for chosen in _combined(axes):
        fields: dict[str, object] = {}
        for part in chosen:
            for name, value in part.items():
                joined = isinstance(value, tuple) and name in ("inputs", "values")
                fields[name] = (*fields.get(name, ()), *value) if joined else value  # type: ignore[misc]
        event = at_home(Event(kind, **fields), pipeline)  # type: ignore[arg-type]
        if all(event.name in pipeline.triggers.asked_on(name) for name, _ in event.inputs):
            yield event


_questions: tuple[Pipeline | None, dict[str, tuple[Match, ...]]] = (None, {})
"""The pipeline that was last asked about, and what it asks, by kind of event."""


def _asked(pipeline: Pipeline, kind: str) -> tuple[Match, ...]:
    """Every question that the conditions on events of the kind ask, each once."""
    global _questions
    if _questions[0] is not pipeline:
        _questions = pipeline, {}
    if kind not in _questions[1]:
        conditions = dict.fromkeys([pipeline.trigger(kind), *(job.condition.on(kind) for job in pipeline.jobs)])
        _questions[1][kind] = tuple(dict.fromkeys(m for condition in conditions for m in matches(condition)))
    return _questions[1][kind]


def _patterns(asked: Iterable[Match], field: str) -> tuple[str, ...]:
    return tuple(match.pattern for match in asked if match.field == field)


def _places(pipeline: Pipeline, kind: str, asked: tuple[Match, ...]) -> list[Mapping[str, object]]:
    """What the event names: a branch, a tag, a schedule, an api event with its branch."""
    if kind == "schedule":
        return [{"schedule": s.name, "branch": s.branch} for s in pipeline.triggers.schedules]
    if kind == "tag":
        return [{"tag": tag} for tag in witnesses((*_patterns(asked, "tag"), "v1.0"))]
    branches = witnesses((pipeline.default_branch, *_patterns(asked, "branch")))
    if kind == "api":
        return [{"api": name, "branch": branch} for name, _ in pipeline.triggers.api for branch in branches]
    source: Mapping[str, object] = {"source": "topic"} if kind == "pull_request" else {}
    return [{"branch": branch, **source} for branch in branches]


def _inputs(pipeline: Pipeline, kind: str, asked: tuple[Match, ...]) -> list[list[Mapping[str, object]]]:
    axes: list[list[Mapping[str, object]]] = []
    for entry in pipeline.triggers.inputs:
        patterns = _patterns(asked, f"input:{entry.name}")
        names = ("manual",) if kind == "manual" else tuple(name for name, _ in pipeline.triggers.api)
        if not patterns or not set(names) & set(pipeline.triggers.asked_on(entry.name)):
            continue
        possible = {"choice": entry.options, "boolean": ("true", "false")}.get(entry.type) or witnesses(patterns)
        if entry.type in ("integer", "number"):  # what is no number starts no run
            possible = tuple(text for text in (*possible, "7") if text.lstrip("-").replace(".", "", 1).isdigit())
        given = [value for value in dict.fromkeys(possible) if value != entry.default]
        axes.append([{}, *({"inputs": ((entry.name, value),)} for value in given)])
    return axes


def _messages(asked: tuple[Match, ...]) -> list[Mapping[str, object]]:
    texts = dict.fromkeys(m.field.removeprefix("message:") for m in asked if m.field.startswith("message:"))
    every = " ".join(texts)
    return [{}, *({"message": text} for text in dict.fromkeys((*texts, every)) if text)]


def _changes(pipeline: Pipeline, asked: tuple[Match, ...]) -> list[Mapping[str, object]]:
    """Unknown, nothing, a file of each set of paths, and one of none of them."""
    names = {m.field for m in asked if m.field.startswith("changed:")}
    changes = [change for change in pipeline.changes if change.field in names]
    if not changes:
        return [{}]
    root = pipeline.root
    files = [in_repository(root, _file(path)) for change in changes for path in change.paths]
    ends = [f"other{n or ''}.{end}" for n in range(9) for end in ("txt", "x")]
    others = []
    for folders in (("", "other/"), (f"{root}/", f"{root}/other/")) if root else (("", "other/"),):
        free = (folder + end for end in ends for folder in folders)
        others.append(next((name for name in free if not _in_any((name,), changes, root)), ""))  # none: all are in one
    found: list[Mapping[str, object]] = [{}, {"changed": tuple(filter(None, others[:1]))}]
    return found + [{"changed": (file,)} for file in dict.fromkeys((*filter(None, others[1:]), *files))]


def _in_any(files: Iterable[str], changes: Iterable[Change], root: str) -> bool:
    """Whether one of the files, given from the repository's root, is of what the changes speak of."""
    paths = [in_repository(root, path) for change in changes for path in change.paths]
    return any(covers(path, file) for path in paths for file in files)


def _file(path: str) -> str:
    """A file that the path names, holds or matches."""
    if is_literal(path):
        return path.rstrip("/") if "." in path.rpartition("/")[2] else f"{path.rstrip('/')}/file"
    return next(text for text in witnesses((path,)) if glob_matches(path, text))


def _values(asked: tuple[Match, ...]) -> list[list[Mapping[str, object]]]:
    names = dict.fromkeys(match.field.removeprefix("value:") for match in asked if match.field.startswith("value:"))
    return [
        [{"values": ((name, text),)} for text in witnesses(_patterns(asked, f"value:{name}")) if text] for name in names
    ]


def _combined(axes: list[list[Mapping[str, object]]]) -> Iterator[tuple[Mapping[str, object], ...]]:
    count = 1
    for axis in axes:
        count *= len(axis)
    if count <= MOST:
        yield from itertools.product(*axes)
        return
    first = tuple(axis[0] for axis in axes)
    chosen = [first]
    chosen += [(*first[:n], value, *first[n + 1 :]) for n, axis in enumerate(axes) for value in axis[1:]]
    # Pairs and more: a walk with steps that are prime to one another, so that each axis turns at its own pace.
    for step in range(1, 2 * MOST):
        chosen.append(tuple(axis[(step * (2 * n + 1)) % len(axis)] for n, axis in enumerate(axes)))
    distinct = {repr(each): each for each in chosen}
    yield from itertools.islice(distinct.values(), max(MOST, sum(map(len, axes))))
