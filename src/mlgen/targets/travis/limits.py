"""Single values and limits that the capability table is too coarse for."""

import re
from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.ir import Job, Pipeline
from mlgen.quoting import sh

MOST_JOBS = 200
"""https://docs.travis-ci.com/user/build-matrix: a build has at most 200 jobs."""
LONGEST = 120 * 60
"""https://docs.travis-ci.com/user/customizing-the-build: the longest job, in seconds."""

# Local variables of the function in which Travis runs each command: a variable of the job by such a name is hidden.
_HIDDEN = frozenset(("assert", "cmd", "display", "event", "output", "result", "retry", "secure", "timing"))
# https://github.com/travis-ci/casher splits and expands paths as a shell does.
_PATH = re.compile(r"[\w@%+=./*?\[\]-]+")


def refuse(pipeline: Pipeline) -> list[Diagnostic]:
    """What cannot be said in .travis.yml although its construct can."""
    found = [fault for job in pipeline.jobs for fault in _job(job)]
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
