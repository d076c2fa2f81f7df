"""examples/release-train: its own tests, its outputs under all checkers, and its jobs run against a real MLflow server,
with a kubectl that records how it is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlgen.compiler import analyse
from mlgen.ir import Pipeline
from tests.engines.checkers import check_all

from .fakes import Done, Machine

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/release-train"
OUTPUTS = {"github": ".github/workflows/ml.yml", "gitlab": ".gitlab-ci.yml"}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return analyse(str(EXAMPLE), "mlgen.yaml")[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    shutil.copytree(EXAMPLE, made.work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return made


@pytest.mark.parametrize("system", OUTPUTS)
def test_its_outputs_are_clean(system: str) -> None:
    assert check_all(EXAMPLE / OUTPUTS[system], system) == []


def test_its_outputs_are_current(machine: Machine) -> None:
    done = subprocess.run([sys.executable, "-m", "mlgen", "check", "-C", str(machine.work)], capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


def test_its_own_tests_pass(machine: Machine) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=machine.work, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_tag_becomes_a_champion(machine: Machine, pipeline: Pipeline, mlflow_server: str) -> None:
    name = f"demand-{uuid.uuid4().hex[:6]}"  # the server is shared
    env = {"MLFLOW_TRACKING_URI": mlflow_server, "MLGEN_TARGET": "ci", "MLGEN_RUN_ID": "7", "MLGEN_TAG": "v1"}

    def run(job: str, **more: str) -> Done:
        script = pipeline.job(job).run.replace("registry.py register demand", f"registry.py register {name}")
        script = script.replace("registry.py promote demand", f"registry.py promote {name}")
        done = machine.run(script, **env, MLGEN_EVENT="tag", MLGEN_BRANCH="", **more)
        assert done.code == 0, done.out + done.err
        return done

    for job in ("data.fetch", "train.fit", "test.register"):
        run(job)
    pushed = run("image.api", REGISTRY_USER="u", REGISTRY_PASSWORD="p")
    assert pushed.lines("--push")[0].count("--tag registry.example.org/ml/demand:v1") == 1
    image = machine.exports["MLGEN_IMAGE_API"]
    workload = "Deployment demand-production demand"
    machine.say("kubectl get", (0, f"{workload} 1\n"), (0, f"{workload} 2\n"))
    deployed = run("deploy.production", MLGEN_IMAGE_API=image)
    status = "kubectl rollout status Deployment/demand --namespace demand-production --timeout 600s"
    assert deployed.lines("rollout") == [status]
    assert image.split("@")[1] in (machine.work / ".mlgen/kubernetes/kustomization.yaml").read_text()
    run("deploy.champion")
    client = MlflowClient(mlflow_server, mlflow_server)
    version = client.get_model_version_by_alias(name, "champion")
    recorded = client.get_run(version.run_id).data
    assert recorded.metrics["r2"] > 0.9
    assert recorded.params == {"ridge": "0.1", "test_days": "120"}
    assert client.get_model_version_by_alias(name, "challenger").version == version.version
