"""Runs commands one by one and tells how long each took and how much memory it held at its peak.

A process of its own, started as `python -I -S runner.py` and with built-in modules only: a child's peak, as the kernel
gives it, is never below that of the process that started it, so this one must be smaller than anything measured.

Reads the folder, then the words of a command, one a line, and an empty line; answers `SECONDS KIBIBYTES EXIT-CODE`.
"""

import posix
import sys
import time


def _measure(words: list[str]) -> str:
    null = posix.open("/dev/null", posix.O_RDWR)
    files = [(posix.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    start = time.perf_counter()
    child = posix.posix_spawn(words[0], words, posix.environ, file_actions=files)
    _, status, usage = posix.wait4(child, 0)
    seconds = time.perf_counter() - start
    posix.close(null)
    return f"{seconds:.6f} {usage.ru_maxrss} {posix.waitstatus_to_exitcode(status)}"


words: list[str] = []
for line in sys.stdin:
    if line != "\n":
        words.append(line[:-1])
        continue
    posix.chdir(words[0])
    print(_measure(words[1:]), flush=True)
    words = []
