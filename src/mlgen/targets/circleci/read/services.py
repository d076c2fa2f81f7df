"""Services on a virtual machine, which steps start, and the files with which caches change."""

from __future__ import annotations

import shlex

from mlgen.readback import Served, shell
from mlgen.regex import regex
from mlgen.targets.circleci.read.helpers import WORD

_CHECKSUM = regex(r'\{\{ checksum "([^"]*)" \}\}')
_READY = regex(rf"for _ in \{{1\.\.120\}}; do docker exec ({WORD}) sh -c ({WORD}) && exit; sleep 1; done\nexit 1")


def started(text: str) -> Served | None:
    """The service that a step starts; None if it starts none."""
    line, _, rest = text.partition("\n")
    words = shell.words(line)
    if words[:4] != ["docker", "run", "--detach", "--name"] or len(words) < 6:
        return None
    name, words = words[4], words[5:]
    env, ports = [], []
    while words[:1] in (["--publish"], ["--env"]) and len(words) > 2:
        if words[0] == "--env":
            key, sign, value = words[1].partition("=")
            if not sign:  # Docker takes the value from the machine
                return None
            env.append((key, value))
        else:
            port, _, inner = words[1].partition(":")
            if port != inner or not port.isdigit():
                return None
            ports.append(int(port))
        words = words[2:]
    ready = _READY.fullmatch(rest)
    if (rest and not ready) or not words or words[0].startswith("-"):
        return None
    if ready and shlex.split(ready[1]) != [name]:
        return None
    asked = shlex.split(ready[2])[0] if ready else ""
    return Served(name, words[0], tuple(env), tuple(words[1:]), ports=tuple(ports), ready=asked, shares=True)


def followed(key: str, restored: list[str]) -> frozenset[str] | None:
    """The files with which a cache changes that is saved under the key; None if no step restores it.

    A cache is restored by any key that its own begins with:
    https://circleci.com/docs/reference/configuration-reference/#restorecache
    """
    found = [frozenset(_CHECKSUM.findall(each)) for each in restored if key.startswith(each)]
    return frozenset(_CHECKSUM.findall(key)).intersection(*found) if found else None


def named(key: str) -> str:
    """What a key says beside the content of files."""
    return _CHECKSUM.sub("", key)
