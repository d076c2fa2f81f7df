"""The pipeline as the template of .gitlab-ci.yml prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from mlgen.ir import Input, Job, Leg, Matrix, Pipeline, SecretUse, TargetOptions
from mlgen.named import NamedTuple
from mlgen.quoting.shell import duration
from mlgen.targets.contract import Output, own_path
from mlgen.targets.gitlab import caches, conditions, machines, preparation, scripts
from mlgen.targets.gitlab.expressions import API_EVENT
from mlgen.targets.gitlab.placement import Place, native_name, places
from mlgen.typed import Any

PATH = ".gitlab-ci.yml"
BESIDE = ".gitlab/ci/{name}.yml"
MARGIN = 30 * 60
"""What a job may take besides its own command, which has its own bound."""


class JobRule(NamedTuple):
    """One entry of a job's `rules`."""

    condition: str
    never: bool
    changes: tuple[str, ...]
    against: str
    manual: bool
    always: bool


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The one file, which the repository's root file includes where the project is one of several in it."""
    return (Output(own_path(pipeline, PATH, BESIDE), "gitlab/gitlab-ci.yml.j2", view(pipeline)),)


def view(pipeline: Pipeline) -> Mapping[str, Any]:
    """Everything that the template prints."""
    stages, where = places(pipeline)
    cancelled = bool(pipeline.cancel) and any(pipeline.triggers.on(kind) for kind in pipeline.cancel)
    jobs = [_job(job, pipeline, where[job.id], cancelled) for job in pipeline.jobs]
    _share_rules(jobs)
    default: dict[str, Any] = dict.fromkeys(("image", "tags", "cache", "before_script"))
    default["interruptible"] = cancelled and not pipeline.root
    # Nothing global stands in a file that others include, for it would be theirs too.
    _share(jobs, "before_script", bool(pipeline.root))
    for field in ("image", "tags", "cache", "before_script"):
        shared = [job[field] for job in jobs if not job["native"] and not _names_secrets(job[field], pipeline)]
        default[field] = None if pipeline.root else _common(shared)
        if field == "image" and not all(job["image"] or job["native"] for job in jobs):  # which none could take back
            default[field] = None
        for job in jobs:
            job[field] = _own(job[field], default[field])
    if default["before_script"]:
        known = scripts.ENVIRONMENT
        explained = known._replace(comment="MLGEN_* variables, and values that other jobs export")
        default["before_script"] = [explained if entry == known else entry for entry in default["before_script"]]
    return {
        "spec": pipeline.spec,
        "part": f".variables-of-{pipeline.name}" if pipeline.root else "",
        "inputs": [*map(_input, pipeline.triggers.inputs), *map(_input, api_inputs(pipeline))],
        "stages": stages,
        "cancelled": cancelled,
        "rules": [
            {"if": rule.condition, "never": rule.never, "cancel": any(kind in pipeline.cancel for kind in rule.kinds)}
            for rule in conditions.workflow(pipeline)
        ],
        "expandable": conditions.EXPANDABLE,
        "report": reporter(pipeline),
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


def _share(jobs: list[dict[str, Any]], field: str, wanted: bool) -> None:
    """Of jobs with the same value the first carries an anchor, and the others refer to it."""
    counts = Counter(job[field] for job in jobs) if wanted else Counter()
    named: dict[Any, str] = {}
    for job in jobs:
        value = job[field]
        job[f"{field}_alias"], job[f"{field}_anchor"] = named.get(value, ""), ""
        if value and counts[value] > 1 and value not in named:
            named[value] = job[f"{field}_anchor"] = f"{field.replace('_', '-')}-of-{job['name']}"


def _common(values: Iterable[Hashable]) -> Any:
    """What most jobs have, if more than one has it."""
    counts = Counter(value for value in values if value)
    if not counts:
        return None
    value, count = counts.most_common(1)[0]
    return value if count > 1 else None


def _names_secrets(value: Any, pipeline: Pipeline) -> bool:
    """Whether these entries of a script name a secret, which a default would show to jobs that do not list it."""
    texts = [entry.text for entry in value or () if isinstance(entry, scripts.Entry)]
    return any(secret.name in text for secret in pipeline.secrets for text in texts)


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
        "secrets": ", ".join(_secret(use, pipeline) for use in job.secrets),
        "stage": place.stage,
        "needs": place.needs,
        "plain_needs": place.needs is not None and all(need.plain for need in place.needs),
        "dependencies": place.dependencies,
        "why": "it waits for all earlier stages" + ("" if job.watches else ": `needs` takes no more than 50 jobs"),
        "rules": [_rule(rule, job) for rule in conditions.rules(job, pipeline)],
        "confirmation": job.approval.prompt if job.approval else "",
        "matrix": matrix(job) if job.matrix else [],
        "image": machines.image(job),
        "services": machines.services(job),
        "id_tokens": preparation.id_tokens(job),
        "tags": machines.tags(job),
        "timeout": _timeout(job),
        "bounds": _bounds(job),
        "allow_failure": job.allow_failure and not job.approval,
        "environment": job.environment,
        "url": _url(job),
        "native": _native(job, pipeline),
        "separate": bool({"script", "run"} & set(_words(job))) and "inherit" not in _words(job),
        "slots": slots(job.matrix) if job.matrix and not job.lock else 0,
        "resource_group": job.lock or (f"{name}-$MLGEN_SLOT" if job.matrix and slots(job.matrix) else ""),
        "uninterruptible": cancelled and job.deploys and not pipeline.root,
        "interruptible": cancelled and not job.deploys and bool(pipeline.root),
        "variables": _variables(job, pipeline),
        "cache": caches.placed(job, pipeline),
        **_scripts(job, pipeline),
        "artifacts": _artifacts(job, pipeline),
    }


