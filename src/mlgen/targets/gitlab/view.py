"""The pipeline as the template of .gitlab-ci.yml prints it."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from mlgen.ir import Input, Job, Matrix, Pipeline
from mlgen.quoting.shell import duration
from mlgen.targets.contract import Output
from mlgen.targets.gitlab import caches, conditions, scripts
from mlgen.targets.gitlab.placement import Place, native_name, places

PATH = ".gitlab-ci.yml"
MARGIN = 30 * 60
"""What a job may take besides its own command, which has its own bound."""


class JobRule(NamedTuple):
    """One entry of a job's `rules`."""

    condition: str
    never: bool
    manual: bool


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The one file."""
    return (Output(PATH, "gitlab/gitlab-ci.yml.j2", view(pipeline)),)


def view(pipeline: Pipeline) -> Mapping[str, Any]:
    """Everything that the template prints."""
    stages, where = places(pipeline)
    cancelled = bool(pipeline.cancel) and any(pipeline.triggers.on(kind) for kind in pipeline.cancel)
    jobs = [_job(job, pipeline, where[job.id], cancelled) for job in pipeline.jobs]
    _share_rules(jobs)
    default: dict[str, Any] = {"interruptible": cancelled}
    for field in ("image", "tags", "cache", "before_script"):
        default[field] = _common([job[field] for job in jobs])
        if field == "image" and not all(job["image"] for job in jobs):  # which a job could not take back
            default[field] = None
        for job in jobs:
            job[field] = _own(job[field], default[field])
    if default["before_script"]:
        known = scripts.ENVIRONMENT
        explained = known._replace(comment="MLGEN_* variables, and values that other jobs export")
        default["before_script"] = [explained if entry == known else entry for entry in default["before_script"]]
    return {
        "spec": pipeline.spec,
        "inputs": [_input(entry) for entry in pipeline.triggers.inputs],
        "stages": stages,
        "cancelled": cancelled,
        "rules": [
            {"if": rule.condition, "never": rule.never, "cancel": any(kind in pipeline.cancel for kind in rule.kinds)}
            for rule in conditions.workflow(pipeline)
        ],
        "expandable": conditions.EXPANDABLE,
        "variables": [
            *map(_variable, pipeline.env),
            *({"name": name, "value": value, "raw": False} for name, value in caches.variables(pipeline)),
        ],
        "default": default,
        "jobs": jobs,
    }


def _share_rules(jobs: list[dict[str, Any]]) -> None:
    """Of jobs with the same rules the first carries an anchor, and the others refer to it."""
    counts = Counter(tuple(map(tuple, job["rules"])) for job in jobs)
    anchors: dict[tuple[Any, ...], str] = {}
    for job in jobs:
        key = tuple(map(tuple, job["rules"]))
        job["anchor"], job["alias"] = "", anchors.get(key, "")
        if len(key) > 1 and counts[key] > 1 and not job["alias"]:
            job["anchor"] = anchors[key] = f"rules-of-{job['name']}"


def _common(values: Iterable[Hashable]) -> Any:
    """What most jobs have, if more than one has it."""
    counts = Counter(value for value in values if value)
    if not counts:
        return None
    value, count = counts.most_common(1)[0]
    return value if count > 1 else None


def _own(value: Any, default: Any) -> Any:
    """What a job says itself: None where the default says it, and an empty list where it must take the default back."""
    if value == default or (not value and not default):
        return None
    return value or ()


def _job(job: Job, pipeline: Pipeline, place: Place, cancelled: bool) -> dict[str, Any]:
    name = native_name(job)
    return {
        "name": name,
        "gate": job.gate.name if job.gate else "",
        "secrets": ", ".join(use.variable for use in job.secrets),
        "stage": place.stage,
        "needs": place.needs,
        "plain_needs": place.needs is not None and all(need.plain for need in place.needs),
        "dependencies": place.dependencies,
        "rules": [
            JobRule(r.condition, r.never, bool(job.approval) and not r.never) for r in conditions.rules(job, pipeline)
        ],
        "confirmation": job.approval.prompt if job.approval else "",
        "matrix": matrix(job.matrix) if job.matrix else [],
        "image": job.image or (f"python:{job.python}" if job.python else ""),
        "tags": _tags(job),
        "timeout": _timeout(job),
        "bounds": _bounds(job),
        "allow_failure": job.allow_failure and not job.approval,
        "environment": job.environment,
        "slots": slots(job.matrix) if job.matrix and not job.lock else 0,
        "resource_group": job.lock or (f"{name}-$MLGEN_SLOT" if job.matrix and slots(job.matrix) else ""),
        "uninterruptible": cancelled and job.deploys,
        "variables": [{"name": "MLGEN_JOB", "value": job.id, "raw": False}, *map(_variable, job.env)],
        "cache": caches.placed(job, pipeline),
        "before_script": tuple(scripts.setup(job, pipeline)),
        "script": scripts.main(job, pipeline),
        "after_script": scripts.last(job, pipeline),
        "artifacts": _artifacts(job, pipeline),
    }


def _tags(job: Job) -> tuple[str, ...]:
    said = job.runner.on("gitlab")
    return tuple(said["tags"]) if isinstance(said, dict) else ()


def _timeout(job: Job) -> str:
    """The job's own timeout, which otherwise is the project's: enough for all tries of its command, and its setup."""
    if not job.timeout:
        return ""
    minutes = -(-total_seconds(job) // 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "") if part)


def _bounds(job: Job) -> str:
    """The command's own share of that, for a comment."""
    tries = f" a try, {job.retry + 1} tries" if job.retry else ""
    return duration(job.timeout) + tries if job.timeout else ""


