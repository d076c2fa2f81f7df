"""The pipeline as the plain values that `circleci/config.yml.j2` prints. All computing is here and in its helpers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlgen.ir import Edge, Job, Pipeline, all_of, any_of, negate
from mlgen.ir.conditions import KINDS
from mlgen.ir.expressions import satisfiable
from mlgen.ir.order import left_to_results
from mlgen.quoting import sh_path
from mlgen.targets.circleci import BESIDE, PATH, before, conditions, runtime, steps, text
from mlgen.targets.circleci.step import Step, run
from mlgen.targets.contract import Output, own_path
from mlgen.targets.scripts import headed
from mlgen.typed import Any


def outputs(pipeline: Pipeline) -> tuple[Output, ...]:
    """The one file."""
    return (Output(own_path(pipeline, PATH, BESIDE), "circleci/config.yml.j2", view(pipeline)),)


def view(pipeline: Pipeline) -> Mapping[str, Any]:
    """All that the template prints."""
    executors = runtime.executors(pipeline)
    commands = named_commands(pipeline)
    start = start_name(pipeline)
    jobs = [_job(pipeline, job, executors, commands) for job in pipeline.jobs]
    called = {step["name"] for job in jobs for step in job["steps"] if step["kind"] == "call"}
    return {
        "name": pipeline.name,
        "parameters": _parameters(pipeline),
        "environment": _variables(pipeline.env),
        "folder": f"{runtime.REPOSITORY}/{pipeline.root}" if pipeline.root else "",
        "executors": [_executor(pipeline, executor, name) for executor, name in executors.items()],
        "takes": "take" in called,
        "takes_some": "take-some" in called,
        "variables": _portable(pipeline),
        "integers": [entry.variable for entry in pipeline.triggers.inputs if entry.type == "integer"],
        "commands": _commands(pipeline, commands),
        "start": start,
        "jobs": jobs,
        "workflow": Workflow(pipeline, start).entries(),
    }


def _variables(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(name, text.literal(value)) for name, value in pairs]


# ---- parameters and portable variables


def _parameters(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Pipeline parameters: the name of a schedule, and the inputs of a manual run.

    https://circleci.com/docs/guides/orchestrate/pipeline-variables/#pipeline-parameters-in-configuration
    """
    found: list[dict[str, Any]] = []
    if pipeline.triggers.on("schedule"):
        names = ", ".join(s.name for s in pipeline.triggers.schedules)
        text_ = f"Set by each schedule trigger to its name: {names}"
        found.append({"name": "mlgen_schedule", "type": "string", "enum": (), "default": "", "description": text_})
    if pipeline.triggers.on("api"):
        names = ", ".join(name for name, _ in pipeline.triggers.api)
        text_ = f"Empty on a manual run; else the event: {names}"
        found.append({"name": "mlgen_event", "type": "string", "enum": (), "default": "", "description": text_})
    types = {"string": "string", "number": "string", "integer": "integer", "boolean": "boolean", "choice": "enum"}
    values: dict[str, Callable[[str], Any]] = {"integer": int, "boolean": lambda value: value == "true"}
    for entry in pipeline.triggers.inputs:
        found.append(
            {
                "name": entry.name,
                "type": types[entry.type],
                "enum": entry.options,
                "default": values.get(entry.type, str)(entry.default),
                "description": text.literal(entry.description),
            }
        )
    return found


def _portable(pipeline: Pipeline) -> list[tuple[str, str]]:
    """What only pipeline values tell, as variables of the step that `.mlgen/env.sh` runs in."""
    found = [("MLGEN_CIRCLECI_EVENT", "<< pipeline.event.name >>")]
    if pipeline.triggers.on("pull_request"):
        guard, values = 'pipeline.event.name == "pull_request" and', "pipeline.event.github.pull_request"
        for name, value in (("BASE_BRANCH", "base.ref"), ("BASE", "base.sha"), ("PR", "number")):
            found.append((f"MLGEN_CIRCLECI_{name}", f'<< {guard} {values}.{value} or "" >>'))
    if pipeline.triggers.on("schedule"):
        found.append(("MLGEN_CIRCLECI_SCHEDULE", "<< pipeline.parameters.mlgen_schedule >>"))
    if pipeline.triggers.on("api"):
        found.append(("MLGEN_CIRCLECI_NAMED", "<< pipeline.parameters.mlgen_event >>"))
    # A number of more than six digits would turn into 1e+06; inside a text it does not.
    # https://circleci.com/docs/guides/security/set-environment-variable/#set-an-environment-variable-in-a-job
    found.append(("MLGEN_CIRCLECI_NUMBER", "#<< pipeline.number >>"))
    found.append(("MLGEN_CIRCLECI_REPOSITORY", "<< pipeline.git.repo_url >>"))
    for entry in pipeline.triggers.inputs:
        value = f"pipeline.parameters.{entry.name}"
        # A boolean could arrive as 1 or 0: https://circleci.com/docs/reference/reusing-config/#boolean
        words = f'{value} and "true" or "false"' if entry.type == "boolean" else value
        found.append((entry.variable, ("#" if entry.type == "integer" else "") + f"<< {words} >>"))
    return found


