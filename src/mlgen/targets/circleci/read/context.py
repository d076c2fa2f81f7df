"""What CircleCI knows of an event: the values of the pipeline that it starts.

https://circleci.com/docs/reference/variables/#pipeline-values,
https://circleci.com/docs/guides/orchestrate/github-trigger-event-options/ (of the GitHub App)
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.targets.circleci.read.config import Parameter
from mlgen.typed import Any

EVENTS = {
    "push": "push", "pull_request": "pull_request", "tag": "push", "schedule": "schedule", "manual": "api", "api": "api"
}  # fmt: skip
"""`pipeline.event.name` of each kind of event; a tag is pushed too."""
SCHEDULE, NAMED = "mlgen_schedule", "mlgen_event"
"""The parameters in which a schedule's trigger gives its name, and a call of the API the event that it stands for."""
COMMIT = "${MLGEN_COMMIT}"
"""What stands for `pipeline.git.revision`, whose value the portable variable is."""


class Known(NamedTuple):
    """The values of a pipeline; `refused`: why CircleCI makes none of the event."""

    values: Mapping[str, Any]
    refused: str = ""


def known(event: Event, parameters: Mapping[str, Parameter]) -> Known:
    """The values on the event; a fork's pull request starts nothing, and a call with unknown parameters neither."""
    if event.fork:  # https://circleci.com/docs/guides/integration/oss/
        return Known({}, "pull requests of forks start no pipeline")
    given: dict[str, str] = dict(event.inputs)
    if event.kind == "schedule":
        given[SCHEDULE] = event.schedule
    elif event.kind == "api":
        given[NAMED] = event.api
    values: dict[str, Any] = {f"pipeline.parameters.{name}": each.default for name, each in parameters.items()}
    for name, text in given.items():
        value = _value(text, parameters[name]) if name in parameters else None
        if value is None:
            return Known({}, f"the parameter {name} does not take {text!r}, or is not there")
        values[f"pipeline.parameters.{name}"] = value
    owner, _, name = event.repository.rpartition("/")
    values |= {
        "pipeline.event.name": EVENTS[event.kind],
        "pipeline.git.branch": event.source if event.kind == "pull_request" else event.branch,
        "pipeline.git.tag": event.tag,
        "pipeline.git.revision": COMMIT,
        "pipeline.git.repo_owner": owner.rpartition("/")[2] or "owner",
        "pipeline.git.repo_name": name or "repository",
        "pipeline.git.repo_url": f"https://example.org/{event.repository or 'owner/repository'}",
        "pipeline.project.slug": "PROJECT",
        "pipeline.number": 7,
        "pipeline.id": "PIPELINE",
    }
    if event.kind in ("push", "tag"):
        values["pipeline.event.github.ref"] = f"refs/tags/{event.tag}" if event.tag else f"refs/heads/{event.branch}"
    if event.kind == "pull_request":
        pull = "pipeline.event.github.pull_request"
        values |= {f"{pull}.base.ref": event.branch, f"{pull}.head.ref": event.source, f"{pull}.base.sha": "b" * 40}
        values[f"{pull}.number"] = 5
    return Known(values)


def _value(text: str, parameter: Parameter) -> Any:
    """What is given for a parameter, in its type; None if it does not take that.

    https://circleci.com/docs/reference/reusing-config/#parameter-types
    """
    if parameter.type == "integer":
        return int(text) if text.lstrip("-").isdigit() else None
    if parameter.type == "boolean":
        return {"true": True, "false": False}.get(text)
    return text if parameter.type == "string" or text in parameter.enum else None