def total_seconds(job: Job) -> int:
    """How long the job may take in all."""
    return (job.timeout + 30) * (job.retry + 1) + MARGIN


def _variable(pair: tuple[str, str]) -> dict[str, Any]:
    """A variable; `$NAME` and `%NAME%` in a value would be expanded: https://docs.gitlab.com/ci/yaml/#variablesexpand"""
    name, value = pair
    return {"name": name, "value": value, "raw": "$" in value or "%" in value}


# https://docs.gitlab.com/ci/inputs/#define-input-parameters-with-specinputs - every type is a string of a certain
# form here: a number or a boolean would have to be one for YAML too, where it stands as a variable's value.
_FORMS = {
    "integer": r"^-?[0-9]+$",
    "number": r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$",
    "string": r"^[^\x00-\x1f\x7f]*$",
}


def _input(entry: Input) -> dict[str, Any]:
    """An input. Its text is put into the file before that is parsed, so that none may go without its form: a line break
    would end the value. (GitLab older than the fix of issue 477707 refuses an empty default then, and starts nothing.)
    """
    free = entry.type in ("string", "choice")
    return {
        "name": entry.name,
        "description": entry.description,
        "default": entry.default,
        "options": ("true", "false") if entry.type == "boolean" else entry.options,
        "regex": _FORMS.get(entry.type, ""),
        "variable": entry.variable,
        "block": f"$[[ inputs.{entry.name} ]]" if free else "",
        "value": f"$[[ inputs.{entry.name} ]]",
    }


def slots(matrix: Matrix) -> int:
    """How many legs may run at a time; 0 where all may."""
    return matrix.max_parallel if 0 < matrix.max_parallel < len(matrix.legs) else 0


def matrix(matrix: Matrix) -> list[list[tuple[str, tuple[str, ...]]]]:
    """The entries of `parallel:matrix`, each the product of its axes. With slots, each leg belongs to one."""
    count = slots(matrix)
    if matrix.crossed and not count:
        return [list(matrix.crossed)]
    legs = [
        (leg.values, (("MLGEN_SLOT", str(index % count + 1)),) if count else ())
        for index, leg in enumerate(matrix.legs)
    ]
    if len(matrix.axes) > 1:
        return [[(name, (value,)) for name, value in (*values, *slot)] for values, slot in legs]
    grouped: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for ((_, value),), slot in legs:
        grouped.setdefault(slot, []).append(value)
    axis = matrix.axes[0]
    return [[(axis, tuple(values)), *((name, (value,)) for name, value in slot)] for slot, values in grouped.items()]


def _artifacts(job: Job, pipeline: Pipeline) -> dict[str, Any] | None:
    """What is kept, also what no other job takes; reports are kept whatever the result."""
    paths = [scripts.variable_path(path) for path in scripts.archived(job)]
    if job.matrix and job.matrix.collide:
        paths.append(scripts.manifest(job))
    summary, coverage = bool(job.reports.summary), job.reports.coverage
    if not paths and not job.reports.junit and not coverage:
        return None
    return {
        "paths": paths,
        # Not of a job that may fail and hands files on: what it left half done must not reach others.
        "always": summary and not (job.allow_failure and job.files),
        "expose_as": f"{native_name(job)} summary" if summary else "",
        "junit": [scripts.variable_path(path) for path in job.reports.junit],
        "coverage": coverage and coverage._replace(path=scripts.variable_path(coverage.path)),
    }
