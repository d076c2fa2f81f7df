"""An MLproject's entry points as jobs."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlgen.diagnostics import Position
from mlgen.spec.imports.files import Files
from mlgen.spec.imports.mlproject import Outer, entry_points


def _read(root: Path, text: str, spec: dict[str, Any] | None = None, **files: str) -> tuple[dict[str, Any], Files]:
    (root / "MLproject").write_text(text, "utf-8")
    for name, content in files.items():
        (root / name.replace("_yaml", ".yaml")).write_text(content, "utf-8")
    found = Files(str(root))
    jobs = entry_points(found, "MLproject", Position("mlgen.yaml", 1, 1), Outer(spec or {}))
    return {job.name: job.job for job in jobs}, found


def test_parameters_have_their_defaults(tmp_path: Path) -> None:
    text = """\
name: tutorial
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.50}
      name: {default: "it's $HOME"}
      flag: {default: true}
      path: {type: path, default: data/x.csv}
    command: "python train.py {alpha} --name {name} {flag} {path} {{x}}"
  check: {command: "python check.py"}
"""
    jobs, files = _read(tmp_path, text)
    assert files.faults == []
    assert jobs["main"]["run"] == ["python train.py 0.50 --name 'it'\"'\"'s $HOME' True data/x.csv {x}"]
    assert jobs["check"] == {"run": ["python check.py"]}


INPUTS = {"triggers": {"manual": {"inputs": {"epochs": {}}}, "api": {"retrain": {"inputs": {"l1_ratio": {}}}}}}


def test_a_parameter_takes_the_input_of_its_name(tmp_path: Path) -> None:
    text = """\
entry_points:
  main:
    parameters: {epochs: int, l1-ratio: {default: 1}}
    command: python train.py {epochs} "{epochs}" '{epochs} {l1-ratio}' "it's {epochs}"
"""
    jobs, files = _read(tmp_path, text, INPUTS)
    assert files.faults == []
    command = jobs["main"]["run"][0].replace("python train.py", "printf '%s,'")
    env = {"MLGEN_INPUT_EPOCHS": "1 $(2)", "MLGEN_INPUT_L1_RATIO": "'3'"}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "1 $(2),1 $(2),1 $(2) '3',it's 1 $(2),"


@pytest.mark.parametrize("value", ["plain", "a b", "it's", '"q"', "$HOME", "`id`", "\\", "a\\$b", "*", "'"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_default_is_itself_whatever_quotes_it_stands_in(tmp_path: Path, value: str, quote: str) -> None:
    import json

    command = json.dumps(f"printf '%s' {quote}{{x}}{quote}")
    text = f"entry_points: {{main: {{parameters: {{x: {{default: {json.dumps(value)}}}}}, command: {command}}}}}\n"
    jobs, files = _read(tmp_path, text)
    assert files.faults == []
    done = subprocess.run(["bash", "-c", jobs["main"]["run"][0]], capture_output=True, text=True, check=True)
    assert done.stdout == value


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml/MLproject").write_text("entry_points: {main: {command: python x.py}}\n")
    files = Files(str(tmp_path))
    jobs = entry_points(files, "ml/MLproject", Position("mlgen.yaml", 1, 1), Outer({}))
    assert jobs[0].job["run"] == ["cd ml", "python x.py"]


def test_docker_env_is_the_image_and_its_variables(tmp_path: Path) -> None:
    text = """\
docker_env:
  image: wine:1
  environment: [[MODE, "fast"], TOKEN]
entry_points: {main: {command: ./x}}
"""
    jobs, files = _read(tmp_path, text, {"secrets": {"TOKEN": {}}})
    assert files.faults == []
    assert jobs["main"] == {"run": ["./x"], "image": "wine:1", "env": {"MODE": "fast"}, "secrets": ["TOKEN"]}


PYTHON = 'python: "3.10.9"\nbuild_dependencies: [pip==23.0]\ndependencies: [-r requirements.txt, "numpy>=1,<2"]\n'


def test_python_env_is_the_runtime(tmp_path: Path) -> None:
    text = "python_env: python_env.yaml\nentry_points: {main: {command: ./x}}\n"
    jobs, files = _read(tmp_path, text, python_env_yaml=PYTHON)
    setup = ["python -m pip install pip==23.0", "python -m pip install -r requirements.txt 'numpy>=1,<2'"]
    assert jobs["main"] == {"run": ["./x"], "runtime": {"python": "3.10.9", "setup": setup}}
    assert (files.used, files.faults) == ({"python_env.yaml"}, [])


def test_python_env_of_a_folder_is_installed_from_there(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml/MLproject").write_text("python_env: e.yaml\nentry_points: {main: {command: ./x}}\n")
    (tmp_path / "ml/e.yaml").write_text("dependencies: [-r requirements.txt]\n")
    found = entry_points(Files(str(tmp_path)), "ml/MLproject", Position("mlgen.yaml", 1, 1), Outer({}))
    assert found[0].job["runtime"] == {"setup": ["(cd ml && python -m pip install -r requirements.txt)"]}


def test_a_conda_environment_is_said_to_be_left_out(tmp_path: Path) -> None:
    text = "conda_env: conda.yaml\nentry_points: {main: {command: ./x}}\n"
    _, files = _read(tmp_path, text, conda_yaml="dependencies: [python=3.8]\n")
    assert [(d.severity, d.code) for d in files.faults] == [("warning", "MLG123")]
    _, files = _read(tmp_path, text, {"runtime": {"setup": "conda env update"}}, conda_yaml="dependencies: []\n")
    assert files.faults == [], "the spec prepares its jobs itself"
