"""The example of the README runs to a green end, with the results that the engines' tests ask of every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.test_examples import checkout
from tests.run.conftest import REPOSITORY, Project, git

BASELINE = REPOSITORY / "examples/wine-quality/baselines/metrics.json"


@pytest.fixture
def wine(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Project:
    folder = checkout("wine-quality", tmp_path / "wine")
    git(folder, "init", "-q", "-b", "main", ".")
    monkeypatch.setenv("DEPLOY_TOKEN", "token-that-must-not-be-seen")
    return Project(folder, capsys).commit()


def test_a_push_to_main(wine: Project) -> None:
    done = wine.run("--deploy", "--approve", "production", "--any-python")
    assert done.code == 0, done.err
    assert set(done.results.values()) == {"success"}
    assert done.file("fit/metrics.json") == BASELINE.read_text("utf-8")
    order = done.data["order"]
    assert (
        order.index("data.fetch")
        < order.index("data.validate")
        < order.index("train.fit")
        < order.index("test.quality")
    )
    assert order[-2:] == ["deploy.staging", "deploy.production"]
    assert (wine.folder / ".mlgen-run/latest/reports/unit/reports/unit.xml").is_file()
    assert b"token-that-must-not-be-seen" not in b"".join(
        path.read_bytes() for path in (wine.folder / ".mlgen-run").rglob("*") if path.is_file()
    )


def test_a_gate_and_a_unit_test_that_fail(wine: Project) -> None:
    done = wine.run("manual", "--input", "epochs=1", "--deploy", "--any-python")
    assert (done.code, done.results["quality"], done.results["staging"]) == (1, "failure", "stopped")
    (wine.folder / "tests/test_more.py").write_text("def test_more():\n    assert False\n")
    done = wine.run("--deploy", "--any-python")
    assert (done.code, done.results["unit"], done.results["quality"]) == (1, "failure", "success")
    assert done.results["staging"] == "stopped"
    assert "FAILED tests.test_more.test_more" in done.log("unit")
