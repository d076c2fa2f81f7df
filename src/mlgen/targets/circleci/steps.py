"""The steps of one job, as plain values for the template."""

from __future__ import annotations

from mlgen.ir import Bundle, Container, Job, Leg, Pipeline, Reports, Take
from mlgen.ir.paths import MATRIX_REFERENCE, as_glob, on_leg
from mlgen.quoting import sh, sh_path
from mlgen.quoting.shell import bounded, sh_template
from mlgen.targets import ci_py
from mlgen.targets.circleci import before, runtime, text
from mlgen.targets.circleci.step import Step, run
from mlgen.targets.scripts import headed

EXPORTS = "/tmp/mlgen-exports"  # noqa: S108 - of a container that runs one job
LONGEST = "5h"  # no job may run longer, on any plan
FAILED = " || echo 'export MLGEN_FAILED=1' >> \"$BASH_ENV\""
ALREADY_FAILED = '[ -z "${MLGEN_FAILED:-}" ] || exit 0'


def steps(pipeline: Pipeline, job: Job, commands: dict[str, str]) -> list[Step]:
    """All steps; `commands` tells the reusable commands by what they hold (see `view`)."""
    found = before.checkouts(job, pipeline)
    if asked := before.question(job, pipeline):
        # Who makes the files may have skipped itself, like this one: they are taken once the job is known to run, and
        # before that only the values, as far as they are there.
        values = [take for take in job.takes if _bundle(pipeline.job(take.job), take).exports]
        found += _taken(pipeline, values, "take-some")
        found.append({"kind": "plain", "name": "variables"})
        found += before.decision(job, pipeline)
        needed = [take for take in job.takes if take not in values or _may_miss(pipeline, job, take)]
        found += _received(pipeline, needed)
    else:
        found += _received(pipeline, list(job.takes))
        found.append({"kind": "plain", "name": "variables"})
    rest = _unless_skipped(_rest(pipeline, job, commands)) if asked else _rest(pipeline, job, commands)
    return found + rest


def _may_miss(pipeline: Pipeline, job: Job, take: Take) -> bool:
    """Whether the values of the other, once the job's own decision has asked what the other's does, are missing only
    if it failed, which it may: then this job cannot run."""
    other = pipeline.job(take.job)
    needed = any(edge.hard and edge.job == take.job for edge in job.edges)
    return needed and other.allow_failure and not take.optional


def _unless_skipped(steps: list[Step]) -> list[Step]:
    """The steps, of which those that always run do nothing in a job that is skipped: no page of CircleCI's tells
    whether they run once a job has been halted."""
    guard = f'[ -z "${{{before.SKIPPED}:-}}" ] || exit 0\n'
    return [
        {**step, "command": guard + step["command"]} if ("when", "always") in step.get("options", ()) else step
        for step in steps
    ]


def _rest(pipeline: Pipeline, job: Job, commands: dict[str, str]) -> list[Step]:
    """The steps of a job that runs, once it has its files and variables."""
    found: list[Step] = []
    found += before.secrets(job, pipeline)
    found += before.identity(job)
    found += before.services(job)
    found += _container(pipeline, job)
    found += _named(commands, "restore", job)
    found += _setup(pipeline, job, commands)
    found += _actions(pipeline, job)
    if job.allow_failure:
        # Before the job stops: what is to run after a failure too.
        found += _on_failure(pipeline, job) + _finally(pipeline, job) + before.forget(job)
        found += _reports(job) + _permitted(job)
        return found + _handed(job) + _named(commands, "save", job)
    found += _checked(job) + _handed(job) + _reports(job) + _named(commands, "save", job)
    if job.environment and job.environment.url:
        url = job.environment.url
        word = sh_template(url) if "${" in url else sh(url)
        found.append(run("Show where it is", _own_exports(job) + f"echo {text.literal(word)}"))
    return found + _on_failure(pipeline, job) + _finally(pipeline, job) + before.forget(job)


def _own_exports(job: Job) -> str:
    """Makes the values that the job exports variables of the script, for its address."""
    file = ci_py.exports_file(job)
    if not file or not job.environment or "${" not in job.environment.url:
        return ""
    return f'while IFS= read -r line; do export "$line"; done < {sh(file)}\n'


def _named(commands: dict[str, str], verb: str, job: Job) -> list[Step]:
    caches = runtime.caches(job)
    name = commands.get(f"{verb} {caches}", "")
    if name and caches[0].axes:
        return [{"kind": "call", "name": name, "arguments": [(a, f"<< parameters.{a} >>") for a in caches[0].axes]}]
    return [{"kind": "plain", "name": name}] if name else []


