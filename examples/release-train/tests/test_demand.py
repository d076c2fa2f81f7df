"""The model, its training and its service."""

import json
import threading
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from demand import data, drift, model, train


def test_the_weights_of_a_line_are_found() -> None:
    rows = [{"warm": w, "weekend": w % 2, "rain": (w * 7) % 5, "hires": 3 + 2 * w - 4 * (w % 2)} for w in range(40)]
    assert model.fit(rows, ridge=0.0) == pytest.approx([3, 2, -4, 0], abs=1e-6)


def test_training_writes_a_good_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.json").write_text('{"ridge": 0.1, "test_days": 120}')
    data.main("data/hires.csv")
    train.main()
    metrics = json.loads(Path("metrics.json").read_text())
    assert metrics["r2"] > 0.9
    weights = model.load("models/demand.json")
    assert model.predict(weights, {"warm": 20, "weekend": 0, "rain": 0}) == pytest.approx(1000, abs=60)


def test_drift_is_small_between_like_years_and_large_when_it_gets_warmer() -> None:
    def warm(shift: float) -> list[float]:
        return [row["warm"] for row in data.rows(365, seed=9, shift=shift)]

    reference = [row["warm"] for row in data.rows(730, seed=7)]
    assert drift.psi(reference, warm(0)) < 0.2 < drift.psi(reference, warm(8))


def test_the_service_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.json"
    model.save(str(path), [400, 30, -120, -25])
    monkeypatch.setenv("MODEL", str(path))
    from demand.serve import Handler

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{base}/health") as answer:
            assert json.load(answer) == {"ok": True}
        day = json.dumps({"warm": 10, "weekend": 1, "rain": 2}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{base}/predict", day)) as answer:
            assert json.load(answer) == {"hires": 530}
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(f"{base}/predict", b"[]"))
        server.shutdown()
