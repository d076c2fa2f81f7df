"""The scripts of a job's steps."""

from __future__ import annotations

from mlgen.ir import Job, Pipeline, Step
from mlgen.quoting import sh
from mlgen.quoting.shell import bounded, is_simple
from mlgen.targets import ci_py
from mlgen.targets.github.conditions import allowed_refs, exported
from mlgen.targets.scripts import headed, opening
from mlgen.typed import Any


def script(text: str) -> str:
    """A script as `run` takes it: an expression's opening is spelled so that it reaches the shell as it is.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
    """
    return text.replace("${{", "${{ '${{' }}")


def own_steps(job: Job, variables: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The steps that do what the job is for; `variables` are those that its scripts see."""
    watched = bool(job.on_failure)
    if not job.steps:
        title = f"Judge the gate {job.gate.name}" if job.gate else f"Run {job.name}"
        return [_own(job, title, main_script(job), variables, "run" if watched else "")]
    return [_step(job, step, variables, f"step-{n}" if watched else "") for n, step in enumerate(job.steps, 1)]


def _own(job: Job, title: str, text: str, variables: list[tuple[str, str]], name: str) -> dict[str, Any]:
    minutes = -(-job.timeout * (job.retry + 1) // 60) if job.timeout and without_timeout(job) else 0
    folder = "" if job.gate else job.working_directory
    return {
        "title": title,
        "id": name,
        "env": variables,
        "folder": folder,
        "minutes": minutes,
        "run": text,
        "words": [],
    }


def _step(job: Job, step: Step, variables: list[tuple[str, str]], name: str) -> dict[str, Any]:
    words = step.on("github")
    if words is None:
        return _own(job, step.name, _bounded(job, step.run), variables, name)
    assert isinstance(words, dict)
    said: dict[str, Any] = {**({"id": name} if name else {}), **words}
    if "run" in said:
        said["env"] = dict(variables) | (said.get("env") or {})
        said = {key: value for key, value in said.items() if key != "env" or value}
    minutes = -(-job.timeout // 60)
    return {"title": str(said.pop("name", step.name)), "words": list(_with_limit(said, minutes).items())}


def _with_limit(said: dict[str, Any], minutes: int) -> dict[str, Any]:
    return said | {"timeout-minutes": minutes} if minutes and "timeout-minutes" not in said else said


def failing(job: Job) -> str:
    """The `if` of what runs when the job's own steps have failed, whatever went before them."""
    if not job.on_failure:
        return ""
    names = [f"step-{n}" for n, _ in enumerate(job.steps, 1)] or ["run"]
    names = [str(_id(step, name)) for step, name in zip(job.steps, names)] or names
    tests = " || ".join(f"steps.{name}.outcome == 'failure'" for name in names)
    return f"failure() && {f'({tests})' if len(names) > 1 else tests}"


def _id(step: Step, name: str) -> object:
    words = step.on("github")
    return words.get("id", name) if isinstance(words, dict) else name


def without_timeout(job: Job) -> bool:
    """Whether a machine of the job lacks coreutils' `timeout`: then the step is bounded, in whole minutes."""
    return any(runner.name == "macos" for runner in job.runners)


def main_script(job: Job) -> str:
    """The job's own script: its command within its bounds, or the judgement of its gate."""
    if job.gate is None:
        return _bounded(job, job.run)
    return script(bounded(ci_py.gate(job.gate), 0 if without_timeout(job) else job.timeout, job.retry))


def _bounded(job: Job, text: str) -> str:
    """A script of the job with what heads it: in the same shell, so inside the bounds where these start one."""
    timeout = 0 if without_timeout(job) else job.timeout
    if (timeout or job.retry) and is_simple(text):
        head = opening(job, folder=False)
        return script(f"{head}\n{bounded(text, timeout, job.retry)}" if head else bounded(text, timeout, job.retry))
    return script(bounded(headed(job, text, folder=False), timeout, job.retry))


def headed_script(job: Job, text: str, setup: bool = False) -> str:
    """Another script of the job, with what heads it."""
    return script(headed(job, text, setup, folder=False))


def guard_script(job: Job, pipeline: Pipeline) -> str:
    """The first step of a deployment, or of a job that somebody must approve: whether it is allowed now."""
    words = ["python3 .mlgen/ci.py guard --environment", place(job)]
    words += ["--approval"] if job.approval else []
    if job.deploys:
        words += [f"--ref {sh(ref)}" for ref in allowed_refs(job, pipeline)]
    return " ".join(words)


def place(job: Job) -> str:
    """The job's environment on GitHub: reviewers belong to one, so that an approval without one gets its own."""
    if job.environment is not None:
        return job.environment.name
    return f"{job.key}-approval" if job.approval else ""


def export_script(job: Job, pipeline: Pipeline) -> str:
    """Collects the exported values; those that others ask for before they start become outputs of the job."""
    if not job.exports:
        return ""
    lines = [ci_py.exports(job)]
    file = sh(ci_py.exports_file(job))
    if export_step(job, pipeline):
        lines.append(f'cat {file} >> "$GITHUB_OUTPUT"')
    for match, output in exported(pipeline).items():
        maker, _, name = match.field.removeprefix("value:").rpartition(".")
        if maker == job.id and output != name:
            test = f"grep -qxF -- {sh(f'{name}={match.pattern}')} {file}"
            lines.append(f'if {test}; then echo {output}=true >> "$GITHUB_OUTPUT"; fi')
    return "\n".join(lines)


def export_step(job: Job, pipeline: Pipeline) -> bool:
    """Whether something reads the outputs of the step that exports values."""
    url = job.environment.url if job.environment else ""
    return bool(told(job, pipeline)) or any(f"${{{export.name}}}" in url for export in job.exports)


def told(job: Job, pipeline: Pipeline) -> list[str]:
    """The names of the job's outputs: values that decide whether others run, or that the system itself reads."""
    if not job.exports:
        return []
    names = [
        output
        for match, output in exported(pipeline).items()
        if match.field.removeprefix("value:").rpartition(".")[0] == job.id
    ]
    for other in pipeline.jobs:
        if any(edge.job == job.id and edge.exports for edge in other.edges):
            names += [export.name for export in job.exports if f"${{{export.name}}}" in other.image]
    return list(dict.fromkeys(names))