# ---- files of other jobs


def _received(pipeline: Pipeline, takes: list[Take]) -> list[Step]:
    return [
        *_taken(pipeline, [take for take in takes if not take.optional], "take"),
        *_taken(pipeline, [take for take in takes if take.optional], "take-some"),
    ]


def _taken(pipeline: Pipeline, takes: list[Take], command: str) -> list[Step]:
    paths: list[str] = []
    merges: list[Step] = []
    for take in takes:
        other = pipeline.job(take.job)
        if _collides(other) and not _bundle(other, take).exports:
            paths.append(f".mlgen/legs/{other.key}")
            merges.append(_merge(other, take))
        else:
            paths += _made(other, take.paths)
    if not paths:
        return []
    listed = " ".join(sh_path(path) for path in dict.fromkeys(paths))
    return [{"kind": "call", "name": command, "arguments": [("paths", listed)]}, *merges]


def _bundle(other: Job, take: Take) -> Bundle:
    return next(bundle for bundle in other.bundles if bundle.name == take.bundle)


def _made(job: Job, paths: tuple[str, ...]) -> list[str]:
    """The paths as all legs of the job together made them."""
    if job.matrix is None:
        return list(paths)
    if len(job.matrix.legs) > 16:
        return [as_glob(path) for path in paths]
    return [on_leg(path, dict(leg.values)) for path in paths for leg in job.matrix.legs]


def _collides(job: Job) -> bool:
    return job.matrix is not None and job.matrix.collide


def _merge(other: Job, take: Take) -> Step:
    folder = f".mlgen/legs/{sh(other.key)}"
    paths = " ".join(sh_path(as_glob(path)) for path in take.paths)
    command = (
        f"python3 .mlgen/ci.py merge --job {sh(other.id)} {folder}/*.json\n"
        f"for leg in {folder}/*/; do\n"
        f'  (top=$PWD; cd "$leg"; cp -R --parents -- {paths} "$top")\n'
        f"done\n"
        f"rm -r -- {folder}"
    )
    return run(f"Merge what the legs of {other.key} made", command)


# ---- scripts


