"""The parts of a job that need computing: scripts, artifacts, the order of its steps."""

import re
from typing import Any

from mlgen.ir import Bundle, Job, Pipeline, Take, paths
from mlgen.quoting import sh, sh_path
from mlgen.quoting.shell import bounded
from mlgen.targets import ci_py
from mlgen.targets.github.conditions import allowed_refs

ANCHOR = ".mlgen/env.sh"


def script(text: str) -> str:
    """A script as `run` takes it: an expression's opening is spelled so that it reaches the shell as it is.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
    """
    return text.replace("${{", "${{ '${{' }}")


def main_script(job: Job) -> str:
    """The job's own script: its command within its bounds, or the judgement of its gate."""
    if job.gate is None:
        return script(bounded(job.run, job.timeout, job.retry))
    return script(bounded(ci_py.gate(job.gate), job.timeout, job.retry))


def guard_script(job: Job, pipeline: Pipeline) -> str:
    """The first step of a deployment: whether it is allowed now."""
    words = ["python3 .mlgen/ci.py guard --environment", job.environment.name if job.environment else ""]
    words += ["--approval"] if job.approval else []
    words += [f"--ref {sh(ref)}" for ref in allowed_refs(job, pipeline)]
    return " ".join(words)


def manifest(job: Job) -> str:
    """Where each leg of a matrix says what it made, for legs that could write the same file."""
    return f".mlgen/legs/{job.key}-$MLGEN_LEG.json"


def legs_script(job: Job) -> str:
    """Each leg's manifest."""
    axes = " ".join(f"{axis}=${axis}" for axis in job.matrix.axes) if job.matrix else ""
    files = " ".join(sh_path(paths.as_glob(path)) for path in job.files)
    return f'python3 .mlgen/ci.py legs --job {job.id} --leg "{axes}" --out "{manifest(job)}" {files}'


def uploads(job: Job) -> list[dict[str, Any]]:
    """The artifacts of the job. A path stays relative to the project's root only if the root is what all the search
    paths have in common, hence the anchor where they have more.

    https://github.com/actions/upload-artifact#upload-using-multiple-paths-and-exclusions
    """
    return [_upload(job, bundle) for bundle in job.bundles]


def _upload(job: Job, bundle: Bundle) -> dict[str, Any]:
    files = [_expression(job, path) for path in bundle.paths]
    collide = job.matrix is not None and job.matrix.collide
    if collide:
        files.append(f".mlgen/legs/{job.key}-${{{{ strategy.job-index }}}}.json")
    hidden = any(not _plain_file(path) for path in files)
    roots = {path.split("/")[0] for path in files}
    return {
        "title": "exported values" if bundle.exports else ", ".join(bundle.paths),
        "name": artifact(bundle.name, job),
        "paths": files if bundle.exports or len(roots) > 1 else [*files, ANCHOR],
        "hidden": hidden,
        "anchored": not bundle.exports and len(roots) == 1,
    }


def artifact(name: str, job: Job) -> str:
    """The artifact's name: of a matrix, one for each leg."""
    return f"{name}.leg-${{{{ strategy.job-index }}}}" if job.matrix else name


def _expression(job: Job, path: str) -> str:
    return paths.MATRIX_REFERENCE.sub(lambda found: f"${{{{ matrix.{found[1]} }}}}", path)


def _plain_file(path: str) -> bool:
    """Whether the path is a visible file, and no folder that may hold hidden ones."""
    parts = path.split("/")
    return "." in parts[-1] and "*" not in path and not any(part.startswith(".") for part in parts)


def downloads(job: Job, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The artifacts that the job receives."""
    return [_download(take, pipeline.job(take.job)) for take in job.takes]


def _download(take: Take, maker: Job) -> dict[str, Any]:
    exports = any(bundle.exports and bundle.name == take.bundle for bundle in maker.bundles)
    return {
        "title": f"exported values of {maker.id}" if exports else f"{', '.join(take.paths)} of {maker.id}",
        "name": "" if maker.matrix else take.bundle,
        "pattern": f"{take.bundle}.leg-*" if maker.matrix else "",
        "path": ".mlgen/exports" if exports else "",
    }


def merges(job: Job, pipeline: Pipeline) -> list[str]:
    """The checks that no two legs of a matrix made the same file."""
    makers = dict.fromkeys(take.job for take in job.takes)
    colliding = [pipeline.job(m) for m in makers]
    return [
        f"python3 .mlgen/ci.py merge --job {maker.id} .mlgen/legs/{maker.key}-*.json"
        for maker in colliding
        if maker.matrix and maker.matrix.collide
    ]


def outputs_check(job: Job) -> str:
    """A listing of the declared outputs, which fails when one is missing."""
    return _listing(job.files)


def promised(job: Job, pipeline: Pipeline) -> list[str]:
    """The checks that every leg of a matrix that may fail has handed on its files: a pattern takes what there is."""
    found = []
    for maker in (pipeline.job(name) for name in dict.fromkeys(take.job for take in job.takes)):
        if maker.matrix and maker.allow_failure:
            legs = [dict(leg.values) for leg in maker.matrix.legs]
            given = [path for take in job.takes if take.job == maker.id for path in take.paths]
            files = [paths.on_leg(path, leg) for path in given for leg in legs]
            if maker.matrix.collide:
                files += [f".mlgen/legs/{maker.key}-{index}.json" for index in range(len(legs))]
            found.append(_listing(tuple(dict.fromkeys(files))))
    return found


def _listing(files: tuple[str, ...]) -> str:
    """A command that fails if one of the files is missing; empty if there are none."""
    command = "ls -ld -- " + " ".join(map(_word, files)) if files else ""
    return f"shopt -s globstar; {command}" if any("**" in path for path in files) else command


def _word(path: str) -> str:
    """The path as a word of the shell: references to axes as variables, its globs left for the shell to expand."""
    parts = paths.MATRIX_REFERENCE.split(path)  # text and names of axes in turn
    if len(parts) > 1 and "*" not in path and not re.search(r"[?\[\"`\\]", path):
        return '"' + paths.MATRIX_REFERENCE.sub(lambda found: f"${{{found[1]}}}", path) + '"'
    return "".join(f'"${{{part}}}"' if index % 2 else _text(part, index) for index, part in enumerate(parts))


def _text(part: str, index: int) -> str:
    """Text of a path; only where it begins could a dash be taken for an option."""
    dashes = part[: len(part) - len(part.lstrip("-"))] if index else ""
    rest = part.removeprefix(dashes)
    return dashes + (sh_path(rest) if rest else "")
