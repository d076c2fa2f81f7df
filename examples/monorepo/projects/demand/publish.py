"""Publish the forecast of the next days, here into a folder."""

from __future__ import annotations

import json
from pathlib import Path

from mlkit import write_json
from train import forecast

if __name__ == "__main__":
    model = json.loads(Path("model.json").read_text(encoding="utf-8"))
    Path("deployed").mkdir(exist_ok=True)
    write_json("deployed/forecast.json", [round(forecast(model, day)) for day in range(420, 427)])
    print("demand: published the forecast of a week")