def _container(pipeline: Pipeline, job: Job) -> list[Step]:
    """A machine has no image of its own choice: a container stays up, and each script runs in it."""
    image = runtime.container(job)
    if not image:
        return []
    # The project's folder belongs to another user than root, which git refuses unless told that it is safe.
    git = {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": '"$PWD"'}
    if pipeline.root:
        git["VALUE_0"] = '"$HOME/project"'
    box = job.container or Container()
    own = [*box.options, *(["--pull=always"] if box.pull == "always" else [])]
    gpu = runtime.executor(job).resource_class.startswith("gpu.") and not any(o.startswith("--gpus") for o in own)
    gpus = "--gpus all " if gpu else ""
    said = f"  {' '.join(map(sh, own))} \\\n" if own else ""
    command = (
        f"docker run --detach --name job {gpus}--user root --entrypoint sleep \\\n"
        '  --volume "$HOME:$HOME" --volume /tmp:/tmp --workdir "$PWD" \\\n'
        f"  {' '.join(f'--env GIT_CONFIG_{name}={value}' for name, value in git.items())} \\\n"
        f"{said}"
        f"  {sh(image)} infinity"
    )
    return [run(f"Start {image}", text.literal(command), no_output_timeout="30m")]


def _inside(pipeline: Pipeline, job: Job) -> str:
    """What stands before a script that runs in the job's container; empty where there is none."""
    if not runtime.container(job):
        return ""
    names = ["HOME", *(n for n, _ in pipeline.env), *(n for n, _ in job.env), *(use.variable for use in job.secrets)]
    names += job.matrix.axes if job.matrix else ()
    names += [service.variable for service in job.services]
    names += (e.name for edge in job.edges if edge.exports for e in pipeline.job(edge.job).exports)
    return f"docker exec $(printf -- '--env %s ' \"${{!MLGEN_@}}\" {' '.join(dict.fromkeys(names))}) job"


def _setup(pipeline: Pipeline, job: Job, commands: dict[str, str]) -> list[Step]:
    if not job.setup:
        return []
    if plain_setup(job):
        return [{"kind": "plain", "name": commands["setup " + headed(job, job.setup, setup=True)]}]
    return [run("Set up", _wrapped(pipeline, job, headed(job, job.setup, setup=True)), no_output_timeout="1h")]


def plain_setup(job: Job) -> bool:
    """Whether the job's setup runs as it stands, so that jobs can share it."""
    return bool(job.setup) and not job.allow_failure and not runtime.container(job)


def _wrapped(pipeline: Pipeline, job: Job, script: str) -> str:
    """A script of the spec as a step's command."""
    inside = _inside(pipeline, job)
    if inside or job.allow_failure:
        script = text.nested(script, inside, FAILED if job.allow_failure else "")
    return text.script(script)


def _actions(pipeline: Pipeline, job: Job) -> list[Step]:
    """What the job does: its script, its gate, its steps."""
    if job.gate:
        return [_action(pipeline, job, f"Gate {job.gate.name}", ci_py.gate(job.gate))]
    if not job.steps:
        return [_action(pipeline, job, f"Run {job.name}", job.run)]
    found: list[Step] = []
    for step in job.steps:
        own = step.on("circleci")
        script = "" if own is not None else step.run
        if own is not None:
            found.append({"kind": "native", "words": own, "comment": step.name})
        elif script:
            found.append(_action(pipeline, job, step.name, script))
    return found


def _action(pipeline: Pipeline, job: Job, name: str, script: str) -> Step:
    """One script of the job, within its bounds."""
    # A step that ends well is not run again, and nor is one whose failure is permitted.
    again = 0 if job.allow_failure else job.retry
    script = bounded(script, job.timeout, job.retry - again)
    folder = "" if job.gate else _folder(job)
    script = script if job.gate else headed(job, script, folder=not folder)
    command = _wrapped(pipeline, job, script)
    if job.allow_failure and (job.setup or len(job.steps) > 1):
        command = f"{ALREADY_FAILED}\n{command}"
    comment = "allow_failure: a failure is noted, and the pipeline goes on" if job.allow_failure else ""
    silence = "" if job.gate else _silence(job)
    return run(name, command, comment, working_directory=folder, no_output_timeout=silence, max_auto_reruns=again)


def _folder(job: Job) -> str:
    """The step's `working_directory`; a script in a container of its own changes there itself."""
    return job.working_directory if not runtime.container(job) and not job.allow_failure else ""


def _on_failure(pipeline: Pipeline, job: Job) -> list[Step]:
    """`on_failure`: a step that runs where one before it has failed."""
    if not job.on_failure:
        return []
    folder = _folder(job)
    script = headed(job, job.on_failure, folder=not folder)
    if job.allow_failure:
        script = text.nested(script, _inside(pipeline, job), " || true")
        command = f'[ -n "${{MLGEN_FAILED:-}}" ] || exit 0\n{text.script(script)}'
        return [run("On failure", command, no_output_timeout=LONGEST)]
    if runtime.container(job):
        script = text.nested(script, _inside(pipeline, job))
    more = {"working_directory": folder, "no_output_timeout": LONGEST}
    return [run("On failure", text.script(script), when="on_fail", **more)]


def _silence(job: Job) -> str:
    """How long the step may print nothing, which is 10 minutes unless told: no less than the command may take.

    https://circleci.com/docs/reference/configuration-reference/#run
    """
    inner = job.retry + 1 if job.allow_failure else 1
    minutes = (job.timeout * inner + 59) // 60 + 1
    return f"{minutes}m" if job.timeout > 0 and minutes < 300 else LONGEST


def _finally(pipeline: Pipeline, job: Job) -> list[Step]:
    """`finally`: what is sourced from BASH_ENV wins over the step's own environment."""
    if not job.finally_:
        return []
    note = "echo 'export MLGEN_RESULT=success' >> \"$BASH_ENV\""
    if job.allow_failure:
        note = f'[ -n "${{MLGEN_FAILED:-}}" ] || {note}'
    folder = _folder(job)
    script = headed(job, job.finally_, folder=not folder)
    if runtime.container(job) or job.allow_failure:
        script = text.nested(script, _inside(pipeline, job), FAILED if job.allow_failure else "")
    after = run("Finally", text.script(script), when="always", working_directory=folder, no_output_timeout=LONGEST)
    after["environment"] = [("MLGEN_RESULT", "failure")]
    after["comment"] = "unless the step above was reached"
    return [run("Note the success", note), after]


# ---- what leaves the job


def own(job: Job, path: str) -> str:
    """A path of the job as one of its legs makes it."""
    return MATRIX_REFERENCE.sub(lambda found: f"<< parameters.{found[1]} >>", path)


def leg(job: Job) -> str:
    """The slug of the running leg."""
    assert job.matrix is not None
    if joined(job, job.matrix.legs):
        return "-".join(f"<< parameters.{axis} >>" for axis in job.matrix.axes)
    return "<< parameters.mlgen_leg >>"


def joined(job: Job, legs: tuple[Leg, ...]) -> bool:
    """Whether each leg has every axis, and its slug is just its values joined."""
    assert job.matrix is not None
    slugs = all(leg.slug == "-".join(value for _, value in leg.values) for leg in legs)
    return slugs and all(tuple(axis for axis, _ in leg.values) == job.matrix.axes for leg in legs)


def _shell_paths(job: Job, paths: tuple[str, ...]) -> str:
    """The paths as words, where a leg's value stands in quotes."""
    words = []
    for path in paths:
        word = MATRIX_REFERENCE.sub("\0", path)
        names = iter(MATRIX_REFERENCE.findall(path))
        parts = [sh_path(part) if part else "" for part in word.split("\0")]
        words.append(parts[0] + "".join(f'"${next(names)}"' + part for part in parts[1:]))
    return " ".join(words)


def _consumed(job: Job) -> list[Bundle]:
    return [bundle for bundle in job.bundles if bundle.consumers]


def _checks(job: Job) -> list[tuple[str, str]]:
    """What must hold after the script, each with a name: declared files are there, values can be exported."""
    found = []
    folder = f".mlgen/legs/{sh(job.key)}"
    paths = _shell_paths(job, job.files)
    if _collides(job) and any(not bundle.exports for bundle in _consumed(job)):
        mine = f'{folder}/"{leg(job)}"'
        command = (
            f'python3 .mlgen/ci.py legs --job {sh(job.id)} --leg "{leg(job)}" --out {mine}.json -- {paths}\n'
            f"mkdir -p {mine}\n"
            f"cp -R --parents -- {paths} {mine}"
        )
        found.append(("Set the files of this leg aside", command))
    elif paths:
        found.append(("Check that the declared files are there", f"ls -ld -- {paths}"))
    if job.exports:
        found.append(("Collect the exported values", ci_py.exports(job)))
    return found


def _checked(job: Job) -> list[Step]:
    return [run(name, command) for name, command in _checks(job)]


def _permitted(job: Job) -> list[Step]:
    """Where a failure is permitted, files are handed on after a success only, and what is missing is such a failure.

    https://circleci.com/docs/reference/configuration-reference/#ending-a-job-from-within-a-step
    """
    checks = _checks(job)
    found = [run(name, text.ours(f"{ALREADY_FAILED}\n{text.nested(command, '', FAILED)}")) for name, command in checks]
    if checks or runtime.caches(job):
        say = sh(f"{job.id} failed, which allow_failure permits")
        lines = ('if [ -n "${MLGEN_FAILED:-}" ]; then', f"  echo {say}", "  circleci-agent step halt", "fi")
        found.append(run("Stop here after a permitted failure", "\n".join(lines)))
    return found


def _handed(job: Job) -> list[Step]:
    """The workspace for other jobs, and artifacts for people."""
    found: list[Step] = []
    paths: list[str] = []
    for bundle in _consumed(job):
        aside = _collides(job) and not bundle.exports
        paths += [f".mlgen/legs/{job.key}"] if aside else [own(job, path) for path in bundle.paths]
    if paths:
        found.append({"kind": "persist", "paths": list(dict.fromkeys(paths))})
    kept = dict.fromkeys((*job.files, *(job.keep.paths if job.keep else ())))
    return found + [{"kind": "store", "name": "store_artifacts", "path": own(job, path)} for path in kept]


def _reports(job: Job) -> list[Step]:
    reports = job.reports
    found: list[Step] = []
    for index, path in enumerate(reports.junit, 1):
        if any(c in path for c in "*?["):  # store_test_results takes a file or a folder
            folder = f"/tmp/test-results-{index}"  # noqa: S108 - of a container that runs one job
            command = f"mkdir -p {folder}\ncp --parents -- {_shell_paths(job, (path,))} {folder} || true"
            found.append(run("Gather the test results", command, when="always"))
            path = folder
        found.append({"kind": "store", "name": "store_test_results", "path": own(job, path)})
    if reports.coverage:
        command = ci_py.report(Reports(coverage=reports.coverage))
        found.append(run("Report the coverage", command, when="always"))
        found.append({"kind": "store", "name": "store_artifacts", "path": own(job, reports.coverage.path)})
    if reports.summary:
        found.append({"kind": "store", "name": "store_artifacts", "path": own(job, reports.summary)})
    return found


__all__ = ["EXPORTS", "joined", "leg", "own", "run", "steps"]
