"""What the IR says of a run, without a word of the target: which jobs run, given how those that they wait for ended."""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.ir import Job, Pipeline


def wanted(job: Job, pipeline: Pipeline, kind: str, attributes: Mapping[str, str], ended: Mapping[str, str]) -> bool:
    """Whether the job runs. `ended` holds how the others ended, by id; `attributes` all that is known of the run."""
    if not pipeline.triggers.condition.holds(kind, attributes):
        return False
    if not job.condition.holds(kind, told(attributes, ended)):
        return False
    if job.watches:
        bad = any(failed(pipeline.job(e.job), pipeline, kind, attributes, ended) for e in job.edges)
        return {"": True, "any": True, "success": not bad, "failure": bad}[job.result]
    for edge in job.edges:
        other = pipeline.job(edge.job)
        if edge.hard and ended[other.id] != "success" and not (other.allow_failure and ended[other.id] == "failure"):
            return False
        if not edge.hard and failed(other, pipeline, kind, attributes, ended):
            return False
    return True


def failed(other: Job, pipeline: Pipeline, kind: str, attributes: Mapping[str, str], ended: Mapping[str, str]) -> bool:
    """Whether a job that is waited for has failed or was stopped by a failure; a permitted failure is none."""
    if ended[other.id] == "failure":
        return not other.allow_failure
    if ended[other.id] == "success" or other.result:
        return False
    known = told(attributes, ended)
    if other.condition.holds(kind, known):
        return True  # it is for this event, and was stopped
    # An exporter that failed told no value, so that all that is known is that the other might have run.
    missing = {f for f in attributes if f.startswith("value:")} - known.keys()
    return any(other.condition.holds(kind, {**attributes, f: v}) for f in missing for v in ("0.9", "high", "0.7"))


def told(attributes: Mapping[str, str], ended: Mapping[str, str]) -> dict[str, str]:
    """The attributes, of exported values only those whose jobs have succeeded."""
    return {
        field: value
        for field, value in attributes.items()
        if not field.startswith("value:") or ended.get(field.removeprefix("value:").rpartition(".")[0]) == "success"
    }
