"""What a stage does: the scripts and steps of one job."""

from collections.abc import Iterable

from mlgen.ir import Job, Leg, Pipeline, paths
from mlgen.quoting import groovy, sh, sh_path
from mlgen.quoting.shell import bounded
from mlgen.targets import ci_py
from mlgen.targets.jenkins.naming import legs, stash_name
from mlgen.targets.jenkins.parts import in_container

_BASH = "#!/usr/bin/env bash\nset -euo pipefail\n"
HEAD = _BASH + ". .mlgen/env.sh\n"
"""What stands before a script of the spec: bash, which stops at a failure, and the portable variables."""
_EXPORTED = "$WORKSPACE_TMP/mlgen-exports"
PERMITTED = "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: false)"
"""The block around what may fail; an abort is passed on."""


# --- files received


def received(pipeline: Pipeline, job: Job) -> list[str]:
    """The stashes that bring the files of other jobs."""
    return [stash_name(take.bundle, leg) for take in job.takes for leg in legs(pipeline.job(take.job))]


def merge(pipeline: Pipeline, job: Job) -> str:
    """The script that tells which files of the legs of a matrix it was, and fails where two made the same; or empty."""
    producers = dict.fromkeys(take.job for take in job.takes)
    found = [job for job in map(pipeline.job, producers) if job.matrix and job.matrix.collide]
    return "\n".join(f"python3 .mlgen/ci.py merge --job {sh(p.id)} {sh(_manifests(p))}" for p in found)


def receive(pipeline: Pipeline, job: Job) -> list[str]:
    """The steps that bring the files of other jobs."""
    found = [f"unstash {groovy(name)}" for name in received(pipeline, job)]
    script = merge(pipeline, job)
    return [*found, f"sh label: 'legs', script: {groovy(script)}"] if script else found


def _manifests(job: Job) -> str:
    return f".mlgen/legs/{job.key}"


# --- scripts


def around(pipeline: Pipeline, job: Job) -> list[str]:
    """The blocks around the job's scripts, outermost first."""
    kept = caches(pipeline, job)
    branch = groovy(pipeline.default_branch)
    found = [f"cache(defaultBranch: {branch}, caches: [{', '.join(kept)}])"] if kept else []
    return [*found, *_credentials(job)]


def _credentials(job: Job) -> list[str]:
    bound = bindings(job)
    return [f"withCredentials([{', '.join(bound)}])"] if bound else []


def bindings(job: Job) -> list[str]:
    """The job's credentials, each bound to its variable."""
    return [
        f"{'file' if use.file else 'string'}(credentialsId: {groovy(use.name)}, variable: {groovy(use.variable)})"
        for use in job.secrets
    ]


def caches(pipeline: Pipeline, job: Job) -> list[str]:
    """Under Docker, where `~` is the workspace, a cache must lie in it: https://plugins.jenkins.io/jobcacher/"""
    found = []
    for cache in job.caches if not job.deploys else ():
        for path in cache.paths:
            said = [f"path: {_cache_path(path, job)}"]
            if cache.salt:
                said.append(f"cacheName: {groovy(f'{path} {cache.salt}')}")
            if cache.key:
                said.append(f"cacheValidityDecidingFile: {groovy(','.join(cache.key))}")
            found.append(f"arbitraryFileCache({', '.join(said)})")
    return found


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
        return [(job.name, _BASH + command(job))]
    head = HEAD + blank(pipeline, job, leg)
    setup = [("setup", head + job.setup)] if job.setup else []
    return [*setup, (job.name, head + command(job))]


def command(job: Job) -> str:
    """The job's command within its bounds; exported values have a file to go to."""
    if job.gate:
        return bounded(ci_py.gate(job.gate), job.timeout, job.retry)
    appended = any(not export.file for export in job.exports)
    head = f'export MLGEN_EXPORTS="{_EXPORTED}"; : >"$MLGEN_EXPORTS"\n' if appended else ""
    return head + bounded(job.run, job.timeout, job.retry)


