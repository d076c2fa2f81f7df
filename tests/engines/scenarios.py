"""What must happen to each job, on which event and with which damage: the one table that every engine is held against.

The tables are derived by hand from the language's meaning (README.md and docs/language.md), not from the compiler.
A row is a scenario: its name, its event, what goes wrong in it (`stand_ins.py` and the fixture's `do` know how), and
what becomes of each job:

    pass   its command ran, and it succeeded
    fail   its command ran, and it failed
    allow  its command ran and failed, which it may
    broke  it failed before its command ran
    stop   it did not run, because of a failure
    idle   it did not run, because its condition says so
    wait   it waits for an approval that nobody gives
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("github", "gitlab", "circleci", "jenkins", "travis", "mlgen run")
WORDS = ("pass", "fail", "allow", "broke", "stop", "idle", "wait")


class Event(NamedTuple):
    """What starts a run. `changed` are the files that the last commit changes, `branch` a pull request's target."""

    kind: str
    branch: str = "main"
    tag: str = ""
    schedule: str = ""
    name: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    fork: bool = False
    changed: tuple[str, ...] = ("src/rows.txt", "wine/files.py")
    message: str = "a change"
    approved: bool = True


EVENTS = {
    "push": Event("push"),
    "push of docs": Event("push", changed=("README",)),
    "push that says [extra]": Event("push", message="more [extra]"),
    "push to release/1": Event("push", branch="release/1"),
    "push to topic": Event("push", branch="topic"),
    "push, nobody approves": Event("push", approved=False),
    "pull request": Event("pull_request"),
    "pull request of docs": Event("pull_request", changed=("README",)),
    "pull request of a fork": Event("pull_request", fork=True),
    "tag": Event("tag", tag="v1"),
    "weekly": Event("schedule", schedule="weekly"),
    "nightly": Event("schedule", schedule="nightly"),
    "hourly": Event("schedule", schedule="hourly"),
    "manual": Event("manual", inputs=(("epochs", "12"),)),
    "manual, full": Event("manual", inputs=(("mode", "full"),)),
    "manual, plain": Event("manual"),
    "manual on topic": Event("manual", branch="topic"),
    "retrain": Event("api", name="retrain", inputs=(("reason", "drift"),)),
}

_WINE = """
scenario               | event                  | damage     | fetch validate fit   unit quality staging production
push                   | push                   | -          | pass  pass     pass  pass pass    pass    pass
not approved           | push, nobody approves  | -          | pass  pass     pass  pass pass    pass    wait
another branch         | push to topic          | -          | idle  idle     idle  idle idle    idle    idle
pull request           | pull request           | -          | pass  pass     pass  pass pass    idle    idle
fork                   | pull request of a fork | -          | pass  pass     pass  pass pass    idle    idle
tag                    | tag                    | -          | idle  idle     idle  idle idle    idle    idle
schedule               | weekly                 | -          | pass  pass     pass  pass pass    idle    idle
manual                 | manual                 | -          | pass  pass     pass  pass pass    pass    pass
manual on a branch     | manual on topic        | -          | pass  pass     pass  pass pass    idle    idle
failing gate           | push                   | gate       | pass  pass     pass  pass fail    stop    stop
failing test           | push                   | unit       | pass  pass     pass  fail pass    stop    stop
timeout                | push                   | slow       | pass  pass     fail  pass stop    stop    stop
retry                  | push                   | flaky      | pass  pass     pass  pass pass    pass    pass
too many tries         | push                   | broken     | fail  stop     stop  pass stop    stop    stop
undeclared file        | push                   | undeclared | pass  fail     stop  pass stop    stop    stop
undeclared output      | push                   | received   | pass  pass     pass  pass pass    fail    stop
missing output         | push                   | missing    | pass  pass     fail  pass stop    stop    stop
failing setup          | push                   | setup      | pass  pass     broke pass stop    stop    stop
"""

