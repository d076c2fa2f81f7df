"""What the capability table is too coarse for: single values and combinations that Jenkins cannot say."""

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir import Job, Pipeline, Schedule, TargetOptions
from mlgen.ir.expressions import all_of, satisfiable

# http://docs.groovy-lang.org/docs/groovy-2.4.21/html/documentation/#_keywords, and Java's
_KEYWORDS = """
abstract as assert boolean break byte case catch char class const continue def default do double else enum extends false
final finally float for goto if implements import in instanceof int interface long native new null package private
protected public return short static strictfp super switch synchronized this threadsafe throw throws trait transient
true try void volatile while
"""
_RESERVED = frozenset(_KEYWORDS.split())
# https://www.jenkins.io/doc/book/pipeline/syntax/#cron-syntax
_CRON_PART = re.compile(r"\*(/[0-9]+)?|[0-9]+(-[0-9]+(/[0-9]+)?)?")


def refuse(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Every such value; all are errors but where only comfort is lost."""
    options = next(o for o in pipeline.targets if o.name == "jenkins")
    for schedule in pipeline.triggers.schedules:
        yield from _cron(schedule)
    for job in pipeline.jobs:
        yield from _job(pipeline, job, options)
    for name, _ in pipeline.env:
        if name in _RESERVED:
            yield error(
                "MLG401", options.position, f"{name} is a word of Groovy and cannot name a variable", "rename it"
            )
    if "push" in pipeline.cancel and options.fallback("cancel") != "serial":
        yield from _cancel(pipeline, options)
    bound = [secret for secret in pipeline.secrets if secret.environments]
    if bound and not options.fallback("secrets"):
        names = ", ".join(secret.name for secret in bound)
        why = "the file alone keeps them to their environments, and any branch may change it"
        hint = (
            "keep them in a folder whose branches are all trusted, and write targets.jenkins.fallback.secrets: folder"
        )
        yield warning("MLG402", bound[0].position, f"Jenkins says in a weaker way secrets ({names}): {why}", hint)


def _cron(schedule: Schedule) -> Iterator[Diagnostic]:
    parts = schedule.cron.split()
    for part in (part for field in parts for part in field.split(",")):
        if not _CRON_PART.fullmatch(part):
            message = f"schedule {schedule.name}: Jenkins cannot read {part!r}"
            yield error("MLG401", schedule.position, message, "write numbers, ranges such as 1-5, and */STEP")
    if len(parts) == 5 and parts[2] != "*" and parts[4] != "*":
        # hudson.scheduler.CronTab asks for both, cron for one of them.
        message = f"schedule {schedule.name}: Jenkins runs where day and weekday both fit, not where one does"
        yield error("MLG401", schedule.position, message, "write two schedules, one by day and one by weekday")


def _job(pipeline: Pipeline, job: Job, options: TargetOptions) -> Iterator[Diagnostic]:
    if job.runner.options and job.runner.on("jenkins") is None and options.fallback("runner") != "default":
        hint = f"add runners.{job.runner.name}.jenkins: {{label: …}}, or write targets.jenkins.fallback.runner: default"
        message = f"{job.id}: the runner {job.runner.name} does not say which agent it is on Jenkins"
        yield error("MLG401", job.position, message, hint)
    for name in (*(name for name, _ in job.env), *(job.matrix.axes if job.matrix else ())):
        if name in _RESERVED:
            message = f"{job.id}: {name} is a word of Groovy and cannot name a variable"
            yield error("MLG401", job.position, message, "rename it")
    if job.approval and job.matrix:
        message = f"{job.id}: Jenkins cannot ask once for all legs of a matrix beside other jobs"
        yield error("MLG401", job.position, message, "write a job for each leg")
    for path in job.files:
        if "[" in path:
            message = f"{job.id}: the patterns of Jenkins have no [ ]: {path}"
            yield error("MLG401", job.position, message, "use * or ?")
    if job.deploys or not (job.image or job.python):
        return
    for cache in job.caches:
        for path in cache.paths:
            if path.startswith("/") and not options.fallback("cache"):
                message = f"{job.id}: Jenkins does not cache {path}, which lies outside of the workspace of a container"
                yield warning("MLG402", job.position, message, "cache a folder below ~ or below the project")


def _cancel(pipeline: Pipeline, options: TargetOptions) -> Iterator[Diagnostic]:
    """The runs of one branch, whatever started them, are one row: a push would cancel the others too."""
    for job in pipeline.jobs:
        for kind in ("schedule", "manual"):
            if job.deploys and satisfiable(all_of([job.condition.on(kind), pipeline.trigger(kind)])):
                message = f"a push would cancel a {kind} run of the branch too, in which {job.id} can deploy"
                hint = "take push out of concurrency.cancel, or write targets.jenkins.fallback.cancel: serial"
                yield error("MLG401", options.position, message, hint)
                return
