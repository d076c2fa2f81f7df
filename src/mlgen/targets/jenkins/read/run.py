"""How Jenkins runs what the file says: the variables of a run, and which stages and rows start."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Reading, SeenJob, Start, inside
from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read import context
from mlgen.targets.jenkins.read.context import Parameter, Timed, Way
from mlgen.targets.jenkins.read.jenkinsfile import HARMLESS, Call, File
from mlgen.targets.jenkins.read.jobs import Stashes, seen_jobs
from mlgen.targets.jenkins.read.play import Play, Told
from mlgen.targets.jenkins.read.scope import Frame
from mlgen.targets.jenkins.read.steps import UNKNOWN, Steps
from mlgen.targets.jenkins.read.units import Units
from mlgen.targets.jenkins.read.values import Value, text
from mlgen.typed import Any

_KINDS = {
    "push": Event("push", branch="main"),
    "pull_request": Event("pull_request", branch="main", source="topic"),
    "tag": Event("tag", tag="v1"),
    "schedule": Event("schedule", branch="main"),
    "manual": Event("manual", branch="main"),
    "api": Event("api", branch="main", api="x"),
}


class Options(NamedTuple):
    """The pipeline's options, as far as they say what runs."""

    cancel: Call | None = None
    checkout: bool = True
    whole: bool = False
    """Whether nobody can start at a later stage, and so pass by an approval or a gate."""


