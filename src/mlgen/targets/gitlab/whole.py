"""The .gitlab-ci.yml of a repository with several projects: it includes a file of each.

Files that are included have one pipeline in common, in which a later `default`, `variables`, `stages` or `workflow`
replaces an earlier one: https://docs.gitlab.com/ci/yaml/includes/. So the files of projects have none of these, and
this one has what is left: the stages, and the inputs that it hands to each.
"""

from __future__ import annotations

from mlgen.targets.contract import Output, Part
from mlgen.targets.gitlab.check import WHOLE
from mlgen.targets.gitlab.conditions import EXPANDABLE
from mlgen.targets.gitlab.document import load
from mlgen.typed import Any

PATH = ".gitlab-ci.yml"
SHARED_INPUT = "mlgen_event"
REPORT = "mlgen-report"


def whole(parts: tuple[Part, ...]) -> Output:
    """The root file; ValueError says of which project the file cannot be read."""
    projects: list[dict[str, Any]] = []
    stages: list[str] = []
    partial = False
    inputs: dict[str, dict[str, Any]] = {}
    for part in parts:
        try:
            header, config = load(part.text)
        except ValueError as fault:
            raise ValueError(f"{part.path}: {fault}") from fault
        name = part.path.rpartition("/")[2].removesuffix(".yml")
        handed = []
        for own, said in (header.get("spec", {}).get("inputs") or {}).items():
            # An event is called by the project's name, so that one input serves all; what else is asked is each one's.
            called = own if own == SHARED_INPUT else f"{name.replace('.', '_')}_{own}"
            inputs[called] = {"description": "", "options": (), "regex": "", **said, "name": called}
            handed.append((own, f"$[[ inputs.{called} ]]"))
        projects.append({"path": f"/{part.path}", "spec": part.spec, "inputs": handed})
        jobs = (job for job in config.values() if isinstance(job, dict))
        stages += dict.fromkeys(job["stage"] for job in jobs if "stage" in job)
        partial = partial or any(_asks(job) for job in config.values() if isinstance(job, dict))
    asked = sorted(inputs.values(), key=lambda said: said["name"] != SHARED_INPUT)
    report = REPORT if partial else ""
    view = {"report": report, "inputs": asked, "projects": projects, "stages": stages, "expandable": EXPANDABLE}
    return Output(PATH, WHOLE, view)


def _asks(job: dict[str, Any]) -> bool:
    """Whether a merge request may be without the job, by what has changed or what its message says."""
    return any("changes" in rule or "$CI_COMMIT_MESSAGE" in str(rule.get("if")) for rule in job.get("rules") or ())
