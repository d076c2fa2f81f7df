"""What the capability table is too coarse for: single values and combinations that Jenkins cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir import Job, Pipeline, Schedule, TargetOptions
from mlgen.ir.expressions import all_of, satisfiable
from mlgen.regex import regex
from mlgen.targets.built import of_the_host
from mlgen.targets.decide import untold
from mlgen.targets.jenkins import native, parts
from mlgen.targets.jenkins.levels import after
from mlgen.targets.jenkins.levels import native as is_native

# http://docs.groovy-lang.org/docs/groovy-2.4.21/html/documentation/#_keywords, and Java's
_KEYWORDS = """
abstract as assert boolean break byte case catch char class const continue def default do double else enum extends false
final finally float for goto if implements import in instanceof int interface long native new null package private
protected public return short static strictfp super switch synchronized this threadsafe throw throws trait transient
true try void volatile while
"""
_RESERVED = frozenset(_KEYWORDS.split())
# https://www.jenkins.io/doc/book/pipeline/syntax/#cron-syntax
_CRON_PART = regex(r"\*(/[0-9]+)?|[0-9]+(-[0-9]+(/[0-9]+)?)?")


def refuse(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """Every such value; all are errors but where only comfort is lost."""
    options = next(o for o in pipeline.targets if o.name == "jenkins")
    for schedule in pipeline.triggers.schedules:
        yield from _cron(schedule)
    for job in pipeline.jobs:
        yield from _job(pipeline, job, options)
        yield from _words(job)
        yield from of_the_host(job, "Jenkins")
        yield from untold(pipeline, job, "Jenkins", lambda _: ("value",), asked_first=True)
        yield from _repositories(pipeline, job)
    yield from _results(pipeline, options)
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
    for runner in job.runners or (job.runner,):
        if runner.options and runner.on("jenkins") is None and options.fallback("runner") != "default":
            hint = f"add runners.{runner.name}.jenkins: {{label: …}}, or write targets.jenkins.fallback.runner: default"
            message = f"{job.id}: the runner {runner.name} does not say which agent it is on Jenkins"
            yield error("MLG401", job.position, message, hint)
    others = [runner.name for runner in job.runners or (job.runner,) if runner.name in parts.OTHER_SYSTEMS]
    if others and job.python and options.fallback("python") != "machine":
        message = f"{job.id}: on {others[0]} Jenkins takes the agent's own Python, not {job.python}"
        hint = "install it in `setup`, or name an agent that has it, and write targets.jenkins.fallback.python: machine"
        yield warning("MLG402", job.position, message, hint)
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
    if job.deploys or not parts.in_container(job):
        return
    for cache in job.caches:
        for path in cache.paths:
            if path.startswith("/") and not options.fallback("cache"):
                message = f"{job.id}: Jenkins does not cache {path}, which lies outside of the workspace of a container"
                yield warning("MLG402", job.position, message, "cache a folder below ~ or below the project")


def _words(job: Job) -> Iterator[Diagnostic]:
    """What is said in the words of targets."""
    said = dict(job.native)
    if job.native and "jenkins" not in said:
        message = f"{job.id}: the job is not said in the words of Jenkins"
        hint = "add native.jenkins, or write targets.jenkins.fallback.native: skip"
        yield error("MLG401", job.position, message, hint)
    given = [(said["jenkins"], True)] if "jenkins" in said else []
    given += [(step.on("jenkins"), False) for step in job.steps if step.on("jenkins") is not None]
    for words, whole in given:
        if fault := native.fault(words, whole):
            yield error("MLG401", job.position, f"{job.id}: {fault}", "write {STEP: ARGUMENTS}")
    for step in job.steps:
        if not step.run and step.on("jenkins") is None:
            message = f"{job.id}: the step {step.name} says nothing for Jenkins"
            yield error("MLG401", job.position, message, "add its `run`, or `jenkins`")


def _repositories(pipeline: Pipeline, job: Job) -> Iterator[Diagnostic]:
    """Private images, and other repositories."""
    for one in job.checkouts:
        if one.repository and not one.ref:
            message = f"{job.id}: Jenkins has to be told what to check out of {one.repository}"
            yield error("MLG401", job.position, message, "write its `ref`: a branch, tag or commit")
    box = job.container
    if box is None or not box.username:
        return
    ids = {parts.credential(pipeline, box.username), parts.credential(pipeline, box.password)}
    pieces = [parts.part(pipeline, box.username), parts.part(pipeline, box.password)]
    if len(ids) > 1 or pieces != ["username", "password"]:
        message = f"{job.id}: Jenkins takes one credential with user name and password for the registry"
        hint = f"give {box.username} and {box.password} `jenkins: {{id: ID, part: username}}` and `part: password`"
        yield error("MLG401", job.position, message, hint)


def _results(pipeline: Pipeline, options: TargetOptions) -> Iterator[Diagnostic]:
    """Jobs that look at the results of others, which stages cannot say."""
    if options.option("form") == "stages":
        for job in (job for job in pipeline.jobs if job.result):
            message = f"{job.id}: a stage that fails skips all later ones, so that none can look at its result"
            yield error("MLG401", job.position, message, "leave targets.jenkins.form out")
    for job in (job for job in pipeline.jobs if job.result and job.approval):
        message = f"{job.id}: Jenkins cannot ask before a job that looks at the results of others"
        yield error("MLG401", job.position, message, "leave out its approval or its `result`")
    late = after(pipeline)
    for job in (job for job in pipeline.jobs if job.id in late and is_native(job)):
        looks = next(edge.job for edge in job.edges if edge.job in late)
        message = f"{job.id} waits for {looks}, which looks at a deployment and so runs after all stages"
        hint = f"let {job.id} not wait for it, or let {looks} look at jobs that do not deploy"
        yield error("MLG401", job.position, message, hint)


def _cancel(pipeline: Pipeline, options: TargetOptions) -> Iterator[Diagnostic]:
    """The runs of one branch, whatever started them, are one row: a push would cancel the others too."""
    for job in pipeline.jobs:
        for kind in ("schedule", "manual"):
            if job.deploys and satisfiable(all_of([job.condition.on(kind), pipeline.trigger(kind)])):
                message = f"a push would cancel a {kind} run of the branch too, in which {job.id} can deploy"
                hint = "take push out of concurrency.cancel, or write targets.jenkins.fallback.cancel: serial"
                yield error("MLG401", options.position, message, hint)
                return
