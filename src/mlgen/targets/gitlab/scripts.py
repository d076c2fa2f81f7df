"""The scripts of a job as entries of `before_script`, `script` and `after_script`.

The runner joins `before_script` and `script` to one bash script that runs with `-eo pipefail`, each entry as it
stands (https://docs.gitlab.com/ci/yaml/script/), hence one shell: an entry that could leave it, change its folder or
set its variables is a subshell.
"""

import re
from typing import NamedTuple

from mlgen.ir import Job, Pipeline, paths
from mlgen.quoting import sh_path
from mlgen.quoting.shell import bounded, delimiter, is_simple
from mlgen.targets import ci_py

OPENING = "$[["
"""Begins what GitLab replaces, anywhere in a file that has a header: https://docs.gitlab.com/ci/inputs/"""

_HEREDOC = re.compile(r"(?<!<)<<(?!<)(-?)\s*([\"']?)([^\s\"'<>;&|()]+)\2")


class Entry(NamedTuple):
    """One entry: its text, and a comment beside it."""

    text: str
    comment: str = ""

    @property
    def note(self) -> str:
        """The comment as it stands behind the entry."""
        return f"  # {self.comment}" if self.comment else ""


ENVIRONMENT = Entry(". .mlgen/env.sh")


def setup(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`before_script`: the portable variables, once all files that the job must not see are gone, then its setup."""
    return [
        Entry("set -euo pipefail"),
        *_removals(job, pipeline),
        ENVIRONMENT,
        *_user(job.setup, pipeline),
    ]


def main(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`script`: what the job does, then what shows that it did so."""
    found = [*_merges(job, pipeline), *_promised(job, pipeline)]
    if any(not export.file for export in job.exports):
        found.append(Entry("MLGEN_EXPORTS=$(mktemp); export MLGEN_EXPORTS"))
    if job.gate:
        found.append(Entry(bounded(ci_py.gate(job.gate), job.timeout, job.retry)))
    else:
        found += _user(job.run, pipeline, job.timeout, job.retry)
    if job.files:
        found.append(_listing([_shown(path) for path in job.files]))
    if job.matrix and job.matrix.collide:
        files = " ".join(_word(_shown(path)) for path in job.files)
        command = f'python3 .mlgen/ci.py legs --job {job.id} --leg "$CI_JOB_NAME" --out "{manifest(job)}" {files}'
        found.append(Entry(command))
    if job.exports:
        found.append(Entry(ci_py.exports(job)))
    return found


def last(job: Job, pipeline: Pipeline) -> list[Entry]:
    """`after_script`, which runs in a shell of its own: https://docs.gitlab.com/ci/yaml/#after_script"""
    if not job.finally_:
        return []
    result = '[ "$CI_JOB_STATUS" = success ] && MLGEN_RESULT=success || MLGEN_RESULT=failure'
    return [
        Entry("set -euo pipefail"),
        ENVIRONMENT,
        Entry(f"{result}; export MLGEN_RESULT"),
        *_user(job.finally_, pipeline),
    ]


def manifest(job: Job) -> str:
    """Where each leg of a matrix says what it made, for legs that could write the same file."""
    return f".mlgen/legs/{job.key}-$CI_NODE_INDEX.json"


def variable_path(path: str) -> str:
    """A declared path with its references to axes as variables, which are also expanded in `artifacts:paths`."""

    def variable(found: "re.Match[str]") -> str:
        after = path[found.end() : found.end() + 1]
        return f"${{{found[1]}}}" if after.isalnum() or after == "_" else f"${found[1]}"

    return paths.MATRIX_REFERENCE.sub(variable, path)


def _user(script: str, pipeline: Pipeline, timeout: int = 0, retry: int = 0) -> list[Entry]:
    """A script of the spec: plain commands as they are, all else in a subshell or a bash of its own."""
    if not script:
        return []
    hidden = bool(pipeline.triggers.inputs) and OPENING in script
    if hidden:
        return [Entry(bounded(_hidden(script), timeout, retry))]
    if timeout or retry:
        return [Entry(bounded(script, timeout, retry))]
    lines = script.split("\n")
    if all(map(_plain, lines)):
        return [Entry(line) for line in lines]
    if not _closed(script):
        # Behind a here-document the script ends in a newline, which an escape at its end would take.
        return [Entry(_own_bash(script, "${mlgen_script%?}" if script.endswith("\\") else "$mlgen_script"))]
    return [Entry(f"( {script} )" if len(lines) == 1 and "#" not in script else f"(\n{script}\n)")]


def _plain(line: str) -> bool:
    """Whether the line is one plain command, which cannot change the shell that runs it."""
    return is_simple(line) or (line.startswith(("echo ", "printf ")) and is_simple(f"x{line}"))


def _closed(script: str) -> bool:
    """Whether a parenthesis on the next line surely ends the script: no here-document or escape takes it up."""
    lines = script.split("\n")
    ends = [(found[1], found[3].replace("\\", "")) for found in _HEREDOC.finditer(script)]
    closed = all(end in ([line.lstrip("\t") for line in lines] if dash else lines) for dash, end in ends)
    return closed and not script.endswith("\\")


def _own_bash(script: str, expansion: str = "$mlgen_script") -> str:
    end = delimiter(script)
    return f"IFS= read -r -d '' mlgen_script <<'{end}' || true\n{script}\n{end}\nbash -euo pipefail -c \"{expansion}\""


def _hidden(script: str) -> str:
    """A script that holds `$[[`, which GitLab would replace or refuse, without it in the text: put in when it runs."""
    mark = "@[["
    while mark in script:
        mark = "@" + mark
    return _own_bash(script.replace(OPENING, mark), "${mlgen_script//'" + mark + "'/'$'[[}")


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
    for maker_id in dict.fromkeys(take.job for take in job.takes):
        maker = pipeline.job(maker_id)
        taken = [path for take in job.takes if take.job == maker_id for path in take.paths]
        extra = [path for path in archived(maker) if not any(_inside(path, kept) for kept in taken)]
        if extra:
            words = " ".join(sh_path(path) for given in extra for path in _legs(given, maker))
            found.append(Entry(f"rm -rf -- {words}", f"of {maker_id}, not declared here"))
    return found


def archived(job: Job) -> list[str]:
    """The declared paths in the job's artifacts archive."""
    summary = [job.reports.summary] if job.reports.summary else []
    exports = [ci_py.exports_file(job)] if job.exports else []
    return list(dict.fromkeys([*job.files, *exports, *summary]))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _legs(path: str, maker: Job) -> list[str]:
    """The path on each leg of the maker's matrix."""
    legs = maker.matrix.legs if maker.matrix else ()
    return list(dict.fromkeys(paths.on_leg(path, dict(leg.values)) for leg in legs)) or [path]


def _merges(job: Job, pipeline: Pipeline) -> list[Entry]:
    makers = [pipeline.job(name) for name in dict.fromkeys(take.job for take in job.takes)]
    return [
        Entry(f"python3 .mlgen/ci.py merge --job {maker.id} .mlgen/legs/{maker.key}-*.json")
        for maker in makers
        if maker.matrix and maker.matrix.collide
    ]


def _promised(job: Job, pipeline: Pipeline) -> list[Entry]:
    """Files of jobs that may fail: this one fails where they are missing."""
    found = []
    for take in job.takes:
        maker = pipeline.job(take.job)
        if maker.allow_failure:
            files = [path for given in take.paths for path in _legs(given, maker)]
            if maker.matrix and maker.matrix.collide:  # the legs' files have one path: each leg's list of them shows it
                files += [f".mlgen/legs/{maker.key}-{number}.json" for number, _ in enumerate(maker.matrix.legs, 1)]
            found.append(_listing(files, f"of {maker.id}, which may fail"))
    return found
