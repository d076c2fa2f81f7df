"""A run of what was read back: which of its jobs start, wait or are left out, given which of them fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback import End, Reading, SeenJob, Start
from mlgen.readback.unread import Unread

NO_RUN = Start("skip", "the event starts no run")


class Ran(NamedTuple):
    """What became of one job of the spec: whether its command is executed, after an agreement or not, and why not."""

    runs: bool
    failed: bool
    approved: bool | None
    """None: of some legs alone."""
    why: str
    lock: str | None = None
    results: tuple[tuple[str, str], ...] | None = None
    partly: bool = False
    """Whether some of its legs are executed, and some are not."""


def replay(reading: Reading, event: Event, failing: Collection[str] = ()) -> dict[str, Ran]:
    """What becomes of each job of the spec, by id, where every command succeeds but those of the jobs in `failing`.

    Of a job with legs, what becomes of all of them; where they differ, of the one that fails or starts.
    """
    if not reading.starts(event):
        return {job.job: Ran(False, False, False, NO_RUN.why) for job in reading.jobs if job.job}
    ended: dict[str, End] = {}
    starts: dict[str, Start] = {}
    asked: dict[str, bool] = {}
    found: dict[str, Ran] = {}
    order, own = _known(reading)
    for name, legs in order:
        job = legs[0]
        start = reading.decide(job, event, ended)
        starts[name] = start
        asked[name] = start.state == "wait" or any(asked[n] for n in job.needs if n in own and n in asked)
        failed = start.state in ("fail", "refused") or (start.state in ("run", "wait") and job.job in failing)
        ended[name] = _end(start, failed)
        if job.job:
            ran = Ran(start.state in ("run", "wait", "fail"), failed, asked[name], start.why, start.lock, start.results)
            found[job.job] = _worse(found[job.job], ran) if job.job in found else ran
    return found


def in_order(jobs: tuple[SeenJob, ...]) -> Iterator[tuple[str, list[SeenJob]]]:
    """The jobs by native name, each with its legs, after all that they need; Unread if they wait in a circle."""
    legs: dict[str, list[SeenJob]] = {}
    for job in jobs:
        legs.setdefault(job.name, []).append(job)
    done: set[str] = set()
    todo = list(legs)
    while todo:
        ready = [name for name in todo if all(n in done or n not in legs for n in legs[name][0].needs)]
        if not ready:
            raise Unread(f"{', '.join(todo)} wait for each other")
        for name in ready:
            yield name, legs[name]
        done.update(ready)
        todo = [name for name in todo if name not in done]


_last: tuple[tuple[SeenJob, ...], list[tuple[str, list[SeenJob]]], frozenset[str]] = ((), [], frozenset())
"""The jobs that were replayed last, in their order, and the names of those that the target added."""


def _known(reading: Reading) -> tuple[list[tuple[str, list[SeenJob]]], frozenset[str]]:
    global _last
    if _last[0] is not reading.jobs:
        own = frozenset(job.name for job in reading.jobs if not job.job)
        _last = reading.jobs, list(in_order(reading.jobs)), own
    return _last[1:]


def _end(start: Start, failed: bool) -> End:
    if start.state == "skip":
        return "skipped"
    if start.state == "left":
        return "left"
    return "failure" if failed else "success"


def _worse(one: Ran, other: Ran) -> Ran:
    worse = max(one, other, key=lambda ran: (ran.failed, ran.runs))
    apart = one.runs and other.runs and one.approved != other.approved
    return worse._replace(
        partly=one.partly or other.partly or one.runs != other.runs, approved=None if apart else worse.approved
    )


def closure(edges: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """All that each job comes after, by way of the jobs that it waits for; there must be no circle."""
    found: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in found:
            found[name] = set()
            for before in edges.get(name, ()):
                found[name] |= {before} | reach(before)
        return found[name]

    for name in edges:
        reach(name)
    return found
