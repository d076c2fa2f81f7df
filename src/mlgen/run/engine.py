"""The run itself: jobs side by side, each as soon as what it waits for has ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType

from mlgen.ir import Job
from mlgen.ir.values import Leg
from mlgen.named import NamedTuple
from mlgen.run.job import End, Setting, State, run_leg
from mlgen.run.plan import Plan, other_system, turn
from mlgen.run.variables import exported
from mlgen.targets import ci_py
from mlgen.typed import Protocol


class Watcher(Protocol):
    """Who is told how the run goes. All but `line` are called from one thread."""

    def started(self, job: Job, leg: Leg | None) -> None:
        """A job, or a leg of one, has begun."""

    def ended(self, job: Job, leg: Leg | None, end: End) -> None:
        """It has ended; of a job with legs, each leg and then the job as a whole."""

    def line(self, job: Job, leg: Leg | None, text: str) -> None:
        """It has printed a line; from any thread."""

    def tick(self) -> None:
        """Some time has passed."""

    def interrupted(self) -> None:
        """The user wants the run to end."""


class Outcome(NamedTuple):
    """How all jobs of the plan ended, each leg of those that have some, and the order in which they began."""

    jobs: dict[str, End]
    legs: dict[str, dict[str, End]]
    order: tuple[str, ...]
    interrupted: bool
    seconds: float


def run(plan: Plan, setting: Setting, slots: int, approve: Callable[[Job], str], watcher: Watcher) -> Outcome:
    """Runs the plan with so many jobs at once. `approve` gives why an approval is refused, or an empty text."""
    began = time.monotonic()
    with ThreadPoolExecutor(slots) as pool:
        loop = _Loop(plan, setting, slots, approve, watcher, pool)
        try:
            with _signals(loop.interrupt):
                loop.all()
        except BaseException:
            setting.stop.now.set()
            setting.stop.asked.set()
            raise
    return Outcome(loop.ended, loop.legs, tuple(loop.order), setting.stop.asked.is_set(), time.monotonic() - began)


@contextmanager
def _signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """A polite request to end is taken like the interrupt key."""

    def handle(number: int, frame: FrameType | None) -> None:
        interrupt()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Loop:
    def __init__(
        self,
        plan: Plan,
        setting: Setting,
        slots: int,
        approve: Callable[[Job], str],
        watcher: Watcher,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.plan, self.setting, self.slots, self.approve = plan, setting, slots, approve
        self.watcher, self.pool = watcher, pool
        self.known = dict(plan.known)
        self.waiting = list(plan.jobs)
        self.ready: list[tuple[Job, list[Leg | None]]] = []
        """Jobs whose turn has come, with the legs that have not begun."""
        self.running: dict[Future[End], tuple[Job, Leg | None]] = {}
        self.ended: dict[str, End] = {}
        self.legs: dict[str, dict[str, End]] = {}
        self.order: list[str] = []
        self.begun: dict[str, float] = {}
        self.answers: dict[str, list[End]] = {}
        self.asking = False
        """Whether the user is being asked: only then does an interrupt raise."""

    def interrupt(self) -> None:
        """Ends the jobs that run; the second time, without their last scripts."""
        stop = self.setting.stop
        (stop.now if stop.asked.is_set() else stop.asked).set()
        if self.asking:
            raise KeyboardInterrupt

    def all(self) -> None:
        """Until every job has ended."""
        told = False
        while self.waiting or self.ready or self.running:
            if self.setting.stop.asked.is_set():
                if not told:
                    self.watcher.interrupted()
                told = True
                self._give_up()
            else:
                self._turns()
                self._begin()
            done, _ = wait(self.running, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in done:
                self._collect(future)
            self.watcher.tick()

    def _give_up(self) -> None:
        for job in self.waiting:
            self._end(job, End("cancelled", "interrupted"))
        for job, _ in self.ready:
            if not any(job is other for other, _ in self.running.values()):
                self._end(job, self._whole(job) if job.id in self.answers else End("cancelled", "interrupted"))
        self.waiting, self.ready = [], []

    def _turns(self) -> None:
        """Ends the jobs that need not run, and takes those whose turn has come."""
        again = True
        while again:
            again = False
            for job in list(self.waiting):
                verdict = turn(self.plan, job, self.ended, self.known)
                if verdict is False:
                    continue
                self.waiting.remove(job)
                if verdict is True:
                    verdict = self._approved(job)
                if isinstance(verdict, End):
                    self._end(job, verdict)
                    again = True
                else:
                    self.ready.append((job, list(job.matrix.legs) if job.matrix else [None]))

    def _approved(self, job: Job) -> End | bool:
        """True, or how the job ends whose approval is refused."""
        if job.approval is None:
            return True
        self.asking = True
        try:
            refusal = self.approve(job)
        except KeyboardInterrupt:
            return End("cancelled", "interrupted")
        finally:
            self.asking = False
        return End("failure", refusal) if refusal else True

    def _begin(self) -> None:
        """Starts as much as there is room for: by the jobs' locks, the bounds of a matrix, and the slots."""
        for job, legs in list(self.ready):
            while legs and len(self.running) < self.slots and self._has_room(job):
                self._start(job, legs.pop(0))
            if not legs:
                self.ready.remove((job, legs))

    def _has_room(self, job: Job) -> bool:
        holding = [o for o in self.plan.jobs if o.id in self.begun and o.id not in self.ended and o is not job]
        if job.lock and any(other.lock == job.lock for other in holding):
            return False
        most = job.matrix.max_parallel if job.matrix else 0
        return not most or sum(other is job for other, _ in self.running.values()) < most

    def _start(self, job: Job, leg: Leg | None) -> None:
        if job.id not in self.begun:
            self.begun[job.id] = time.monotonic()
            self.order.append(job.id)
        if leg and (other := other_system(leg.runner) if "runner" in job.varies else ""):
            done: Future[End] = Future()
            done.set_result(End("skipped", f"it is for {other}"))
            self.running[done] = (job, leg)
            return
        self.watcher.started(job, leg)
        states: dict[str, str] = {name: end.state for name, end in self.ended.items()}
        states.update(dict.fromkeys(self.plan.left_out, "skipped"))
        future = self.pool.submit(
            run_leg, self.setting, job, leg, states, lambda text: self.watcher.line(job, leg, text)
        )
        self.running[future] = (job, leg)

    def _collect(self, future: Future[End]) -> None:
        job, leg = self.running.pop(future)
        end = future.result()
        self.answers.setdefault(job.id, []).append(end)
        if leg:
            self.legs.setdefault(job.id, {})[leg.slug] = end
            self.watcher.ended(job, leg, end)
        left = any(other is job for other, _ in self.running.values()) or any(other is job for other, _ in self.ready)
        if not left:
            self._end(job, self._whole(job))

    def _whole(self, job: Job) -> End:
        """How the job ended, by its legs."""
        ends = self.answers[job.id]
        seconds = time.monotonic() - self.begun[job.id]
        states: Sequence[State] = [end.state for end in ends]
        state: State = next((s for s in ("failure", "cancelled", "success") if s in states), "skipped")
        if not job.matrix:
            return ends[0]
        if state == "success" and len(ends) < len(job.matrix.legs):
            state = "cancelled"
        bad = [f"{slug}: {end.reason}" for slug, end in self.legs[job.id].items() if end.state == state and end.reason]
        return End(state, "; ".join(bad), seconds, max(end.tries for end in ends))

    def _end(self, job: Job, end: End) -> None:
        self.ended[job.id] = end
        if end.state == "success" and job.exports:
            values = exported_by(job, self.setting)
            self.known.update({f"value:{job.id}.{name}": value for name, value in values.items()})
        self.watcher.ended(job, None, end)


def exported_by(job: Job, setting: Setting) -> dict[str, str]:
    """The values that the job has handed on."""
    return exported(setting.record.files(job)) if ci_py.exports_file(job) else {}