# ---- executors and commands


def _executor(pipeline: Pipeline, executor: runtime.Executor, name: str) -> dict[str, Any]:
    found = executor._asdict()
    for key in ("username", "password"):
        found[key] = runtime.variable(pipeline, found[key]) if found[key] else ""
    if executor.entrypoint is not None:
        found["entrypoint"] = text.literal(executor.entrypoint)
    found["beside"] = [
        {
            "image": service.image,
            "name": service.name,
            "environment": _variables(service.environment),
            "command": [text.literal(word) for word in service.command],
        }
        for service in executor.beside
    ]
    return {"name": name, **found}


def named_commands(pipeline: Pipeline) -> dict[str, str]:
    """What several jobs have in common, as reusable commands: what each holds, and its name."""
    found: dict[str, str] = {}
    for job in pipeline.jobs:
        if steps.plain_setup(job) and "setup " + headed(job, job.setup, setup=True) not in found:
            found["setup " + headed(job, job.setup, setup=True)] = runtime.unique("setup", found.values())
        if caches := runtime.caches(job):
            for verb in ("restore", "save"):
                name = f"{verb}-caches" if len(caches) > 1 else f"{verb}-cache"
                if f"{verb} {caches}" not in found:
                    found[f"{verb} {caches}"] = runtime.unique(name, found.values())
    return found


