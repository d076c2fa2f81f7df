"""dvc.yaml as jobs: held against what DVC itself makes of the same files (`record.py`)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlgen.diagnostics import Position
from mlgen.spec.imports import dvc
from mlgen.spec.imports.files import Files, Imported

CASES = sorted(Path(__file__).with_name("dvc").iterdir())


def _read(root: Path, path: str = "dvc.yaml") -> tuple[dict[str, Imported], Files]:
    files = Files(str(root))
    found = dvc.stages(files, path, Position("mlgen.yaml", 1, 1))
    return {job.said: job for job in found}, files


def _paths(items: Any, folder: str, key: str) -> list[str]:
    names = [
        name
        for item in items or []
        for name in (list(item) if isinstance(item, dict) else ["params.yaml"] if key == "params" else [item])
    ]
    return list(dict.fromkeys(os.path.normpath(os.path.join(folder, str(name))) for name in names))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_the_stages_are_those_of_dvc(case: Path) -> None:
    found, files = _read(case)
    assert files.faults == []
    expected = json.loads((case / "resolved.json").read_text("utf-8"))
    assert list(found) == list(expected)
    for name, stage in expected.items():
        job, folder = found[name].job, stage.get("wdir", ".")
        commands = stage["cmd"] if isinstance(stage["cmd"], list) else stage["cmd"].splitlines()
        assert job["run"] == [*([] if folder == "." else [f"cd {folder}"]), *commands], name
        for key in ("deps", "params", "outs", "metrics", "plots"):
            assert job.get(key, []) == _paths(stage.get(key), folder, key)


def _project(root: Path, text: str, **others: str) -> tuple[dict[str, Imported], Files]:
    (root / "dvc.yaml").write_text(text, "utf-8")
    for name, content in others.items():
        (root / name.replace("_", ".")).write_text(content, "utf-8")
    return _read(root)


def test_files_that_no_template_asks_for_are_no_inputs(tmp_path: Path) -> None:
    text = "vars: [{x: 1}]\nstages: {a: {cmd: 'echo ${x}', params: [p]}}\n"
    _, files = _project(tmp_path, text, params_yaml="p: 1\n")
    assert files.used == set()
    _, files = _project(tmp_path, "stages: {a: {cmd: 'echo ${p}'}}\n", params_yaml="p: 1\n")
    assert files.used == {"params.yaml"}
    _, files = _project(tmp_path, "stages: {a: {cmd: echo}}\n", params_yaml="{broken\n")
    assert files.used == set() and files.faults == [], "a file that nothing asks for is not read"


def test_each_command_that_could_change_the_shell_is_one_of_its_own(tmp_path: Path) -> None:
    """DVC runs each line of a text, and each item of a list, in a shell of its own."""
    text = "stages: {a: {cmd: ['cd x', 'A=1', 'export B=2 && echo', 'python cd.py', 'x | (cd y)', 'cd z']}}\n"
    found, _ = _project(tmp_path, text)
    wrapped = [f"(\n{line}\n)" for line in ("cd x", "A=1", "export B=2 && echo")]
    assert found["a"].job["run"] == [*wrapped, "python cd.py", "(\nx | (cd y)\n)", "cd z"]


def test_outputs_that_the_file_lists_as_metrics_are_metrics(tmp_path: Path) -> None:
    text = """\
stages:
  a: {cmd: a, outs: [m.pkl, scores.json, curve.csv, last.txt]}
metrics: [scores.json, nobody.json]
plots: [curve.csv: {x: a}, "by hand": {y: {curve.csv: x}}]
"""
    found, files = _project(tmp_path, text)
    job = found["a"]
    assert files.faults == []
    assert (job.job["outs"], job.job["metrics"], job.job["plots"]) == (
        ["m.pkl", "last.txt"],
        ["scores.json"],
        ["curve.csv"],
    )
    outs = ("stages", "a", "outs")
    assert [job.origin["outs", 1], job.origin["metrics", 0], job.origin["plots", 0]] == [
        (*outs, 3),
        (*outs, 1),
        (*outs, 2),
    ]


def test_paths_are_relative_to_the_file_and_its_wdir(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml/params.yaml").write_text("x: 1\n")
    (tmp_path / "ml/dvc.yaml").write_text(
        "stages: {a: {cmd: 'echo ${x}', wdir: sub dir, deps: [../in, p], outs: [./o/]}}"
    )
    found, files = _read(tmp_path, "ml/dvc.yaml")
    job = found["a"].job
    assert job == {"run": ["cd 'ml/sub dir'", "echo 1"], "deps": ["ml/in", "ml/sub dir/p"], "outs": ["ml/sub dir/o"]}
    assert files.used == {"ml/params.yaml"}


def test_a_frozen_stage_is_no_job(tmp_path: Path) -> None:
    found, _ = _project(tmp_path, "stages: {a: {cmd: a, frozen: true}, b: {cmd: b, frozen: false}}\n")
    assert [name for name, job in found.items() if job.job] == ["b"]


def test_names_become_names_of_jobs(tmp_path: Path) -> None:
    long = "x" * 70
    items = f"[a.b, a/b, A-B, {long}, {long}y]"
    text = f"stages: {{1_a: {{cmd: a}}, t: {{foreach: {items}, do: {{cmd: 'echo ${{item}}'}}}}}}\n"
    found, _ = _project(tmp_path, text)
    names = [job.name for job in found.values()]
    assert names == ["stage-1_a", "t-a-b", "t-a-b-2", "t-A-B-3", ("t-" + long)[:60], ("t-" + long)[:58] + "-2"]
    assert {job.group for job in found.values()} == {"stage-1_a", "t"}


def test_toml_parameters_are_read_where_python_can(tmp_path: Path) -> None:
    text = "vars: [p.toml]\nstages: {a: {cmd: 'echo ${x.y}'}}\n"
    found, files = _project(tmp_path, text, p_toml="[x]\ny = 2\n")
    if files.faults:
        assert "Python 3.11" in files.faults[0].message
    else:
        assert found["a"].job["run"] == ["echo 2"]
        assert files.used == {"p.toml"}
