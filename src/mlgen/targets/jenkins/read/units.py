"""What runs: each stage with steps, and each row of a table, tried in mind to see what it does.

A unit is tried with all its scripts in order, and again with its first and its last one failing, so that it is seen
what runs then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read import table
from mlgen.targets.jenkins.read.jenkinsfile import Condition, File, Stage
from mlgen.targets.jenkins.read.noted import Noted, Ran
from mlgen.targets.jenkins.read.scope import Frame, Run, Thrown
from mlgen.targets.jenkins.read.steps import Steps
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.typed import Any

ENVIRONMENT = ("JENKINS_EVENT", "JENKINS_SCHEDULE")
"""The file's own variables, of which the portable ones are made."""


class Trial(NamedTuple):
    """One execution: what was seen, whether it failed, and what a row told of its end (how, and whether it stops)."""

    noted: Noted
    failed: bool
    told: tuple[str, bool] | None
    results: dict[str, str]
    exported: dict[str, list[str]]


class Unit:
    """A stage or a row. `needs` are the units that have ended when it starts."""

    def __init__(self, name: str, line: int, when: tuple[Condition, ...], row: dict[str, Any] | None = None) -> None:
        self.name = name
        self.line = line
        self.when = when
        self.row = row
        self.needs: list[str] = []
        self.stage: Stage | None = None
        self.good: Trial
        self.main: list[Ran] = []
        self.after: list[tuple[str, Ran, Ran | None]] = []
        """`failure` or `always`; the script after a failure, and after a success."""
        self.permitted = False
        self.kept = self.tidy = True
        self.forked: frozenset[str] = frozenset()
        """The credentials that it is given on a pull request from a fork."""

    @property
    def job(self) -> str:
        """The spec's id of the job, or empty."""
        return self.good.noted.env.get("MLGEN_JOB", "") or str((self.row or {}).get("job", ""))


class Level(NamedTuple):
    """One step of a sequence: a unit, a table's units, or stages inside of a stage."""

    stage: Stage
    units: tuple[Unit, ...] = ()
    inside: tuple[Level, ...] = ()
    table: Callable[[], list[dict[str, Any]]] | None = None
    """Evaluates the rows as they are on the event."""


