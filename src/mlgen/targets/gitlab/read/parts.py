"""The file of one project and the root file that includes it, as the one configuration that GitLab makes of both.

https://docs.gitlab.com/ci/yaml/includes/, https://docs.gitlab.com/ci/inputs/#set-input-values-when-using-include
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgen.readback.unread import Unread
from mlgen.targets.gitlab.document import Data
from mlgen.targets.gitlab.read.config import File, block, documents, parsed
from mlgen.typed import Any


def joined(texts: Mapping[str, str]) -> File:
    """The configuration, with the inputs under the names that the project gives them; `texts` has its own file first.

    Unread says what the root file does not hand on, or what the project's file would do to others.
    """
    (path, part), (_, whole) = texts.items()
    root_header, root = documents(whole)
    header, own = documents(part)
    if shared := sorted({"default", "include", "stages", "variables", "workflow"} & set(own)):
        raise Unread(f"{shared[0]}: this key would be that of other projects, too")
    if beside := sorted(set(root) & set(own)):
        raise Unread(f"{beside[0]}: both files have it")
    for name, job in own.items():
        if isinstance(job, dict) and not name.startswith(".") and "needs" not in job:
            raise Unread(f"{name}: without `needs` it waits for the stages of other projects")
    found = [entry for entry in root.pop("include", ()) if path.endswith(str(entry.get("local")).lstrip("/"))]
    if len(found) != 1:
        raise Unread(f"the root file does not include {path} once")
    _handed(found[0].get("inputs", {}), _inputs(root_header), _inputs(header))
    variables = _everywhere([job for name, job in own.items() if isinstance(job, dict) and not name.startswith(".")])
    return parsed(header, {**root, **own, "variables": variables})


def _inputs(header: Data) -> Data:
    return dict(header.get("spec", {}).get("inputs") or {})


def _handed(given: Mapping[str, Any], outer: Data, own: Data) -> None:
    """Each input of the project is one of the root file's, of the same form and with the same default."""
    if set(given) != set(own):
        raise Unread("the root file does not hand on every input of the project")
    for name, value in given.items():
        if outer.get(block(value)) != own[name]:
            raise Unread(f"the input {name} is another in the root file")


def _everywhere(jobs: list[Data]) -> Data:
    """The variables that hold inputs in all jobs, and so are as good as the whole file's; the jobs lose them."""
    own = [job["variables"] for job in jobs if isinstance(job.get("variables"), dict)]
    if len(own) < len(jobs) or not own:
        return {}
    found = {key: value for key, value in own[0].items() if _holds_input(value)}
    found = {key: value for key, value in found.items() if all(other.get(key) == value for other in own)}
    for job in jobs:
        job["variables"] = {key: value for key, value in job["variables"].items() if key not in found}
    return found


def _holds_input(value: Any) -> bool:
    return bool(block(value.get("value") if isinstance(value, dict) else value))
