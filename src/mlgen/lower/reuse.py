"""`reuse`: a job whose command is left out where an earlier run made the same from the same.

Its outputs are copied into a folder of their own, which is an ordinary cache; whether that one may be used is decided
in the job, by the digest of all that the command could see. So a system that hands out a cache by the beginning of its
key does no harm, and a cache never writes over a file of the repository.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import Cache
from mlgen.quoting import sh_path
from mlgen.regex import regex
from mlgen.write.digest import digest

_NAME = regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_OF_THE_MACHINE = {
    "BASHPID", "HOME", "HOSTNAME", "OLDPWD", "PATH", "PPID", "PWD", "RANDOM", "SECONDS", "TMPDIR", "USER",
}  # fmt: skip


def folder(job: Job) -> str:
    """Where the outputs of a job and their marker are kept, below the project's root."""
    return f".mlgen/reuse/{job.key}"


def reused(source: Source, job: Job) -> Job:
    """The job with its command wrapped, and the cache."""
    said = source.data["stages"][job.stage][job.name]
    made = tuple(dict.fromkeys((*job.outs, *job.metrics, *job.plots)))
    read = [*map(paths.normal, (*said["deps"], *said["params"])), *(file for cache in job.caches for file in cache.key)]
    env = [*source.data["env"].items(), *job.env, *job.dynamic]
    text = "\n".join(map(repr, (job.run, job.setup, job.activate, job.image, job.python, env)))
    salt = digest(text.encode())[:16]
    secrets = {use.variable for use in job.secrets}
    words = " ".join((job.run, *(word for _, word in job.dynamic)))
    seen = sorted(set(_NAME.findall(words)) - secrets - _OF_THE_MACHINE)
    up = "../" * len([part for part in job.working_directory.split("/") if part])
    call = [f"python3 {up}.mlgen/ci.py reuse {folder(job)} --salt {salt}", *([f"--root {up}"] if up else [])]
    call += [f"--read {sh_path(path)}" for path in dict.fromkeys(read)]
    call += [f"--env {name}" for name in seen] + [f"--out {sh_path(path)}" for path in made]
    head = f'mlgen_reuse() {{ {" ".join(call)} "$@"; }}\nif ! mlgen_reuse; then'
    run = f"{head}\n(\n{job.run}\n)\nmlgen_reuse --save\nfi"  # in parentheses, as it may go to another folder
    project = source.data["project"]
    own = f"{project['name']}-" if paths.normal(project["root"]) else ""
    cache = Cache((folder(job),), (), f"reuse-{own}{job.key}-{salt}")
    return job._replace(run=run, caches=(*job.caches, cache), reuse=True)


def faults(source: Source, job: Job) -> Iterator[Diagnostic]:
    """What stands against reuse."""
    at = source.key("stages", job.stage, job.name, "reuse")
    if job.deploys:
        hint = "take `reuse` out: what is deployed is made by the run that deploys it"
        yield error("MLG441", at, f"{job.id} deploys, and does so each time", hint)
    elif not source.data["stages"][job.stage][job.name]["run"]:
        yield error("MLG441", at, f"{job.id} has no `run` whose outputs could be used again", "take `reuse` out")
    elif not (job.outs or job.metrics or job.plots):
        yield error(
            "MLG441", at, f"{job.id} has no outputs to use again", "list them under `outs`, or take `reuse` out"
        )
    elif job.exports:
        yield error("MLG441", at, f"{job.id} exports values, which are not kept", "write them to a file of its `outs`")
    elif job.matrix:
        yield error("MLG441", at, f"{job.id} has legs, which would share one cache", "take `reuse` out, or the matrix")
