"""Small repositories of many kinds, as {path: text}."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

TEST = "def test_one():\n    assert True\n"
UNITTEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_one(self): ...\n"
MANIFEST = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

DVC = """\
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py, data/raw.csv]
    outs: [data/clean.csv]
  train:
    cmd: python train.py
    deps: [train.py, data/clean.csv]
    params: [lr]
    outs:
      - model.pkl: {cache: false}
    metrics:
      - metrics.json: {cache: false}
    plots: [plots/]
"""

PROJECTS: dict[str, dict[str, str]] = {
    "empty": {},
    "scripts": {"main.py": "print(1)\n"},
    "requirements": {
        "requirements.txt": "numpy==2.1\npytest\n",
        "runtime.txt": "python-3.10.13\n",
        "train.py": "open('model.pkl', 'w'); open('metrics.json', 'w')\n",
        "model.pkl": "x",
        "metrics.json": '{"loss": 0.25, "epochs": 10}',
        "tests/test_train.py": TEST,
    },
    "requirements-in-many": {
        "requirements/base.txt": "numpy\n",
        "requirements/test.txt": "-r base.txt\npytest-cov\npytest>=8\n",
        ".python-version": "3.11.4\n",
        "wine/__init__.py": "",
        "wine/train.py": "",
        "tests/test_train.py": TEST,
        "ruff.toml": "line-length = 100\n",
    },
    "pyproject": {
        "pyproject.toml": """\
[project]
name = "Wine_Quality"
requires-python = ">=3.9,<3.12"
dependencies = ["numpy"]
[project.optional-dependencies]
docs = ["sphinx"]
test = ["pytest>=8", "pytest-cov"]
lint = ["ruff"]
[build-system]
requires = ["hatchling"]
[tool.ruff]
[tool.pytest.ini_options]
""",
        "src/wine/__init__.py": "",
        "src/wine/train.py": "",
        "tests/test_wine.py": TEST,
    },
    "dependency-groups": {
        "pyproject.toml": '[project]\nname = "wine"\n[dependency-groups]\ndev = ["pytest", "ruff"]\n[tool.ruff]\n',
        "tests/test_wine.py": TEST,
    },
    "setup-cfg": {
        "setup.cfg": """\
[metadata]
name = old-wine
[options]
python_requires = >= 3.8, < 3.11
install_requires =
    numpy
[options.extras_require]
dev =
    pytest
[tool:pytest]
testpaths = tests
""",
        "setup.py": "from setuptools import setup\nsetup()\n",
        "tests/test_wine.py": TEST,
    },
    "uv": {
        "pyproject.toml": """\
[project]
name = "wine"
requires-python = ">=3.13"
dependencies = ["numpy"]
[dependency-groups]
dev = ["ruff"]
test = ["pytest"]
[tool.ruff]
""",
        "uv.lock": "version = 1\n",
        "train.py": "",
        "tests/test_wine.py": TEST,
    },
    "poetry": {
        "pyproject.toml": """\
[tool.poetry]
name = "wine"
[tool.poetry.dependencies]
python = "^3.10"
numpy = "*"
[tool.poetry.group.test]
optional = true
[tool.poetry.group.test.dependencies]
pytest = "*"
""",
        "poetry.lock": "",
        "wine.py": "",
        "test_wine.py": TEST,
    },
    "pipenv": {
        "Pipfile": '[packages]\nnumpy = "*"\n[dev-packages]\npytest = "*"\n[requires]\npython_version = "3.11"\n',
        "Pipfile.lock": "{}",
        "tests/test_wine.py": TEST,
    },
    "pdm": {
        "pyproject.toml": '[project]\nname = "wine"\n[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n',
        "pdm.lock": "",
        "tests/test_wine.py": TEST,
    },
    "conda": {
        "environment.yml": "name: wine\ndependencies:\n  - python=3.10\n  - numpy\n  - pytest\n  - pip: [mlflow]\n",
        "train.py": "",
        "tests/test_wine.py": TEST,
    },
    "dvc": {"dvc.yaml": DVC, "requirements.txt": "dvc[s3]\n", "params.yaml": "lr: 1\n", "train.py": ""},
    "dvc-templates": {"dvc.yaml": "stages:\n  fit:\n    foreach: [a, b]\n    do: {cmd: 'python fit.py ${item}'}\n"},
    "dvc-kept": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data/raw.csv]\n    outs: [m.pkl]\n",
        "data/raw.csv.dvc": "outs: []\n",
        "uv.lock": "",
        "pyproject.toml": "[project]\nname = 'wine'\ndependencies = ['dvc-s3']\n",
    },
    "dvc-unusable": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    outs: ['../m.pkl']\n",
        "data.dvc": "outs: []\n",
    },
    "mlproject-with-steps": {
        "MLproject": "entry_points:\n  load: {command: python load.py}\n  main: {command: python main.py}\n",
        "requirements.txt": "mlflow-skinny\n",
    },
    "mlproject": {
        "MLproject": "name: Wine Quality\nentry_points:\n  main:\n    command: python train.py\n",
        "requirements.txt": "mlflow\n",
        "train.py": "",
    },
    "unittest": {"tests/test_wine.py": UNITTEST, "wine.py": ""},
    "notebooks": {"notebooks/explore.ipynb": NOTEBOOK, "requirements.txt": "jupyter\n"},
    "kubernetes": {
        "Dockerfile": "FROM python:3.9-slim\n",
        "k8s/api.yaml": MANIFEST,
        "app.py": "",
        "tests/test_app.py": TEST,
    },
    "kubernetes-with-an-image": {
        "Dockerfile": "FROM python:3.11-slim\n",
        "k8s/api.yaml": MANIFEST.replace(
            "api}",
            "api}\nspec:\n  template:\n    spec:\n      containers:\n"
            "        - image: registry.example.org:5000/ml/api:1.2",
        ),
        "uv.lock": "",
        "pyproject.toml": "[project]\nname = 'wine'\n",
        "MLproject": "entry_points:\n  main: {command: python train.py}\n",
    },
    "helm": {
        "charts/wine/Chart.yaml": "apiVersion: v2\nname: wine\n",
        "charts/wine/templates/api.yaml": MANIFEST,
        "app.py": "",
    },
    "odd-names": {
        "tests/test it's.py": TEST,
        "tests/test_ok.py": TEST,
        "-rf/train.py": "",
        "a b/fit.py": "",
        "k8s $(id)/x.yaml": MANIFEST,
        "nb'#: .ipynb": NOTEBOOK,
    },
}


def make(root: Path, files: dict[str, str], remote: str = "") -> Path:
    """Write a project; with a remote, into a git repository."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    if remote:
        for words in (["init", "-q", "-b", "main"], ["remote", "add", "origin", remote]):
            subprocess.run(["git", "-C", root, *words], check=True)
    return root
