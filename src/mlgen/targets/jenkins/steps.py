"""What a job does: the files that it receives, its scripts, and the blocks around them."""

from __future__ import annotations

from mlgen.ir import Job, Leg, Pipeline, Take
from mlgen.quoting import groovy, sh
from mlgen.quoting.shell import bounded
from mlgen.targets import ci_py
from mlgen.targets.jenkins import native, parts
from mlgen.targets.jenkins.conditions import when
from mlgen.targets.jenkins.naming import legs, stash_name
from mlgen.targets.scripts import headed, opening

BASH = "#!/usr/bin/env bash\nset -euo pipefail\n"
HEAD = BASH + ". .mlgen/env.sh\n"
"""What stands before a script of the spec: bash, which stops at a failure, and the portable variables."""
EXPORTED = "$WORKSPACE_TMP/mlgen-exports"
PERMITTED = "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: false)"
"""The block around what may fail; an abort is passed on."""


# --- files received


def received(pipeline: Pipeline, job: Job, optional: bool = False) -> list[tuple[Take, str]]:
    """The stashes that bring the files of other jobs; with `optional`, those that there may not be."""
    takes = [take for take in job.takes if take.optional == optional]
    return [(take, stash_name(take.bundle, leg)) for take in takes for leg in legs(pipeline.job(take.job))]


def merge(pipeline: Pipeline, job: Job) -> str:
    """The script that tells which files of the legs of a matrix it was, and fails where two made the same; or empty."""
    producers = dict.fromkeys(take.job for take in job.takes)
    found = [job for job in map(pipeline.job, producers) if job.matrix and job.matrix.collide]
    return "\n".join(f"python3 .mlgen/ci.py merge --job {sh(p.id)} {sh(manifests(p))}" for p in found)


def receive(pipeline: Pipeline, job: Job) -> list[str]:
    """The steps that bring the files of other jobs; one of several that make a file, if it is the one that runs."""
    found = [f"unstash {groovy(name)}" for _, name in received(pipeline, job)]
    found += [f"script {{ {statement} }}" for statement in receive_some(pipeline, job)]
    script = merge(pipeline, job)
    return [*found, f"sh label: 'legs', script: {groovy(script)}"] if script else found


def receive_some(pipeline: Pipeline, job: Job) -> list[str]:
    """The statements that bring the files of those of several jobs that run on this event."""
    some: dict[str, list[str]] = {}
    for take, name in received(pipeline, job, optional=True):
        some.setdefault(" ".join(when(pipeline, pipeline.job(take.job).condition)), []).append(name)
    return [
        f"if ({condition}) {{ {'; '.join(f'unstash {groovy(name)}' for name in names)} }}"
        for condition, names in some.items()
    ]


def manifests(job: Job) -> str:
    """The folder with what the legs of the job list."""
    return f".mlgen/legs/{job.key}"


# --- blocks around


def around(pipeline: Pipeline, job: Job) -> list[str]:
    """The blocks around the job's scripts, outermost first."""
    kept = caches(pipeline, job)
    branch = groovy(pipeline.default_branch)
    found = [f"cache(defaultBranch: {branch}, caches: [{', '.join(kept)}])"] if kept else []
    return [*found, *credentials(pipeline, job)]


def credentials(pipeline: Pipeline, job: Job) -> list[str]:
    """The block that binds the job's credentials, if it has any."""
    bound = parts.bindings(pipeline, job)
    return [f"withCredentials([{', '.join(bound)}])"] if bound else []


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
        if parts.in_container(job):
            return groovy(inside or ".")
        return '"${env.HOME}' + groovy("/" + inside).strip("'").replace('"', '\\"').replace("$", "\\$") + '"'
    return groovy(path)


# --- scripts


def scripts(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The steps that run the job's own scripts."""
    if job.gate:
        return [shell(job.name, BASH + command(job))]
    if job.native:
        return native.job(dict(job.native).get("jenkins"))[1]
    head = HEAD + blank(pipeline, job, leg)
    setup = [shell("setup", head + job.setup)] if job.setup else []
    login = [shell("login", head + text)] if (text := parts.login(job)) else []
    if job.steps:
        return [*login, *setup, *(text for _, text in own_steps(job, head))]
    return [*login, *setup, shell(job.name, head + command(job))]


def own_steps(job: Job, head: str) -> list[tuple[str, str]]:
    """The job's own steps: of each, the command of a script or empty, and the whole step."""
    found = []
    fresh = _exporting(job)
    for step in job.steps:
        words = step.on("jenkins")
        if words is not None:
            found.append(("", native.step(words)))
            continue
        text = fresh + bounded(inside(job, step.run), job.timeout, job.retry)
        # The file for exported values is made once.
        fresh = f'export MLGEN_EXPORTS="{EXPORTED}"\n' if fresh else ""
        found.append((text, shell(step.name or job.name, head + text)))
    return found


def shell(label: str, script: str) -> str:
    """The step that runs a script."""
    return f"sh label: {groovy(label)}, script: {groovy(script)}"


def command(job: Job) -> str:
    """The job's command within its bounds; exported values have a file to go to."""
    if job.gate:
        return _exporting(job) + bounded(ci_py.gate(job.gate), job.timeout, job.retry)
    return _exporting(job) + bounded(inside(job, job.run), job.timeout, job.retry)


def _exporting(job: Job) -> str:
    appended = any(not export.file for export in job.exports)
    return f'export MLGEN_EXPORTS="{EXPORTED}"; : >"$MLGEN_EXPORTS"\n' if appended else ""


def inside(job: Job, script: str) -> str:
    """A script of the job after its folder and what activates its environment."""
    return headed(job._replace(dynamic=()), script)


def blank(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """Sets what Jenkins does not: variables that are empty, which it takes for ones that are not set, and references.

    https://javadoc.jenkins.io/hudson/EnvVars.html#override(java.lang.String,java.lang.String)
    """
    given = {**dict(pipeline.env), **dict(job.env), **dict(leg.values if leg else ())}
    lines = [f"export {name}=''\n" for name, value in given.items() if not value]
    lines += [f"export {name}={word}\n" for name, word in parts.identity(job)]
    more = opening(job, setup=True)
    return "".join([*lines, f"{more}\n" if more else ""])
