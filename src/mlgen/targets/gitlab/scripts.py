"""The scripts of a job: `before_script`, `script` and `after_script`."""

from __future__ import annotations

import re

from mlgen.ir import Job, Pipeline, paths
from mlgen.quoting import sh, sh_path
from mlgen.quoting.shell import bounded, sh_template
from mlgen.targets import ci_py, decide
from mlgen.targets.gitlab import conditions, machines, preparation
from mlgen.targets.gitlab.entries import OPENING, Entry, apart, block, user
from mlgen.targets.gitlab.names import native_name
from mlgen.targets.scripts import headed

__all__ = ["OPENING", "Entry"]

ENVIRONMENT = Entry(". .mlgen/env.sh")
IMAGES_FILE = ".mlgen/images.env"
"""Where a job says the names of images in which others run: only a dotenv report is read before a job starts."""
RESULTS = ".mlgen/results.env"
URL_FILE = ".mlgen/url.env"
"""Where a job says the address of what it deployed: https://docs.gitlab.com/ci/environments/#set-a-dynamic-environment-url"""


def setup(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`before_script`: the portable variables, once all files that the job must not see are gone, then its setup."""
    return [
        *_start(pipeline),
        *_client(job),
        *preparation.bounds(job),
        *preparation.emptied(job, [path for take in job.takes for path in take.paths]),
        *_removals(job, pipeline),
        ENVIRONMENT,
        *_decision(job, pipeline),
        *_results(job, pipeline),
        *_marks(job, pipeline),
        *preparation.checkouts(job),
        *_variables(job, pipeline, first=True),
        *preparation.services(job),
        *user("" if job.milestone else job.setup, conditions.has_header(pipeline)),
        *preparation.daemon(job, told=not _client(job)),
    ]


def _start(pipeline: Pipeline) -> list[Entry]:
    folder = [Entry(f"cd {sh(pipeline.root)}", "project.root")] if pipeline.root else []
    return [Entry("set -euo pipefail"), *folder]


def _client(job: Job) -> list[Entry]:
    """What the image lacks that mlgen chose for a job that needs Docker; a runner without containers has its own."""
    image = machines.image(job)
    if image is None or image.name != machines.WITH_CLIENT or job.image:
        return []
    names = "ca-certificates curl docker-buildx docker-cli git python3"
    install = f"{{ apt-get update -q && apt-get install -y -q --no-install-recommends {names}; }}"
    return [Entry(f"command -v docker >/dev/null || {install}")]


def _decision(job: Job, pipeline: Pipeline) -> list[Entry]:
    """Ends the job, green, where its condition is decided inside it and does not hold."""
    asked = conditions.decision(job, pipeline)
    if not asked:
        return []
    call = decide.call(asked)
    return [block("when", f"{call} || {{ [ $? = {decide.SKIPPED} ] && exit 0 || exit 1; }}")]


def _results(job: Job, pipeline: Pipeline) -> list[Entry]:
    """Tells a job how all that it waits for has ended, and ends it, green, where that is not what it is for."""
    if not job.result:
        return []
    call = f"python3 .mlgen/ci.py results --want {job.result} --out {RESULTS} {_watched(job, pipeline)}"
    return [
        block("when.result", f"{call} || {{ [ $? = {decide.SKIPPED} ] && exit 0 || exit 1; }}"),
        Entry(f". {RESULTS}"),
    ]


def mark(job: Job) -> str:
    """The file by which a job that may end green without having run tells others that it has."""
    return f".mlgen/ran/{job.key}"


def _marks(job: Job, pipeline: Pipeline, first: bool = True) -> list[Entry]:
    """Ends the job, green, where one that it needs has ended so; else it leaves a mark of its own."""
    needed = [pipeline.job(edge.job) for edge in job.edges if edge.hard]
    found = [
        Entry(f"[ -e {mark(other)} ] || exit 0", f"{other.id} did not run")
        for other in needed
        if conditions.uncertain(other, pipeline)
    ]
    if first and conditions.leaves_mark(job, pipeline):
        found.append(Entry(f"mkdir -p .mlgen/ran && touch {mark(job)}"))
    return found


def _watched(job: Job, pipeline: Pipeline) -> str:
    others = [pipeline.job(edge.job) for edge in job.edges]
    return " ".join(f"{other.key.upper().replace('-', '_')}={sh(native_name(other))}" for other in others)


def _variables(job: Job, pipeline: Pipeline, first: bool = False) -> list[Entry]:
    """Secrets, identities, and variables whose values hold references, for all scripts of the shell."""
    return [
        *preparation.secrets(job, pipeline, first),
        *preparation.logins(job),
        *(Entry(f"export {name}={word}") for name, word in job.dynamic),
    ]


def _headed(job: Job, script: str) -> str:
    """A script of the job behind what heads it; variables with references are set for the whole shell."""
    return headed(job._replace(dynamic=()), script)


def main(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`script`: what the job does, then what shows that it did so."""
    found = [*_merges(job, pipeline), *_promised(job, pipeline)]
    if any(not export.file for export in job.exports):
        found.append(Entry("MLGEN_EXPORTS=$(mktemp); export MLGEN_EXPORTS"))
    if job.milestone:
        found.append(Entry(f"python3 .mlgen/ci.py results --want all {_watched(job, pipeline)}"))
    elif job.gate:
        found.append(Entry(bounded(ci_py.gate(job.gate), job.timeout, job.retry)))
    else:
        found += _commands(job, conditions.has_header(pipeline))
    if job.files:
        found.append(_listing([_shown(path) for path in job.files]))
    if job.matrix and job.matrix.collide:
        files = " ".join(_word(_shown(path)) for path in job.files)
        command = f'python3 .mlgen/ci.py legs --job {job.id} --leg "$CI_JOB_NAME" --out "{manifest(job)}" {files}'
        found.append(Entry(command))
    if job.exports:
        found.append(Entry(ci_py.exports(job)))
    if images := machines.images_of(job, pipeline):
        names = images[0] if len(images) == 1 else f"({'|'.join(images)})"
        found.append(
            Entry(f"grep -E '^{names}=' {ci_py.exports_file(job)} >{IMAGES_FILE}", "images that other jobs run in")
        )
    if job.environment and "${" in job.environment.url:
        url = sh_template(job.environment.url)
        found.append(Entry(f"(. .mlgen/env.sh; printf 'MLGEN_URL=%s\\n' {url}) >{URL_FILE}", "environment.url"))
    return found


def _commands(job: Job, inputs: bool) -> list[Entry]:
    """The job's own script, or its steps: each in a shell of its own and within the job's bounds."""
    if not job.steps:
        return user(_headed(job, job.run), inputs, job.timeout, job.retry)
    found: list[Entry] = []
    for step in job.steps:
        said = step.on("gitlab")
        lines = list(said["script"]) if isinstance(said, dict) else []
        entries = [Entry(line) for line in lines] or user(_headed(job, step.run), inputs, job.timeout, job.retry)
        found += [entries[0]._replace(text=f"# {step.name}\n{entries[0].text}"), *entries[1:]]
    return found


def last(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`after_script`, which runs in a shell of its own: https://docs.gitlab.com/ci/yaml/#after_script"""
    unfinished = _unfinished(job)
    if not job.finally_ and not job.on_failure and not unfinished:
        return []
    inputs = conditions.has_header(pipeline)
    result = '[ "$CI_JOB_STATUS" = success ] && MLGEN_RESULT=success || MLGEN_RESULT=failure'
    found = [*_start(pipeline), ENVIRONMENT, *_decision(job, pipeline)]
    if job.result:  # there only if the job was to run
        found.append(Entry(f"[ -f {RESULTS} ] || exit 0; . {RESULTS}"))
    found += _marks(job, pipeline, first=False)
    if job.finally_ or job.on_failure:
        found += [Entry(f"{result}; export MLGEN_RESULT"), *_variables(job, pipeline)]
    found += unfinished
    if job.on_failure and not job.finally_:
        found.append(Entry('[ "$CI_JOB_STATUS" = failed ] || exit 0'))
        found += user(_headed(job, job.on_failure), inputs)
    elif job.on_failure:
        # Its own failure must not keep `finally` from running.
        script = apart(_headed(job, job.on_failure), inputs)
        found.append(Entry(f'if [ "$CI_JOB_STATUS" = failed ]; then\n{script} || true\nfi'))
    return [*found, *user(_headed(job, job.finally_), inputs)]


def _unfinished(job: Job) -> list[Entry]:
    """Takes away what a failed job left half done, where that would be uploaded and others take it."""
    if not (job.keep and job.keep.result == "any" and job.files and job.allow_failure):
        return []
    words = " ".join(_word(_shown(path)) for path in job.files)
    return [Entry(f'[ "$CI_JOB_STATUS" = success ] || rm -rf -- {words}', "not finished")]


def manifest(job: Job) -> str:
    """Where each leg of a matrix says what it made, for legs that could write the same file."""
    return f".mlgen/legs/{job.key}-$CI_NODE_INDEX.json"


def variable_path(path: str) -> str:
    """A declared path with its references to axes as variables, which are also expanded in `artifacts:paths`."""

    def variable(found: re.Match[str]) -> str:
        after = path[found.end() : found.end() + 1]
        return f"${{{found[1]}}}" if after.isalnum() or after == "_" else f"${found[1]}"

    return paths.MATRIX_REFERENCE.sub(variable, path)


def _shown(path: str) -> str:
    return variable_path(path)


def _word(path: str) -> str:
    """A path with variables, which hold no globs, or with globs, as a word of the shell."""
    return f'"{path}"' if "$" in path and not re.search(r"[*?\[\"`\\]", path) else _mixed(path)


def _mixed(path: str) -> str:
    parts = re.split(r"(\$\{?[A-Za-z_][A-Za-z0-9_]*\}?)", path) if "$" in path else [path]
    return "".join(f'"{part}"' if index % 2 else _text(part, index) for index, part in enumerate(parts))


def _text(part: str, index: int) -> str:
    """Text of a path; only where it begins could a dash be taken for an option."""
    dashes = part[: len(part) - len(part.lstrip("-"))] if index else ""
    rest = part.removeprefix(dashes)
    return dashes + (sh_path(rest) if rest else "")


def _listing(files: list[str], comment: str = "") -> Entry:
    """A command that fails if one of the files is missing."""
    command = "ls -ld -- " + " ".join(map(_word, files))
    if any("**" in path for path in files):
        return Entry(f"(shopt -s globstar; {command})", comment)
    return Entry(command, comment)


def _removals(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`needs` brings all artifacts of a job: what this one does not declare is removed."""
    found = []
    for maker_id in makers(job, pipeline):
        maker = pipeline.job(maker_id)
        taken = [path for take in job.takes if take.job == maker_id for path in take.paths]
        extra = [path for path in archived(maker) if not any(_inside(path, kept) for kept in taken)]
        if extra:
            words = " ".join(sh_path(path) for given in extra for path in _legs(given, maker))
            found.append(Entry(f"rm -rf -- {words}", f"of {maker_id}, not declared here"))
    return found


def makers(job: Job, pipeline: Pipeline) -> tuple[str, ...]:
    """The ids of jobs whose artifacts this one receives, for files or for the mark that the other has run."""
    marked = (e.job for e in job.edges if e.hard and conditions.leaves_mark(pipeline.job(e.job), pipeline))
    return tuple(dict.fromkeys([*(take.job for take in job.takes), *marked]))


def archived(job: Job) -> list[str]:
    """The declared paths in the job's artifacts archive."""
    summary = [job.reports.summary] if job.reports.summary else []
    exports = [ci_py.exports_file(job)] if job.exports else []
    kept = job.keep.paths if job.keep else ()
    return list(dict.fromkeys([*job.files, *exports, *summary, *kept]))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _legs(path: str, maker: Job) -> list[str]:
    """The path on each leg of the maker's matrix."""
    legs = maker.matrix.legs if maker.matrix else ()
    return list(dict.fromkeys(paths.on_leg(path, dict(leg.values)) for leg in legs)) or [path]


def _merges(job: Job, pipeline: Pipeline) -> list[Entry]:
    """Fails where two legs of a job made one file; one of several jobs that may make it need not have run."""
    found = []
    for name, optional in {take.job: take.optional for take in job.takes}.items():
        maker = pipeline.job(name)
        if maker.matrix and maker.matrix.collide:
            absent = f"[ ! -e .mlgen/legs/{maker.key}-1.json ] || " if optional else ""
            found.append(Entry(f"{absent}python3 .mlgen/ci.py merge --job {maker.id} .mlgen/legs/{maker.key}-*.json"))
    return found


def _promised(job: Job, pipeline: Pipeline) -> list[Entry]:
    """Files of jobs that may fail: this one fails where they are missing."""
    found = []
    for take in job.takes:
        maker = pipeline.job(take.job)
        if maker.allow_failure and not take.optional:
            files = [path for given in take.paths for path in _legs(given, maker)]
            if maker.matrix and maker.matrix.collide:  # the legs' files have one path: each leg's list of them shows it
                files += [f".mlgen/legs/{maker.key}-{number}.json" for number, _ in enumerate(maker.matrix.legs, 1)]
            found.append(_listing(files, f"of {maker.id}, which may fail"))
    return found
