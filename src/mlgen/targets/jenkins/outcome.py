"""What is handed on of a job, kept, and said of it."""

from __future__ import annotations

from collections.abc import Iterable

from mlgen.ir import KINDS, Job, Leg, Pipeline, fields, paths
from mlgen.quoting import groovy, sh, sh_path
from mlgen.quoting.shell import sh_template
from mlgen.targets import ci_py
from mlgen.targets.jenkins.naming import stash_name
from mlgen.targets.jenkins.steps import BASH, EXPORTED, HEAD, PERMITTED, blank, credentials, inside, manifests, shell


def _ant(job: Job, leg: Leg | None, found: Iterable[str]) -> str:
    """Declared paths as Ant patterns. Metrics are files; the others may be folders too, and `PATH/**` is no file."""
    return ", ".join(
        on_leg(path, leg) if path in job.metrics else f"{on_leg(path, leg)}, {on_leg(path, leg)}/**" for path in found
    )


def hand_on(pipeline: Pipeline, job: Job, leg: Leg | None) -> list[str]:
    """The steps that check, keep and hand on what the job made."""
    found = []
    if script := checks(job, leg):
        found.append(f"sh label: 'outputs', script: {groovy(script)}")
    if outs := archived(job, leg):
        found.append(f"archiveArtifacts artifacts: {groovy(outs)}, defaultExcludes: false, fingerprint: true")
    if lasting := kept(job, leg, "success"):
        found.append(f"archiveArtifacts artifacts: {groovy(lasting)}, allowEmptyArchive: true")
    for name, files in given(job, leg):
        # Without Ant's default excludes, which leave out .gitattributes and the like.
        found.append(f"stash name: {groovy(name)}, includes: {groovy(files)}, useDefaultExcludes: false")
    if asked(pipeline, job):
        read = f"readFile({groovy(ci_py.exports_file(job))}).readLines()"
        found.append(f"script {{ exported[{groovy(job.id)}] = {read} }}")
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
    return f"{manifests(job)}/{leg.slug}.json"


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
        lines.append(ci_py.exports(job, f'"{EXPORTED}"'))
    if any("**" in path for path in made):
        lines.insert(0, BASH + "shopt -s globstar")
    return "\n".join(lines)


def description(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """What the run says of a deployment, as Groovy; or empty."""
    if not (job.environment and job.environment.url):
        return ""
    name, url = job.environment.name, job.environment.url
    if "${" not in url:
        return groovy(f"{name}: {url}")
    script = f"{HEAD}{blank(pipeline, job, leg)}printf %s {sh_template(url)}"
    return f"{groovy(f'{name}: ')} + sh(label: 'url', returnStdout: true, script: {groovy(script)})"


def asked(pipeline: Pipeline, job: Job) -> bool:
    """Whether a condition asks for a value that the job exports."""
    prefix = f"value:{job.id}."
    if not job.exports:
        return False
    return any(f.startswith(prefix) for other in pipeline.jobs for k in KINDS for f in fields(other.condition.on(k)))


def kept(job: Job, leg: Leg | None, result: str) -> str:
    """What is kept for people beside the job's outs, which are kept anyway, as Ant patterns; or empty."""
    if job.keep is None or job.keep.result != result:
        return ""
    return _ant(job, leg, (path for path in job.keep.paths if result == "any" or path not in job.files))


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
    if lasting := kept(job, leg, "any"):
        found.append(f"archiveArtifacts artifacts: {groovy(lasting)}, allowEmptyArchive: true")
    result = "MLGEN_RESULT=failure\nif [ -e .mlgen/passed ]; then MLGEN_RESULT=success; fi\nexport MLGEN_RESULT\n"
    head = HEAD + blank(pipeline, job, leg)
    if job.on_failure:
        step = shell("on_failure", f"{head}export MLGEN_RESULT=failure\n{inside(job, job.on_failure)}")
        step = _in_blocks(pipeline, job, step)
        found.append(f"script {{ if (!fileExists('.mlgen/passed')) {{ {step} }} }}")
    if job.finally_:
        found.append(_in_blocks(pipeline, job, shell("finally", head + result + inside(job, job.finally_))))
    return found


def _in_blocks(pipeline: Pipeline, job: Job, step: str) -> str:
    for block in reversed([*([PERMITTED] if job.allow_failure else []), *credentials(pipeline, job)]):
        step = f"{block} {{ {step} }}"
    return step
