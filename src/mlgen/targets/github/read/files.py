"""Where the files of artifacts end up.

https://github.com/actions/upload-artifact#upload-using-multiple-paths-and-exclusions
"""

from __future__ import annotations

from mlgen.named import NamedTuple


class Upload(NamedTuple):
    """An artifact; in names and paths a reference to an axis is `${matrix.AXIS}`, and `*` a leg's number in the name.

    `after`: how many commands come before it. `strict`: it fails if a path is not there.
    """

    name: str
    paths: tuple[str, ...]
    hidden: bool
    always: bool
    strict: bool
    after: int
    days: int = 0


def inside(root: str, path: str) -> str:
    """A path of the project as one of the repository."""
    return f"{root}/{path}" if root else path


def outside(root: str, path: str) -> str:
    """A path of the repository as one of the project; one that is not in it begins with `/`."""
    if not root or path == root:
        return "" if root else path
    return path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else f"/{path}"


def received(upload: Upload, target: str) -> list[str]:
    """The paths of the repository at which the artifact's files are once it was fetched into the folder `target`.

    An artifact holds paths relative to what all its search paths have in common: of one file, to its folder.
    """
    base = _common([_search(path) for path in upload.paths])
    if len(upload.paths) == 1 and "." in base.rpartition("/")[2].lstrip(".") and base == upload.paths[0]:
        base = base.rpartition("/")[0]
    inner = (path[len(base) :].strip("/") if base else path for path in held(upload))
    return ["/".join(part for part in (target, path) if part) for path in inner]


def held(upload: Upload) -> list[str]:
    """The paths of which the artifact holds the files: hidden ones only if it says so."""
    return [p for p in upload.paths if upload.hidden or not any(part.startswith(".") for part in p.split("/"))]


def _search(path: str) -> str:
    """What comes before the first wildcard. https://github.com/actions/toolkit/tree/main/packages/glob"""
    parts = []
    for part in path.split("/"):
        if any(c in part.replace("${matrix.", "") for c in "*?["):
            break
        parts.append(part)
    return "/".join(parts)


def _common(paths: list[str]) -> str:
    split = [path.split("/") for path in paths]
    found = []
    for parts in zip(*split):
        if len(set(parts)) > 1:
            break
        found.append(parts[0])
    return "/".join(found)
