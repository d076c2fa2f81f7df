"""How Jenkins runs what the file says: the variables of a run, and which stages and rows start."""

from collections.abc import Mapping
from typing import Any

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Reading, SeenJob, Start, inside
from mlgen.targets.jenkins.read import context
from mlgen.targets.jenkins.read.context import Parameter, Timed, Way
from mlgen.targets.jenkins.read.jenkinsfile import HARMLESS, Call, Condition, File
from mlgen.targets.jenkins.read.jobs import Stashes, seen_jobs
from mlgen.targets.jenkins.read.scope import Frame
from mlgen.targets.jenkins.read.steps import Steps
from mlgen.targets.jenkins.read.units import Level, Unit, Units, flat
from mlgen.targets.jenkins.read.values import Value

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
    serial: bool = False
    checkout: bool = True


class Told(NamedTuple):
    """A run in mind: how each unit starts and ends."""

    starts: Mapping[str, Start]
    ends: Mapping[str, End]


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
        self._answers: dict[tuple[str, Event], bool] = {}
        self._ways: dict[Event, tuple[Way, ...]] = {}
        self._schedules: tuple[tuple[str, str], ...] | None = None
        self.clean = dict(steps.fields)

    def _parameter(self, call: Call) -> Parameter:
        said = _named(call, self.steps)
        kind, name = call.name, said.get("name", "")
        known = {"string": ("defaultValue",), "booleanParam": ("defaultValue",), "choice": ("choices",)}
        if kind not in known or set(said) - {"name", "description", *known[kind]} or not name:
            raise ValueError(f"line {call.line}: the parameter {kind} is not known, or has what is not known")
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
                self._environment(way).get("JENKINS_EVENT") == "push" for way in found
            )
            self._ways[event] = () if pushes else found
        return self._ways[event]

    def timers(self, branch: str, more: Mapping[str, str] = {}) -> tuple[Timed, ...]:
        """The timers of a branch: https://plugins.jenkins.io/parameterized-scheduler/ for those with parameters."""
        found: list[Timed] = []
        for call in self.file.triggers:
            if call.name not in ("cron", "parameterizedCron"):
                raise ValueError(f"line {call.line}: the trigger {call.name} is not known")
            self._enter({"BRANCH_NAME": branch, **more}, {}, frozenset())
            text = _given(call, self.steps)
            lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
            if lines and lines[0] != "TZ=Etc/UTC":
                raise ValueError(f"line {call.line}: its schedules are not in UTC")
            for line in lines[1:]:
                cron, _, given = line.partition("%")
                pairs = tuple(tuple(pair.strip().split("=", 1)) for pair in given.split(";") if pair.strip())
                found.append(Timed(cron.strip(), pairs, call.name == "parameterizedCron"))  # type: ignore[arg-type]
        return tuple(found)

    def schedules(self) -> tuple[tuple[str, str], ...]:
        """Name and cron of each; ValueError where other branches, tags or pull requests have some."""
        found = []
        for branch in self._branches():
            for timer in self.timers(branch):
                way = Way({"BRANCH_NAME": branch}, {p.name: p.default for p in self.parameters}, frozenset())
                way.params.update(dict(timer.given))
                name = self._environment(way).get("JENKINS_SCHEDULE") or ""
                found.append((name, timer.cron))
        for branch, more in (
            ("mlgen-none", {}),
            ("PR-1", {"CHANGE_ID": "1"}),
            *((b, {"TAG_NAME": b}) for b in self._branches()),
        ):
            for timer in self.timers(branch, more):
                cause = context.NAMED_TIMER if timer.named else context.TIMER
                env = self._environment(Way({"BRANCH_NAME": branch, **more}, {}, frozenset((cause,))))
                if env.get("JENKINS_EVENT") != "none":
                    raise ValueError(f"a schedule would run on {' '.join(more) or 'every branch'}, too")
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

    def _environment(self, way: Way) -> dict[str, str]:
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
        failing = frozenset(name for name, end in ended.items() if end == "failure")
        return self.run(event, failing).starts[seen.name]

    def run(self, event: Event, failing: frozenset[str]) -> Told:
        """What becomes of all units, where the commands of these fail."""
        key = event, failing
        if key not in self._runs:
            found = [_Run(self, event, failing, way).told() for way in self.ways(event)]
            if any(each != found[0] for each in found):
                raise ValueError(f"{event}: how it is started makes a difference to what runs")
            self._runs[key] = found[0]
        return self._runs[key]

    def answer(self, question: str, event: Event) -> bool:
        """What `ci.py when` says."""
        key = question, event
        if key not in self._answers:
            self._answers[key] = inside.holds(question, event, inside.variables(event, {}))
        return self._answers[key]

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