_GRID = """
scenario            | event                  | damage     | fetch fit  good poor sweep join told full again unit lint  steps quality green ship undo close drift
push                | push                   | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  pass idle pass  idle
nothing of training | push of docs           | -          | pass  idle idle idle pass  pass idle idle idle  pass pass  pass  idle    pass  idle idle pass  idle
message             | push that says [extra] | -          | pass  pass pass idle pass  pass pass idle idle  pass pass  pass  pass    pass  pass idle pass  idle
another branch      | push to release/1      | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  idle idle pass  idle
pull request        | pull request           | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  idle idle pass  idle
docs                | pull request of docs   | -          | pass  idle idle idle pass  pass idle idle idle  pass pass  pass  idle    pass  idle idle pass  idle
fork                | pull request of a fork | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  idle idle pass  idle
tag                 | tag                    | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  pass idle pass  idle
nightly             | nightly                | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  idle idle idle  idle
hourly              | hourly                 | -          | idle  idle idle idle idle  idle idle idle idle  idle idle  idle  idle    idle  idle idle idle  pass
manual              | manual, plain          | -          | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  pass idle pass  pass
manual, full        | manual, full           | -          | pass  pass pass idle pass  pass idle pass idle  pass pass  pass  pass    pass  pass idle pass  pass
retrain             | retrain                | -          | pass  pass pass idle pass  pass idle idle pass  pass pass  pass  pass    pass  pass idle pass  idle
failing gate        | push                   | gate       | pass  pass idle pass pass  pass idle idle idle  pass pass  pass  fail    fail  stop pass pass  idle
failing test        | push                   | unit       | pass  pass pass idle pass  pass idle idle idle  fail pass  pass  pass    fail  stop pass pass  idle
timeout             | push                   | slow       | pass  fail stop stop pass  pass idle idle idle  pass pass  pass  stop    fail  stop pass pass  idle
retry               | push                   | flaky      | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  pass idle pass  idle
too many tries      | push                   | broken     | fail  stop stop stop stop  stop idle idle idle  pass pass  pass  stop    fail  stop pass pass  idle
undeclared file     | push                   | undeclared | pass  fail stop stop pass  pass idle idle idle  pass pass  pass  stop    fail  stop pass pass  idle
undeclared output   | push                   | received   | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  fail pass pass  idle
missing output      | push                   | missing    | pass  fail stop stop pass  pass idle idle idle  pass pass  pass  stop    fail  stop pass pass  idle
failing leg         | push                   | leg        | pass  pass pass idle fail  stop idle idle idle  pass pass  pass  stop    fail  stop pass pass  idle
permitted failure   | push                   | lint       | pass  pass pass idle pass  pass idle idle idle  pass allow pass  pass    pass  pass idle pass  idle
failing step        | push                   | steps      | pass  pass pass idle pass  pass idle idle idle  pass pass  fail  pass    pass  stop pass pass  idle
failing deployment  | push                   | ship       | pass  pass pass idle pass  pass idle idle idle  pass pass  pass  pass    pass  fail pass pass  idle
"""  # noqa: E501


class Scenario(NamedTuple):
    """A row: `jobs` says what becomes of each."""

    project: str
    name: str
    event: Event
    damage: str
    jobs: dict[str, str]

    @property
    def id(self) -> str:
        """The name that limits and tests use."""
        return f"{self.project}: {self.name}"


class Project(NamedTuple):
    """A project whose committed configs are run.

    `edges` are pairs of jobs of which the second must not start before the first has ended; `idle` has the jobs without
    a command; `secrets` maps a secret to the jobs that may see it, `tries` a job to how often its command may run.
    """

    folder: Path
    edges: tuple[tuple[str, str], ...]
    idle: tuple[str, ...]
    secrets: tuple[str, ...]
    trusted: tuple[str, ...]
    environments: tuple[str, ...]
    approvals: tuple[str, ...] = ()
    tries: int = 3


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for clause in text.split(","):
        before, _, after = clause.partition(">")
        found += [(one, other) for one in before.split() for other in after.split()]
    return tuple(found)