def blank(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """Sets the variables that are empty: Jenkins takes one that is empty for one that is not set.

    https://javadoc.jenkins.io/hudson/EnvVars.html#override(java.lang.String,java.lang.String)
    """
    given = {**dict(pipeline.env), **dict(job.env), **dict(leg.values if leg else ())}
    return "".join(f"export {name}=''\n" for name, value in given.items() if not value)


# --- what is handed on, and said of the job


def _ant(job: Job, leg: Leg | None, found: Iterable[str]) -> str:
    """Declared paths as Ant patterns. Metrics are files; the others may be folders too, and `PATH/**` is no file."""
    return ", ".join(
        on_leg(path, leg) if path in job.metrics else f"{on_leg(path, leg)}, {on_leg(path, leg)}/**" for path in found
    )


def hand_on(job: Job, leg: Leg | None) -> list[str]:
    """The steps that check, keep and hand on what the job made."""
    found = []
    if script := checks(job, leg):
        found.append(f"sh label: 'outputs', script: {groovy(script)}")
    if kept := archived(job, leg):
        found.append(f"archiveArtifacts artifacts: {groovy(kept)}, defaultExcludes: false, fingerprint: true")
    for name, files in given(job, leg):
        # Without Ant's default excludes, which leave out .gitattributes and the like.
        found.append(f"stash name: {groovy(name)}, includes: {groovy(files)}, useDefaultExcludes: false")
    return found


def archived(job: Job, leg: Leg | None) -> str:
    """What is kept with the run, as Ant patterns."""
    return _ant(job, leg, job.files)


def given(job: Job, leg: Leg | None) -> list[tuple[str, str]]:
    """The stashes that the job makes: the name and the files, as Ant patterns."""
    found = []
    for bundle in job.bundles:
        if bundle.consumers:
            files = _ant(job, leg, bundle.paths) if not bundle.exports else bundle.paths[0]
            if leg and _listed(job):
                files += f", {_manifest(job, leg)}"
            found.append((stash_name(bundle.name, leg), files))
    return found


def on_leg(path: str, leg: Leg | None) -> str:
    """The path, with the values of the leg in place of its axes."""
    return paths.on_leg(path, dict(leg.values)) if leg else path


def _listed(job: Job) -> bool:
    """Whether the legs list what they made, for the jobs that receive it."""
    return bool(job.matrix and job.matrix.collide and any(bundle.consumers for bundle in job.bundles))


def _manifest(job: Job, leg: Leg) -> str:
    return f"{_manifests(job)}/{leg.slug}.json"


def checks(job: Job, leg: Leg | None) -> str:
    """The script by which a declared file that is missing fails the job that should have made it; or empty."""
    lines = []
    made = [on_leg(path, leg) for path in job.files]
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


def description(job: Job) -> str:
    """What the run says of a deployment; or empty."""
    return f"{job.environment.name}: {job.environment.url}" if job.environment and job.environment.url else ""


def reports(job: Job, leg: Leg | None) -> dict[str, str]:
    """The job's reports: `junit` and `summary` as Ant patterns, `coverage` as a map in Groovy."""
    found = {}
    if job.reports.junit:
        found["junit"] = ", ".join(on_leg(path, leg) for path in job.reports.junit)
    if job.reports.coverage:
        parser, pattern = job.reports.coverage.format.upper(), on_leg(job.reports.coverage.path, leg)
        found["coverage"] = f"[parser: {groovy(parser)}, pattern: {groovy(pattern)}]"
    if job.reports.summary:
        found["summary"] = on_leg(job.reports.summary, leg)
    return found


def final(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The steps that run whatever the result: the reports, and `finally`, whose failure would keep later steps back."""
    found = []
    said = reports(job, leg)
    if "junit" in said:
        files = groovy(said["junit"])
        found.append(f"junit testResults: {files}, allowEmptyResults: true, skipMarkingBuildUnstable: true")
    if "coverage" in said:
        found.append(f"recordCoverage(tools: [{said['coverage']}])")
    if "summary" in said:
        found.append(f"archiveArtifacts artifacts: {groovy(said['summary'])}, allowEmptyArchive: true")
    if job.finally_:
        result = "MLGEN_RESULT=failure\nif [ -e .mlgen/passed ]; then MLGEN_RESULT=success; fi\nexport MLGEN_RESULT\n"
        text = HEAD + blank(pipeline, job, leg) + result + job.finally_
        step = f"sh label: 'finally', script: {groovy(text)}"
        for block in reversed([*([PERMITTED] if job.allow_failure else []), *_credentials(job)]):
            step = f"{block} {{ {step} }}"
        found.append(step)
    return found
