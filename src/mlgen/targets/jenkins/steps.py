"""What a stage does: the scripts and steps of one job."""

from collections.abc import Iterable

from mlgen.ir import Job, Leg, Pipeline, paths
from mlgen.quoting import groovy, sh, sh_path
from mlgen.quoting.shell import bounded
from mlgen.targets import ci_py

_BASH = "#!/usr/bin/env bash\nset -euo pipefail\n"
_ENV = ". .mlgen/env.sh\n"
_EXPORTED = "$WORKSPACE_TMP/mlgen-exports"
PERMITTED = "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: false)"
"""The block around what may fail; an abort is passed on."""


def in_container(job: Job) -> bool:
    """Whether the job runs in a container."""
    return bool(job.image or job.python)


# --- files received


def receive(pipeline: Pipeline, job: Job) -> list[str]:
    """The steps that bring the files of other jobs."""
    found = []
    collide = []
    for take in job.takes:
        producer = pipeline.job(take.job)
        found += [f"unstash {groovy(stash_name(take.bundle, leg))}" for leg in _legs(producer)]
        if producer.matrix and producer.matrix.collide and producer not in collide:
            collide.append(producer)
    for producer in collide:
        script = f"python3 .mlgen/ci.py merge --job {sh(producer.id)} {sh(_manifests(producer))}"
        found.append(f"sh label: {groovy(f'legs of {producer.name}')}, script: {groovy(script)}")
    return found


def _legs(job: Job) -> tuple[Leg | None, ...]:
    return job.matrix.legs if job.matrix else (None,)


def stash_name(bundle: str, leg: Leg | None) -> str:
    """The stash of a bundle, or of one leg's part of it; names of bundles have no full stop."""
    return f"{bundle}.{leg.slug}" if leg else bundle


def _manifests(job: Job) -> str:
    return f".mlgen/legs/{job.key}"


# --- scripts


def around(pipeline: Pipeline, job: Job) -> list[str]:
    """The blocks around the job's scripts, outermost first."""
    found = [_caches(pipeline, job)] if job.caches and not job.deploys else []
    return [*found, *_credentials(job)]


def _credentials(job: Job) -> list[str]:
    bindings = [
        f"{'file' if use.file else 'string'}(credentialsId: {groovy(use.name)}, variable: {groovy(use.variable)})"
        for use in job.secrets
    ]
    return [f"withCredentials([{', '.join(bindings)}])"] if bindings else []


def _caches(pipeline: Pipeline, job: Job) -> str:
    """Under Docker, where `~` is the workspace, a cache must lie in it: https://plugins.jenkins.io/jobcacher/"""
    found = []
    for cache in job.caches:
        for path in cache.paths:
            said = [f"path: {_cache_path(path, job)}"]
            if cache.salt:
                said.append(f"cacheName: {groovy(f'{path} {cache.salt}')}")
            if cache.key:
                said.append(f"cacheValidityDecidingFile: {groovy(','.join(cache.key))}")
            found.append(f"arbitraryFileCache({', '.join(said)})")
    return f"cache(defaultBranch: {groovy(pipeline.default_branch)}, caches: [{', '.join(found)}])"


def _cache_path(path: str, job: Job) -> str:
    if path == "~" or path.startswith("~/"):
        inside = path[2:]
        if in_container(job):
            return groovy(inside or ".")
        return '"${env.HOME}' + groovy("/" + inside).strip("'").replace('"', '\\"').replace("$", "\\$") + '"'
    return groovy(path)