class _Run:
    """One run, from its first stage to its last."""

    def __init__(self, jenkins: Jenkins, event: Event, failing: frozenset[str], way: Way) -> None:
        self.jenkins, self.event, self.failing = jenkins, event, failing
        self.steps = jenkins.steps
        self.starts: dict[str, Start] = {}
        self.ends: dict[str, End] = {}
        self.made: set[str] = set()
        fields = self.steps.fields
        fields.update(jenkins.clean)
        self.facts, self.results, self.exported, self.stopped = {}, {}, {}, []  # type: ignore[var-annotated]
        for name, value in (
            ("facts", self.facts),
            ("results", self.results),
            ("exported", self.exported),
            ("stopped", self.stopped),
        ):
            if name in fields:
                fields[name] = value
        env = jenkins._environment(way)
        self.frame = Frame(self.steps)
        self.steps.facts = lambda question: jenkins.answer(question, event)
        self.env = env
        self.held: dict[str, bool] = {}

    def told(self) -> Told:
        """The whole run."""
        broken = False
        for level in self.jenkins.units.levels:
            broken = self.level(level, broken)
        for level in self.jenkins.units.post:
            self.level(level, False)
        if any(start.state != "skip" for start in self.starts.values()):
            self._check()
        return Told(self.starts, self.ends)

    def _check(self) -> None:
        """The portable variables are made of these."""
        if self.env.get("JENKINS_EVENT") != self.event.kind:
            raise ValueError(f"{self.event}: JENKINS_EVENT is {self.env.get('JENKINS_EVENT')}")
        if self.event.kind == "schedule" and self.env.get("JENKINS_SCHEDULE") != self.event.schedule:
            raise ValueError(f"{self.event}: JENKINS_SCHEDULE is {self.env.get('JENKINS_SCHEDULE')}")

    def level(self, level: Level, broken: bool) -> bool:
        """A step of a sequence; whether the run is broken after it, so that later ones are skipped."""
        if level.table is not None:
            return self._table(level, broken)
        if not level.inside:
            for unit in level.units:
                broken = self._stage(unit, broken)
            return broken
        if level.stage.parallel:
            ends = [self.level(each, broken) for each in level.inside]
            return broken or any(ends)
        for each in level.inside:
            broken = self.level(each, broken)
        return broken

    def holds(self, conditions: tuple[Condition, ...]) -> Condition | None:
        """The first condition that does not hold."""
        for condition in conditions:
            # A method may look at what the run has brought to light so far.
            held = None if "(" in condition.text else self.held.get(condition.text)
            if held is None:
                held = self.held[condition.text] = bool(condition.run(self.frame))
            if not held:
                return condition
        return None

    # --- stages

    def _stage(self, unit: Unit, broken: bool) -> bool:
        if broken:
            self._ended(unit, Start("skip", "an earlier stage has failed"), "skipped")
            return True
        why = self.holds(unit.when)
        if why is not None:
            self._ended(unit, Start("skip", why.text), "skipped")
            return False
        text = unit.when[-1].text if unit.when else ""
        missing = self._missing(unit)
        if missing:
            return self._end(unit, Start("refused", f"there is no stash {missing}"), True)
        asks = unit.good.noted.asks
        if not unit.job and not asks and unit.stage and unit.stage.steps:
            # A stage of the file's own, such as one that finds out what has changed, does what it does.
            unit.stage.steps(self.frame)
        return self._end(unit, Start("wait" if asks else "run", text), unit.name in self.failing)

    def _end(self, unit: Unit, start: Start, failed: bool) -> bool:
        self._ended(unit, start, "failure" if failed else "success")
        if not failed or unit.permitted:
            self.results.update(unit.good.results)
        return failed and not unit.permitted

    def _ended(self, unit: Unit, start: Start, end: End) -> None:
        self.starts[unit.name], self.ends[unit.name] = start, end
        if end == "success":
            self.made.update(unit.good.noted.gives)
            for job, lines in unit.good.exported.items():
                self.exported[job] = self._lines(job, lines)

    def _lines(self, job: str, files: list[str]) -> list[str]:
        """The lines of a file of exported values."""
        known = {value for file in files for value in self.jenkins.stashes.values.get(file.removeprefix("\0"), ())}
        told = [(*name.rpartition(".")[::2], value) for name, value in self.event.values]
        return [f"{name}={value}" for maker, name, value in told if maker == job and name in known]

    def _missing(self, unit: Unit) -> str:
        """A stash that it receives, and that is not there."""
        noted = unit.good.noted
        names = [*noted.takes, *(name for condition, found in noted.some if condition() for name in found)]
        optional = {name for found in (unit.row or {}).get("mayTake", {}).values() for name in found}
        return next((name for name in names if name not in self.made and name not in optional), "")

    # --- tables

    def _table(self, level: Level, broken: bool) -> bool:
        conditions = level.units[0].when if level.units else ()
        why = self.holds(conditions)
        if broken or why is not None:
            text = "an earlier stage has failed" if broken or why is None else why.text
            for unit in level.units:
                self._ended(unit, Start("skip", text), "skipped")
            return broken
        assert level.table is not None
        self.stopped.clear()
        rows = {row["name"]: row for row in flat(level.table())}
        for unit in _in_order(level.units):
            self._row(unit, rows[unit.name])
        return bool(self.stopped)

    def _row(self, unit: Unit, row: dict[str, Any]) -> None:
        if not row["when"]:
            self._ended(unit, Start("skip", f"when of {unit.name}"), "skipped")
            return
        methods = self.steps.methods
        end = methods["endAtOnce"].run([row])
        if end:
            said = "it needs what did not pass" if end == "failure" else "asked when all it needs had ended"
            judges = end == "failure" and row.get("on") is None
            self._ended(unit, Start("fail" if judges else "skip", said), "failure" if judges else "skipped")
            self._note(row, end, end == "failure")
            return
        results = tuple((one["variable"], methods["endOf"].run([one])) for one in row.get("sees", ()))
        missing = self._missing(unit)
        failed = bool(missing) or unit.name in self.failing
        start = (
            Start("refused", f"there is no stash {missing}")
            if missing
            else Start("run", f"when of {unit.name}", results=results)
        )
        self._ended(unit, start, "failure" if failed else "success")
        self._note(row, "failure" if failed else "success", failed and not unit.permitted)

    def _note(self, row: dict[str, Any], end: str, stops: bool) -> None:
        """As `ended` does."""
        job = row["job"]
        if end != "skipped" or not self.results.get(job):
            self.results[job] = "failure" if self.results.get(job) == "failure" else end
        if stops:
            self.stopped.append(job)


