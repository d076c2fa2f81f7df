"""One kind of work done on several items, on as many cores as there are: forked processes, and plain data over pipes.

The result is what a plain loop would give. Whatever goes wrong in a forked process, the item that it had taken is done
again in this one, where an exception then is the one of the loop, with its own traceback.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from mlgen.named import NamedTuple
from mlgen.typed import TypeVar

Item = TypeVar("Item")
Plain = TypeVar("Plain")


class _Helper(NamedTuple):
    """A forked process, and the end of the pipe that gives what it has done."""

    process: int
    answer: int


def cores() -> int:
    """How many processes may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[Item], Plain], items: Sequence[Item], processes: int) -> list[Plain]:
    """The results of `work` on up to 256 items, in their order; each of values that `marshal` takes, so no NamedTuples.

    Items may be worked on in different processes, so that `work` must not count on what it does elsewhere.
    """
    helpers = min(processes, len(items)) - 1
    done = _shared(work, items, helpers) if helpers > 0 and _may_fork() else {}
    return [done[index] if index in done else work(item) for index, item in enumerate(items)]


def _may_fork() -> bool:
    """A fork has this one thread only, and would wait forever for a lock that another thread holds."""
    threading = sys.modules.get("threading")
    return hasattr(os, "fork") and (threading is None or threading.active_count() == 1)


def _shared(work: Callable[[Item], Plain], items: Sequence[Item], helpers: int) -> dict[int, Plain]:
    """What this process and its helpers have done, by the item's index; without what went wrong."""
    queue, entry = os.pipe()
    os.write(entry, bytes(range(len(items))))
    os.close(entry)
    forked: list[_Helper] = []
    try:
        for _ in range(helpers):
            with suppress(OSError):  # no more processes are to be had
                forked.append(_fork(work, items, queue))
        done = _taken(work, items, queue)
        for helper in forked:
            done.update(_received(helper))
        return done
    except BaseException:  # an interrupt: nobody waits for what the helpers are doing
        from signal import SIGKILL

        for helper in forked:
            os.kill(helper.process, SIGKILL)
        raise
    finally:
        os.close(queue)
        for helper in forked:
            os.close(helper.answer)
            with suppress(ChildProcessError):  # where the system has been told to forget children by itself
                os.waitpid(helper.process, 0)


def _fork(work: Callable[[Item], Plain], items: Sequence[Item], queue: int) -> _Helper:
    answer, entry = os.pipe()
    try:
        process = os.fork()
    except OSError:
        os.close(answer)
        os.close(entry)
        raise
    if process:
        os.close(entry)
        return _Helper(process, answer)
    try:
        with os.fdopen(entry, "wb") as file:
            marshal.dump(_taken(work, items, queue), file)
    finally:
        os._exit(0)  # also on an interrupt: the process that forked this one says what there is to say


def _taken(work: Callable[[Item], Plain], items: Sequence[Item], queue: int) -> dict[int, Plain]:
    """Do what nobody has taken. The pipe holds the indices of the items, a byte each: who reads one has the item."""
    done: dict[int, Plain] = {}
    while taken := os.read(queue, 1):
        with suppress(Exception):  # it is done again, in the order of the items
            done[taken[0]] = work(items[taken[0]])
    return done


def _received(helper: _Helper) -> dict[int, Plain]:
    with os.fdopen(helper.answer, "rb", closefd=False) as file:
        written = file.read()
    try:
        found: dict[int, Plain] = marshal.loads(written)  # noqa: S302 - our own fork wrote it
    except (EOFError, ValueError, TypeError):  # the helper ended before it had written all
        return {}
    return found
