"""A large pipeline of a usual shape, for limits and growth: many data sets, each with its models and their tests."""

from __future__ import annotations

from typing import Any

PER_SET = 9
"""Jobs of one data set: fetched and checked, features, three models, a report, and two tests."""
SHARED = 6
"""The jobs beside: lint, unit tests, a gate, two deployments, and a monitor."""


def spec(count: int, targets: dict[str, Any] | None = None) -> dict[str, Any]:
    """A spec of `count` jobs (15 at least), of which almost all have an image, files, a secret, a timeout and so on."""
    sets = (count - SHARED) // PER_SET
    stages: dict[str, dict[str, Any]] = {
        "data": {},
        "features": {},
        "train": {},
        "test": {},
        "deploy": {},
        "monitor": {},
    }
    for index in range(sets):
        _set(stages, f"set{index:02}", index)
    stages["test"]["unit"] = {
        "run": "pytest --junitxml=reports/unit.xml", "needs": [], "timeout": "20m",
        "reports": {"junit": "reports/unit.xml", "coverage": {"format": "cobertura", "path": "reports/coverage.xml"}},
    }  # fmt: skip
    for extra in range(count - SHARED - sets * PER_SET):
        stages["test"][f"lint-{extra}"] = {"run": f"ruff check part{extra}", "needs": [], "allow_failure": True}
    stages["test"]["lint"] = {"run": "ruff check .", "needs": [], "allow_failure": True, "retry": 1}
    stages["test"]["quality"] = {"gate": "quality"}
    deploy = {"deps": ["models/set00-small.pkl"], "secrets": ["KUBECONFIG"], "timeout": "30m"}
    stages["deploy"]["staging"] = {"run": "python -m release staging", "environment": "staging", **deploy}
    stages["deploy"]["production"] = {
        "run": "python -m release production", "environment": "production", "needs": ["staging"], **deploy,
    }  # fmt: skip
    stages["monitor"]["drift"] = {
        "run": "python -m wine.drift",
        "needs": [],
        "metrics": ["drift.json"],
        "timeout": "1h",
    }
    return {
        "version": 1,
        "project": {"name": "large", "repository": "github.com/example/large"},
        "targets": targets or {"jenkins": {}},
        "runtime": {
            "python": "3.11", "setup": ["pip install -r requirements.txt"],
            "cache": {"paths": ["~/.cache/pip"], "key": ["requirements.txt"]},
        },
        "secrets": {"DATA_TOKEN": {}, "TRACKING_TOKEN": {}, "KUBECONFIG": {}},
        "env": {"PYTHONHASHSEED": "0"},
        "concurrency": {"cancel": ["pull_request"]},
        "triggers": {
            "push": {"branches": ["main", "release/**"]}, "pull_request": {"branches": ["main"]}, "tag": ["v*"],
            "schedule": [
                {"name": "weekly", "cron": "17 3 * * 1", "stages": ["data", "features", "train", "test"]},
                {"name": "hourly", "cron": "5 * * * *", "stages": ["monitor"]},
            ],
            "manual": {"inputs": {"epochs": {"type": "integer", "default": 10}}},
        },
        "stages": stages,
        "gates": {"quality": {"metrics": "metrics/set00-small.json", "require": ["accuracy >= 0.9"]}},
        "environments": {
            "staging": {}, "production": {"approval": {"by": ["ml-leads"]}, "branches": ["main"], "tags": ["v*"]},
        },
    }  # fmt: skip


def _set(stages: dict[str, dict[str, Any]], name: str, index: int) -> None:
    stages["data"][f"{name}-fetch"] = {
        "run": f"python -m data.fetch {name}", "outs": [f"data/{name}.csv"], "secrets": ["DATA_TOKEN"], "retry": 2,
        "timeout": "20m",
    }  # fmt: skip
    stages["data"][f"{name}-check"] = {
        "run": f"python -m data.check {name} --junit reports/{name}.xml", "deps": [f"data/{name}.csv"],
        "timeout": "10m", "reports": {"junit": f"reports/{name}.xml"}, "finally": f'echo "{name}: $MLGEN_RESULT"',
    }  # fmt: skip
    stages["features"][f"{name}-features"] = {
        "run": f"python -m features.build {name}\npython -m features.describe {name} >features/{name}.md",
        "deps": [f"data/{name}.csv"], "needs": [f"{name}-check"],
        "outs": [f"features/{name}.parquet", f"features/{name}.md"],
        "timeout": "40m",
    }  # fmt: skip
    for size, image in (("small", "python:3.11-slim"), ("large", "nvcr.io/nvidia/pytorch:24.05-py3")):
        stages["train"][f"{name}-{size}"] = {
            "run": f'python -m train {name} --size {size} --epochs "$MLGEN_INPUT_EPOCHS"', "image": image,
            "deps": [f"features/{name}.parquet"], "outs": [f"models/{name}-{size}.pkl"],
            "metrics": [f"metrics/{name}-{size}.json"], "secrets": ["TRACKING_TOKEN"], "timeout": "2h", "retry": 1,
            "env": {"MODEL_SIZE": size},
        }  # fmt: skip
    stages["train"][f"{name}-sweep"] = {
        "run": f'python -m sweep {name} --seed "$seed" --out "sweep/{name}/$seed.json"',
        "deps": [f"features/{name}.parquet"], "matrix": {"seed": [1, 2, 3], "max_parallel": 2},
        "outs": [f"sweep/{name}/${{matrix.seed}}.json"], "timeout": "1h", "secrets": ["TRACKING_TOKEN"],
    }  # fmt: skip
    if index % 3 == 2:
        stages["train"][f"{name}-sweep"]["when"] = {"event": ["schedule", "manual"]}
    stages["test"][f"{name}-report"] = {
        "run": f"python -m report {name} >reports/{name}.md", "deps": [f"sweep/{name}/"], "timeout": "15m",
        "outs": [f"reports/{name}.md"], "reports": {"summary": f"reports/{name}.md"},
    }  # fmt: skip
    for kind in ("behaviour", "speed"):
        stages["test"][f"{name}-{kind}"] = {
            "run": f"pytest tests/{kind} --data {name} --junitxml=reports/{name}-{kind}.xml",
            "deps": [f"models/{name}-small.pkl"], "reports": {"junit": f"reports/{name}-{kind}.xml"}, "timeout": "30m",
            "allow_failure": kind == "speed", "needs": [f"{name}-small", f"{name}-large"],
        }  # fmt: skip
