"""What was found, and what the user said of it, as the content of a first spec."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from mlgen import targets
from mlgen.init.look import Found
from mlgen.init.packages import Packages
from mlgen.init.repository import Repository
from mlgen.init.versions import Version
from mlgen.init.work import Import, Work
from mlgen.named import NamedTuple


class Wishes(NamedTuple):
    """What the user said; None where nothing was. An empty command means that there is to be none."""

    name: str | None = None
    targets: tuple[str, ...] = ()
    python: str | None = None
    train: str | None = None
    test: str | None = None


class Job(NamedTuple):
    """A job of the spec; `comment` says why it is there."""

    name: str
    run: tuple[str, ...]
    comment: str = ""
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    alone: bool = False
    """It waits for no other."""
    junit: str = ""
    coverage: str = ""


class Draft(NamedTuple):
    """The content of the spec; `signs` says of each target why it was chosen.

    `imported` is the pipeline that the stage `train` takes over, which then has no jobs of its own.
    """

    name: str
    repository: Repository
    targets: tuple[str, ...]
    signs: dict[str, tuple[str, ...]]
    python: str
    python_why: str
    packages: Packages
    work: Work
    imported: Import | None
    stages: tuple[tuple[str, tuple[Job, ...]], ...]
    registry: str = ""
    """The name of an image in the code host's registry; empty if the host has none that is known."""
    deploys: bool = True
    """Whether the jobs that build and deploy stand as they are, or as comments."""


def draft(found: Found, wishes: Wishes) -> Draft:
    """The spec's content: the user's word first, then what was found."""
    imported = found.work.imported if wishes.train is None else None
    train = [] if imported else _train(found, wishes.train)
    test = [*_tests(found, wishes.test), *_lint(found)]
    stages = [("train", tuple(train))] if train or imported else []
    stages += [("test", tuple(test))] if test else []
    content = Draft(
        wishes.name or found.name,
        found.repository,
        wishes.targets or tuple(system.name for system in found.systems),
        {system.name: system.signs for system in found.systems},
        wishes.python or found.python.version,
        _why(found.python) if wishes.python in (None, found.python.version) else "",
        found.packages,
        found.work,
        imported,
        tuple(stages) or (("test", (_first(found),)),),
        _registry(found.repository.address) if found.work.dockerfile else "",
    )
    # An imported command stands as it is, and would not find packages that only `uv run` and the like reach.
    return whole(content) if found.packages.run else content


def _registry(address: str) -> str:
    """Where the code host keeps the repository's images, in the letters of an image's name."""
    host, _, path = address.partition("/")
    signs = [targets.get(name).signs for name in targets.names()]
    form = next((s.registry for s in signs if host and any(fnmatchcase(host, known) for known in s.hosts)), "")
    found = form.format(host=host, path=path).lower()
    return found if re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+", found) else ""


def _why(version: Version) -> str:
    return f"from {version.source}" if version.source else "no file says which: make it yours"


def test_command(found: Found) -> str:
    """The found test command as one line, for a question; empty if there is none."""
    return " && ".join(found.work.tests.script)


def train_command(found: Found) -> str:
    """The found training command; empty if there is none, or another tool's pipeline is taken over."""
    return found.work.train.run if found.work.train else ""


def _train(found: Found, said: str | None) -> list[Job]:
    step = found.work.train
    if said is not None and said != train_command(found):
        return [Job("fit", (said,))] if said else []
    return [Job("fit", (step.run,), f"from {step.path}", step.outs, step.metrics)] if step else []


def whole(content: Draft) -> Draft:
    """The content with one job for all of the imported pipeline."""
    imported = content.imported
    if imported is None:
        return content
    job = Job("reproduce", imported.run, f"all of {imported.file}")
    stages = tuple((stage, (job,) if stage == "train" else jobs) for stage, jobs in content.stages)
    return content._replace(imported=None, stages=stages)


def _tests(found: Found, said: str | None) -> list[Job]:
    tests = found.work.tests
    if said is not None and said != test_command(found):
        junit = "reports/unit.xml" if "--junitxml=reports/unit.xml" in said else ""
        return [Job("unit", (said,), alone=True, junit=junit)] if said else []
    if not tests.runner:
        return []
    report = tests.runner == "pytest"
    return [
        Job(
            "unit",
            tests.script,
            alone=True,
            junit="reports/unit.xml" if report else "",
            coverage="coverage.xml" if tests.coverage else "",
        )
    ]


def _lint(found: Found) -> list[Job]:
    return [Job("lint", found.work.lint, alone=True)] if found.work.lint else []


def _first(found: Found) -> Job:
    """Something to start from, where there is neither training nor a test."""
    if found.work.notebooks:
        return Job("notebook", found.work.notebooks, "runs from top to bottom")
    if found.has_python:
        line = found.packages.command(r"python -m compileall -q -x '/\.' .")
        return Job("check", (line,), "every file is Python at least; put your own command here")
    return Job("check", ("echo 'nothing to run yet'",), "put your own command here")
