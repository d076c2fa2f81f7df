"""`register`: a model becomes a version in MLflow's registry."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import paths
from mlgen.lower.commands.call import Call, lines
from mlgen.lower.commands.tracking import REGISTRY, model_name
from mlgen.quoting import sh


def script(call: Call) -> str:
    """The call of `.mlgen/registry.py`, which uses the client of MLflow."""
    flavor = call.words.get("flavor") or call.data["model"]["flavor"]
    words = [f"{REGISTRY} register {sh(model_name(call))}", f"--path {sh(_path(call))}"]
    words.append(f"--alias {sh(call.words.get('alias', 'challenger'))}")
    words += [f"--flavor {flavor}"] if flavor else []
    words += [f"--metrics {sh(path)}" for path in _metrics(call)]
    words += [f"--params {sh(path)}" for path in _params(call)]
    return lines(*words)


def reads(call: Call) -> list[str]:
    """The model, and what the job that makes it says about it."""
    return [_path(call), *_metrics(call), *_params(call)]


def check(call: Call) -> Iterator[Diagnostic]:
    """The model must be named somewhere."""
    if not _path(call):
        hint = "write `register: {path: models/model.pkl}`, or `model: {path: …}` for the whole project"
        yield error("MLG103", call.at(), f"{call.id}: nothing says which model to register", hint)


def _path(call: Call) -> str:
    return paths.normal(call.words.get("path") or call.data["model"]["path"])


def _makers(call: Call) -> list[dict[str, list[str]]]:
    """What the jobs say that make the model; of a matrix, no file stands for all legs."""
    others = [job for members in call.data["stages"].values() for job in members.values() if job is not call.job]
    return [
        job for job in others if "matrix" not in job and any(paths.overlap(out, _path(call)) for out in job["outs"])
    ]


def _metrics(call: Call) -> list[str]:
    return list(dict.fromkeys(paths.normal(path) for job in _makers(call) for path in job["metrics"]))


def _params(call: Call) -> list[str]:
    files = [*call.job["params"], *(path for job in _makers(call) for path in job["params"])]
    return list(dict.fromkeys(map(paths.normal, files)))