class Units:
    """All units of a file."""

    def __init__(self, file: File, steps: Steps) -> None:
        self.file = file
        self.steps = steps
        self.rows: list[dict[str, Any]] | None = None
        self.told: tuple[str, bool] | None = None
        self.all: dict[str, Unit] = {}
        for name in ("startReady", "runJobs", "ended"):
            if name in steps.methods:
                table.known(file.texts)
                break
        self._stubs()
        self.levels = tuple(self._level(stage, ()) for stage in file.stages)
        self.post = tuple(self._post())
        self._needs()

    # --- trials

    def _stubs(self) -> None:
        """In a trial, the scheduler is told of, and starts nothing."""
        methods = self.steps.methods
        if "runJobs" in methods:
            methods["runJobs"] = Closure(self._listed, 1)
            methods["startReady"] = Closure(lambda given: None, 0)
            methods["ended"] = Closure(self._ended, 3)

    def _listed(self, given: list[Value]) -> Value:
        self.rows = [*(self.rows or []), *given[0]]

    def _ended(self, given: list[Value]) -> Value:
        self.told = given[1], bool(given[2])

    def trial(self, run: Callable[[], None], fails: int = -1) -> Trial:
        """One execution of what is given."""
        steps = self.steps
        noted = steps.start(fails)
        results = _Results()
        exported: dict[str, list[str]] = {}
        before = dict(steps.fields)
        steps.fields.update({k: v for k, v in (("results", results), ("exported", exported)) if k in before})
        self.told = None
        frame = Frame(steps)
        for name, value in self.file.environment:
            steps.set(name, str(value(frame)))
        failed = False
        try:
            run()
        except Thrown:
            failed = True
        finally:
            steps.fields.update(before)
        return Trial(noted, failed, self.told, dict(results), exported)

    def stage_run(self, stage: Stage) -> Callable[[], None]:
        """The execution of a stage's steps, and of what comes after them."""
        steps = self.steps

        def run() -> None:
            frame = Frame(steps)
            for name, value in stage.environment:
                steps.set(name, str(value(frame)))
            if stage.lock:
                (said,) = stage.lock.arguments(frame)
                if set(said) != {"resource"}:
                    raise Unread(f"line {stage.lock.line}: lock: it has arguments that are not known")
                steps.noted.lock = said["resource"]
            inner = dict(steps.inner)
            assert stage.steps is not None
            failed = False
            try:
                stage.steps(frame)
            except Thrown:
                failed = True
            steps.inner, steps.bindings, steps.folders, steps.around = inner, [], [], []
            for name in ("always", "cleanup"):
                for condition, body in stage.post:
                    if condition == name:
                        body(frame)
            if failed:
                raise Thrown

        for condition, _ in stage.post:
            if condition not in ("always", "cleanup"):
                raise Unread(f"line {stage.line}: post {condition} of stage {stage.name} looks at the whole build")
        return run

    # --- the tree

    def _level(self, stage: Stage, above: tuple[Condition, ...]) -> Level:
        if stage.steps is None:
            if stage.environment or stage.lock or stage.agent or stage.post:
                raise Unread(f"line {stage.line}: stage {stage.name}: only `when` is known around stages")
            inside = tuple(self._level(each, (*above, *stage.when)) for each in stage.stages)
            return Level(stage, inside=inside)
        self.rows = None
        run = self.stage_run(stage)
        good = self.trial(run)
        if self.rows is None:
            unit = Unit(stage.name, stage.line, (*above, *stage.when))
            unit.stage = stage
            self._tried(unit, run, good)
            return Level(stage, (unit,))
        if good.noted.scripts or stage.agent or stage.post:
            raise Unread(f"line {stage.line}: stage {stage.name} runs a table, and more")
        steps = stage.steps
        return Level(
            stage, tuple(self._of_rows(self.rows, stage.line, (*above, *stage.when))), (), self._evaluated(steps)
        )

    def _evaluated(self, run: Run) -> Callable[[], list[dict[str, Any]]]:
        def rows() -> list[dict[str, Any]]:
            self.rows = None
            run(Frame(self.steps))
            return self.rows or []

        return rows

    def _post(self) -> Iterator[Level]:
        """What runs after all stages: a table, and what a hook adds."""
        for condition, body in self.file.post:
            self.rows = None
            good = self.trial(lambda body=body: body(Frame(self.steps)))  # type: ignore[misc]
            stage = Stage(f"post {condition}", 0)
            if self.rows is not None:
                if condition != "always" or good.noted.scripts:
                    raise Unread(f"post {condition}: a table runs there, and more or not always")
                yield Level(stage, tuple(self._of_rows(self.rows, 0, ())), (), self._evaluated(body))
            elif good.noted.scripts or good.noted.secrets:
                unit = Unit(stage.name, 0, ())
                self._tried(unit, lambda body=body: body(Frame(self.steps)), good)  # type: ignore[misc]
                yield Level(stage, (unit,))

    def _of_rows(self, rows: list[dict[str, Any]], line: int, when: tuple[Condition, ...]) -> Iterator[Unit]:
        for row in flat(rows):
            unit = Unit(row["name"], line, when, row)

            def run(row: dict[str, Any] = row) -> None:
                self.steps.methods["runJob"].run([row])

            self._tried(unit, run, self.trial(run))
            yield unit

    def _tried(self, unit: Unit, run: Callable[[], None], good: Trial) -> None:
        """What the unit does when it succeeds, and when its first or last script fails."""
        if unit.name in self.all:
            raise Unread(f"two stages or rows are called {unit.name}")
        self.all[unit.name] = unit
        unit.good = good
        if good.failed:
            raise Unread(f"line {unit.line}: {unit.name} fails whatever its scripts do")
        scripts = good.noted.scripts
        if not scripts:
            return
        first = self.trial(run, 0)
        count = _common(scripts, first.noted.scripts[1:])
        unit.main = scripts[: len(scripts) - count]
        last = self.trial(run, len(unit.main) - 1) if len(unit.main) > 1 else first
        ends = first.noted.scripts[1:]
        if [_same(s) for s in last.noted.scripts[len(unit.main) :]] != [_same(s) for s in ends]:
            raise Unread(f"line {unit.line}: {unit.name}: what runs after a failure depends on which command fails")
        tail = list(scripts[len(unit.main) :])
        for script in ends:
            if tail and _same(tail[0]) == _same(script):
                unit.after.append(("always", script, tail.pop(0)))
            else:
                unit.after.append(("failure", script, None))
        self._ends(unit, (first, last))
        if good.noted.bound:
            self.steps.env = {"CHANGE_FORK": "somebody"}
            unit.forked = frozenset(self.trial(run).noted.bound)
            self.steps.env = {}

    def _ends(self, unit: Unit, failed: tuple[Trial, Trial]) -> None:
        """That a failure of the unit's is one of the run, unless it is permitted."""
        if unit.row is not None and "when" in unit.row:
            ends = {trial.told for trial in failed}
            if unit.good.told != ("success", False) or ends not in ({("failure", True)}, {("failure", False)}):
                raise Unread(f"{unit.name}: the row does not tell how it ended")
            unit.permitted = ends == {("failure", False)}
        else:
            unit.permitted = not any(trial.failed for trial in failed)
        if unit.permitted != unit.good.noted.permitted:
            raise Unread(f"line {unit.line}: {unit.name}: only some of its failures are permitted")
        unit.kept = unit.good.noted.junit <= failed[0].noted.junit
        unit.tidy = failed[0].noted.tidy

    # --- order

    def _needs(self) -> None:
        ends: list[str] = []
        for level in self.levels:
            ends = _placed(level, ends)
        for level in self.post:
            for unit in level.units:
                unit.needs = list(ends)
            if level.table:
                _rows_needs(level.units)
            ends = [unit.name for unit in level.units] or ends


