"""Services on a virtual machine, which steps start, and the files with which caches change."""

from __future__ import annotations

import shlex

from mlgen.named import NamedTuple
from mlgen.readback import shell
from mlgen.regex import fullmatch, regex
from mlgen.targets.circleci.read.helpers import WORD

_CHECKSUM = regex(r'\{\{ checksum "([^"]*)" \}\}')


class Started(NamedTuple):
    """A service on a virtual machine: its name and image, and what it is started with, as `SeenJob.serving` has it."""

    name: str
    image: str
    serving: tuple[str, ...]


def started(text: str) -> Started | None:
    """The service that a step starts; None if it starts none."""
    line, _, rest = text.partition("\n")
    words = shell.words(line)
    if words[:4] != ["docker", "run", "--detach", "--name"] or len(words) < 6:
        return None
    name, words = words[4], words[5:]
    serving = []
    while words[:1] in (["--publish"], ["--env"]) and len(words) > 2:
        serving += [f"env {words[1]}"] if words[0] == "--env" else []
        words = words[2:]
    if rest:
        ready = fullmatch(
            rf"for _ in \{{1\.\.120\}}; do docker exec {WORD} sh -c {WORD} && exit; sleep 1; done\nexit 1", rest
        )
        if not ready:
            return None
    if not words or words[0].startswith("-"):
        return None
    serving += [f"command {shlex.join(words[1:])}"] if words[1:] else []
    return Started(name, words[0], tuple(serving))


def followed(key: str, restored: list[str]) -> frozenset[str] | None:
    """The files with which a cache changes that is saved under the key; None if no step restores it.

    A cache is restored by any key that its own begins with:
    https://circleci.com/docs/reference/configuration-reference/#restorecache
    """
    found = [frozenset(_CHECKSUM.findall(each)) for each in restored if key.startswith(each)]
    return frozenset(_CHECKSUM.findall(key)).intersection(*found) if found else None
