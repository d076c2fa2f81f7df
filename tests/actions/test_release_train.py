"""examples/release-train: its own tests, and its jobs run against a real MLflow server, with a kubectl that records how
it is called."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlgen.compiler import analyse
from mlgen.ir import Pipeline
from mlgen.targets import ci_py

from .fakes import Done, Machine

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/release-train"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return analyse(str(EXAMPLE), "mlgen.yaml")[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    shutil.copytree(EXAMPLE, made.work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return made


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


def test_it_serves_what_it_trained(machine: Machine, pipeline: Pipeline) -> None:
    """By hand, as README says, with the smoke test of the deployments at the service's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for command in ("python -m demand.data data/hires.csv", "python -m demand.train"):
        assert machine.run(command).code == 0
    env = {**os.environ, "PORT": str(port)}
    service = subprocess.Popen([sys.executable, "-m", "demand.serve"], cwd=machine.work, env=env)
    try:
        smoke = pipeline.job("deploy.try-production").run
        asked = smoke.replace("https://demand.example.org", f"http://127.0.0.1:{port}")
        assert asked != smoke
        done = machine.run(asked)
        assert done.code == 0, done.out + done.err
        lame = asked.replace("ok=true", "ok=false").replace("--within 300", "--within 0")
        assert machine.run(lame).code == 1
    finally:
        service.terminate()
        service.wait(30)


def test_gates_hold_the_model_and_the_data(machine: Machine, pipeline: Pipeline) -> None:
    for job, metrics, worse in (
        ("test.quality", "metrics.json", {"r2": 0.5, "mae": 20}),
        ("monitor.watch", "drift.json", {"psi": 0.4}),
    ):
        gate = pipeline.job(job).gate
        assert gate is not None
        for maker in ("data.fetch", "train.fit", "monitor.drift"):
            assert machine.run(pipeline.job(maker).run).code == 0
        assert machine.run(ci_py.gate(gate)).code == 0
        (machine.work / metrics).write_text(json.dumps(worse))
        assert machine.run(ci_py.gate(gate)).code == 1


def test_what_runs_when(pipeline: Pipeline) -> None:
    """The train of README: staging on main, production on tags, the hour, and the program outside."""

    def runs(kind: str) -> set[str]:
        return {job.id for job in pipeline.jobs if job.condition.on(kind) is not False}

    production = {"deploy.production", "deploy.try-production", "deploy.champion", "deploy.notes"}
    made = {"data.fetch", "train.fit", "test.unit", "test.quality", "test.register", "image.api"}
    assert runs("tag") == made | production
    assert runs("push") == runs("api") == made | {"deploy.staging", "deploy.try-staging"}
    assert runs("pull_request") == made - {"test.register"}
    assert runs("schedule") == {"monitor.drift", "monitor.watch"}
    waiting = {job.id for job in pipeline.jobs if job.approval}
    assert waiting == {"deploy.production"}
    assert [name for name, _ in pipeline.triggers.api] == ["retrain"]
