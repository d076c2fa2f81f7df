"""What the capability table is too coarse for: limits, and single values that the file cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlgen.diagnostics import Diagnostic, Position, error, warning
from mlgen.ir import Job, Pipeline
from mlgen.targets.gitlab import caches, conditions
from mlgen.targets.gitlab.check import MAX_INPUTS
from mlgen.targets.gitlab.entries import OPENING
from mlgen.targets.gitlab.names import native_name
from mlgen.targets.gitlab.preparation import from_variables
from mlgen.targets.gitlab.view import api_inputs, options, total_seconds

MAX_LEGS = 200  # https://docs.gitlab.com/ci/yaml/#parallelmatrix
MAX_NAME = 255  # https://docs.gitlab.com/ci/jobs/#job-names
MAX_SUMMARIES = 10  # https://docs.gitlab.com/ci/jobs/job_artifacts/#link-to-job-artifacts-in-the-merge-request-ui
MAX_SECONDS = 30 * 86400


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """Everything that this pipeline asks and GitLab refuses, or does in a weaker way."""
    found = [*_pipeline(pipeline), *_secrets(pipeline)]
    for job in pipeline.jobs:
        found += [*_job(job, pipeline), *_matrix(job), *_caches(job), *_texts(job, pipeline)]
    from mlgen.targets.gitlab.unsaid import unsaid

    return [*found, *unsaid(pipeline)]


def _pipeline(pipeline: Pipeline) -> Iterator[Diagnostic]:
    at = options(pipeline).position
    count = len(pipeline.triggers.inputs) + len(api_inputs(pipeline))
    if count > MAX_INPUTS:
        yield error("MLG404", at, f"{count} inputs; GitLab takes {MAX_INPUTS}", "leave out the inputs that nobody sets")
    if not pipeline.jobs:
        yield error("MLG401", at, "the fallbacks leave GitLab no job", "leave the target out")
    exposed = [job for job in pipeline.jobs if job.reports.summary]
    for job in exposed[MAX_SUMMARIES:]:
        message = f"GitLab links {MAX_SUMMARIES} summaries in a merge request; that of {job.id} is not among them"
        yield warning("MLG402", job.position, message, "it can still be found among the job's artifacts")
    if not pipeline.root:
        yield from _long(conditions.workflow(pipeline), "triggers", at)
    elif "push" in pipeline.cancel:
        message = "newer pushes do not cancel older pipelines where several projects share them; merge requests do"
        yield warning("MLG402", at, f"on GitLab {message}", "`concurrency: {cancel: [pull_request]}`")
    names: dict[str, str] = {}
    for job in pipeline.jobs:
        other = names.setdefault(native_name(job), job.id)
        if other != job.id:
            yield error("MLG404", job.position, f"{other} and {job.id} become one name on GitLab", "rename one of them")
    if pipeline.triggers.inputs:
        for name, value in pipeline.env:
            if OPENING in value:
                yield _replaced(at, f"the variable {name}")


def _secrets(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Secrets that reach jobs which do not list them."""
    if options(pipeline).fallback("secrets") == "wider":
        return
    wider = "`targets.gitlab.fallback: {secrets: wider}` says that you know"
    for secret in pipeline.secrets:
        listed = [job.id for job in pipeline.jobs if secret.name in from_variables(job)]
        if secret.environments:
            others = [j for j in pipeline.jobs if j.environment and j.environment.name in secret.environments]
        else:
            others = list(pipeline.jobs)
        hint = wider if secret.environments else f"bind it to an environment, or {wider}"
        who = [job.id for job in others if job.id not in listed]
        if listed and who and not secret.plain:
            where = f"{', '.join(who[:3])}{' …' if len(who) > 3 else ''}"
            message = f"GitLab hands the secret {secret.name} also to jobs that do not list it: {where}"
            yield error("MLG401", secret.position, message, hint)