PROJECTS = {
    "wine": Project(
        ROOT / "examples/wine-quality",
        _pairs("fetch > validate fit, validate > fit, fit > quality staging production, quality unit > staging")
        + _pairs("staging > production"),
        (),
        ("DEPLOY_TOKEN",),
        ("staging", "production"),
        ("staging", "production"),
        ("production",),
    ),
    "grid": Project(
        ROOT / "tests/fixtures/grid",
        _pairs(
            "fetch > fit sweep, fit > good poor quality ship, sweep > join, good poor join told full again > quality"
        )
        + _pairs("unit lint steps quality join > ship, ship > undo close"),
        ("green",),
        ("TOKEN",),
        ("ship",),
        ("prod",),
    ),
}


def _rows(project: str, table: str) -> list[Scenario]:
    head, *lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    jobs = head[3].split()
    found = []
    for name, event, damage, words in lines:
        assert len(words.split()) == len(jobs) and set(words.split()) <= set(WORDS), name
        found.append(Scenario(project, name, EVENTS[event], damage.strip("-"), dict(zip(jobs, words.split()))))
    return found


SCENARIOS = [*_rows("wine", _WINE), *_rows("grid", _GRID)]


class Limit(NamedTuple):
    """Where an engine shows something else than the table says, and why.

    `scenarios` is a glob, or several between bars; `jobs` are globs. `instead` is a word of the table, or `absent` for
    jobs that the run does not have. `whose` is `engine` if the engine cannot play what the CI system does, and `system`
    if the CI system itself cannot do what the table says.
    """

    engine: str
    scenarios: str
    jobs: str
    instead: str
    whose: str
    reason: str

    def concerns(self, engine: str, scenario: Scenario, job: str) -> bool:
        """Whether it speaks of this job there."""
        there = any(fnmatchcase(scenario.id, each.strip()) for each in self.scenarios.split("|"))
        return self.engine == engine and there and any(fnmatchcase(job, each) for each in self.jobs.split())


_FILTERS = "act applies no filters of branches and tags, so that the run starts although GitHub would start none"
_PERMITTED = "act shows others the failure of a job that may fail"
_API = "gitlab-ci-local has no API that tells how jobs ended"
_STAGES = "stages run one after the other, and a failure cancels all later ones"
LIMITS = (
    Limit("github", "wine: not approved", "production", "pass", "engine", "act knows no protected environments"),
    Limit("github", "wine: another branch | wine: tag", "fetch validate fit unit quality", "pass", "engine", _FILTERS),
    Limit("github", "wine: another branch | wine: tag", "staging", "broke", "engine", f"{_FILTERS}; the guard refuses"),
    Limit(
        "circleci", "*: fork", "*", "absent", "system", "the GitHub App starts no pipeline for a pull request of a fork"
    ),
    Limit(
        "circleci",
        "grid: failing gate | grid: failing test | grid: timeout | grid: too many tries | grid: undeclared file"
        " | grid: missing output | grid: failing leg",
        "green",
        "stop",
        "system",
        "a milestone is a no-op job, which does not run after a failure (fallback `pending`)",
    ),
    Limit("github", "grid: permitted failure", "lint green", "fail", "engine", _PERMITTED),
    Limit("github", "grid: permitted failure", "ship", "stop", "engine", _PERMITTED),
    Limit("github", "grid: permitted failure", "undo", "pass", "engine", _PERMITTED),
    Limit("gitlab", "grid: [!h]*", "green", "fail", "engine", _API),
    Limit("gitlab", "grid: failing leg", "green", "stop", "engine", _API),
    Limit("gitlab", "grid: *", "ship", "stop", "engine", f"{_API}, so that it waits for a failure"),
    Limit(
        "gitlab",
        "grid: nothing of training | grid: another branch | grid: pull request | grid: docs | grid: fork",
        "undo close",
        "broke",
        "engine",
        _API,
    ),
    Limit(
        "gitlab",
        "grid: push | grid: message | grid: tag | grid: manual* | grid: retrain | grid: failing * | grid: permitted *",
        "undo close",
        "stop",
        "engine",
        _API,
    ),
    Limit(
        "jenkins",
        "grid: failing gate | grid: failing test | grid: timeout | grid: too many tries | grid: undeclared file"
        " | grid: missing output | grid: failing leg",
        "green",
        "stop",
        "system",
        "a milestone does not start after a failure; the build itself is red",
    ),
    Limit(
        "jenkins", "wine: failing test", "validate fit quality", "stop", "system", f"in its form of stages, {_STAGES}"
    ),
    Limit("jenkins", "wine: not approved", "production", "stop", "system", "a question is withdrawn after a day"),
    Limit("travis", "wine: *", "production", "absent", "system", "nobody can be asked (fallback `skip`)"),
    Limit("travis", "grid: *", "undo close", "absent", "system", f"{_STAGES} (fallback `skip`)"),
    Limit(
        "travis",
        "wine: timeout | wine: too many tries | wine: undeclared file | wine: missing output | wine: failing setup",
        "unit",
        "stop",
        "system",
        _STAGES,
    ),
    Limit(
        "travis",
        "grid: timeout | grid: undeclared file | grid: missing output",
        "join unit lint steps green",
        "stop",
        "system",
        _STAGES,
    ),
    Limit("travis", "grid: too many tries", "unit lint steps green", "stop", "system", _STAGES),
    Limit("travis", "grid: failing leg", "good poor unit lint steps green", "stop", "system", _STAGES),
    Limit("travis", "grid: failing gate | grid: failing test | grid: failing step", "green", "stop", "system", _STAGES),
)


