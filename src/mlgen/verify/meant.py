"""What a pipeline means on each event that `verify` asks about: worked out once, for all targets that say it alike."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import KINDS, Pipeline
from mlgen.ir.events import Event, events
from mlgen.ir.outcomes import State, failures, outcomes

MOST_NAMES = 16
"""Names of branches and tags, each of one kind of event, of which `beside` gives others that are alike."""
_MOST_KEPT = 3


class Meant:
    """The outcomes of one pipeline, each worked out when it is asked for the first time."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        known = events(pipeline)
        self.events = (*known, *beside(pipeline, known))
        self._outcomes: list[dict[str, State]] = []
        self._failures: dict[tuple[int, str], dict[str, State]] = {}

    def runs(self) -> Iterator[tuple[int, Event, dict[str, State]]]:
        """Each event, with its number, and how the jobs end where none fails."""
        for number, event in enumerate(self.events):
            if number == len(self._outcomes):
                self._outcomes.append(outcomes(self.pipeline, event))
            yield number, event, self._outcomes[number]

    def failures(self, number: int, names: list[str]) -> Iterator[tuple[str, dict[str, State]]]:
        """For each of these jobs, which succeed on that event: how all end where it fails."""
        new = [name for name in names if (number, name) not in self._failures]
        for name, then in failures(self.pipeline, self.events[number], self._outcomes[number], new):
            self._failures[number, name] = then
        return ((name, self._failures[number, name]) for name in names)


_kept: list[Meant] = []
"""The pipelines that were asked for last, the newest first. A target that leaves nothing out has the same as others."""


def meaning_of(pipeline: Pipeline) -> Meant:
    """What is known of the pipeline, or of an equal one, by now."""
    for index, one in enumerate(_kept):
        if one.pipeline == pipeline:
            if index:
                _kept.insert(0, _kept.pop(index))
            return one
    _kept.insert(0, Meant(pipeline))
    del _kept[_MOST_KEPT:]
    return _kept[0]


def beside(pipeline: Pipeline, known: tuple[Event, ...]) -> Iterator[Event]:
    """Events that no condition names, and that show one which is wider than it must be: of kinds that start no run, and
    with names that begin or end like those of the conditions."""
    home = known[0].repository if known else ""
    names: dict[tuple[str, str, str], None] = {}
    for event in known:
        if event.kind != "schedule":
            names[event.kind, event.api, event.tag or event.branch] = None
    for kind, api, name in list(names)[:MOST_NAMES]:
        for near in (f"{name}-x", f"x-{name}"):
            place = {"tag": near} if kind == "tag" else {"branch": near, "api": api}
            more = {"source": "topic"} if kind == "pull_request" else {}
            yield Event(kind, **place, **more, repository=home)  # type: ignore[arg-type]
    for kind in KINDS:
        # Where a manual run can be an api event, it is none of these.
        if not pipeline.triggers.on(kind) and not (kind == "manual" and pipeline.triggers.on("api")):
            branch = "" if kind == "tag" else pipeline.default_branch
            more = {"tag": {"tag": "v1.0"}, "schedule": {"schedule": "other"}, "api": {"api": "other"}}.get(kind, {})
            yield Event(kind, branch, "topic" * (kind == "pull_request"), **more, repository=home)  # type: ignore[arg-type]
