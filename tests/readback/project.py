"""A project's rendered files for one target, beside the pipeline that they have to mean.

`python -m tests.readback.project TARGET FOLDER` prints the differences.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from mlgen import targets
from mlgen.compiler import analyse
from mlgen.ir import Pipeline
from mlgen.monorepo import with_whole
from mlgen.render import render
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Target
from mlgen.verify import faults
from mlgen.verify.fault import Fault

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = sorted(
    p.parent for pattern in ("examples/**/mlgen.yaml", "tests/fixtures/*/mlgen.yaml") for p in ROOT.glob(pattern)
)


def rendered(project: Path, target: Target) -> tuple[Pipeline, dict[str, str]]:
    """The pipeline as the target is to say it, and its native files by path."""
    pipeline, texts = _rendered(project, target.name)
    return pipeline, dict(texts)


@cache
def _rendered(project: Path, name: str) -> tuple[Pipeline, dict[str, str]]:
    target = targets.get(name)
    pipeline, found = adapt(_analysed(project), target)
    assert not [d for d in found if d.severity == "error"], found
    texts = {out.path: render(out.template, out.view) for out in target.outputs(pipeline)}
    return pipeline, with_whole(target, pipeline, texts)


@cache
def _analysed(project: Path) -> Pipeline:
    return analyse(str(project), "mlgen.yaml")[0]


def named(project: Path) -> list[str]:
    """The targets of the project that have a reader."""
    return [o.name for o in _analysed(project).targets if targets.get(o.name).read is not None]


def differences(project: Path, name: str) -> list[Fault]:
    """What differs between the pipeline and the target's files."""
    target = targets.get(name)
    pipeline, texts = rendered(project, target)
    return faults(target, texts, pipeline)


if __name__ == "__main__":
    for each in differences(Path(sys.argv[2]).resolve(), sys.argv[1]):
        print(f"{each.aspect:14} {each.job:20} {each.message}  {each.route}")
