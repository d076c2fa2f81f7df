"""How CircleCI runs what the file says: which jobs an event's pipeline has, and when each starts."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Reading, SeenJob, Start, inside
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch
from mlgen.targets.circleci.read.config import Entry, File
from mlgen.targets.circleci.read.context import NAMED, SCHEDULE, known
from mlgen.targets.circleci.read.expressions import Expression, Refused, expression
from mlgen.targets.circleci.read.inserted import shown
from mlgen.targets.circleci.read.jobs import Native, natives

_STATUS: dict[End, str] = {"success": "success", "left": "success", "failure": "failed", "skipped": "not_run"}


class Made(NamedTuple):
    """The pipeline of an event: the names of its jobs; or why CircleCI makes none."""

    names: frozenset[str]
    refused: str = ""


class Pipelines:
    """The pipelines that events make, each worked out once."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.filters = {e.filters: _filters(e) for e in file.entries if e.filters}
        equal = {
            text for found in self.filters.values() for name, text in found.equals if name == "pipeline.event.name"
        }
        self.natives = natives(file, frozenset(equal))
        self.seen = tuple(native.seen for native in self.natives.values())
        self.ids = {native.seen.job: name for name, native in self.natives.items() if native.seen.job}
        self._made: dict[Event, Made] = {}

    def made(self, event: Event) -> Made:
        """The event's pipeline."""
        if event not in self._made:
            self._made[event] = self._make(event)
        return self._made[event]

    def _make(self, event: Event) -> Made:
        """Filters first; then a job whose requirements are all left out goes too, again and again.

        https://circleci.com/docs/reference/configuration-reference/#requires
        """
        found = known(event, self.file.parameters)
        if found.refused:
            return Made(frozenset(), found.refused)
        try:
            holds = {text: bool(each.evaluate(found.values)) for text, each in self.filters.items()}
        except Refused as why:
            return Made(frozenset(), str(why))
        # Without filters a job runs for branches, and not for tags:
        # https://circleci.com/docs/guides/orchestrate/workflows/#executing-workflows-for-a-git-tag
        holds[""] = not event.tag
        names = {entry.name for entry in self.file.entries if holds[entry.filters]}
        while True:
            lost = {
                entry.name
                for entry in self.file.entries
                if entry.name in names and entry.requires and not any(n in names for n, _ in entry.requires)
            }
            if not lost:
                return Made(frozenset(names))
            names -= lost

    def starts(self, event: Event) -> bool:
        """Whether the event makes a pipeline with at least one job."""
        return bool(self.made(event).names)

    def decide(self, seen: SeenJob, event: Event, ended: Mapping[str, End]) -> Start:
        """Whether the job starts, as CircleCI and then the job itself decide."""
        made, native = self.made(event), self.natives[seen.name]
        entry = native.entry
        if entry.name not in made.names:
            return Start("skip", made.refused or entry.filters)
        for name, statuses in entry.requires:
            if name in made.names and "terminal" not in statuses:
                status = self._status(name, ended)
                if status not in statuses:
                    return Start("skip", f"{name} ends as {status}")
        return self._own(native, event, ended) or Start("run" if entry.job else "wait", entry.filters)

    def _status(self, name: str, ended: Mapping[str, End]) -> str:
        """A failure that is permitted is none to CircleCI."""
        permitted = ended[name] == "failure" and self.natives[name].seen.allow_failure
        return "success" if permitted else _STATUS[ended[name]]

    def _own(self, native: Native, event: Event, ended: Mapping[str, End]) -> Start | None:
        """What the job decides itself, in the order of its steps; None if it goes on to its commands."""
        for moment in native.steps.moments:
            if moment.what == "take":
                for path in moment.paths:
                    if not any(ended.get(maker) == "success" for maker in native.makers[path]):
                        return Start("refused", f"{path} is not there")
            else:
                told = event if moment.compared or event.kind != "push" else _uncompared(event, moment.expression)
                if not inside.holds(moment.expression, told, self._values(native, event, ended)):
                    return Start("left", f"ci.py when {moment.expression}")
        return None

    def _values(self, native: Native, event: Event, ended: Mapping[str, End]) -> dict[str, str]:
        """The variables for which a decision can ask: exported values only of jobs from which they come."""
        told = []
        for name, value in event.values:
            exporter = self.ids.get(name.rpartition(".")[0], "")
            read = self.natives[exporter].steps if exporter else None
            if (
                read
                and ended.get(exporter) == "success"
                and exporter in native.makers.get(read.exports_file, ())
                and name.rpartition(".")[2] in {each.partition("=")[0] for each in read.exports}
            ):
                told.append((name, value))
        defaults = {
            "MLGEN_INPUT_" + name.upper().replace("-", "_"): shown(each.default)
            for name, each in self.file.parameters.items()
            if name not in (SCHEDULE, NAMED)
        }
        return inside.variables(event._replace(values=tuple(told)), defaults)

    def reaches(self, seen: SeenJob, name: str, environments: tuple[str, ...]) -> bool:
        """A context for each environment, and one for what is bound to none; or one for each secret of these.

        All variables of a context reach the job: https://circleci.com/docs/guides/security/contexts/
        """
        own = self.natives[seen.name].entry.contexts
        whole = [f"{self.file.workflow}-{each}" for each in environments] or [self.file.workflow]
        return any(context in own or f"{context}-{name}" in own for context in whole)


def _uncompared(event: Event, text: str) -> Event:
    """A push of which nothing tells what came before it: all has changed, but for what is held against a branch."""
    return event._replace(changed=None) if inside.alone(text) else event


def _filters(entry: Entry) -> Expression:
    try:
        return expression(entry.filters)
    except Unread as fault:
        raise Unread(f"{'.'.join(map(str, entry.route))}.filters: {fault}") from fault


def reading(file: File) -> Reading:
    """What the file says."""
    pipelines = Pipelines(file)
    own = [native.seen for native in pipelines.natives.values() if native.seen.job]
    roots = {str(e.get("working_directory", "")).removeprefix("~/project").strip("/") for e in file.executors.values()}
    return Reading(
        pipelines.seen,
        pipelines.starts,
        pipelines.decide,
        reaches=pipelines.reaches,
        holds=pipelines.reaches,
        # https://circleci.com/developer/images/image/cimg/python
        usual=lambda image: not image or fullmatch(r"cimg/python:\d+(\.\d+)*", image) is not None,
        inputs=tuple(
            sorted(
                (name, shown(each.default), each.enum)
                for name, each in file.parameters.items()
                if name not in (SCHEDULE, NAMED)
            )
        ),
        bare="",
        root=roots.pop() if len(roots) == 1 and own else None,
    )