class _Results(dict[str, str]):
    """How others ended, in a trial: well."""

    def get(self, key: str, default: Any = None) -> Any:
        """The end of a job."""
        return "success"


def _same(script: Ran) -> tuple[object, ...]:
    env = tuple(pair for pair in script.env if pair[0] != "MLGEN_RESULT")
    return script.text, script.secrets, env, script.folder, script.more


def _common(scripts: list[Ran], ends: list[Ran]) -> int:
    """How many of the last scripts run after a failure, too, in this order."""
    count, at = 0, len(ends)
    for script in reversed(scripts[1:]):
        while at and _same(ends[at - 1]) != _same(script):
            at -= 1
        if not at:
            break
        at -= 1
        count += 1
    return count


def flat(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows with the legs of each by themselves."""
    for row in rows:
        for leg in row.get("legs") or [{}]:
            yield {**row, **leg}


def _placed(level: Level, before: list[str]) -> list[str]:
    """Gives the units of a level their needs; the units that end it."""
    if not level.inside:
        for unit in level.units:
            unit.needs = list(before)
        if level.table:
            return _rows_needs(level.units) or before
        return [unit.name for unit in level.units]
    if level.stage.parallel:
        return [name for each in level.inside for name in _placed(each, before)]
    for each in level.inside:
        before = _placed(each, before)
    return before


def _rows_needs(units: tuple[Unit, ...]) -> list[str]:
    """Adds what the rows need of each other; the rows that no other needs."""
    by_job: dict[str, list[str]] = {}
    for unit in units:
        assert unit.row is not None
        by_job.setdefault(unit.row["job"], []).append(unit.name)
    needed: set[str] = set()
    for unit in units:
        assert unit.row is not None
        own = [name for job in unit.row["needs"] for name in by_job.get(job, ())]
        unit.needs += own
        needed.update(own)
    return [unit.name for unit in units if unit.name not in needed]
