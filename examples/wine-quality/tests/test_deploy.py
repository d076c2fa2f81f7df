from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from wine import deploy

TOKEN = "not-to-be-seen"


@pytest.fixture
def model(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model file in an otherwise empty project, and no settings but the tests' own."""
    for name in ("DEPLOY_TOKEN", "DEPLOY_ROOT", "MLGEN_COMMIT"):
        monkeypatch.delenv(name, raising=False)
    path = project / "models/model.pkl"
    path.parent.mkdir()
    path.write_bytes(b"a model")
    return path


def test_installs_the_model_with_a_receipt(model: Path) -> None:
    folder = deploy.deploy("staging", model, {"DEPLOY_TOKEN": TOKEN, "MLGEN_COMMIT": "c0ffee"})
    assert folder == Path("deployments/staging")
    assert (folder / "model.pkl").read_bytes() == b"a model"
    assert json.loads((folder / "receipt.json").read_text()) == {
        "environment": "staging",
        "commit": "c0ffee",
        "model": "model.pkl",
        "sha256": hashlib.sha256(b"a model").hexdigest(),
    }


def test_deploys_to_the_root_that_is_set(model: Path, tmp_path: Path) -> None:
    root = tmp_path / "elsewhere"
    folder = deploy.deploy("production", model, {"DEPLOY_TOKEN": TOKEN, "DEPLOY_ROOT": str(root)})
    assert folder == root / "production"
    assert sorted(path.name for path in folder.iterdir()) == ["model.pkl", "receipt.json"]
    assert json.loads((folder / "receipt.json").read_text())["commit"] is None


def test_a_second_deployment_replaces_the_first(model: Path) -> None:
    deploy.deploy("staging", model, {"DEPLOY_TOKEN": TOKEN})
    model.write_bytes(b"a better model")
    folder = deploy.deploy("staging", model, {"DEPLOY_TOKEN": TOKEN})
    receipt = json.loads((folder / "receipt.json").read_text())
    assert receipt["sha256"] == hashlib.sha256((folder / "model.pkl").read_bytes()).hexdigest()


@pytest.mark.parametrize("token", [None, "", " "])
def test_refuses_without_a_token(model: Path, token: str | None) -> None:
    variables = {} if token is None else {"DEPLOY_TOKEN": token}
    with pytest.raises(deploy.DeployError, match="DEPLOY_TOKEN is not set"):
        deploy.deploy("staging", model, variables)
    assert not Path("deployments").exists()


def test_main_never_shows_or_stores_the_token(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", TOKEN)
    assert deploy.main(["staging"]) == 0
    shown = capsys.readouterr()
    assert TOKEN not in shown.out + shown.err
    assert TOKEN not in Path("deployments/staging/receipt.json").read_text()


def test_main_says_why_it_refuses(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["staging"]) == 1
    assert capsys.readouterr().err == "error: DEPLOY_TOKEN is not set; nothing is deployed without it\n"


def test_needs_a_model(model: Path) -> None:
    model.unlink()
    with pytest.raises(deploy.DeployError, match=r"models/model\.pkl is missing"):
        deploy.deploy("staging", Path("models/model.pkl"), {"DEPLOY_TOKEN": TOKEN})


def test_knows_its_environments_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy.main(["../staging"])
    assert "invalid choice" in capsys.readouterr().err