def _commands(pipeline: Pipeline, names: dict[str, str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for job in pipeline.jobs:
        caches = runtime.caches(job)
        for verb, say in (("restore", _restore), ("save", _save)):
            if caches and names[f"{verb} {caches}"] not in found:
                name = names[f"{verb} {caches}"]
                axes = caches[0].axes
                found[name] = {"name": name, "description": "runtime.cache", "axes": axes, "steps": say(caches)}
        if steps.plain_setup(job):
            name = names["setup " + headed(job, job.setup, setup=True)]
            ready = run("Set up", text.script(headed(job, job.setup, setup=True)), no_output_timeout="1h")
            found[name] = {"name": name, "description": "runtime.setup", "axes": (), "steps": [ready]}
    order = ("restore", "setup", "save")
    shared = sorted(found.values(), key=lambda entry: order.index(entry["name"].split("-")[0]))
    if any(before.compares(job, pipeline) for job in pipeline.jobs if not job.native):
        said = "The head that was last built on this branch, the same for all jobs of a run"
        last = before.last_head(pipeline)
        shared.insert(0, {"name": before.LAST_HEAD, "description": said, "axes": (), "steps": last})
    return shared


def _restore(caches: tuple[runtime.CacheKey, ...]) -> list[Step]:
    found: list[Step] = []
    for cache in caches:
        if cache.hashed:
            words = " ".join(sh_path(path) for path in cache.hashed)
            found.append(run("Hash what the cache depends on", f"sha256sum -- {words} > {cache.file}"))
        # Without files to hash, the newest cache that begins like this one.
        key = cache.key if "checksum" in cache.key else cache.prefix
        found.append({"kind": "restore", "keys": [key]})
    return found


def _save(caches: tuple[runtime.CacheKey, ...]) -> list[Step]:
    return [{"kind": "save", "key": cache.key, "paths": list(cache.paths)} for cache in caches]


# ---- jobs


def _job(
    pipeline: Pipeline, job: Job, executors: Mapping[runtime.Executor, str], commands: dict[str, str]
) -> dict[str, Any]:
    own = runtime.by_axis(job) or runtime.executor(job)
    environment = [("MLGEN_JOB", job.id)]
    parameters: list[tuple[str, bool]] = []
    if job.matrix:
        everywhere = [axis for axis in job.matrix.axes if all(axis in dict(leg.values) for leg in job.matrix.legs)]
        parameters = [(axis, axis in everywhere) for axis in job.matrix.axes]
        environment += [(axis, f"<< parameters.{axis} >>") for axis in job.matrix.axes]
        if not steps.joined(job, job.matrix.legs):
            parameters.append(("mlgen_leg", True))
    environment += [(service.variable, "localhost") for service in job.services]
    environment += _variables(job.env)
    if any(not export.file for export in job.exports):
        environment.append(("MLGEN_EXPORTS", steps.EXPORTS))
    return {
        "name": job.key,
        "stage": job.stage,
        "first": pipeline.stage_jobs(job.stage)[0] is job,
        "parameters": parameters,
        "passed": runtime.passed(job),
        "native": dict(job.native)["circleci"] if job.native else None,
        "idle": job.milestone,
        "executor": "" if job.native or job.milestone or runtime.passed(job) else executors[own],
        "axis": own.axis,
        "environment": environment,
        "steps": [] if job.native or job.milestone else steps.steps(pipeline, job, commands),
    }


# ---- the workflow


def needs_start(pipeline: Pipeline, job: Job) -> bool:
    """Whether on some event the job runs and none of the jobs that it waits for does.

    A job whose `requires` are all filtered out is dropped:
    https://circleci.com/docs/reference/configuration-reference/#requires
    """
    if not job.waits or job.result == "failure" or any(edge.always for edge in job.waits):
        return False
    mine = conditions.runs(pipeline, job)
    others = [conditions.runs(pipeline, pipeline.job(edge.job)) for edge in job.waits]
    return any(
        satisfiable(all_of([mine.on(kind), negate(any_of(other.on(kind) for other in others))])) for kind in KINDS
    )


def start_name(pipeline: Pipeline) -> str:
    """The name of the job that does nothing; empty if no job needs it."""
    needed = any(needs_start(pipeline, job) for job in pipeline.jobs)
    return runtime.unique("start", [job.key for job in pipeline.jobs]) if needed else ""


def ended(job: Job) -> Any:
    """How what the job waits for must have ended, where that is not by success.

    https://circleci.com/docs/reference/configuration-reference/#requires
    """
    if job.result == "failure":
        return ["failed", "canceled", "unauthorized", "not_run"]
    return "terminal" if job.result == "any" else ""


def approval_name(pipeline: Pipeline, job: Job) -> str:
    """The name of the job that waits for the approval."""
    return runtime.unique(f"approve-{job.key}", [other.key for other in pipeline.jobs])


def legs(job: Job) -> list[tuple[str, list[tuple[str, str]]]]:
    """The invocations of a job: each with its name and parameters."""
    if job.matrix is None:
        return [(job.key, [])]
    plain = steps.joined(job, job.matrix.legs)
    return [
        (f"{job.key}-{leg.slug}", [*leg.values] if plain else [*leg.values, ("mlgen_leg", leg.slug)])
        for leg in job.matrix.legs
    ]


def crossed(job: Job) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The axes that `matrix` can say: their whole product, with nothing that tells one leg from another."""
    if job.matrix is None or runtime.passed(job) or not steps.joined(job, job.matrix.legs) or lanes(job):
        return ()
    if not job.matrix.crossed and len(job.matrix.axes) == 1:
        return ((job.matrix.axes[0], tuple(leg.slug for leg in job.matrix.legs)),)
    return job.matrix.crossed


def lanes(job: Job) -> int:
    """How many legs may run at once; 0 for all."""
    return job.matrix.max_parallel if job.matrix and 0 < job.matrix.max_parallel < len(job.matrix.legs) else 0


def serial_group(pipeline: Pipeline, job: Job) -> str:
    """The lock's name, unique in the workflow, which a second job of the same lock must not share.

    https://circleci.com/docs/reference/configuration-reference/#serial-group
    """
    if not job.lock:
        return ""
    group = f"<< pipeline.project.slug >>/{job.lock}"
    first = next(other for other in pipeline.jobs if other.lock == job.lock)
    return group if first.id == job.id and job.matrix is None else f"{group}/{job.key}"


NOTHING = {"name": "", "type": "", "comment": "", "context": [], "serial_group": "", "matrix": (), "parameters": []}


class Workflow:
    """The entries of the workflow. The first of several equal filters gets an anchor, the others refer to it."""

    def __init__(self, pipeline: Pipeline, start: str) -> None:
        self.pipeline, self.start = pipeline, start
        self.executors = runtime.executors(pipeline)
        self.own = conditions.repository(pipeline)
        self.told = left_to_results(pipeline.jobs)
        self.anchors: dict[str, str] = {}
        self.texts = [start_filter(pipeline)] if start else []
        for job in pipeline.jobs:
            times = (1 if crossed(job) else len(legs(job))) + bool(job.approval)
            self.texts += [filter_text(pipeline, job, self.own)] * times

    def entries(self) -> list[dict[str, Any]]:
        """The invocations, in the order of the stages."""
        found: list[dict[str, Any]] = []
        if self.start:
            found.append(self._entry(self.start, start_filter(self.pipeline)))
        for job in self.pipeline.jobs:
            filters = filter_text(self.pipeline, job, self.own)
            requires = self._requires(job)
            if job.approval:
                name = approval_name(self.pipeline, job)
                entry = self._entry(name, filters, requires, type="approval", comment=_prompt(job))
                found.append(entry)
                requires = [(name, "")]
            found += self._invocations(job, filters, requires)
        return found

    def _requires(self, job: Job) -> list[tuple[str, Any]]:
        names = [(name, self._ended(job, edge)) for edge in self._waits(job) for name in self._names(edge)]
        return [(self.start, ""), *names] if needs_start(self.pipeline, job) else names

    def _ended(self, job: Job, edge: Edge) -> Any:
        """How the other must have ended; one that looks at results may do so by not starting, which is no failure."""
        status = ended(job)
        if edge.job not in self.told:
            return status
        if job.result == "failure":
            return [each for each in status if each != "not_run"]
        return status or ("" if edge.hard else ["success", "not_run"])

    def _waits(self, job: Job) -> list[Edge]:
        """What the job waits for; behind what may not start for want of a job with `result`, what that waits for too:
        not to start is then no failure, and what has stopped it is."""
        found: dict[str, Edge] = {}
        todo = list(job.waits)
        while todo:
            edge = todo.pop(0)
            other = self.pipeline.job(edge.job)
            if edge.job not in found:
                found[edge.job] = edge
                if other.id in self.told and not other.result and not edge.hard:
                    todo += [each._replace(hard=False, files=()) for each in other.waits]
        return list(found.values())

    def _names(self, edge: Edge) -> list[str]:
        other = self.pipeline.job(edge.job)
        return [other.key] if crossed(other) else [name for name, _ in legs(other)]

    def _invocations(self, job: Job, filters: str, requires: list[tuple[str, str]]) -> list[dict[str, Any]]:
        context, group = runtime.contexts(self.pipeline, job), serial_group(self.pipeline, job)
        if axes := crossed(job):
            name = "-".join([job.key, *(f"<< matrix.{axis} >>" for axis, _ in axes)])
            group += "".join(f"-<< matrix.{axis} >>" for axis, _ in axes) if group else ""
            more: dict[str, Any] = {"name": name, "matrix": axes, "context": context, "serial_group": group}
            return [self._entry(job.key, filters, requires, **more)]
        found = []
        every = legs(job)
        if runtime.passed(job):
            names = runtime.executor_names(job, self.executors)
            every = [(name, [*given, ("mlgen_executor", own)]) for (name, given), own in zip(every, names)]
        for index, (name, parameters) in enumerate(every):
            more = {"name": name if job.matrix else "", "parameters": parameters, "context": context}
            more["serial_group"] = group + name[len(job.key) :] if group else ""
            lane = [(every[index - lanes(job)][0], "terminal")] if 0 < lanes(job) <= index else []
            found.append(self._entry(job.key, filters, [*requires, *lane], **more))
        return found

    def _entry(self, job: str, filters: str, requires: Sequence[tuple[str, str]] = (), **more: Any) -> dict[str, Any]:
        """`anchor` is set where the text stands, `alias` where it is referred to."""
        alias = self.anchors.get(filters, "")
        name = more.get("name") or job
        anchor = "" if alias or self.texts.count(filters) < 2 else (job if "<<" in name else name)
        if anchor:
            self.anchors[filters] = anchor
        entry = {"job": job, "requires": requires, "filters": filters, "anchor": anchor, "alias": alias}
        return {**NOTHING, **entry, **more}


def _prompt(job: Job) -> str:
    assert job.approval is not None
    key = f"environments.{job.environment.name}.approval" if job.environment else f"stages.{job.id}.approval"
    return " ".join(job.approval.prompt.split()) or key


def filter_text(pipeline: Pipeline, job: Job, own: str) -> str:
    """The job's `filters`."""
    return text.literal(
        conditions.filters(conditions.runs(pipeline, job), own, job.deploys, conditions.entry(pipeline))
    )


def start_filter(pipeline: Pipeline) -> str:
    """When the job that does nothing runs: whenever one that needs it does."""
    needing = [conditions.runs(pipeline, job) for job in pipeline.jobs if needs_start(pipeline, job)]
    return text.literal(conditions.filters(conditions.either(needing), entry=conditions.entry(pipeline)))