class Jenkins:
    """The runs that events make, each worked out once."""

    def __init__(self, file: File, steps: Steps) -> None:
        self.file, self.steps = file, steps
        self.options = _options(file)
        self.parameters = tuple(map(self._parameter, file.parameters))
        steps.facts = lambda question: True
        self.units = Units(file, steps)
        self.stashes = Stashes(self.units.all.values())
        self.seen = seen_jobs(self.units.all, self.options.checkout)
        self._runs: dict[tuple[Event, frozenset[str]], Told] = {}
        self._ended: Mapping[str, End] = {}
        self._failing: tuple[frozenset[str], int] = frozenset(), 0
        """The run that is decided on now, which only grows: those that have failed, of how many that have ended."""
        self.rows: dict[tuple[Event, str, str], dict[str, dict[str, Any]]] = {}
        """The rows of a table by name, as they are on an event."""
        self._answers: dict[tuple[str, Event], bool] = {}
        self._ways: dict[Event, tuple[Way, ...]] = {}
        self._schedules: tuple[tuple[str, str], ...] | None = None
        self.clean = dict(steps.fields)

    def _parameter(self, call: Call) -> Parameter:
        said = _named(call, self.steps)
        kind, name = call.name, said.get("name", "")
        known = {"string": ("defaultValue",), "booleanParam": ("defaultValue",), "choice": ("choices",)}
        if kind not in known or set(said) - {"name", "description", *known[kind]} or not name:
            raise Unread(f"line {call.line}: the parameter {kind} is not known, or has what is not known")
        choices = tuple(said.get("choices", ()))
        return Parameter(kind, name, choices[0] if kind == "choice" else said.get("defaultValue"), choices)

    # --- events

    def ways(self, event: Event) -> tuple[Way, ...]:
        """The ways in which the event starts a run; none where it starts none."""
        if event not in self._ways:
            timers = self.timers(event.branch) if event.kind == "schedule" else ()
            found = tuple(context.ways(event, self.parameters, timers))
            # A run by hand that the file takes for a push is one.
            pushes = event.kind == "manual" and any(
                self.environment(way).get("JENKINS_EVENT") == "push" for way in found
            )
            self._ways[event] = () if pushes else found
        return self._ways[event]

    def timers(self, branch: str, more: Mapping[str, str] = {}) -> tuple[Timed, ...]:
        """The timers of a branch: https://plugins.jenkins.io/parameterized-scheduler/ for those with parameters."""
        found: list[Timed] = []
        for call in self.file.triggers:
            if call.name not in ("cron", "parameterizedCron"):
                raise Unread(f"line {call.line}: the trigger {call.name} is not known")
            self._enter({"BRANCH_NAME": branch, **more}, {}, frozenset())
            text = _given(call, self.steps)
            lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
            if lines and lines[0] != "TZ=Etc/UTC":
                raise Unread(f"line {call.line}: its schedules are not in UTC")
            for line in lines[1:]:
                cron, _, given = line.partition("%")
                pairs = tuple(tuple(pair.strip().split("=", 1)) for pair in given.split(";") if pair.strip())
                found.append(Timed(cron.strip(), pairs, call.name == "parameterizedCron"))  # type: ignore[arg-type]
        return tuple(found)

    def schedules(self) -> tuple[tuple[str, str], ...]:
        """Name and cron of each; Unread where other branches, tags or pull requests have some."""
        found = []
        for branch in self._branches():
            for timer in self.timers(branch):
                way = Way({"BRANCH_NAME": branch}, {p.name: p.default for p in self.parameters}, frozenset())
                way.params.update(dict(timer.given))
                name = self.environment(way).get("JENKINS_SCHEDULE") or ""
                found.append((name, timer.cron))
        for branch, more in (
            ("mlgen-none", {}),
            ("PR-1", {"CHANGE_ID": "1"}),
            *((b, {"TAG_NAME": b}) for b in self._branches()),
        ):
            for timer in self.timers(branch, more):
                cause = context.NAMED_TIMER if timer.named else context.TIMER
                env = self.environment(Way({"BRANCH_NAME": branch, **more}, {}, frozenset((cause,))))
                if env.get("JENKINS_EVENT") != "none":
                    raise Unread(f"a schedule would run on {' '.join(more) or 'every branch'}, too")
        return tuple(sorted(found))

    def _branches(self) -> list[str]:
        """The branches that the triggers name."""
        return list(
            dict.fromkeys(name for call in self.file.triggers for name in call.strings if " " not in name and name)
        )

    def _enter(self, env: Mapping[str, str], params: dict[str, Value], causes: frozenset[str]) -> None:
        steps = self.steps
        steps.start()
        steps.trial = False
        steps.env, steps.params, steps.causes = dict(env), params, causes

    def environment(self, way: Way) -> dict[str, str]:
        """The variables of a run: Jenkins' own, the parameters, and those of the file, which come last."""
        shown = {p: v if isinstance(v, str) else str(v).lower() for p, v in way.params.items() if v is not None}
        self._enter({**way.env, **shown}, way.params, way.causes)
        frame = Frame(self.steps)
        for name, value in self.file.environment:
            said = value(frame)
            self.steps.env[name] = "" if said is None else str(said)
        return self.steps.env

    # --- runs

    def starts(self, event: Event) -> bool:
        """Whether the event starts a run."""
        return bool(self.ways(event))

    def decide(self, seen: SeenJob, event: Event, ended: Mapping[str, End]) -> Start:
        """Whether the job starts, where those before it have ended so."""
        failing, count = self._failing if self._ended is ended else (frozenset(), 0)
        more = [name for name, end in itertools.islice(ended.items(), count, None) if end == "failure"]
        failing = failing.union(more) if more else failing
        self._ended, self._failing = ended, (failing, len(ended))
        return self.run(event, failing).starts[seen.name]

    def run(self, event: Event, failing: frozenset[str]) -> Told:
        """What becomes of all units, where the commands of these fail."""
        key = event, failing
        if key not in self._runs:
            try:
                found = [Play(self, event, failing, way).told() for way in self.ways(event)]
            except UNKNOWN as fault:
                raise Unread(f"{event}: the run does what is not known: {fault!r}") from fault
            if any(each != found[0] for each in found):
                raise Unread(f"{event}: how it is started makes a difference to what runs")
            self._runs[key] = found[0]
        return self._runs[key]

    def answer(self, question: str, event: Event) -> bool:
        """What `ci.py when` says."""
        key = question, event
        if key not in self._answers:
            self._answers[key] = inside.holds(question, event, inside.variables(event, {}))
        return self._answers[key]

    def inputs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The parameters that are inputs."""
        found = (
            (each.name, text(each.default), tuple(sorted(each.choices)))
            for each in self.parameters
            if each.name not in (context.API_EVENT, "JENKINS_SCHEDULE")
        )
        return tuple(sorted(found))

    def tags(self) -> None:
        """Unread if a tag counts as something else because of its name, which BRANCH_NAME holds as well."""
        said = " ".join(text for name, text in self.file.texts.items() if name == "event")
        for name in dict.fromkeys(re.findall(r"'([^'\\]+)'", said)):
            env = self.environment(Way({"BRANCH_NAME": name, "TAG_NAME": name}, {}, frozenset()))
            if env.get("JENKINS_EVENT") not in ("tag", "none"):
                raise Unread(f"a tag called {name} counts as {env.get('JENKINS_EVENT')}")

    def cancels(self) -> tuple[str, ...]:
        """The kinds of events of which a newer run aborts the older one.

        https://www.jenkins.io/doc/book/pipeline/syntax/#options, disableConcurrentBuilds
        """
        call = self.options.cancel
        if call is None:
            return ()
        found = []
        for kind, event in _KINDS.items():
            self._enter(context.variables(event), {}, frozenset())
            if _named(call, self.steps).get("abortPrevious"):
                found.append(kind)
        return tuple(found)


def _options(file: File) -> Options:
    found = Options()
    for call in file.options:
        if call.name == "disableConcurrentBuilds":
            found = found._replace(cancel=call)
        elif call.name == "disableRestartFromStage":
            found = found._replace(whole=True)
        elif call.name == "skipDefaultCheckout":
            found = found._replace(checkout=False)
        elif call.name not in HARMLESS:
            raise Unread(f"line {call.line}: options: {call.name} is not known")
    if not found.whole:
        raise Unread("options: a run can be started from a later stage, past what comes before it")
    if found.cancel is None:
        raise Unread("options: runs of one branch go on side by side")
    return found


def _named(call: Call, steps: Steps) -> dict[str, Any]:
    """The named arguments of an option or parameter."""
    given = call.arguments(Frame(steps))
    if len(given) > 1 or (given and not isinstance(given[0], dict)):
        raise Unread(f"line {call.line}: {call.name}: its arguments have no names")
    return given[0] if given else {}


def _given(call: Call, steps: Steps) -> str:
    """The one argument of a trigger."""
    given = call.arguments(Frame(steps))
    if len(given) != 1 or not isinstance(given[0], str):
        raise Unread(f"line {call.line}: {call.name}: it takes one text")
    return given[0]


def reading(file: File, steps: Steps) -> Reading:
    """What the file says."""
    jenkins = Jenkins(file, steps)
    jenkins.tags()
    roots = {script.folder for unit in jenkins.units.all.values() for script in unit.main if unit.job}
    if len(roots) > 1:
        raise Unread(f"jobs run in {', '.join(sorted(roots))}")
    return Reading(
        jenkins.seen,
        jenkins.starts,
        jenkins.decide,
        cancels=jenkins.cancels(),
        schedules=jenkins.schedules(),
        root=roots.pop() if roots else "",
        inputs=jenkins.inputs(),
        open=True,
        bare="",
        unrolled=True,
    )
