"""The example projects do what their mlgen.yaml says: its commands are run here by hand, without mlgen."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOKEN = "token-that-must-not-be-seen"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOAD_YAML = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"

Run = Callable[..., subprocess.CompletedProcess[str]]


def produced(example: str) -> list[str]:
    """Return what the example's pipeline makes, by its .gitignore."""
    lines = (EXAMPLES / example / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [line.strip("/") for line in lines if line.startswith("/")]


def checkout(example: str, to: Path) -> Path:
    """Copy an example as git would check it out, without what a developer's own runs left there."""
    source = EXAMPLES / example
    left_out = {str(source / name) for name in produced(example)}

    def ignore(folder: str, names: list[str]) -> set[str]:
        caches = {name for name in names if name.endswith(("__pycache__", "_cache"))}
        return caches | {name for name in names if os.path.join(folder, name) in left_out}

    shutil.copytree(source, to, ignore=ignore)
    return to


@pytest.fixture
def run(wine_python: Path) -> Run:
    """Run a job's command in a project folder, as a CI system would: by bash, with the example's own Python."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DEPLOY_", "MLGEN_", "PYTHON", "PYTEST_", "COV_"))
    }
    clean["PATH"] = f"{wine_python.parent}{os.pathsep}{clean['PATH']}"

    def run_command(project: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=project,
            env={**clean, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_command


@pytest.fixture
def load_spec(run: Run) -> Callable[[str], dict[str, Any]]:
    """Return the function that reads an example's mlgen.yaml."""

    def load(example: str) -> dict[str, Any]:
        done = run(EXAMPLES / example, f"python -c '{LOAD_YAML}' < mlgen.yaml")
        spec: dict[str, Any] = json.loads(done.stdout)
        return spec

    return load


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    """A checkout of examples/wine-quality."""
    return checkout("wine-quality", tmp_path / "wine")


def passing(done: subprocess.CompletedProcess[str]) -> str:
    """Return the output of a command that must have succeeded."""
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def report(path: Path) -> ElementTree.Element:
    """Return the one suite of a JUnit report."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "testsuites"
    assert len(root) == 1
    return root[0]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_isolated(example: str, spec: dict[str, Any], workspace: Path, run_job: Callable[[Path, str], Any]) -> Path:
    """Run each command of the spec in a checkout of its own, which receives the files of its `deps` only.

    Returns the folder where everything that left a job is collected.
    """
    collected = workspace / "collected"
    for stage, jobs in spec["stages"].items():
        for name, job in jobs.items():
            if "run" not in job:
                continue
            project = checkout(example, workspace / f"{stage}.{name}")
            for path in job.get("deps", []):
                if (collected / path).is_file():
                    move(collected / path, project / path)
            passing(run_job(project, job["run"]))
            for path in [*job.get("outs", []), *job.get("metrics", []), *job.get("reports", {}).values()]:
                assert (project / path).is_file(), f"{stage}.{name} did not make {path}"
                move(project / path, collected / path)
    return collected


def move(source: Path, target: Path) -> None:
    """Copy a file to where it may need a new folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def test_wine_pipeline(run: Run, load_spec: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    spec = load_spec("wine-quality")
    epochs = spec["triggers"]["manual"]["inputs"]["epochs"]["default"]
    root = tmp_path / "deployed"
    run_job = functools.partial(
        run, MLGEN_INPUT_EPOCHS=str(epochs), MLGEN_COMMIT=COMMIT, DEPLOY_TOKEN=TOKEN, DEPLOY_ROOT=str(root)
    )
    collected = run_isolated("wine-quality", spec, tmp_path / "jobs", run_job)

    metrics = json.loads((collected / "metrics.json").read_text())
    baseline = json.loads((EXAMPLES / "wine-quality/baselines/metrics.json").read_text())
    assert metrics["accuracy"] >= 0.95
    assert metrics["f1"] >= 0.95
    assert 0 < metrics["test"]["log_loss"] < 0.2
    assert metrics == {key: pytest.approx(value, abs=1e-3) for key, value in baseline.items()}

    for suite in (report(collected / "reports/data.xml"), report(collected / "reports/unit.xml")):
        assert int(suite.attrib["tests"]) > 5
        assert suite.attrib["failures"] == suite.attrib["errors"] == suite.attrib["skipped"] == "0"

    for environment in ("staging", "production"):
        folder = root / environment
        assert sorted(path.name for path in folder.iterdir()) == ["model.pkl", "receipt.json"]
        assert digest(folder / "model.pkl") == digest(collected / "models/model.pkl")
        assert json.loads((folder / "receipt.json").read_text()) == {
            "environment": environment,
            "commit": COMMIT,
            "model": "model.pkl",
            "sha256": digest(collected / "models/model.pkl"),
        }


def test_wine_training_is_deterministic(run: Run, tmp_path: Path) -> None:
    # Whatever may differ between two runs does: the path, the hash seed, cached byte code, the time zone.
    settings = (
        {"PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC"},
        {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2", "TZ": "Asia/Tokyo"},
    )
    digests = []
    for number, variables in enumerate(settings):
        project = checkout("wine-quality", tmp_path / ("again" * number or "first") / "project")
        passing(run(project, "python -m wine.fetch", **variables))
        passing(run(project, "python -m wine.train --epochs 10", **variables))
        digests.append([digest(project / name) for name in ("data/wine.csv", "models/model.pkl", "metrics.json")])
    assert digests[0] == digests[1]


def test_wine_epochs_decide_the_gate(run: Run, wine: Path) -> None:
    passing(run(wine, "python -m wine.fetch"))
    accuracy = {}
    for epochs in (1, 3, 10):
        passing(run(wine, f"python -m wine.train --epochs {epochs}"))
        accuracy[epochs] = json.loads((wine / "metrics.json").read_text())["accuracy"]
    baseline = json.loads((wine / "baselines/metrics.json").read_text())["accuracy"]
    assert accuracy[1] < 0.90 < accuracy[3] < baseline - 0.01 < accuracy[10]


@pytest.mark.parametrize(
    ("pattern", "replacement", "check"),
    [
        pytest.param(r"^14\.23,", ",", "nulls", id="value-missing"),
        pytest.param(r"^14\.23,", "1423,", "ranges", id="value-out-of-range"),
        pytest.param(r"^alcohol,", "", "schema", id="column-missing"),
        pytest.param(r"^.*,2\n", "", "classes", id="class-missing"),
    ],
)
def test_wine_validate_fails_on_corrupted_data(
    run: Run, wine: Path, pattern: str, replacement: str, check: str
) -> None:
    passing(run(wine, "python -m wine.fetch"))
    data = wine / "data/wine.csv"
    text = data.read_text()
    data.write_text(re.sub(pattern, replacement, text, flags=re.MULTILINE))
    assert data.read_text() != text

    done = run(wine, "python -m wine.validate")
    assert done.returncode == 1
    assert f"FAILED  {check}" in done.stdout
    assert done.stderr == ""
    suite = report(wine / "reports/data.xml")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == [check]


@pytest.mark.parametrize("command", ["python -m wine.validate", "python -m wine.train --epochs 1"])
def test_wine_says_that_the_data_is_missing(run: Run, wine: Path, command: str) -> None:
    done = run(wine, command)
    assert done.returncode == 1
    assert "data/wine.csv" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("variables", [{}, {"DEPLOY_TOKEN": ""}])
def test_wine_deploy_refuses_without_a_token(run: Run, wine: Path, variables: dict[str, str]) -> None:
    move(wine / "params.yaml", wine / "models/model.pkl")
    done = run(wine, "python -m wine.deploy staging", **variables)
    assert done.returncode == 1
    assert done.stderr == "error: DEPLOY_TOKEN is not set; nothing is deployed without it\n"
    assert not (wine / "deployments").exists()


def test_wine_deploy_does_not_leak_the_token(run: Run, wine: Path) -> None:
    move(wine / "params.yaml", wine / "models/model.pkl")
    outputs = [passing(run(wine, "python -m wine.deploy staging", DEPLOY_TOKEN=TOKEN))]
    (wine / "models/model.pkl").unlink()
    failed = run(wine, "python -m wine.deploy staging", DEPLOY_TOKEN=TOKEN)
    assert failed.returncode == 1
    outputs += [failed.stdout, failed.stderr]
    outputs += [path.read_text() for path in (wine / "deployments").rglob("*") if path.is_file()]
    assert len(outputs) == 5
    assert not any(TOKEN in output for output in outputs)


def test_wine_requirements_are_complete(run: Run) -> None:
    """Everything that is installed is pinned, also what the named packages bring along."""
    example = EXAMPLES / "wine-quality"
    lines = (example / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.partition(";")[0].strip().lower() for line in lines if line and not line.startswith("#")}
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin) for pin in pins)
    installed = passing(run(example, "python -m pip list --format=freeze --disable-pip-version-check")).split()
    ours = {name.lower().replace("_", "-") for name in installed if not name.startswith(("pip==", "setuptools=="))}
    assert ours <= pins


def test_minimal_pipeline(run: Run, load_spec: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    spec = load_spec("minimal")
    collected = run_isolated("minimal", spec, tmp_path / "first", run)
    assert json.loads((collected / "metrics.json").read_text())["r2"] > 0.95
    assert set(json.loads((collected / "model.json").read_text())) == {"slope", "intercept"}

    again = run_isolated("minimal", spec, tmp_path / "again", run)
    assert digest(again / "model.json") == digest(collected / "model.json")
    assert digest(again / "metrics.json") == digest(collected / "metrics.json")


def test_minimal_is_minimal() -> None:
    lines = (EXAMPLES / "minimal/mlgen.yaml").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 10


@pytest.mark.parametrize("example", ["minimal", "wine-quality", "library", "dvc-project"])
def test_git_ignores_what_is_made_and_nothing_else(example: str, tmp_path: Path) -> None:
    project = checkout(example, tmp_path / "project")
    files = [str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()]
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    check = ["git", "check-ignore", "--no-index"]
    assert subprocess.run([*check, *files], cwd=project, capture_output=True, text=True).stdout == ""
    made = [name if "." in name else f"{name}/file" for name in produced(example)]
    ignored = subprocess.run([*check, *made], cwd=project, capture_output=True, text=True).stdout
    assert ignored.split() == made