def _job(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    if job.approval and job.allow_failure:
        message = f"{job.id}: on GitLab a job that may fail does not wait for an approval"
        yield error("MLG401", job.position, message, "take `allow_failure` or the approval away")
    if job.timeout and total_seconds(job) > MAX_SECONDS:
        yield error("MLG404", job.position, f"{job.id}: GitLab ends every job after 30 days", "shorten its `timeout`")
    yield from _long(conditions.rules(job, pipeline), job.id, job.position)


def _long(rules: Iterable[conditions.Rule], what: str, at: Position) -> Iterator[Diagnostic]:
    count = max((conditions.tokens(rule.condition) for rule in rules), default=0)
    if count > conditions.MAX_TOKENS:
        message = f"{what}: the condition has {count} tokens; GitLab takes {conditions.MAX_TOKENS}"
        yield error("MLG404", at, message, "name fewer branches or tags, or use patterns for them")


def _matrix(job: Job) -> Iterator[Diagnostic]:
    if job.matrix is None:
        return
    if len(job.matrix.legs) > MAX_LEGS:
        message = f"{job.id} has {len(job.matrix.legs)} legs; GitLab takes {MAX_LEGS}"
        yield error("MLG404", job.position, message, "spread them over two jobs")
    names: set[tuple[str, ...]] = set()
    for leg in job.matrix.legs:
        values = tuple(value for _, value in leg.values)
        name = f"{native_name(job)}: [{', '.join(values)}]"
        if values in names:
            message = f"{job.id}: GitLab names legs by their values, and two legs have {', '.join(values)}"
            yield error("MLG404", job.position, message, "give every leg a value of every axis")
        if len(name) > MAX_NAME:
            message = f"{name[:60]}…: GitLab takes names of {MAX_NAME} characters"
            yield error("MLG404", job.position, message, "shorten the values of the matrix")
        if any("$" in value or "%" in value or OPENING in value for value in values):
            message = f"{job.id}: GitLab would expand `$` and `%` in {', '.join(values)}"
            yield error("MLG401", job.position, message, "give the axis plain values, and translate them in the script")
        names.add(values)


def _caches(job: Job) -> Iterator[Diagnostic]:
    if job.deploys:
        return
    if len(job.caches) > caches.MAX_CACHES:
        message = f"{job.id} has {len(job.caches)} caches; GitLab takes {caches.MAX_CACHES}"
        yield error("MLG404", job.position, message, "put folders with the same key into one cache")
    for cache in job.caches:
        for path in cache.paths:
            if not caches.folder(path):
                message = f"{job.id}: GitLab caches the project's folder only, so that {path} is not kept"
                yield warning("MLG402", job.position, message, f"known are {', '.join(sorted(caches.TOOLS))}")
        if len(cache.key) > caches.MAX_KEY_FILES:
            message = f"{job.id}: on GitLab {' and '.join(cache.key[:2])} alone name the cache, not {cache.key[2]}"
            yield warning("MLG402", job.position, message, "name at most two files as `key`")


def _texts(job: Job, pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Values that GitLab would replace: in a file with inputs, what looks like one, anywhere but in a script."""
    if not pipeline.triggers.inputs:
        return
    for name, value in job.env:
        if OPENING in value:
            yield _replaced(job.position, f"{job.id}: the variable {name}")
    texts = [*job.files, *job.reports.junit, job.reports.summary, *(c for k in job.caches for c in (*k.paths, *k.key))]
    texts += [job.environment.url] if job.environment else []
    texts += [job.approval.prompt] if job.approval else []
    texts += [job.reports.coverage.path] if job.reports.coverage else []
    texts += [value for _, value in job.dynamic] + list(
        _words([words for target, words in job.native if target == "gitlab"])
    )
    texts += [text for one in job.services for text in (*one.command, *(value for _, value in one.env))]
    for step in job.steps:
        texts += _words(step.on("gitlab"))
    for text in texts:
        if OPENING in text:
            yield _replaced(job.position, f"{job.id}: {text}")


def _words(value: object) -> Iterator[str]:
    """Every string in what the spec says in GitLab's own words."""
    if isinstance(value, dict):
        yield from (text for item in value.values() for text in _words(item))
    elif isinstance(value, (list, tuple)):
        yield from (text for item in value for text in _words(item))
    elif isinstance(value, str):
        yield value


def _replaced(at: Position, what: str) -> Diagnostic:
    message = f"{what} holds `{OPENING}`, which GitLab replaces in a file with inputs"
    return error("MLG401", at, message, "set it in the script")
