"""Work spread over processes: the results of a plain loop, whatever becomes of a process."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlgen import parallel
from mlgen.parallel import spread

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where pytest itself has threads: what is forked here takes none of their locks."""
    monkeypatch.setattr(parallel, "_may_fork", lambda: True)


def _slow(work: Callable[[int], object]) -> Callable[[int], object]:
    """So slow that every process gets some of it."""

    def slow(item: int) -> object:
        time.sleep(0.02)
        return work(item)

    return slow


@pytest.fixture(autouse=True)
def _no_child_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every process that was forked here has been waited for; those of other tests may go on."""
    made: list[int] = []
    fork = os.fork

    def counted() -> int:
        if pid := fork():
            made.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", counted)
    yield
    for pid in made:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


@pytest.mark.parametrize("processes", [0, 1, 2, 3, 20])
def test_results_stand_in_the_order_of_the_items(processes: int) -> None:
    assert spread(_slow(lambda item: (item, "x" * item)), [5, 3, 9, 0, 7], processes) == [
        (item, "x" * item) for item in (5, 3, 9, 0, 7)
    ]


def test_no_items() -> None:
    assert spread(lambda item: item, [], 4) == []


def test_more_processes_take_part() -> None:
    found = spread(_slow(lambda _: os.getpid()), range(12), 3)
    assert len(set(found)) == 3 and os.getpid() in found


def test_a_large_result_comes_whole() -> None:
    assert [len(text) for text in spread(lambda item: "x" * item, [3_000_000] * 4, 2)] == [3_000_000] * 4


def test_an_exception_is_that_of_the_first_item_that_has_one() -> None:
    def work(item: int) -> int:
        if item in (2, 5):
            raise ValueError(f"item {item}")
        return item

    for processes in (1, 2, 3):
        with pytest.raises(ValueError, match="item 2"):
            spread(_slow(work), range(8), processes)


@pytest.mark.parametrize("end", [lambda: os._exit(1), lambda: os.kill(os.getpid(), signal.SIGKILL)])
def test_what_a_process_had_taken_is_done_again_when_it_dies(end: Callable[[], None]) -> None:
    first = os.getpid()

    def work(item: int) -> int:
        if os.getpid() != first:
            end()
        time.sleep(0.02)
        return item * 2

    assert spread(work, range(6), 3) == [0, 2, 4, 6, 8, 10]


def test_what_cannot_be_sent_is_done_again() -> None:
    found = spread(_slow(lambda item: {item: object}), range(4), 2)
    assert found == [{item: object} for item in range(4)]


def test_no_process_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    before = len(os.listdir("/dev/fd"))
    assert spread(lambda item: item, range(4), 3) == [0, 1, 2, 3]
    assert len(os.listdir("/dev/fd")) == before


def test_an_interrupt_ends_all_processes() -> None:
    first = os.getpid()

    def work(item: int) -> int:
        if os.getpid() == first:
            raise KeyboardInterrupt
        time.sleep(60)
        return item

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        spread(work, range(4), 3)
    assert time.monotonic() - began < 30


def test_threads_forbid_to_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    import threading

    waits = threading.Event()
    thread = threading.Thread(target=waits.wait)
    thread.start()
    try:
        assert set(spread(lambda _: os.getpid(), range(4), 2)) == {os.getpid()}
    finally:
        waits.set()
        thread.join()


ONE, TWO = (f"import mlgen.parallel as p, sys; p.cores = lambda: {n}; " for n in (1, 2))
RUN = "from mlgen.cli import main; sys.exit(main.run(sys.argv[1:]))"


def _mlgen(count: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", count + RUN, *arguments], cwd=cwd, capture_output=True, text=True)


def test_commands_say_and_write_the_same_on_one_core_and_on_two(tmp_path: Path) -> None:
    """Files, warnings and refusals of all targets, in the same order."""
    said = []
    for name, count in (("one", ONE), ("two", TWO)):
        root = tmp_path / name
        shutil.copytree(ROOT / "tests/fixtures/language", root, ignore=shutil.ignore_patterns("mlgen.lock"))
        spec = root / "mlgen.yaml"
        spec.write_text(spec.read_text("utf-8") + "# changed\n", "utf-8")
        runs = [_mlgen(count, command, cwd=root) for command in ("check", "compile", "check")]
        # Without fallbacks most targets refuse something.
        lines = spec.read_text("utf-8").splitlines(keepends=True)
        spec.write_text("".join(line for line in lines if "fallback" not in line), "utf-8")
        runs.append(_mlgen(count, "compile", cwd=root))
        texts = {str(p.relative_to(root)): p.read_text("utf-8") for p in root.rglob("*") if p.is_file()}
        said.append(([(run.returncode, run.stdout, run.stderr) for run in runs], texts))
    assert said[0] == said[1]
    assert [code for code, *_ in said[0][0]][:3] == [1, 0, 0]


def test_a_bug_in_a_target_is_told_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/wine-quality", tmp_path, dirs_exist_ok=True)
    broken = "import mlgen.compiler as c\ndef verify(*_): raise RuntimeError('broken')\nc.verify = verify\n"
    done = _mlgen(TWO + "\n" + broken, "check", cwd=tmp_path)
    assert done.returncode == 3 and done.stderr.count("internal error: RuntimeError: broken") == 1
    assert "Traceback" not in done.stderr
