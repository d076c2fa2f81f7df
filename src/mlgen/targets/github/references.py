"""`${NAME}` in texts that the system itself reads, as expressions: addresses, images, roles."""

from __future__ import annotations

import re

from mlgen.ir import Job, Pipeline
from mlgen.typed import Literal

_REFERENCE = r"\$\{(matrix\.)?([A-Za-z_][A-Za-z0-9_]*)\}"
# Before a job's first step there is no MLGEN_… yet.
# https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability
_EARLY = {
    "MLGEN_COMMIT": "github.event.pull_request.head.sha || github.sha",
    "MLGEN_TAG": "github.ref_type == 'tag' && github.ref_name || ''",
    "MLGEN_PR": "github.event.pull_request.number",
    "MLGEN_RUN_ID": "github.run_id",
    "MLGEN_RUN_NUMBER": "github.run_number",
    "MLGEN_ACTOR": "github.actor",
    "MLGEN_TARGET": "'github'",
}


Place = Literal["step", "address", "early"]
"""Where the system reads a text: with a step; after the job, where no secret may be; before its first step."""


def resolved(text: str, job: Job, pipeline: Pipeline, place: Place = "step") -> str:
    """The text with expressions for its references. One that only the job's own scripts could resolve stays."""

    def expression(found: re.Match[str]) -> str:
        value = _value(found[2], job, pipeline, place) if not found[1] else f"matrix.{found[2]}"
        return found[0] if value is None else value if value.startswith("\0") else f"${{{{ {value} }}}}"

    return re.sub(_REFERENCE, expression, text).replace("\0", "")


def unresolved(text: str, job: Job, pipeline: Pipeline, place: Place = "step") -> list[str]:
    """The names that `resolved` leaves as they are."""
    return [found[2] for found in re.finditer(_REFERENCE, resolved(text, job, pipeline, place))]


def _value(name: str, job: Job, pipeline: Pipeline, place: Place) -> str | None:
    """The expression for a variable; text that starts with NUL is the value itself; None: there is neither."""
    if any(export.name == name for export in job.exports):
        return None if place == "early" else f"steps.export.outputs.{name}"
    if name in dict(job.dynamic):
        word = re.sub(r"\\([\\\"$`])", r"\1", dict(job.dynamic)[name][1:-1])
        inner = resolved(word, job, pipeline, place)
        return None if re.search(_REFERENCE, inner) else "\0" + inner
    use = next((use for use in job.secrets if use.variable == name), None)
    if use:
        found = pipeline.secret(use.name)
        kind = "vars" if found.plain else "secrets"
        return f"{kind}.{found.on('github').get('id', use.name)}" if found.plain or place == "step" else None
    if name in dict(job.env) or name in dict(pipeline.env):
        return "\0" + {**dict(pipeline.env), **dict(job.env)}[name]
    for edge in job.edges:
        if edge.exports and any(export.name == name for export in pipeline.job(edge.job).exports):
            return f"needs.{pipeline.job(edge.job).key}.outputs.{name}" if place == "early" else f"env.{name}"
    if name == "MLGEN_COMMIT" and not pipeline.triggers.on("pull_request"):
        return "github.sha"
    return _EARLY.get(name) or (None if place == "early" else f"env.{name}")