def scripts(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[tuple[str, str]]:
    """The job's own scripts, each with its label."""
    if job.gate:
        return [(job.name, _BASH + bounded(ci_py.gate(job.gate), job.timeout, job.retry))]
    setup = [("setup", _head(pipeline, job, leg) + job.setup)] if job.setup else []
    return [*setup, (job.name, _head(pipeline, job, leg) + _exported(job) + bounded(job.run, job.timeout, job.retry))]


def _head(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """What stands before a script of the spec: bash, and the portable variables."""
    # Jenkins takes a variable that is empty for one that is not set, so an empty one is set here.
    # https://javadoc.jenkins.io/hudson/EnvVars.html#override(java.lang.String,java.lang.String)
    given = {**dict(pipeline.env), **dict(job.env), **dict(leg.values if leg else ())}
    return _BASH + _ENV + "".join(f"export {name}=''\n" for name, value in given.items() if not value)


def _exported(job: Job) -> str:
    if all(export.file for export in job.exports):
        return ""
    return f'export MLGEN_EXPORTS="{_EXPORTED}"; : >"$MLGEN_EXPORTS"\n'


# --- what is handed on, and said of the job


def _ant(job: Job, leg: Leg | None, found: Iterable[str]) -> str:
    """Declared paths as Ant patterns. Metrics are files; the others may be folders too, and `PATH/**` is no file."""
    return ", ".join(
        on_leg(path, leg) if path in job.metrics else f"{on_leg(path, leg)}, {on_leg(path, leg)}/**" for path in found
    )


def hand_on(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The steps that check, keep and hand on what the job made."""
    made = [on_leg(path, leg) for path in job.files]
    found = []
    script = _checks(job, leg, made)
    if script:
        found.append(f"sh label: 'outputs', script: {groovy(script)}")
    if made:
        kept = groovy(_ant(job, leg, job.files))
        found.append(f"archiveArtifacts artifacts: {kept}, defaultExcludes: false, fingerprint: true")
    for bundle in job.bundles:
        if not bundle.consumers:
            continue
        files = _ant(job, leg, bundle.paths) if not bundle.exports else bundle.paths[0]
        if leg and _listed(job):
            files += f", {_manifest(job, leg)}"
        # Without Ant's default excludes, which leave out .gitattributes and the like.
        name = groovy(stash_name(bundle.name, leg))
        found.append(f"stash name: {name}, includes: {groovy(files)}, useDefaultExcludes: false")
    return found


def on_leg(path: str, leg: Leg | None) -> str:
    """The path, with the values of the leg in place of its axes."""
    return paths.on_leg(path, dict(leg.values)) if leg else path


def _listed(job: Job) -> bool:
    """Whether the legs list what they made, for the jobs that receive it."""
    return bool(job.matrix and job.matrix.collide and any(bundle.consumers for bundle in job.bundles))


def _manifest(job: Job, leg: Leg) -> str:
    return f"{_manifests(job)}/{leg.slug}.json"


def _checks(job: Job, leg: Leg | None, made: list[str]) -> str:
    """A declared file that is missing fails the job that should have made it."""
    lines = []
    listed = " ".join(map(sh_path, made))
    if leg and _listed(job):
        words = f"--job {sh(job.id)} --leg {sh(leg.slug)} --out {sh(_manifest(job, leg))} {listed}"
        lines.append(f"python3 .mlgen/ci.py legs {words}")
    elif made:
        lines.append(f"ls -ld -- {listed}")
    if job.exports:
        lines.append(ci_py.exports(job, f'"{_EXPORTED}"'))
    if any("**" in path for path in made):
        lines.insert(0, _BASH + "shopt -s globstar")
    return "\n".join(lines)


def final(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The steps that run whatever the result: the reports, and `finally`, whose failure would keep later steps back."""
    found = []
    if job.reports.junit:
        files = ", ".join(on_leg(path, leg) for path in job.reports.junit)
        found.append(f"junit testResults: {groovy(files)}, allowEmptyResults: true, skipMarkingBuildUnstable: true")
    if job.reports.coverage:
        parser, pattern = job.reports.coverage.format.upper(), on_leg(job.reports.coverage.path, leg)
        found.append(f"recordCoverage(tools: [[parser: {groovy(parser)}, pattern: {groovy(pattern)}]])")
    if job.reports.summary:
        found.append(f"archiveArtifacts artifacts: {groovy(on_leg(job.reports.summary, leg))}, allowEmptyArchive: true")
    if job.finally_:
        result = "MLGEN_RESULT=failure\nif [ -e .mlgen/passed ]; then MLGEN_RESULT=success; fi\nexport MLGEN_RESULT\n"
        step = f"sh label: 'finally', script: {groovy(_head(pipeline, job, leg) + result + job.finally_)}"
        for block in reversed([*([PERMITTED] if job.allow_failure else []), *_credentials(job)]):
            step = f"{block} {{ {step} }}"
        found.append(step)
    return found
