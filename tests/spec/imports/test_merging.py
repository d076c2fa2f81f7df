"""Imported jobs beside, under and over those of the spec, and where each part of them was written."""

from pathlib import Path
from typing import Any

import pytest

from mlgen.cli.main import run
from mlgen.diagnostics import SpecError
from mlgen.ir.source import Source
from mlgen.spec import source
from mlgen.write.lock import is_current

HEAD = "version: 1\nproject: wine\ntargets: [github]\n"
DVC = """\
stages:
  prepare: {cmd: ./prepare, deps: [raw.csv], outs: [clean.csv]}
  train:
    foreach: [us, eu]
    do:
      cmd: ./train ${item}
      deps: [clean.csv]
      outs:
        - m-${item}.pkl
"""


def _source(root: Path, stages: str, **files: str) -> Source:
    (root / "mlgen.yaml").write_text(HEAD + "stages:\n" + stages, "utf-8")
    for name, text in {"dvc_yaml": DVC, **files}.items():
        (root / name.replace("_", ".", 1)).write_text(text, "utf-8")
    return source(str(root), "mlgen.yaml")


def _jobs(found: Source, stage: str = "train") -> dict[str, Any]:
    return dict(found.data["stages"][stage])


def test_imported_jobs_come_first_in_the_order_of_their_file(tmp_path: Path) -> None:
    found = _source(tmp_path, "  train:\n    mine: {run: ./mine}\n    from: dvc.yaml\n")
    assert list(_jobs(found)) == ["prepare", "train-us", "train-eu", "mine"]
    assert found.inputs == ("dvc.yaml",)


def test_only_picks_stages_groups_and_items(tmp_path: Path) -> None:
    found = _source(tmp_path, "  train: {from: dvc.yaml, only: train}\n")
    assert list(_jobs(found)) == ["train-us", "train-eu"]
    found = _source(tmp_path, '  train: {from: dvc.yaml, only: ["train@eu", prepare]}\n')
    assert list(_jobs(found)) == ["prepare", "train-eu"]


def test_what_is_not_picked_leaves_its_name_free(tmp_path: Path) -> None:
    found = _source(tmp_path, "  train: {from: dvc.yaml, only: train, prepare: {run: dvc pull clean.csv}}\n")
    assert _jobs(found)["prepare"]["run"] == "dvc pull clean.csv"


def test_a_job_of_the_same_name_says_more(tmp_path: Path) -> None:
    stages = """\
  train:
    from: dvc.yaml
    prepare: {timeout: 1h, env: {A: 1}, deps: [other.csv]}
    train: {retry: 1, env: {A: 1, B: 2}}
    train-eu: {retry: 2, env: {B: 3}, run: ./mine}
"""
    jobs = _jobs(_source(tmp_path, stages))
    assert list(jobs) == ["prepare", "train-us", "train-eu"]
    prepare = jobs["prepare"]
    assert (prepare["run"], prepare["deps"], prepare["outs"]) == ("./prepare", ["other.csv"], ["clean.csv"])
    assert (jobs["train-us"]["run"], jobs["train-us"]["retry"], jobs["train-us"]["env"]) == (
        "./train us", 1, {"A": 1, "B": 2},
    )  # fmt: skip
    assert (jobs["train-eu"]["run"], jobs["train-eu"]["retry"], jobs["train-eu"]["env"]) == (
        "./mine", 2, {"A": 1, "B": 3},
    )  # fmt: skip


def test_each_part_is_placed_where_it_was_written(tmp_path: Path) -> None:
    stages = """\
  train:
    from: dvc.yaml
    train: {retry: 1, env: {A: 1}}
    train-eu: {env: {B: 3}}
    mine: {run: ./mine}
"""
    found = _source(tmp_path, stages)
    at = ("stages", "train")
    assert str(found.at(*at, "prepare", "deps", 0)) == "dvc.yaml:2:36"
    assert str(found.key(*at, "prepare")) == "dvc.yaml:2:3"
    assert str(found.at(*at, "train-eu", "outs", 0)) == "dvc.yaml:9:11"
    assert str(found.at(*at, "train-eu", "run")) == "dvc.yaml:6:12"
    assert str(found.at(*at, "train-eu", "retry")) == "mlgen.yaml:7:20"
    assert str(found.at(*at, "train-eu", "env", "A")) == "mlgen.yaml:7:32"
    assert str(found.at(*at, "train-eu", "env", "B")) == "mlgen.yaml:8:25"
    assert str(found.key(*at, "train-eu")) == "mlgen.yaml:8:5", "a job of the spec goes before an imported one"
    assert str(found.at(*at, "mine", "run")) == "mlgen.yaml:9:17"
    assert str(found.at(*at, "mine", "outs", 0)) == "mlgen.yaml:9:11"


