"""A job that the spec writes in GitHub's own words: a reusable workflow, or a job with steps."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import Job, Pipeline
from mlgen.targets.github.access import checkouts, printed, variables
from mlgen.targets.github.machines import runs_on
from mlgen.typed import Any

OF_THE_SPEC = ("name", "needs", "if", "concurrency", "environment", "permissions")
"""What the spec says in words of its own."""
# https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations#supported-keywords-for-jobs-that-call-a-reusable-workflow
_CALL = ("uses", "with", "secrets", "strategy")


def native(job: Job, pipeline: Pipeline) -> dict[str, Any]:
    """What the template prints of the job besides its frame: pairs of a key and its data."""
    words = dict(job.native)["github"]
    assert isinstance(words, dict)
    said = dict(words)
    given = variables(job, pipeline)
    if "uses" in said:
        if given:
            said.setdefault("secrets", {name: value for name, value in given if name != "MLGEN_TOKEN"})
        return {"words": list(said.items()), "own": [], "checkouts": []}
    steps = said.pop("steps", [])
    said = {"runs-on": said.pop("runs-on", runs_on(job.runner)), **said}
    env = {**dict(job.env), **dict(given), **(said.pop("env", None) or {})}
    said |= {"env": env} if env else {}
    first = checkouts(job._replace(checkouts=(), native=()), pipeline) if job.approval or job.environment else []
    return {"words": list(said.items()), "own": steps, "checkouts": first}


def refuse(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """What is wrong with the words of a native job or step."""
    if "github" in dict(job.native):
        words = dict(job.native)["github"]
        assert isinstance(words, dict)
        yield from _keys(job, words)
        for use in job.secrets:
            if use.file:
                message = f"{job.id}: the secret {use.name} is a file, which GitHub Actions has no words for"
                yield error("MLG401", use.position, message, "write the job as `run` or `steps`")
        yield from _secrets(job, pipeline, words, "native.github")
    for step in job.steps:
        words = step.on("github")
        if isinstance(words, dict):
            if ("uses" in words) == ("run" in words):
                message = f"{job.id}: the step {step.name} has not just one of `uses` and `run`"
                yield error("MLG401", job.position, message, "write what a step of a workflow takes")
            yield from _secrets(job, pipeline, words, step.name)


def _keys(job: Job, words: dict[str, Any]) -> Iterator[Diagnostic]:
    hint = "a reusable workflow has `uses` and `with`, another job `steps`"
    if ("uses" in words) == ("steps" in words):
        yield error("MLG401", job.position, f"{job.id}: native.github has not just one of `uses` and `steps`", hint)
        return
    for key in OF_THE_SPEC:
        if key in words:
            message = f"{job.id}: native.github has `{key}`, which the spec says in its own words"
            yield error("MLG401", job.position, message, "take it out, and use the spec's key")
    if "uses" in words:
        if job.environment is not None or job.approval is not None:
            message = f"{job.id}: a job that calls a workflow has no environment in GitHub Actions"
            yield error("MLG401", job.position, message, "name the environment in the workflow that is called")
        if job.env:
            message = f"{job.id}: a job that calls a workflow has no variables in GitHub Actions"
            yield error("MLG401", job.position, message, "hand them on with `with`")
        for key in words.keys() - set(_CALL):
            message = f"{job.id}: a job that calls a workflow takes no `{key}` in GitHub Actions"
            yield error("MLG401", job.position, message, hint)


def _secrets(job: Job, pipeline: Pipeline, words: object, where: str) -> Iterator[Diagnostic]:
    import re

    text = str(words)
    listed = {printed(use.name, pipeline)[4:-3].partition(".")[2] for use in job.secrets}
    for name in sorted(
        set(re.findall(r"\bsecrets\s*(?:\.\s*|\[\s*')([A-Za-z0-9_]+)", text)) - listed - {"GITHUB_TOKEN"}
    ):
        message = f"{job.id}: {where} reads the secret {name}, which the job does not list"
        yield error("MLG401", job.position, message, "list it under the job's `secrets`")
    if re.search(r"\bsecrets\b(?!\s*[.\[])\s*\)|'secrets': 'inherit'", text):
        message = f"{job.id}: {where} hands on all secrets"
        yield error("MLG401", job.position, message, "name those that it needs")
