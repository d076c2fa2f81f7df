"""What Jenkins knows of an event: the variables of a Multibranch Pipeline, the parameters, and what caused the run.

https://www.jenkins.io/doc/book/pipeline/multibranch/#additional-environment-variables
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.targets.jenkins.read.values import Value

API_EVENT = "mlgen_event"
"""The parameter that carries an api event's name; empty: a run by hand."""
TIMER = "hudson.triggers.TimerTrigger$TimerTriggerCause"
NAMED_TIMER = "org.jenkinsci.plugins.parameterizedscheduler.ParameterizedTimerTriggerCause"
USER = "hudson.model.Cause$UserIdCause"
SCM = ("jenkins.branch.BranchEventCause", "jenkins.branch.BranchIndexingCause")
UPSTREAM = "org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause"


class Parameter(NamedTuple):
    """One parameter of the file: https://www.jenkins.io/doc/book/pipeline/syntax/#parameters"""

    kind: str
    name: str
    default: Value
    choices: tuple[str, ...] = ()


class Timed(NamedTuple):
    """One line of a timer: when, and the values that it gives to parameters."""

    cron: str
    given: tuple[tuple[str, str], ...]
    named: bool


class Way(NamedTuple):
    """One way in which an event starts a run."""

    env: dict[str, str]
    params: dict[str, Value]
    causes: frozenset[str]


def ways(event: Event, parameters: Iterable[Parameter], timers: Iterable[Timed]) -> Iterator[Way]:
    """All ways; of none, where Jenkins refuses a value, or no timer fires."""
    listed = tuple(parameters)
    if event.kind == "schedule":
        for timer in timers:
            if timer.cron == event.cron and dict(timer.given).get("JENKINS_SCHEDULE", event.schedule) == event.schedule:
                found = _parameters(listed, dict(timer.given))
                if found is not None:
                    yield Way(variables(event), found, frozenset((NAMED_TIMER if timer.named else TIMER,)))
        return
    given = {"MLGEN_INPUT_" + name.upper().replace("-", "_"): value for name, value in event.inputs}
    if event.kind == "api":
        given[API_EVENT] = event.api
        if not any(each.name == API_EVENT for each in listed):
            return
    params = _parameters(listed, given)
    if params is None:
        return
    causes: tuple[str, ...] = SCM
    if event.kind == "manual":
        causes = (USER,)
    elif event.kind == "api":
        # With a person's token, or by the step `build` of another job.
        causes = (USER, UPSTREAM)
    for cause in causes:
        yield Way(variables(event), params, frozenset((cause,)))


def _parameters(listed: tuple[Parameter, ...], given: dict[str, str]) -> dict[str, Value] | None:
    """The values; those of unknown parameters are dropped, and a choice that is none is refused."""
    found: dict[str, Value] = {}
    for each in listed:
        value = given.get(each.name)
        if value is None:
            found[each.name] = each.default
        elif each.kind == "choice" and value not in each.choices:
            return None
        else:
            found[each.name] = value == "true" if each.kind == "booleanParam" else value
    return found


def variables(event: Event) -> dict[str, str]:
    """Of a run without secrets, such as that of a dependency bot, nothing is known but that of a fork."""
    if event.kind == "pull_request":
        found = {
            "BRANCH_NAME": "PR-1",
            "CHANGE_ID": "1",
            "CHANGE_TARGET": event.branch,
            "CHANGE_BRANCH": event.source,
        }
        return {**found, **({"CHANGE_FORK": "somebody"} if event.fork else {})}
    if event.kind == "tag":
        return {"BRANCH_NAME": event.tag, "TAG_NAME": event.tag, "TAG_TIMESTAMP": "1"}
    return {"BRANCH_NAME": event.branch}