#: Engines that take long. A damage of which wine-quality has a row already is not played on the grid as well there.
SLOW = ("github", "gitlab")


def plays(engine: str, scenario: Scenario) -> bool:
    """Whether the engine plays the scenario."""
    again = {other.damage for other in SCENARIOS if other.project != scenario.project} - {"", "gate"}
    return engine not in SLOW or scenario.project == "wine" or scenario.damage not in again


def document() -> str:
    """The scenarios and the limits, for people."""
    lines = [
        "# What the engines are held against",
        "",
        "Made from `scenarios.py` by `MLGEN_REGENERATE=1 pytest tests/engines/test_scenarios.py -k documented`.",
        "GitHub is played by act, GitLab by gitlab-ci-local, Jenkins by a harness on Groovy 2.4, CircleCI and Travis",
        "by interpreters written for these tests from the vendors' documentation; `mlgen run` plays the spec itself.",
        "A missing engine fails.",
    ]
    for project, found in PROJECTS.items():
        rows = [scenario for scenario in SCENARIOS if scenario.project == project]
        lines += ["", f"## {project} ({found.folder.relative_to(ROOT)})", ""]
        lines += [f"| scenario | event | damage | {' | '.join(rows[0].jobs)} |", "|---" * (3 + len(rows[0].jobs)) + "|"]
        names = {event: name for name, event in EVENTS.items()}
        for row in rows:
            lines.append(f"| {row.name} | {names[row.event]} | {row.damage} | {' | '.join(row.jobs.values())} |")
    lines += ["", "## Where an engine shows something else", "", "| engine | scenarios | jobs | instead | why |"]
    lines.append("|---|---|---|---|---|")
    for limit in LIMITS:
        where = limit.scenarios.replace(" | ", ", ")
        whose = "the engine" if limit.whose == "engine" else "the system"
        lines.append(f"| {limit.engine} | {where} | {limit.jobs} | {limit.instead} | {whose}: {limit.reason} |")
    return "\n".join([*lines, ""])


def expected(engine: str, scenario: Scenario) -> dict[str, str]:
    """What the engine is to show: the table, and the limits that speak of it; the last one wins."""
    found = dict(scenario.jobs)
    for job in found:
        for limit in LIMITS:
            if limit.concerns(engine, scenario, job):
                found[job] = limit.instead
    return found
