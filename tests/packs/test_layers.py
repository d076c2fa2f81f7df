"""Which layer a value comes from."""

import json
from pathlib import Path

import pytest

from mlgen.packs.layers import default, is_key
from tests.packs.conftest import SPEC, Mlgen, write


@pytest.fixture
def team(pack: Path, project: Path, mlgen: Mlgen) -> Path:
    upper = {
        "pack.yaml": 'name: team\nversion: "3"\n',
        "spec.yaml": "runtime: {image: 'python:3.12-slim'}\nenvironments: {production: {url: 'https://x'}}\n",
    }
    write(pack.parent / "team", upper)
    spec = SPEC.replace("[../pack]", "[../pack, ../team]")
    spec = spec.replace("stages:", "runtime: {setup: pip install x}\nstages:\n  test: {lint: {timeout: 20m}}")
    write(project, {"mlgen.yaml": spec})
    assert mlgen("pack", "lock").code == 0
    return pack.parent / "team"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "runtime.image",
            "runtime.image: python:3.12-slim\n"
            "  from the pack team 3, ../team/spec.yaml:1:11\n"
            "  over python:3.11-slim, from the pack org 1.0.0, ../pack/spec.yaml:1:27\n",
        ),
        ("runtime.setup", "runtime.setup: pip install x\n  from mlgen.yaml:5:11\n"),
        (
            "stages.test.lint.timeout",
            "stages.test.lint.timeout: 20m\n  from mlgen.yaml:7:17\n"
            "  over 10m, from the job snippet lint of the pack org 1.0.0, ../pack/jobs/lint.yaml:2:1\n",
        ),
        (
            "stages.test.lint.run",
            "stages.test.lint.run: ruff check\n"
            "  from the job snippet lint of the pack org 1.0.0, ../pack/jobs/lint.yaml:1:1\n",
        ),
        (
            "environments.production",
            "environments.production: merged, the uppermost first\n"
            "  {url: https://x}, from the pack team 3, ../team/spec.yaml:2:16\n"
            "  {approval: true}, from the pack org 1.0.0, ../pack/spec.yaml:3:16\n",
        ),
        ("project.default_branch", "project.default_branch: main\n  mlgen's default\n"),
        ("runtime.python", 'runtime.python: "3.11"\n  from the pack org 1.0.0, ../pack/spec.yaml:1:11\n'),
        ("stages.train.fit.nosuch", "stages.train.fit.nosuch: not said; mlgen has no fixed default\n"),
        ("targets[0]", "targets[0]: github\n  from mlgen.yaml:3:11\n"),
    ],
)
def test_a_value_tells_its_layer(team: Path, mlgen: Mlgen, key: str, said: str) -> None:
    done = mlgen("explain", key)
    assert (done.code, done.out, done.err) == (0, said, "")


def test_for_programs(team: Path, mlgen: Mlgen) -> None:
    found = json.loads(mlgen("explain", "runtime.image", "--format", "json").out)
    assert found["layers"][0] == {
        "layer": "the pack team 3",
        "at": "../team/spec.yaml:1:11",
        "value": "python:3.12-slim",
    }
    assert len(found["layers"]) == 2


def test_without_packs(project: Path, mlgen: Mlgen) -> None:
    write(project, {"mlgen.yaml": SPEC.replace("extends: [../pack]\n", "")})
    assert mlgen("explain", "stages.train.fit.run").out == (
        "stages.train.fit.run: python train.py\n  from mlgen.yaml:6:11\n"
    )
    assert mlgen("explain", "env").code == 0


def test_what_is_neither_a_key_nor_a_code(project: Path, mlgen: Mlgen) -> None:
    done = mlgen("explain", "rutime.image")
    assert (done.code, "rutime.image" in done.err) == (2, True)


def test_keys_and_defaults_of_the_language() -> None:
    assert default(("project", "default_branch")) == (True, "main")
    assert default(("gates", "any", "on_missing")) == (True, "fail")
    assert default(("stages", "train", "fit", "run")) == (False, None)
    assert is_key(("stages", "train", "fit", "cache", "paths"))
    assert is_key(("runtime",)) and not is_key(("MLG101",)) and not is_key(("rutime", "x"))
