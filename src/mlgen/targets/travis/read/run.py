"""How Travis runs what the file says: which events make a build, which jobs it has, and when each starts.

https://docs.travis-ci.com/user/build-stages, https://docs.travis-ci.com/user/conditional-builds-stages-jobs
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.readback import End, Reading, SeenJob, Start, inside
from mlgen.readback.unread import Unread
from mlgen.targets.travis.read import context
from mlgen.targets.travis.read.config import File
from mlgen.targets.travis.read.expressions import Condition
from mlgen.targets.travis.read.jobs import Native, exported, natives, reaches, secure, seen_job, whole

SECURE = "secure:"
"""How `Reading.reaches` is asked for a secret that is encrypted in the file."""


class Builds:
    """The file's builds, event by event."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.jobs = natives(file)
        self.stages: dict[int, tuple[str, ...]] = {}
        for entry in file.entries:
            self.stages[entry.stage] = (*self.stages.get(entry.stage, ()), entry.name)
        self.encrypted = frozenset(text for entry in file.entries for text in secure(entry.env, file.env))
        unsets = frozenset(name for job in self.jobs.values() for name in (*job.seen.unset, *job.seen.spent))
        self.seen = tuple(seen_job(job, self.jobs, self._before(job), unsets) for job in self.jobs.values())
        self.ids = {seen.name: seen.job for seen in self.seen}
        self.asked = frozenset(name for each in self._conditions() for name in each.asks)
        self._check()
        self._event: tuple[Event | None, dict[tuple[str, ...], bool]] = None, {}
        """The last event that was asked about, and which conditions hold on it, with the variables they ask for."""
        self._failed: tuple[Mapping[str, End] | None, int, dict[int, str]] = None, 0, {}
        """The results that were last looked at, how many of them, and the jobs by stage that stop all later ones."""

    def _conditions(self) -> tuple[Condition, ...]:
        return (self.file.condition, *(entry.condition for entry in self.file.entries))

    def _before(self, job: Native) -> tuple[str, ...]:
        """The jobs of the stage before: a stage starts once the one before it has passed."""
        earlier = [stage for stage in self.stages if stage < job.entry.stage]
        return self.stages[max(earlier)] if earlier else ()

    def _check(self) -> None:
        """Unread for what no event of the language shows."""
        for job in self.jobs.values():
            for name in job.entry.condition.asks | self.file.condition.asks:
                if not context.is_known(name) and name not in job.env:
                    raise Unread(f"{job.entry.name}: if: it asks for the variable {name}, of which nothing is known")
            if "changed(" in job.seen.question and not whole(job):
                raise Unread(f"{job.entry.name}: it asks what has changed, and does not clone the whole history")

    def starts(self, event: Event) -> bool:
        """Whether the event makes a build. What no condition asks for is no event of this file."""
        if event.kind == "schedule" and context.SCHEDULED not in self.asked:
            return False
        if event.kind == "api" and context.API_EVENT not in self.asked:
            return False
        if not self.file.condition.holds(context.context(event, dict(self.file.env.literal))):
            return False
        return any(self._is_in(job, event) for job in self.jobs.values())

    def _is_in(self, job: Native, event: Event) -> bool:
        if self._event[0] is not event:
            self._event = event, {}
        condition, known = job.entry.condition, self._event[1]
        key = (condition.text, *(f"{name}={job.env[name]}" for name in sorted(condition.asks) if name in job.env))
        if key not in known:
            known[key] = condition.holds(context.context(event, job.env))
        return known[key]

    def _stopped(self, stage: int, ended: Mapping[str, End]) -> str:
        """A job of an earlier stage that has not passed, and has to; results are only ever added to those of a run."""
        last, count, failed = self._failed
        if last is not ended or len(ended) < count:
            count, failed = 0, {}
        for name, end in itertools.islice(ended.items(), count, None):
            entry = self.jobs[name].entry
            if end == "failure" and not entry.may_fail:
                failed.setdefault(entry.stage, name)
        self._failed = ended, len(ended), failed
        return next((name for each, name in failed.items() if each < stage), "")

    def decide(self, seen: SeenJob, event: Event, ended: Mapping[str, End]) -> Start:
        """Whether the job starts, as Travis and then the job itself decide."""
        job = self.jobs[seen.name]
        if not self._is_in(job, event):
            return Start("skip", f"if: {job.entry.condition.text}")
        if failed := self._stopped(job.entry.stage, ended):
            return Start("skip", f"{failed}, of an earlier stage, has not passed")
        if job.seen.question and not self._holds(job, event, ended):
            return Start("left", f"ci.py when {job.seen.question}")
        missing = self._missing(job, ended)
        if missing:
            return Start("refused", f"{missing} is not there")
        return Start("run", job.entry.condition.text)

    def _holds(self, job: Native, event: Event, ended: Mapping[str, End]) -> bool:
        """Whether what the job asks itself holds; exported values are known only of jobs from which they come."""
        known = {
            (self.ids[maker], value.partition("=")[0])
            for maker in job.uses
            if ended.get(maker) == "success"
            for value in exported(self.jobs[maker])
        }
        told = tuple(pair for pair in event.values if pair[0].rpartition(".")[::2] in known)
        return inside.holds(job.seen.question, event, inside.variables(event._replace(values=told), {}))

    def _missing(self, job: Native, ended: Mapping[str, End]) -> str:
        """A path of which the job checks that it has come, and that has not.

        A job that has failed leaves an empty folder for what it did not make, one that did not run or ended itself
        leaves nothing: https://github.com/travis-ci/casher
        """
        for path, folder in job.seen.expects:
            makers = [name for name in job.uses if path in self.jobs[name].created]
            ends = [ended.get(name, "skipped") for name in makers]
            if not ("success" in ends or (folder and "failure" in ends)):
                return path
        return ""

    def reaches(self, seen: SeenJob, name: str, environments: tuple[str, ...]) -> bool:
        """Whether a secret of this name reaches the job's scripts: Travis knows no environments."""
        job = self.jobs[seen.name]
        if name.startswith(SECURE):
            return name.removeprefix(SECURE) in secure(job.entry.env, self.file.env)
        return reaches(job, name)


def reading(file: File) -> Reading:
    """What the file says."""
    builds = Builds(file)
    roots = {job.seen.root for job in builds.jobs.values() if not job.seen.milestone}
    if len(roots) > 1:
        raise Unread(f"the jobs run in different folders: {', '.join(sorted(roots))}")
    return Reading(
        builds.seen,
        builds.starts,
        builds.decide,
        reaches=builds.reaches,
        bare="",
        root=roots.pop() if roots else None,
        unrolled=True,
    )
