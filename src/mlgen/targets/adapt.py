"""A pipeline held against what a target can say: refusals, warnings, and the fallbacks that the spec chose."""

from __future__ import annotations

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir import Pipeline, TargetOptions
from mlgen.ir.order import weigh
from mlgen.targets.contract import Capability, Target
from mlgen.targets.uses import uses


def adapt(pipeline: Pipeline, target: Target) -> tuple[Pipeline, list[Diagnostic]]:
    """The pipeline that the target is to say, and what has to be said about it."""
    if pipeline.root and target.whole:
        from mlgen.targets.together import together

        pipeline = together(pipeline)
    options = next(o for o in pipeline.targets if o.name == target.name)
    found: list[Diagnostic] = []
    skips = [c.construct for c in target.capabilities if options.fallback(c.construct) == "skip"]
    kept = _without(pipeline, {job for construct in skips for _, job in uses(pipeline, construct, target.name)})
    if any(options.fallback(capability.construct) == "run" for capability in target.capabilities):
        kept = _without_reuse(kept)
    for capability in target.capabilities:
        if capability.default and not _chosen(options, capability.construct):
            used = list(uses(kept, capability.construct, target.name))  # what is left out needs no other
            if used:
                where = [job for _, job in used if job]
                found.append(_say(target, capability, options, where, used[0][0]))
    kept = _allowed(kept, target, options)
    if not any(d.severity == "error" for d in found):
        found += target.refuse(kept)
    return kept, found


def _chosen(options: TargetOptions, construct: str) -> str:
    """The fallback of the construct; a token that stands for permissions can comment as well."""
    found = options.fallback(construct)
    return found or (options.fallback("permissions") if construct == "comment" else "")


def _allowed(pipeline: Pipeline, target: Target, options: TargetOptions) -> Pipeline:
    """The pipeline whose report asks for a token only where there is one: it comments, or it does not."""
    native = any(c.construct == "comment" and c.level == "native" for c in target.capabilities)
    if native or options.fallback("permissions") == "secret":
        return pipeline
    jobs = (job._replace(permissions=()) if job.action == "report" else job for job in pipeline.jobs)
    return pipeline._replace(jobs=tuple(jobs))


def _without_reuse(pipeline: Pipeline) -> Pipeline:
    """The pipeline without the caches from which jobs take what earlier runs made: their commands always run."""
    jobs = tuple(
        job._replace(
            caches=tuple(c for c in job.caches if not c.paths[0].startswith(".mlgen/reuse/")),
            reuse=False,
        )
        for job in pipeline.jobs
    )
    return pipeline._replace(jobs=jobs)


def _say(target: Target, capability: Capability, options: TargetOptions, jobs: list[str], at: object) -> Diagnostic:
    place = options.position if not jobs else at
    who = f" ({', '.join(jobs[:3])}{' …' if len(jobs) > 3 else ''})" if jobs else ""
    why = capability.weaker or capability.how
    choices = "; ".join(f"`{name}`: {meaning}" for name, meaning in capability.fallbacks)
    hint = f"choose targets.{target.name}.fallback.{capability.construct} - {choices}" if choices else ""
    kind, verb = (error, "cannot say") if capability.default == "refuse" else (warning, "says in a weaker way")
    code = "MLG401" if capability.default == "refuse" else "MLG402"
    return kind(code, place, f"{target.title} {verb} {capability.construct}{who}: {why}", hint)  # type: ignore[arg-type]


def _without(pipeline: Pipeline, skipped: set[str]) -> Pipeline:
    """The pipeline without these jobs, all that depend on them, and all deployments that would wait for them.

    Nothing deploys before everything has passed, and what is left out has not.
    """
    if not skipped:
        return pipeline
    gone = set(skipped)
    while more := {j.id for j in pipeline.jobs for e in j.edges if e.job in gone and (e.hard or j.deploys)} - gone:
        gone |= more
    jobs = tuple(
        job._replace(
            edges=tuple(e for e in job.edges if e.job not in gone),
            takes=tuple(t for t in job.takes if t.job not in gone),  # of a gate that it only comes after, the answer
            bundles=tuple(b._replace(consumers=tuple(c for c in b.consumers if c not in gone)) for b in job.bundles),
        )
        for job in pipeline.jobs
        if job.id not in gone
    )
    return pipeline._replace(jobs=weigh(jobs, pipeline.triggers))
