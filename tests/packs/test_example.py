"""examples/org-pack: current, clean under every checker, and the story that its README tells."""

import shutil
from pathlib import Path

import pytest
import yaml

from mlgen import targets
from mlgen.cli.main import run
from mlgen.packs.content import folder_digest
from mlgen.write.lock import is_current
from tests.engines import checkers

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/org-pack"
PROJECTS = ["churn", "forecast"]
OUTPUTS = [
    (name, t) for name in PROJECTS for t in yaml.safe_load((EXAMPLE / name / "mlgen.yaml").read_text())["targets"]
]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "org-pack"))


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_is_current(example: Path, name: str) -> None:
    before = {p: p.read_bytes() for p in example.rglob("*") if p.is_file()}
    assert run(["compile", "-C", str(example / name)]) == 0
    assert {p: p.read_bytes() for p in example.rglob("*") if p.is_file()} == before
    assert run(["check", "-C", str(example / name)]) == 0
    assert is_current(str(example / name), "mlgen.yaml", folder_digest) > 0


@pytest.mark.parametrize(("name", "target"), OUTPUTS)
def test_an_output_is_clean_under_every_checker(name: str, target: str, tmp_path: Path) -> None:
    (path,) = (path for path in targets.get(target).paths if (EXAMPLE / name / path).exists())
    file = tmp_path / Path(path).name
    shutil.copy(EXAMPLE / name / path, file)
    assert checkers.check_all(file, target) == []


def test_version_2_has_another_image_and_a_scan(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = example / "forecast/mlgen.yaml"
    spec.write_text(spec.read_text().replace("pack-v1", "pack-v2"))
    assert run(["pack", "lock", "-C", str(example / "forecast")]) == 0
    capsys.readouterr()
    assert run(["diff", "-C", str(example / "forecast")]) == 0
    shown = capsys.readouterr().out
    assert "-    container: python:3.11-slim@" in shown and "+    container: python:3.12-slim@" in shown
    assert "+  scan:\n" in shown


def test_a_pack_adds_the_owners() -> None:
    text = (EXAMPLE / "churn/.github/CODEOWNERS").read_text()
    assert text.splitlines()[-2:] == ["/mlgen.yaml @acme/churn", "/mlgen.lock @acme/churn @acme/ml-platform"]
