"""The stages of examples/dvc-project, run as CI runs them: without DVC, each with the files alone that it declares.

DVC itself is too heavy to install for a test (190 MB). What it made of the stages stands in the committed dvc.lock:
the same commands on the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen.spec import source
from tests.examples.test_examples import checkout, move, passing, produced

ROOT = Path(__file__).resolve().parents[2] / "examples/dvc-project"
STAGES: dict[str, dict[str, dict[str, Any]]] = source(str(ROOT), "mlgen.yaml").data["stages"]
JOBS = {name: job for stage in ("data", "train") for name, job in STAGES[stage].items()}


def run(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-euo", "pipefail", "-c", command.replace("python ", f"{sys.executable} ")]
    return subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all that the jobs made is gathered."""
    work = tmp_path_factory.mktemp("dvc-project")
    for name, job in JOBS.items():
        project = checkout("dvc-project", work / name)
        for path in job["deps"]:
            if (work / "collected" / path).is_file():
                move(work / "collected" / path, project / path)
        passing(run(project, job["run"]))
        for path in (*job["outs"], *job["metrics"], *job["plots"]):
            move(project / path, work / "collected" / path)
    return work / "collected"


def test_the_jobs_are_the_stages() -> None:
    assert list(JOBS) == ["split", "fit-plain", "fit-strong", "choose"]
    made = {path for job in JOBS.values() for key in ("outs", "metrics", "plots") for path in job[key]}
    ignored = produced("dvc-project")
    assert {path for path in made if not any(path == name or path.startswith(f"{name}/") for name in ignored)} == set()


def test_the_metrics_are_those_of_the_baseline(collected: Path) -> None:
    metrics = json.loads((collected / "metrics.json").read_text("utf-8"))
    baseline = json.loads((ROOT / "baselines/metrics.json").read_text("utf-8"))
    assert metrics == {name: pytest.approx(value, abs=1e-3) for name, value in baseline.items()}
    assert metrics["auc"] >= 0.85
    best = (collected / "models/best.json").read_bytes()
    assert best in [(collected / f"models/{name}.json").read_bytes() for name in ("plain", "strong")]


def test_the_gate_passes_and_a_worse_model_does_not(collected: Path, tmp_path: Path) -> None:
    text = (ROOT / ".gitlab-ci.yml").read_text("utf-8")
    [command] = [line for line in yaml.safe_load(text)["quality"]["script"] if " gate " in line]
    project = checkout("dvc-project", tmp_path / "gate")
    move(collected / "metrics.json", project / "metrics.json")
    passing(run(project, command.replace("python3 ", "python ")))
    (project / "metrics.json").write_text('{"auc": 0.86, "accuracy": 0.8, "customers": 60}')
    assert run(project, command.replace("python3 ", "python ")).returncode == 1


def test_dvc_ran_the_same_commands_on_the_same_files(collected: Path) -> None:
    locked = yaml.safe_load((ROOT / "dvc.lock").read_text("utf-8"))["stages"]
    assert {name.replace("@", "-"): stage["cmd"] for name, stage in locked.items()} == {
        name: job["run"] for name, job in JOBS.items()
    }
    for stage in locked.values():
        for entry in (*stage["deps"], *stage["outs"]):
            path = collected / entry["path"] if (collected / entry["path"]).exists() else ROOT / entry["path"]
            assert hashlib.md5(path.read_bytes()).hexdigest() == entry["md5"], entry["path"]


def test_the_steps_own_tests(tmp_path: Path) -> None:
    project = checkout("dvc-project", tmp_path / "unit")
    passing(run(project, STAGES["test"]["unit"]["run"]))
    assert (project / "reports/unit.xml").is_file()
