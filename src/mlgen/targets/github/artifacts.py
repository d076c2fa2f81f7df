"""Artifacts: the files that a job hands on, receives, and keeps for people."""

from __future__ import annotations

import re

from mlgen.ir import Bundle, Job, Pipeline, Take, paths
from mlgen.quoting import sh_path
from mlgen.typed import Any

ANCHOR = ".mlgen/env.sh"


def manifest(job: Job) -> str:
    """Where each leg of a matrix says what it made, for legs that could write the same file."""
    return f".mlgen/legs/{job.key}-$MLGEN_LEG.json"


def legs_script(job: Job) -> str:
    """Each leg's manifest."""
    axes = " ".join(f"{axis}=${axis}" for axis in job.matrix.axes) if job.matrix else ""
    files = " ".join(sh_path(paths.as_glob(path)) for path in job.files)
    return f'python3 .mlgen/ci.py legs --job {job.id} --leg "{axes}" --out "{manifest(job)}" {files}'


def uploads(job: Job, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The artifacts of the job that others receive, and what is kept as long as them.

    What is kept after a failure too is an artifact of its own: those that are handed on are whole, or not there.
    """
    keep = job.keep
    days = [keep.days if keep and _kept(bundle, job) else 0 for bundle in job.bundles]
    return [_upload(job, pipeline, bundle, n) for bundle, n in zip(job.bundles, days)]


def _kept(bundle: Bundle, job: Job) -> bool:
    return job.keep is not None and job.keep.result == "success" and set(bundle.paths) <= set(job.keep.paths)


def kept(job: Job, pipeline: Pipeline) -> dict[str, Any] | None:
    """The artifact of files that are kept for people, without those that are handed on and kept as such."""
    if job.keep is None:
        return None
    handed = {path for bundle in job.bundles if _kept(bundle, job) for path in bundle.paths}
    left = tuple(path for path in job.keep.paths if path not in handed)
    if not left:
        return None
    found = _artifact(job, pipeline, left, anchored=True)
    always = job.keep.result == "any"
    return {
        **found,
        "title": ", ".join(left),
        "name": artifact(f"{job.key}.kept", job),
        "always": always,
        "days": job.keep.days,
        "missing": "warn" if always else "error",
    }


def _upload(job: Job, pipeline: Pipeline, bundle: Bundle, days: int) -> dict[str, Any]:
    files = bundle.paths
    if job.matrix is not None and job.matrix.collide:
        files = (*files, f".mlgen/legs/{job.key}-${{{{ strategy.job-index }}}}.json")
    return {
        **_artifact(job, pipeline, files, anchored=not bundle.exports),
        "title": "exported values" if bundle.exports else ", ".join(bundle.paths),
        "name": artifact(bundle.name, job),
        "days": days,
    }


def _artifact(job: Job, pipeline: Pipeline, files: tuple[str, ...], anchored: bool) -> dict[str, Any]:
    """The paths of an artifact, as upload-artifact searches for them. One stays relative to the project's root only if
    the root is what all the search paths have in common, hence the anchor where they have more.

    https://github.com/actions/upload-artifact#upload-using-multiple-paths-and-exclusions
    """
    anchored = anchored and len({path.split("/")[0] for path in files}) == 1
    found = [_expression(job, path) for path in files]
    return {
        "paths": [inside(pipeline, path) for path in (*found, *([ANCHOR] if anchored else ()))],
        "hidden": any(not _plain_file(inside(pipeline, path)) for path in found),
        "anchored": anchored,
    }


def inside(pipeline: Pipeline, path: str) -> str:
    """A path of the project as one of the repository."""
    return f"{pipeline.root}/{path}" if pipeline.root else path


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
    return [_download(take, pipeline.job(take.job), pipeline) for take in job.takes]


def _download(take: Take, maker: Job, pipeline: Pipeline) -> dict[str, Any]:
    exports = any(bundle.exports and bundle.name == take.bundle for bundle in maker.bundles)
    return {
        "title": f"exported values of {maker.id}" if exports else f"{', '.join(take.paths)} of {maker.id}",
        "if": f"needs.{maker.key}.result == 'success'" if take.optional else "",
        # A permitted failure counts as a success: what it made may be there or not.
        "may_fail": take.optional and maker.allow_failure and not maker.matrix,
        "name": "" if maker.matrix else take.bundle,
        "pattern": f"{take.bundle}.leg-*" if maker.matrix else "",
        "path": inside(pipeline, ".mlgen/exports") if exports else pipeline.root,
    }


def merges(job: Job, pipeline: Pipeline) -> list[dict[str, str]]:
    """The checks that no two legs of a matrix made the same file."""
    makers = {take.job: take.optional for take in job.takes}
    return [
        {
            "run": f"python3 .mlgen/ci.py merge --job {maker.id} .mlgen/legs/{maker.key}-*.json",
            "if": f"needs.{maker.key}.result == 'success'" if optional else "",
        }
        for maker, optional in ((pipeline.job(name), optional) for name, optional in makers.items())
        if maker.matrix and maker.matrix.collide
    ]


def outputs_check(job: Job) -> str:
    """A listing of the declared outputs, which fails when one is missing."""
    return _listing(job.files)


def promised(job: Job, pipeline: Pipeline) -> list[str]:
    """The checks that every leg of a matrix that may fail has handed on its files: a pattern takes what there is."""
    found = []
    hard = [take.job for take in job.takes if not take.optional]
    for maker in (pipeline.job(name) for name in dict.fromkeys(hard)):
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
