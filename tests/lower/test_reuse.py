"""reuse: which jobs may leave their command out, and the script that decides it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import compile_spec
from mlgen.ir import Job
from tests.lower.specs import codes, trusted

FIT: dict[str, Any] = {
    "run": 'echo ran >> log.txt\nmkdir -p out\ncat in.txt > out/model\necho "$SEED" >> out/model',
    "deps": ["in.txt"],
    "outs": ["out/"],
    "env": {"SEED": 1},
    "reuse": True,
}


def _job(**more: Any) -> Job:
    return trusted({"stages": {"train": {"fit": {**FIT, **more}}}}).job("train.fit")


def test_it_is_a_cache_of_its_own() -> None:
    cache = _job().caches[-1]
    assert (cache.paths, cache.key) == ((".mlgen/reuse/fit",), ())
    assert cache.salt.startswith("reuse-fit-")
    assert _job(reuse=False).caches == () and not _job(reuse=False).reuse


@pytest.mark.parametrize(
    "more", [{"run": "other"}, {"image": "x"}, {"python": "3.12"}, {"env": {"SEED": 2}}, {"runtime": {"setup": "./s"}}]
)
def test_another_command_or_machine_is_another_cache(more: dict[str, Any]) -> None:
    assert _job(**more).caches[-1].salt != _job().caches[-1].salt


def test_secrets_are_not_looked_at() -> None:
    said = {"run": 'x "$TOKEN" $NAME', "secrets": ["TOKEN"]}
    job = trusted({"secrets": {"TOKEN": {}}, "stages": {"train": {"fit": {**FIT, **said}}}}).job("train.fit")
    assert "--env NAME" in job.run and "TOKEN " not in job.run.split("\n")[0]


@pytest.mark.parametrize(
    "more",
    [
        {"outs": []},
        {"exports": ["score"]},
        {"matrix": {"n": [1, 2]}, "outs": ["${matrix.n}.txt"]},
        {"shards": 2, "outs": ["${matrix.MLGEN_SHARD}.txt"]},
        {"environment": "e"},
    ],
)
def test_jobs_whose_command_always_runs(more: dict[str, Any]) -> None:
    spec = {"environments": {"e": {}}, "stages": {"train": {"fit": {**FIT, **more}}}}
    assert "MLG441" in codes(spec)


@pytest.mark.parametrize("folder", ["", "work"])
def test_the_command_runs_once(folder: str, tmp_path: Path) -> None:
    import yaml

    fit = {**FIT, **({"working_directory": folder, "run": f"cd ..\n{FIT['run']}"} if folder else {})}
    spec = {"version": 1, "project": "p", "targets": ["github"], "stages": {"train": {"fit": fit}}}
    (tmp_path / "mlgen.yaml").write_text(yaml.safe_dump(spec))
    compiled = compile_spec(str(tmp_path), "mlgen.yaml")
    for file in compiled.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_text(file.text)
    (tmp_path / "in.txt").write_text("1\n")
    (tmp_path / "work").mkdir()
    env = {**os.environ, "SEED": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run() -> int:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        script = compiled.pipeline.job("train.fit").run
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path / folder, env=env, check=True)
        assert (tmp_path / "out/model").read_text() == (tmp_path / "in.txt").read_text() + f"{env['SEED']}\n"
        return len((tmp_path / "log.txt").read_text().splitlines())

    assert [run(), run()] == [1, 1]
    (tmp_path / "in.txt").write_text("2\n")
    assert [run(), run()] == [2, 2]
    env["SEED"] = "2"
    assert [run(), run()] == [3, 3]
    (tmp_path / ".mlgen/reuse/fit/marker.json").write_text("broken")
    assert [run(), run()] == [4, 4]
