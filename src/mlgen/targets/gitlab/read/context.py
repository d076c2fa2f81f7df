"""What GitLab knows of an event: its predefined variables, and the inputs that it takes.

https://docs.gitlab.com/ci/variables/predefined_variables/, https://docs.gitlab.com/ci/inputs/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlgen.ir.events import Event
from mlgen.named import NamedTuple
from mlgen.typed import Any

SOURCES = {
    "push": ("push",),
    "tag": ("push",),
    "pull_request": ("merge_request_event",),
    "schedule": ("schedule",),
    "manual": ("web", "api", "trigger"),
    "api": ("web", "api", "trigger", "pipeline"),
}
"""By what each kind of event starts a pipeline: CI_PIPELINE_SOURCE.

A run by hand is started on the site, with the API or with a trigger token; another system or pipeline does the latter
two, or triggers it from a job: https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable
"""
OTHERS = (
    "chat", "container_registry_push", "external", "external_pull_request_event", "ondemand_dast_scan",
    "ondemand_dast_validation", "parent_pipeline", "pipeline_execution_policy_schedule",
    "security_orchestration_policy", "webide",
)  # fmt: skip
"""The sources that are no event of the language."""
API_EVENT = "mlgen_event"
"""The input that carries an api event's name, where manual and api runs share one entry; empty: a run by hand."""

KNOWN = frozenset((
    "CI", "CI_COMMIT_BRANCH", "CI_COMMIT_MESSAGE", "CI_COMMIT_REF_NAME", "CI_COMMIT_TAG", "CI_MERGE_REQUEST_ID",
    "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_PIPELINE_SCHEDULE_DESCRIPTION",
    "CI_PIPELINE_SOURCE", "CI_PROJECT_PATH", "GITLAB_CI",
))  # fmt: skip
"""The predefined variables of which this reader knows when they are set, and to what."""


class Way(NamedTuple):
    """One way in which an event starts a pipeline: the variables, and the values of the inputs."""

    variables: Mapping[str, str]
    inputs: Mapping[str, str]


def ways(event: Event, inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[Way]:
    """All ways; of none, where GitLab refuses the inputs or what they are given."""
    given = dict(event.inputs)
    sources = SOURCES[event.kind]
    if event.api and API_EVENT in inputs:
        given[API_EVENT] = event.api
    elif event.api:  # nothing tells it from a run by hand, but for what another pipeline's job starts
        sources = ("pipeline",)
    values = {}
    for name, said in inputs.items():
        if name not in given and "default" not in said:
            return
        values[name] = given.get(name, str(said.get("default")))
        if not _allowed(values[name], said):
            return
    if set(given) - set(inputs):
        return
    for source in sources:
        yield Way({"CI_PIPELINE_SOURCE": source, **_predefined(event)}, values)


def _allowed(value: str, said: Mapping[str, Any]) -> bool:
    if "options" in said and value not in map(str, said["options"]):
        return False
    # RE2, which knows no lookaround, so that Python's own reads the forms that occur alike.
    return "regex" not in said or re.search(said["regex"].replace("$", r"\Z"), value) is not None


def _predefined(event: Event) -> dict[str, str]:
    found = {"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_MESSAGE": event.message, "CI_PROJECT_PATH": event.repository}
    if event.kind == "pull_request":
        return found | {
            "CI_COMMIT_REF_NAME": event.source,
            "CI_MERGE_REQUEST_ID": "1001",
            "CI_MERGE_REQUEST_IID": "1",
            "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2" if event.fork else "1",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": event.source,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": event.branch,
        }
    if event.kind == "tag":
        return found | {"CI_COMMIT_REF_NAME": event.tag, "CI_COMMIT_TAG": event.tag}
    found |= {"CI_COMMIT_REF_NAME": event.branch, "CI_COMMIT_BRANCH": event.branch}
    return found | ({"CI_PIPELINE_SCHEDULE_DESCRIPTION": event.schedule} if event.kind == "schedule" else {})
