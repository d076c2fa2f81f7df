"""Steps with the reusable commands put in, and what a `run` says beside its command.

https://circleci.com/docs/reference/configuration-reference/#run
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback import Route, shell
from mlgen.readback.unread import Unread
from mlgen.targets.circleci.read.config import Data, File, declared, given, known
from mlgen.targets.circleci.read.inserted import filled, plain, waits
from mlgen.typed import Any

SILENCE = 600
"""Seconds without output after which a step is ended, unless it says otherwise."""
LONGEST = 5 * 3600
"""Seconds that a job may take on any plan: https://circleci.com/docs/reference/configuration-reference/#jobs"""


class Step(NamedTuple):
    """One step: its kind and words, texts still as the file has them."""

    kind: str
    words: Any
    route: Route


def inlined(said: Any, file: File, parameters: Mapping[str, Any], route: Route, depth: int = 0) -> Iterator[Step]:
    """The steps with reusable commands put in: https://circleci.com/docs/reference/reusing-config/#invoking-reusable-commands"""
    if not isinstance(said, list) or depth > 9:
        raise Unread(f"{route}: steps are no list, or commands call each other without end")
    for number, item in enumerate(said):
        at = (*route, number)
        kind: str
        words: Any = {}
        if isinstance(item, str):
            kind = item
        elif isinstance(item, dict) and len(item) == 1:
            ((kind, words),) = item.items()
        else:
            raise Unread(f"{way(at)}: it is no step")
        if kind not in file.commands:
            yield Step(kind, filled(words, parameters), at)
            continue
        command = file.commands[kind]
        where = f"commands.{kind}"
        known(command, ("description", "parameters", "steps"), where)
        own = filled({} if words is None else words, parameters)
        values = given(own, declared(command.get("parameters", {}), f"{where}.parameters"), way(at))
        yield from inlined(command.get("steps"), file, values, ("commands", kind, "steps"), depth + 1)


def way(route: Route) -> str:
    """The way to something in the file, for messages."""
    return ".".join(map(str, route))


def command_of(step: Step) -> str:
    """The step's command, without the newline at its end; what a value of the pipeline stands in keeps its marks."""
    said = step.words.get("command") if isinstance(step.words, dict) else step.words
    if not isinstance(said, str):
        raise Unread(f"{way(step.route)}: it has no command")
    return (said if waits(said) else plain(said)).rstrip("\n")


def options_of(step: Step) -> Data:
    """What the step says beside its command, its name and its variables."""
    words = step.words if isinstance(step.words, dict) else {}
    return {key: value for key, value in words.items() if key not in ("name", "command", "environment")}


def reruns(words: Data, step: Step) -> int:
    """https://circleci.com/docs/guides/orchestrate/automatic-reruns/"""
    count = words.get("max_auto_reruns", 0)
    if not isinstance(count, int) or not 0 <= count <= 5:
        raise Unread(f"{way(step.route)}.max_auto_reruns: {count} is not from 1 to 5")
    return count


def silence(words: Data, text: str, step: Step) -> int:
    """Seconds after which CircleCI ends the step, if it prints nothing and its own bound is later or none.

    https://circleci.com/docs/reference/configuration-reference/#run (`no_output_timeout`)
    """
    said = words.get("no_output_timeout")
    most = SILENCE if said is None else shell.seconds(str(said))
    if not most:
        raise Unread(f"{way(step.route)}.no_output_timeout: {said} is no duration")
    if shell.call(text)[0] == "gate":
        return 0
    bounds = [found.timeout * found.tries for found in shell.readings(text)]
    longest = max(bounds)
    if most >= LONGEST:  # the job has ended by then
        return 0
    return 0 if most >= longest > 0 or (longest == 0 and most > SILENCE) else most
