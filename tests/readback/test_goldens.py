"""Every committed output, read back, means what its spec means."""

from pathlib import Path

import pytest

from tests.readback.project import PROJECTS, ROOT, differences, named

CASES = [(project, target) for project in PROJECTS for target in named(project)]


@pytest.mark.parametrize(("project", "target"), CASES, ids=[f"{p.relative_to(ROOT)}-{t}" for p, t in CASES])
def test_nothing_differs(project: Path, target: str) -> None:
    assert differences(project, target) == []
