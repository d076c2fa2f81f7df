from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from wine import fetch, train

PARAMS = Path(__file__).parents[1] / "params.yaml"


@pytest.fixture
def ready(project: Path) -> Path:
    """A project folder with its data and settings."""
    fetch.main()
    shutil.copy(PARAMS, project)
    return project


def metrics_after(project: Path, epochs: int) -> dict[str, float]:
    assert train.main(["--epochs", str(epochs)]) == 0
    metrics: dict[str, float] = json.loads((project / "metrics.json").read_text())
    return metrics


def test_the_default_model_is_good(ready: Path) -> None:
    assert train.main([]) == 0
    metrics = json.loads((ready / "metrics.json").read_text())
    assert metrics["accuracy"] >= 0.95
    assert metrics["f1"] >= 0.95
    assert metrics["test"]["log_loss"] < 0.2


def test_more_epochs_make_a_better_model(ready: Path) -> None:
    assert metrics_after(ready, 1)["accuracy"] < 0.9 < metrics_after(ready, 10)["accuracy"]


def test_the_same_input_gives_the_same_bytes(ready: Path) -> None:
    names = ("models/model.pkl", "metrics.json")
    train.main(["--epochs", "2"])
    first = [(ready / name).read_bytes() for name in names]
    train.main(["--epochs", "2"])
    assert [(ready / name).read_bytes() for name in names] == first


def test_the_seed_matters(ready: Path) -> None:
    train.main(["--epochs", "1"])
    first = (ready / "models/model.pkl").read_bytes()
    settings = ready / "params.yaml"
    settings.write_text(settings.read_text().replace("seed: 6", "seed: 5"))
    train.main(["--epochs", "1"])
    assert (ready / "models/model.pkl").read_bytes() != first


def test_the_saved_model_predicts(ready: Path) -> None:
    train.main([])
    model = pickle.loads((ready / "models/model.pkl").read_bytes())
    features, classes = train.load_data(ready / "data/wine.csv")
    assert features.shape == (178, 13)
    assert model.score(features, classes) >= 0.95


@pytest.mark.parametrize("epochs", ["0", "-1", "many", ""])
def test_epochs_must_be_a_positive_number(epochs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main([f"--epochs={epochs}"])
    assert "--epochs" in capsys.readouterr().err


def test_missing_data_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([]) == 1
    assert "data/wine.csv is missing" in capsys.readouterr().err


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    settings = tmp_path / "params.yaml"
    settings.write_text(PARAMS.read_text() + "sede: 1\n")
    with pytest.raises(TypeError, match="sede"):
        train.load_params(settings)
