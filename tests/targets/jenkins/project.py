"""Specs of the repository, compiled for Jenkins alone. Run as a program, it writes the goldens of tables anew."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from mlgen.compiler import Compiled, analyse, compile_spec
from mlgen.ir import Pipeline
from mlgen.render import render
from mlgen.targets import get

REPOSITORY = Path(__file__).resolve().parents[3]
SPECS = {
    "minimal": REPOSITORY / "examples/minimal",
    "wine-quality": REPOSITORY / "examples/wine-quality",
    "features": REPOSITORY / "tests/fixtures/features",
}

CONSTRUCTS = Path(__file__).parent / "constructs.yaml"
"""A spec with all that Jenkins says, and with its own words."""
TABLES = ("features", "constructs")


def load(name: str, form: str = "") -> dict[str, Any]:
    """A spec's data, with Jenkins as its only target, in one of its forms or the one that is chosen."""
    file = CONSTRUCTS if name == "constructs" else SPECS[name] / "mlgen.yaml"
    data: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    fallback = {"permissions": "secret"} if name == "constructs" else {}
    data["targets"] = {"jenkins": {**({"form": form} if form else {}), **({"fallback": fallback} if fallback else {})}}
    return data


def write(root: Path, data: dict[str, Any]) -> Path:
    """A folder with this spec."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "mlgen.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), "utf-8")
    return root


def spec(stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A small spec."""
    return {"version": 1, "project": {"name": "small"}, "targets": {"jenkins": {}}, **more, "stages": stages}


def pipeline_of(root: Path, data: dict[str, Any]) -> Pipeline:
    """The pipeline that a spec means."""
    return analyse(write(root, data), "mlgen.yaml")[0]


def compiled(root: Path, data: dict[str, Any]) -> Compiled:
    """A spec compiled and checked."""
    return compile_spec(write(root, data), "mlgen.yaml", only=("jenkins",))


def text_of(result: Compiled, path: str = "Jenkinsfile") -> str:
    """One of the files."""
    return next(file.text for file in result.files if file.path == path)


def unchecked(pipeline: Pipeline) -> str:
    """The Jenkinsfile without its header, also of a pipeline that is too large."""
    (output,) = get("jenkins").outputs(pipeline)
    return render(output.template, output.view)


def checkout(root: Path, name: str, data: dict[str, Any]) -> Path:
    """A copy of an example with its compiled files."""
    shutil.copytree(SPECS[name], root, ignore=shutil.ignore_patterns(".mlgen", "__pycache__", ".pytest_cache"))
    for file in compiled(root, data).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    return root


def golden(name: str) -> Path:
    """The committed table of a spec; the specs' own folders hold their stages."""
    return Path(__file__).parent / f"{name}-table.Jenkinsfile"


def table(name: str) -> str:
    """The text of a spec as a table, without its header."""
    with TemporaryDirectory() as folder:
        return unchecked(pipeline_of(Path(folder), load(name, "table")))


if __name__ == "__main__":
    for one in TABLES:
        golden(one).write_text(table(one), "utf-8")