def test_an_imported_job_must_satisfy_the_language_too(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        _source(tmp_path, "  train: {from: dvc.yaml}\n", dvc_yaml='stages: {a: {cmd: a, outs: ["a\\tb"]}}\n')
    assert [(str(d.position), d.code) for d in caught.value.diagnostics] == [("dvc.yaml:1:29", "MLG102")]


@pytest.mark.parametrize("change", ["dvc.yaml", "params.yaml", "params.yaml gone", "notes.txt"])
def test_check_asks_for_the_files_that_were_read(tmp_path: Path, change: str) -> None:
    _source(
        tmp_path,
        "  train: {from: dvc.yaml}\n",
        dvc_yaml="stages: {a: {cmd: './a ${x}'}}\n",
        params_yaml="x: 1\n",
        notes_txt="",
    )
    assert run(["compile", "-C", str(tmp_path)]) == 0
    assert is_current(str(tmp_path), "mlgen.yaml") == 2
    name, _, gone = change.partition(" ")
    path = tmp_path / name
    if gone:
        path.unlink()
    else:
        path.write_text(path.read_text() + "# changed\n")
    stale = change != "notes.txt"
    assert is_current(str(tmp_path), "mlgen.yaml") == (0 if stale else 2)
    assert run(["check", "-C", str(tmp_path)]) == (2 if gone else 1 if stale else 0)


def test_the_same_files_with_other_line_ends_are_current(tmp_path: Path) -> None:
    _source(tmp_path, "  train: {from: dvc.yaml}\n")
    assert run(["compile", "-C", str(tmp_path)]) == 0
    (tmp_path / "dvc.yaml").write_bytes(DVC.replace("\n", "\r\n").encode())
    assert is_current(str(tmp_path), "mlgen.yaml") == 2


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    (tmp_path / "services/api").mkdir(parents=True)
    (tmp_path / "services/api/dvc.yaml").write_text("stages: {a: {cmd: 'echo ${x}', deps: [in], outs: [/abs]}}\n")
    (tmp_path / "services/api/params.yaml").write_text("x: 1\n")
    (tmp_path / "services/api/mlgen.yaml").write_text(
        "version: 1\nproject: {name: wine, root: services/api}\ntargets: [github]\nstages: {a: {from: dvc.yaml}}\n"
    )
    found = source(str(tmp_path / "services/api"), "mlgen.yaml")
    assert (found.data["stages"]["a"]["a"]["deps"], found.data["stages"]["a"]["a"]["run"]) == (["in"], "echo 1")
    assert found.inputs == ("dvc.yaml", "params.yaml")
    assert str(found.at("stages", "a", "a", "outs", 0)) == "dvc.yaml:1:51"


def test_defaults_are_beneath_the_imported_jobs(tmp_path: Path) -> None:
    stages = "  train: {from: dvc.yaml, only: prepare, defaults: {run: ./no, timeout: 1h}}\n"
    found = _source(tmp_path, stages)
    prepare = _jobs(found)["prepare"]
    assert (prepare["run"], prepare["timeout"]) == ("./prepare", "1h")
    assert str(found.at("stages", "train", "prepare", "timeout")) == "mlgen.yaml:5:73"
    assert str(found.at("stages", "train", "prepare", "run")) == "dvc.yaml:2:18"


def test_a_spec_without_imports_does_not_load_them(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "mlgen.yaml").write_text(HEAD + "stages: {a: {a: {run: ./a}}}\n")
    code = "import sys\nfrom mlgen.spec import source\nsource('.', 'mlgen.yaml')\n"
    code += "print([m for m in sys.modules if 'imports' in m])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
