"""`.mlgen/registry.py` against a real MLflow server."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from .conftest import Result

Call = Callable[..., Result]


class Pipeline:
    """A project with a model of its own on the server, and runs of its pipeline."""

    def __init__(self, call: Call, server: str) -> None:
        self.call, self.server, self.name = call, server, f"wine-{uuid.uuid4().hex[:8]}"
        self.client = MlflowClient(server, server)

    def env(self, commit: str, run: int, **more: str) -> dict[str, str]:
        env = {"MLFLOW_TRACKING_URI": self.server, "MLFLOW_EXPERIMENT_NAME": self.name, "MLGEN_COMMIT": commit}
        return {**env, "MLGEN_TARGET": "ci", "MLGEN_RUN_ID": str(run), **more}

    def register(self, content: str, commit: str = "aaa", run: int = 1, *more: str) -> Result:
        Path("model.bin").write_text(content)
        args = ["register", self.name, "--path", "model.bin", "--alias", "challenger", *more]
        return self.call(*args, **self.env(commit, run))

    def promote(self, commit: str = "aaa", run: int = 1, **more: str) -> Result:
        args = ["promote", self.name, "--from", "challenger", "--to", "champion"]
        return self.call(*args, **self.env(commit, run, **more))

    @property
    def aliases(self) -> dict[str, str]:
        return {name: str(version) for name, version in self.client.get_registered_model(self.name).aliases.items()}

    @property
    def versions(self) -> list[Any]:
        found = self.client.search_model_versions(f"name='{self.name}'")
        return sorted(found, key=lambda version: int(version.version))


@pytest.fixture
def wine(call: Call, mlflow_server: str) -> Pipeline:
    return Pipeline(call, mlflow_server)


def test_a_model_is_recorded_with_its_metrics_and_parameters(wine: Pipeline, tmp_path: Path) -> None:
    Path("metrics.json").write_text('{"test": {"accuracy": 0.93, "ok": true}, "loss": NaN, "n": 3, "name": "x"}')
    Path("params.yaml").write_text("lr: 0.1\nnet: {layers: [1, 2]}\nkind: big\n")
    wine.register("weights", "abc", 1, "--metrics", "metrics.json", "--params", "params.yaml").passed("version 1")
    (version,) = wine.versions
    run = wine.client.get_run(version.run_id)
    assert run.data.metrics == {"test.accuracy": 0.93, "n": 3.0}
    assert run.data.params == {"lr": "0.1", "net.layers": "[1, 2]", "kind": "big"}
    assert run.data.tags["mlflow.source.git.commit"] == "abc"
    assert run.info.status == "FINISHED"
    assert wine.client.get_experiment(run.info.experiment_id).name == wine.name
    got = wine.client.download_artifacts(version.run_id, "model/model.bin", str(tmp_path))
    assert Path(got).read_text() == "weights"
    assert version.source == f"{run.info.artifact_uri}/model"
    assert wine.aliases == {"challenger": "1"}
    assert version.current_stage in (None, "None")


def test_the_same_model_of_the_same_commit_is_one_version(wine: Pipeline) -> None:
    wine.register("a", "c1").passed("version 1 is the challenger")
    wine.register("a", "c1").passed("version 1, registered before,")
    wine.register("a", "c2").passed("version 2")
    wine.register("b", "c2").passed("version 3")  # trained again at the same commit
    assert [version.version for version in wine.versions] == [1, 2, 3] or len(wine.versions) == 3
    assert len(wine.client.search_runs([wine.client.get_experiment_by_name(wine.name).experiment_id])) == 3


def test_a_folder_is_one_model(wine: Pipeline) -> None:
    folder = Path("model")
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "deep/b").write_text("2")
    args = ["register", wine.name, "--path", "model", "--alias", "challenger"]
    wine.call(*args, **wine.env("c", 1)).passed("version 1")
    wine.call(*args, **wine.env("c", 2)).passed("version 1, registered before,")
    (folder / "deep/b").rename(folder / "b")
    wine.call(*args, **wine.env("c", 3)).passed("version 2")
    files = [entry.path for entry in wine.client.list_artifacts(wine.versions[0].run_id, "model")]
    assert files == ["model/a", "model/deep"]


def test_the_champion_changes_and_the_one_before_stays_reachable(wine: Pipeline) -> None:
    wine.register("a", "c1", 1)
    wine.promote("c1", 1).passed("version 1 is the champion")
    assert wine.aliases == {"challenger": "1", "champion": "1"}
    wine.register("b", "c2", 2)
    wine.promote("c2", 2).passed("version 2 is the champion; version 1 is the previous")
    wine.promote("c2", 2).passed("already")
    assert wine.aliases == {"challenger": "2", "champion": "2", "previous": "1"}


def test_a_run_promotes_what_it_registered_and_else_the_challenger(wine: Pipeline) -> None:
    wine.register("a", "c1", 1)
    wine.register("b", "c2", 2)  # while run 1 waits for its approval
    wine.promote("c1", 1).passed("version 1 is the champion")
    wine.promote("c3", 3).passed("version 2 is the champion")


def test_an_older_version_goes_over_a_newer_one_only_as_a_rollback(wine: Pipeline) -> None:
    wine.register("a", "c1", 1)
    wine.register("b", "c2", 2)
    wine.promote("c2", 2).passed()
    wine.promote("c1", 1).failed("version 2", "is newer than version 1", "rollback")
    assert wine.aliases["champion"] == "2"
    wine.promote("c1", 1, MLGEN_INPUT_ROLLBACK="true").passed("version 1 is the champion; version 2 is the previous")


def test_nothing_to_promote_is_a_failure(wine: Pipeline) -> None:
    wine.promote().failed("there is no registered model")
    wine.client.create_registered_model(wine.name)
    wine.promote().failed("has no challenger")


def test_what_cannot_be_recorded_leaves_nothing_behind(wine: Pipeline) -> None:
    wine.call("register", wine.name, "--path", "no.bin", "--alias", "a", **wine.env("c", 1)).failed("no.bin", code=2)
    Path("metrics.json").write_text("[1]")
    wine.register("a", "c", 1, "--metrics", "metrics.json").failed("metrics.json: not a mapping", code=2)
    wine.register("a", "c", 1, "--params", "no.yaml").failed("no.yaml")
    assert wine.versions == []
    assert wine.client.get_experiment_by_name(wine.name) is None


def test_a_flavor_can_be_loaded_and_serves(wine: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib
    import mlflow
    import numpy
    from sklearn.linear_model import LogisticRegression

    joblib.dump(LogisticRegression().fit(numpy.array([[0.0], [1.0]]), [0, 1]), "model.pkl")
    args = ["register", wine.name, "--path", "model.pkl", "--alias", "champion", "--flavor", "sklearn"]
    wine.call(*args, **wine.env("c", 1)).passed("version 1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", wine.server)
    model = mlflow.pyfunc.load_model(f"models:/{wine.name}@champion")
    assert list(model.predict(numpy.array([[-5.0], [5.0]]))) == [0, 1]


def test_parameters_of_every_format(registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(json.dumps({"a": {"b": 1}, "long": "x" * 9000}))
    found = registry.parameters_in("p.json")
    assert (found["a.b"], len(found["long"])) == ("1", 6000)
    Path("p.yml").write_text("a: 2020-01-01\nb: null\n")
    assert registry.parameters_in("p.yml") == {"a": '"2020-01-01"', "b": "null"}
    if sys.version_info >= (3, 11):
        Path("p.toml").write_text("[a]\nb = true\n")
        assert registry.parameters_in("p.toml") == {"a.b": "true"}
    Path("bad.json").write_text("{")
    with pytest.raises(registry.Failure, match=r"bad.json: cannot be read"):
        registry.parameters_in("bad.json")


def test_a_registry_that_cannot_be_reached_is_a_failure(call: Call) -> None:
    env = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    call("promote", "wine", "--from", "challenger", "--to", "champion", **env).failed("127.0.0.1")


def test_without_mlflow_the_message_says_what_to_do(registry_py: Path, tmp_path: Path) -> None:
    args = ["promote", "wine", "--from", "challenger", "--to", "champion"]
    command = [sys.executable, "-I", "-S", str(registry_py), *args]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mlgen: the package mlflow is missing in ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [[], ["promote"], ["register", "x", "--path", "y"], ["nosuch"]])
def test_wrong_usage_is_one_line(call: Call, args: list[str]) -> None:
    call(*args).failed("--help", code=2)
