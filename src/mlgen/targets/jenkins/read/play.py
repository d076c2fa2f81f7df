"""One run in mind, from its first stage to its last."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Start
from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read.context import Way
from mlgen.targets.jenkins.read.jenkinsfile import Condition
from mlgen.targets.jenkins.read.scope import Frame
from mlgen.targets.jenkins.read.units import Level, Unit, flat
from mlgen.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgen.targets.jenkins.read.run import Jenkins


class Told(NamedTuple):
    """A run in mind: how each unit starts and ends."""

    starts: Mapping[str, Start]
    ends: Mapping[str, End]


class Play:
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
        env = jenkins.environment(way)
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
        """What the portable variables are made of, and that a fork is given nothing."""
        for name, start in self.starts.items():
            given = self.jenkins.units.all[name].forked if self.event.fork and start.state in ("run", "wait") else ()
            if given:
                raise Unread(f"{self.event}: {name} is given {', '.join(sorted(given))}")
        if self.env.get("JENKINS_EVENT") != self.event.kind:
            raise Unread(f"{self.event}: JENKINS_EVENT is {self.env.get('JENKINS_EVENT')}")
        if self.event.kind == "schedule" and self.env.get("JENKINS_SCHEDULE") != self.event.schedule:
            raise Unread(f"{self.event}: JENKINS_SCHEDULE is {self.env.get('JENKINS_SCHEDULE')}")

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
        before = len(self.stopped)
        # What rows say may depend on the event, and on what the run has brought to light so far.
        key = self.event, level.stage.name, repr((self.results, self.exported))
        rows = self.jenkins.rows.get(key)
        if rows is None:
            rows = self.jenkins.rows[key] = {row["name"]: row for row in flat(level.table())}
        for unit in _in_order(level.units):
            self._row(unit, rows[unit.name])
        return len(self.stopped) > before

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
            raise Unread(f"{', '.join(unit.name for unit in todo)} wait for each other")
        found += ready
        done.update(unit.name for unit in ready)
        todo = [unit for unit in todo if unit.name not in done]
    return found