def _rule(rule: conditions.Rule, job: Job) -> JobRule:
    starts = not rule.never
    manual, always = starts and bool(job.approval), starts and job.watches and not job.approval
    against = rule.against and f"refs/heads/{rule.against}"
    return JobRule(rule.condition, rule.never, rule.changes, against, manual, always)


def _scripts(job: Job, pipeline: Pipeline) -> dict[str, Any]:
    if job.native:
        return {"before_script": (), "script": (), "after_script": ()}
    setup, main, last = scripts.setup(job, pipeline), scripts.main(job, pipeline), scripts.last(job, pipeline)
    if machines.system(job) == "windows":
        from mlgen.targets.gitlab.windows import handed

        setup, main, last = [], handed([*setup, *main]), handed(last)
    return {"before_script": tuple(setup), "script": main, "after_script": last}


def _words(job: Job) -> Mapping[str, Any]:
    """The whole job in GitLab's own words, if it is said so."""
    said = dict(job.native).get("gitlab")
    return said if isinstance(said, Mapping) else {}


def _native(job: Job, pipeline: Pipeline) -> tuple[tuple[str, Any], ...]:
    words = dict(_words(job))
    env = (*pipeline.env, *job.env) if pipeline.root else job.env
    raw = {name: {"value": text, "expand": False} if "$" in text or "%" in text else text for name, text in env}
    if pipeline.root:
        asked = [*map(_input, pipeline.triggers.inputs), *map(_input, api_inputs(pipeline))]
        raw.update((entry["variable"], {"value": entry["value"], "expand": False}) for entry in asked)
    if words and raw:
        words["variables"] = {**raw, **words.get("variables", {})}
    return tuple(words.items())


def _url(job: Job) -> str:
    """Where the environment is: what the job itself tells, where that depends on values that it sees."""
    url = job.environment.url if job.environment else ""
    return "$MLGEN_URL" if "${" in url else url


def _secret(use: SecretUse, pipeline: Pipeline) -> str:
    held = preparation.variable(use.name, pipeline)
    return use.variable if use.variable == held else f"{held} as {use.variable}"


