"""The variables of a workflow and its jobs, and what the portable ones are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch
from mlgen.targets.github.read.contexts import API_INPUT, On, contexts
from mlgen.targets.github.read.expressions import Contexts, Expression
from mlgen.targets.github.read.templates import expression, parts, value
from mlgen.targets.github.read.values import Known, Open, Value, text_of
from mlgen.typed import Any

_PAYLOAD = ("MLGEN_BEFORE", "MLGEN_HEAD", "MLGEN_BASE_COMMIT", "MLGEN_API_EVENT", "MLGEN_CRON")


class Environment(NamedTuple):
    """The variables of a job: those of the workflow, and its own before them.

    `literal` have a text as value, `axes` one of the leg's, `results` tell how others ended. `whole`: all that
    `.mlgen/env.sh` needs is there. `base`: the job and its output where MLGEN_BEFORE comes from, if from one.
    """

    given: Mapping[str, str]
    literal: Mapping[str, str]
    axes: Mapping[str, str]
    results: Mapping[str, str]
    secrets: tuple[tuple[str, str], ...]
    whole: bool
    base: tuple[str, str] | None
    job: str


def environment(own: Mapping[str, Any], shared: Mapping[str, Any], said: On) -> Environment:
    """The variables of a job whose own are `own`."""
    given = {str(name): text_of(each) for name, each in {**shared, **own}.items()}
    literal: dict[str, str] = {}
    axes: dict[str, str] = {}
    results: dict[str, str] = {}
    secrets = []
    base = None
    for name, text in given.items():
        asked = _names(text)
        context, _, _ = next(iter(asked)).partition(".") if len(asked) == 1 else ("", "", "")
        if "${{" not in text:
            literal[name] = text
        elif name.startswith("MLGEN_RESULT_"):
            results[name] = text
        elif name == "MLGEN_LEG" and asked == {"strategy.job-index"}:
            continue
        elif name == "MLGEN_BEFORE" and (told := _output(text)):
            base = told
        elif context == "matrix":
            axes[name] = text
        elif context in ("secrets", "vars") and expression(text):
            secrets.append((name, _written(text)))
        elif not (name in _PAYLOAD or name.startswith("MLGEN_INPUT_")):
            literal[name] = text
    results |= {name: literal.pop(name) for name in list(literal) if name.startswith("MLGEN_RESULT_")}
    whole = _is_whole({**given, **({"MLGEN_BEFORE": str(shared.get("MLGEN_BEFORE", ""))} if base else {})}, said)
    return Environment(given, literal, axes, results, tuple(secrets), whole, base, literal.pop("MLGEN_JOB", ""))


def _names(text: str) -> set[str]:
    if "${{" not in text:
        return set()
    return {name for part in parts(text) if isinstance(part, Expression) for name in part.names}


def _written(text: str) -> str:
    """The name of a secret as it is written."""
    found = expression(text)
    return found.source.partition(".")[2] if found else ""


def _output(text: str) -> tuple[str, str] | None:
    found = fullmatch(r"\$\{\{ needs\.([\w-]+)\.outputs\.([\w-]+) \}\}", text)
    return (found[1], found[2]) if found else None


def _is_whole(given: Mapping[str, str], said: On) -> bool:
    """Whether each event tells `.mlgen/env.sh` what only it knows."""
    try:
        return all(
            text_of(value(given.get(name, ""), Contexts(contexts(said, event)))) == wanted
            for event, told in _samples(said)
            for name, wanted in told.items()
        )
    except Unread:
        return False


def _samples(said: On) -> Iterator[tuple[Event, dict[str, str]]]:
    """An event of each kind, and what it tells; empty where nothing is to be told."""
    if said.branches:
        yield Event("push", "b"), {"MLGEN_BEFORE": "b" * 40, **({"MLGEN_CRON": ""} if said.crons else {})}
    if said.targets:
        yield Event("pull_request", "b"), {"MLGEN_HEAD": "d" * 40, "MLGEN_BASE_COMMIT": "a" * 40}
    if said.inputs is None:
        return
    given = {name: entry.options[-1] if entry.options else f"{name}?" for name, entry in said.inputs.items()}
    given |= {name: "true" for name, entry in said.inputs.items() if entry.kind == "boolean"}
    told = {"MLGEN_INPUT_" + name.upper().replace("-", "_"): text for name, text in given.items() if name != API_INPUT}
    api = {"MLGEN_API_EVENT": given[API_INPUT]} if API_INPUT in given else {}
    yield Event("manual", "b", inputs=tuple(given.items())), {**told, **api}


def schedules(said: On, shared: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What MLGEN_SCHEDULE is for each cron: name and cron."""
    text = text_of(shared.get("MLGEN_CRON"))
    found = [
        (text_of(value(text, Contexts(contexts(said, Event("schedule", cron=cron))))), cron) for cron in said.crons
    ]
    return tuple(sorted(found))


def variables_given(text: str, matrix: Contexts, said: On) -> str:
    """The text of an expression before the first step, with the portable variables instead of what they hold.

    Those that only one kind of event has are empty on the others: a text must say so on each kind that there is.
    """
    names = {"MLGEN_RUN_ID": "run_id", "MLGEN_RUN_NUMBER": "run_number", "MLGEN_ACTOR": "actor"}
    always: dict[str, Value] = {prop: f"${{{name}}}" for name, prop in names.items()}
    own = Open(lambda name: f"${{{name}}}")
    needs = Open(lambda job: Known(outputs=own))  # an output has the name of the exported value
    found: dict[str, str] = {}
    for kind in ("tag", "pull_request", "push"):
        pull = kind == "pull_request" and bool(said.targets)
        if kind == "pull_request" and not pull:
            continue
        request = {"head": Known(sha="${MLGEN_COMMIT}"), "number": "${MLGEN_PR}"} if pull else None
        github = Known(
            always,
            event=Known(pull_request=Known(request) if request else None),
            sha="${MLGEN_CHECKOUT}" if pull else "${MLGEN_COMMIT}",
            ref_type="tag" if kind == "tag" else "branch",
            ref_name="${MLGEN_TAG}" if kind == "tag" else "${MLGEN_BRANCH}",
        )
        values = {**matrix.values, "github": github, "needs": needs, "vars": own, "secrets": own}
        found[kind] = text_of(value(text, Contexts(values)))
    whole = max(found.values(), key=len)
    for kind, seen in found.items():
        expected = whole if kind == "tag" else whole.replace("${MLGEN_TAG}", "")
        expected = expected if kind == "pull_request" else expected.replace("${MLGEN_PR}", "")
        if seen != expected:
            raise Unread(f"`{text}` is {seen} on one kind of event and {expected} on another")
    return whole
