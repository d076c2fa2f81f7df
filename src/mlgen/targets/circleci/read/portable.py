"""The step that sets the portable variables: whether `.mlgen/env.sh` is told on every event what it cannot know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex
from mlgen.targets.circleci.read.config import Parameter
from mlgen.targets.circleci.read.context import NAMED, SCHEDULE, known
from mlgen.targets.circleci.read.expressions import Refused
from mlgen.targets.circleci.read.inserted import text_of
from mlgen.typed import Any

_START = 'for name in "${!MLGEN_@}"; do [ "${!name}" != \'<nil>\' ] || export "$name="; done\n'
_END = (
    'bash .mlgen/env.sh --print |\n  while IFS= read -r line; do printf \'export %q\\n\' "$line"; done >> "$BASH_ENV"'
)
_BARE = regex(r"([A-Za-z_]\w*)=\$\{\1#'#'\}")
_OWN = "MLGEN_CIRCLECI_"


def sets(text: str) -> frozenset[str] | None:
    """The variables of which the step first takes a `#` away; None if it does not set the portable variables."""
    text = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    if not text.startswith(_START) or not text.endswith(_END):
        return None
    lines = text[len(_START) : -len(_END)].rstrip("\n").split("\n")
    found = [_BARE.fullmatch(line) for line in lines if line]
    return frozenset(each[1] for each in found if each) if all(found) else None


class Portable:
    """What the file's steps that set the portable variables have to tell; most are the same, and asked about once."""

    def __init__(self, parameters: Mapping[str, Parameter], kinds: frozenset[str]) -> None:
        self._parameters, self._kinds = parameters, kinds
        self._known: dict[tuple[tuple[tuple[str, str], ...], frozenset[str]], bool] = {}

    def whole(self, said: Mapping[str, str], bare: frozenset[str]) -> bool:
        """Whether a step's variables tell all of it on every kind of event that the file compares with."""
        key = (tuple(said.items()), bare)
        if key not in self._known:
            self._known[key] = _whole(said, bare, self._parameters, self._kinds)
        return self._known[key]


def _whole(
    said: Mapping[str, str], bare: frozenset[str], parameters: Mapping[str, Parameter], kinds: frozenset[str]
) -> bool:
    unknown = [name for name in said if not name.startswith(("MLGEN_INPUT_", _OWN))]
    if unknown:
        return False
    try:
        for event, told in _samples(parameters, kinds):
            values: dict[str, Any] = dict(known(event, parameters).values)
            if not values:
                return False  # the event starts nothing
            if any(_arrives(said.get(name, ""), values, name in bare) != wanted for name, wanted in told.items()):
                return False
        return True
    except (Refused, Unread):
        return False


def _arrives(said: str, values: dict[str, Any], bare: bool) -> str:
    """What the variable is once the step has begun; integers of more than six digits arrive as `1e+06`, if alone.

    https://circleci.com/docs/guides/security/set-environment-variable/#set-an-environment-variable-in-a-job
    """
    text = text_of(said, values)
    alone = fullmatch(r"<< ([\w.-]+) >>", said)
    if alone and isinstance(values.get(alone[1]), int) and not isinstance(values[alone[1]], bool):
        text = f"{values[alone[1]]:.0e}" if abs(values[alone[1]]) > 999999 else text
    text = "" if text == "<nil>" else text
    return text.removeprefix("#") if bare else text


def _samples(parameters: Mapping[str, Parameter], kinds: frozenset[str]) -> Iterator[tuple[Event, dict[str, str]]]:
    """An event of each kind, and what it tells; empty where nothing is to be told."""
    nothing = {f"{_OWN}{name}": "" for name in ("BASE_BRANCH", "BASE", "PR", "SCHEDULE", "NAMED")}
    told = {**nothing, f"{_OWN}NUMBER": "#7"}
    yield Event("push", "b"), {**told, f"{_OWN}EVENT": "push"}
    if "pull_request" in kinds:
        own = {"EVENT": "pull_request", "BASE_BRANCH": "b", "BASE": "b" * 40, "PR": "5"}
        yield Event("pull_request", "b", "s"), {**told, **{f"{_OWN}{name}": value for name, value in own.items()}}
    if SCHEDULE in parameters:
        yield (
            Event("schedule", "b", schedule="weekly"),
            {**told, f"{_OWN}EVENT": "schedule", f"{_OWN}SCHEDULE": "weekly"},
        )
    if NAMED in parameters:
        yield Event("api", "b", api="other"), {**told, f"{_OWN}EVENT": "api", f"{_OWN}NAMED": "other"}
    for turn in (0, 1):
        given = {n: _sample(n, each, turn) for n, each in parameters.items() if n not in (SCHEDULE, NAMED)}
        variables = {"MLGEN_INPUT_" + name.upper().replace("-", "_"): value for name, value in given.items()}
        yield Event("manual", "b", inputs=tuple(given.items())), {**told, f"{_OWN}EVENT": "api", **variables}


def _sample(name: str, parameter: Parameter, turn: int) -> str:
    if parameter.type == "integer":
        return "12345678"
    if parameter.type == "boolean":
        return ("true", "false")[turn]
    return parameter.enum[-turn] if parameter.enum else f"{name}-{turn}"