def _variables(job: Job, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The job's variables, mlgen's own first: some of them refer to predefined ones."""
    if job.native:
        return []
    own = [("MLGEN_JOB", job.id), *preparation.git_variables(job, "changed(" in conditions.decision(job, pipeline))]
    own += machines.variables(job)
    if job.permissions and not options(pipeline).fallback("permissions"):
        own.append(("MLGEN_TOKEN", "$CI_JOB_TOKEN"))
    return [*({"name": name, "value": value, "raw": False} for name, value in own), *map(_variable, job.env)]


def options(pipeline: Pipeline) -> TargetOptions:
    """What the spec says of this target."""
    return next(options for options in pipeline.targets if options.name == "gitlab")


def reporter(pipeline: Pipeline) -> str:
    """The name of a job for merge requests that would have none, and so no pipeline; empty where none is needed."""
    if pipeline.root or conditions.reports_always(pipeline):  # one for all projects stands in the root file
        return ""
    names = {native_name(job) for job in pipeline.jobs}
    return next(name for name in ("mlgen", "mlgen-report", "mlgen-report-2") if name not in names)


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
    return (job.timeout + 30) * (job.retry + 1) * max(1, len(job.steps)) + MARGIN


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
_EVENT = r"^([\w.-]+/[\w.-]+)?$"


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
        "regex": _EVENT if entry.name == "mlgen_event" and not entry.options else _FORMS.get(entry.type, ""),
        "variable": API_EVENT if entry.name == "mlgen_event" else entry.variable,
        "block": f"$[[ inputs.{entry.name} ]]" if free else "",
        "value": f"$[[ inputs.{entry.name} ]]",
    }


def api_inputs(pipeline: Pipeline) -> list[Input]:
    """The input that tells api events from runs that somebody starts by hand."""
    if pipeline.root and (pipeline.triggers.on("api") or pipeline.triggers.on("manual")):
        asked = "The project to run, as PROJECT/manual, or an event of one, as PROJECT/EVENT; empty: all projects"
        return [Input("mlgen_event", "string", "", (), asked)]
    if not pipeline.triggers.on("api"):
        return []
    events = ("", *(name for name, _ in pipeline.triggers.api))
    return [Input("mlgen_event", "choice", "", events, "The event, where another system starts the pipeline")]


def slots(matrix: Matrix) -> int:
    """How many legs may run at a time; 0 where all may."""
    return matrix.max_parallel if 0 < matrix.max_parallel < len(matrix.legs) else 0


def matrix(job: Job) -> list[list[tuple[str, tuple[str, ...]]]]:
    """The entries of `parallel:matrix`, each the product of its axes. With slots, each leg belongs to one."""
    matrix = job.matrix
    assert matrix is not None
    legs = [(leg.values, _more(job, leg, index)) for index, leg in enumerate(matrix.legs)]
    if matrix.crossed and not any(more for _, more in legs):
        return [list(matrix.crossed)]
    if len(matrix.axes) > 1:
        return [[(name, (value,)) for name, value in (*values, *more)] for values, more in legs]
    grouped: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for ((_, value),), more in legs:
        grouped.setdefault(more, []).append(value)
    axis = matrix.axes[0]
    return [[(axis, tuple(values)), *((name, (value,)) for name, value in more)] for more, values in grouped.items()]


def _more(job: Job, leg: Leg, index: int) -> tuple[tuple[str, str], ...]:
    """What a leg has besides its values: the slot in which it waits, and its own image and tags."""
    count = slots(job.matrix) if job.matrix else 0
    slot = (("MLGEN_SLOT", str(index % count + 1)),) if count else ()
    return (*slot, *machines.of_leg(job, leg))


def _artifacts(job: Job, pipeline: Pipeline) -> dict[str, Any] | None:
    """What is kept, also what no other job takes; reports are kept whatever the result."""
    paths = [scripts.variable_path(path) for path in scripts.archived(job)]
    if job.matrix and job.matrix.collide:
        paths.append(scripts.manifest(job))
    if conditions.leaves_mark(job, pipeline):
        paths.append(scripts.mark(job))
    summary, coverage = bool(job.reports.summary), job.reports.coverage
    dotenv = [scripts.URL_FILE] if job.environment and "${" in job.environment.url else []
    dotenv += [scripts.IMAGES_FILE] if machines.images_of(job, pipeline) else []
    if not paths and not job.reports.junit and not coverage and not dotenv:
        return None
    root = f"{pipeline.root}/" if pipeline.root else ""
    kept = job.keep.result == "any" if job.keep else False
    return {
        "paths": [root + path for path in paths],
        # Not of a job that may fail and hands files on: what it left half done must not reach others.
        "always": kept or (summary and not (job.allow_failure and job.files)),
        "expose_as": "Report" if job.action == "report" else f"{native_name(job)} summary" if summary else "",
        "expire_in": _days(job.keep.days) if job.keep and job.keep.days else "",
        "junit": [root + scripts.variable_path(path) for path in job.reports.junit],
        "coverage": coverage and coverage._replace(path=root + scripts.variable_path(coverage.path)),
        "dotenv": [root + path for path in dotenv],
    }


def _days(days: int) -> str:
    return f"{days} day{'s' if days > 1 else ''}"
