"""Single values and limits that the capability table is too coarse for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Job, Pipeline
from mlgen.quoting import sh
from mlgen.regex import regex
from mlgen.targets import decide
from mlgen.targets.built import of_the_host
from mlgen.targets.travis import before, conditions

MOST_JOBS = 200
"""https://docs.travis-ci.com/user/build-matrix: a build has at most 200 jobs."""
LONGEST = 120 * 60
"""https://docs.travis-ci.com/user/customizing-the-build: the longest job, in seconds."""

OWN = ("stage", "name", "if", "workspaces", "git")
"""Keys of an entry of jobs.include that mlgen writes by itself."""

# Local variables of the function in which Travis runs each command: a variable of the job by such a name is hidden.
_HIDDEN = frozenset(("assert", "cmd", "display", "event", "output", "result", "retry", "secure", "timing"))
# https://github.com/travis-ci/casher splits and expands paths as a shell does.
_PATH = regex(r"[\w@%+=./*?\[\]-]+")


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """What cannot be said in .travis.yml although its construct can."""
    found = [fault for job in pipeline.jobs for fault in (*_job(job), *_words(job), *of_the_host(job, "Travis CI"))]
    found += _secrets(pipeline)
    whole = Position(pipeline.spec)
    found += [fault for name, value in pipeline.env for fault in _variable(whole, "env", name, value)]
    if not pipeline.jobs:
        message = "no job is left for Travis CI: each needs something that a fallback leaves out"
        found.append(error("MLG401", whole, message, "leave travis out of targets, or choose other fallbacks"))
    count = sum(len(job.matrix.legs) if job.matrix else 1 for job in pipeline.jobs)
    if count > MOST_JOBS:
        at = next(options.position for options in pipeline.targets if options.name == "travis")
        found.append(
            error("MLG404", at, f"Travis CI runs at most {MOST_JOBS} jobs in a build, these are {count}", "fewer legs")
        )
    return found


def _job(job: Job) -> Iterator[Diagnostic]:
    if job.timeout > LONGEST:
        message = f"{job.id}: Travis CI ends every job after {LONGEST // 60} minutes at the latest"
        yield error(
            "MLG404", job.position, message, f"a timeout of at most {LONGEST // 60}m, or parts that run one by one"
        )
    legs = [pair for leg in job.matrix.legs for pair in leg.values] if job.matrix else []
    secrets = [(use.variable, "") for use in job.secrets]
    for name, value in dict.fromkeys((*job.env, *legs, *secrets)):
        yield from _variable(job.position, job.id, name, value)
    for path in job.files:
        plain = re.sub(r"\$\{matrix\.\w+\}", "x", path)
        if not _PATH.fullmatch(plain):
            hint = "letters, digits and . _ - / @ % + = only; `*` and `?` are globs"
            yield error("MLG404", job.position, f"{job.id}: Travis CI cannot hand on {path!r}", hint)
        elif "**" in plain:
            message = f"{job.id}: Travis CI cannot hand on {path!r}: `**` is no pattern to it"
            yield error("MLG404", job.position, message, "hand on the folder")


def _secrets(pipeline: Pipeline) -> Iterator[Diagnostic]:
    """https://docs.travis-ci.com/user/environment-variables: those of the settings are there for every job."""
    options = next(options for options in pipeline.targets if options.name == "travis")
    if options.fallback("secrets"):
        return
    encrypted = before.scoped(pipeline)
    for job in pipeline.jobs:
        names = [name for name in job.secret_names if name not in encrypted]
        if names:
            message = f"{job.id}: Travis CI gives {' and '.join(names)} to every job, since the settings hold it"
            hint = "encrypt it, `secrets: {NAME: {travis: {secure: …}}}`, or choose targets.travis.fallback.secrets:"
            yield error("MLG401", job.position, message, f"{hint} `wider`")


def _words(job: Job) -> Iterator[Diagnostic]:
    if decide.undecidable(job, conditions.inside(job)):
        message = f"{job.id}: inside a job Travis CI does not tell forks, which its condition combines with a question"
        yield error("MLG404", job.position, f"{message} for the run", "let the two stand beside each other in `when`")
    if job.native and "travis" not in dict(job.native):
        hint = "add `travis:` to it, or choose targets.travis.fallback.native - `skip`: the job is left out"
        yield error("MLG401", job.position, f"{job.id}: `native` says nothing for Travis CI", hint)
    said = dict(job.native).get("travis")
    for key in OWN:
        if isinstance(said, dict) and key in said:
            message = f"{job.id}: `native` sets `{key}`, which mlgen says for each job of Travis CI"
            yield error("MLG401", job.position, message, f"leave `{key}` to the keys of the job")
    for step in job.steps:
        if not step.run and step.on("travis") is None:
            message = f"{job.id}: the step {step.name} says nothing for Travis CI"
            yield error("MLG401", job.position, message, "give it `run`, or `travis: {script: …}`")


def _variable(at: Position, where: str, name: str, value: str) -> Iterator[Diagnostic]:
    if name in _HIDDEN:
        message = f"{where}: Travis CI hides a variable called {name} behind one of its own"
        yield error("MLG404", at, message, "rename it")
    # https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/env/var.rb: `\'` does not end a word there.
    if "\\'" in sh(value):
        message = (
            f"{where}: Travis CI misreads the value of {name}, where a backslash stands before a quote or at the end"
        )
        yield error("MLG404", at, message, "set it in the script")
