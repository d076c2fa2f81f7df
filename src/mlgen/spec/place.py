"""Where a project lies in its repository: `project.root` held against the folder of the spec."""

from __future__ import annotations

import os

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.regex import regex
from mlgen.spec.load import Loaded

_SAYABLE = regex(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*")


def misplaced(folder: str, loaded: Loaded) -> list[Diagnostic]:
    """What is wrong with `project.root` of a valid spec that lies in this folder."""
    said = str(loaded.data["project"]["root"])
    at = loaded.position(("project", "root"))
    if said.startswith(("/", "~")) or ".." in said.split("/"):
        hint = "write the folder of the spec, from the repository's root: services/api"
        return [error("MLG208", at, f"{said} leaves the repository", hint)]
    root = paths.normal(said)
    if root and not _SAYABLE.fullmatch(root):
        return [error("MLG208", at, f"'{said}' cannot be said on every CI system", "letters, digits, . _ - and / only")]
    if not root or any(_ends(way(folder), root) for way in (os.path.abspath, os.path.realpath)):
        return []
    there = os.path.realpath(folder).replace(os.sep, "/").split("/")[-root.count("/") - 1 :]
    message = f"the spec does not lie in a folder {root}, but in …/{'/'.join(there)}"
    return [error("MLG225", at, message, "say that folder as `root`, from the repository's root, or move the spec")]


def _ends(folder: str, root: str) -> bool:
    return folder.replace(os.sep, "/").endswith(f"/{root}")