def _in_order(units: tuple[Unit, ...]) -> list[Unit]:
    """The rows, each after those that it needs."""
    names = {unit.name for unit in units}
    done: set[str] = set()
    todo, found = list(units), []
    while todo:
        ready = [unit for unit in todo if all(n in done or n not in names for n in unit.needs)]
        if not ready:
            raise ValueError(f"{', '.join(unit.name for unit in todo)} wait for each other")
        found += ready
        done.update(unit.name for unit in ready)
        todo = [unit for unit in todo if unit.name not in done]
    return found


def _options(file: File) -> Options:
    found = Options()
    for call in file.options:
        if call.name == "disableConcurrentBuilds":
            found = found._replace(cancel=call, serial=True)
        elif call.name == "skipDefaultCheckout":
            found = found._replace(checkout=False)
        elif call.name not in HARMLESS:
            raise ValueError(f"line {call.line}: options: {call.name} is not known")
    return found


def _named(call: Call, steps: Steps) -> dict[str, Any]:
    """The named arguments of an option or parameter."""
    given = call.arguments(Frame(steps))
    if len(given) > 1 or (given and not isinstance(given[0], dict)):
        raise ValueError(f"line {call.line}: {call.name}: its arguments have no names")
    return given[0] if given else {}


def _given(call: Call, steps: Steps) -> str:
    """The one argument of a trigger."""
    given = call.arguments(Frame(steps))
    if len(given) != 1 or not isinstance(given[0], str):
        raise ValueError(f"line {call.line}: {call.name}: it takes one text")
    return given[0]


def reading(file: File, steps: Steps) -> Reading:
    """What the file says."""
    jenkins = Jenkins(file, steps)
    roots = {script.folder for unit in jenkins.units.all.values() for script in unit.main if unit.job}
    if len(roots) > 1:
        raise ValueError(f"jobs run in {', '.join(sorted(roots))}")
    return Reading(
        jenkins.seen,
        jenkins.starts,
        jenkins.decide,
        cancels=jenkins.cancels(),
        schedules=jenkins.schedules(),
        root=roots.pop() if roots else "",
        open=True,
    )
