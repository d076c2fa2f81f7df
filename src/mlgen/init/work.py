"""What there is to run: training, pipelines of DVC and MLflow, tests, lint; and what a next step may build on."""

import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from mlgen.init.packages import Packages
from mlgen.init.project import Project, table

PLAIN = re.compile(r"(?!-)[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
"""Paths that every CI system and shell takes as they are; others are left alone."""

_TRAIN = ("train.py", "train_model.py", "training.py", "fit.py")
_MODELS = (
    ".pkl",
    ".pickle",
    ".joblib",
    ".pt",
    ".pth",
    ".onnx",
    ".h5",
    ".keras",
    ".safetensors",
    ".ckpt",
    ".cbm",
    ".ubj",
)
_NAMED = re.compile(
    r"(metrics|scores|evaluation|eval|results?)\.json|\w+[-_.](metrics|scores)\.json|metrics[-_.]\w+\.json"
)


class Step(NamedTuple):
    """A job to write: its name, its script's lines, its files, and why it is there."""

    name: str
    run: tuple[str, ...]
    why: str = ""
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()


class Tests(NamedTuple):
    """`runner` is pytest, unittest or empty."""

    runner: str = ""
    why: str = ""
    script: tuple[str, ...] = ()
    coverage: bool = False


class Work(NamedTuple):
    """All that was found.

    `notebooks` are the commands that run one; `metric` is the first number of a metrics file, as (file, name, value).
    """

    train: tuple[Step, ...] = ()
    tests: Tests = Tests()
    lint: tuple[str, ...] = ()
    notebooks: tuple[str, ...] = ()
    dockerfile: str = ""
    manifests: str = ""
    chart: str = ""
    metric: tuple[str, str, float] | None = None


def work(project: Project, found: Packages) -> Work:
    """Look through the project; `found` says how commands reach the packages."""
    plain = [path for path in project.files if PLAIN.fullmatch(path)]
    train = _dvc(project, found) or _mlproject(project, found) or _script(project, plain, found)
    return Work(
        train,
        tests(project, plain, found),
        _lint(project, found),
        _notebook(plain, found),
        next((p for p in plain if p == "Dockerfile"), ""),
        _manifests(project, plain),
        next((os.path.dirname(p) for p in plain if p.endswith("/Chart.yaml")), ""),
        _metric(project, [path for step in train for path in step.metrics]),
    )


# --- training ---------------------------------------------------------------------------------------------------------


def _script(project: Project, plain: list[str], found: Packages) -> tuple[Step, ...]:
    scripts = [p for p in plain if p.rsplit("/", 1)[-1] in _TRAIN and not p.startswith(("test", "docs/", "example"))]
    if not scripts:
        return ()
    path = min(scripts, key=lambda p: (p.count("/"), _TRAIN.index(p.rsplit("/", 1)[-1]), p))
    text = project.text(path)
    # A file that is there and that the script names is what it makes, or what it reads: only models and metrics count.
    named = [p for p in plain if p.rsplit("/", 1)[-1] in text]
    models = tuple(p for p in named if p.endswith(_MODELS))
    metrics = tuple(p for p in named if _NAMED.fullmatch(p.rsplit("/", 1)[-1]) and _numbers(project, p))
    return (Step("fit", (found.command(_python(project, path, found)),), path, outs=models, metrics=metrics),)


def _python(project: Project, path: str, found: Packages) -> str:
    """`python -m package.module` for a module of a package, which can import its neighbours; else the file."""
    folder = os.path.dirname(path)
    parts = folder.split("/") if folder else []
    if parts and parts[0] == "src" and found.package:
        parts = parts[1:]
        base = "src/"
    else:
        base = ""
    packaged = parts and all(project.has(base + "/".join([*parts[: n + 1], "__init__.py"])) for n in range(len(parts)))
    return f"python -m {'.'.join([*parts, os.path.basename(path)[:-3]])}" if packaged else f"python {path}"


def _dvc(project: Project, found: Packages) -> tuple[Step, ...]:
    """A job for each stage of dvc.yaml; one for all where the stages are made by templates or have odd names."""
    stages = table(project.yaml("dvc.yaml").get("stages"))
    if not stages:
        return ()
    steps = [step for name, said in stages.items() if (step := _dvc_stage(name, table(said), found)) is not None]
    if len(steps) < len(stages) or not _apart(steps):
        return (Step("reproduce", _with("dvc", "dvc repro", found), "dvc.yaml"),)
    return tuple(steps)


def _apart(steps: Iterable[Step]) -> bool:
    """Whether no two names or outputs are the same."""
    outs = [path.rstrip("/") for step in steps for path in (*step.outs, *step.metrics, *step.plots)]
    names = [step.name.lower() for step in steps]
    return len(set(names)) == len(names) and not any(
        a is not b and (a == b or a.startswith(b + "/")) for a in outs for b in outs
    )


def _dvc_stage(name: str, said: dict[str, Any], found: Packages) -> Step | None:
    """https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#stage-entries"""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,50}", name) or "cmd" not in said or "wdir" in said:
        return None
    files = {key: _paths(said.get(key)) for key in ("deps", "outs", "metrics", "plots")}
    if any(not PLAIN.fullmatch(path.removesuffix("/")) or ".." in path for paths in files.values() for path in paths):
        return None
    known = {key: tuple(dict.fromkeys(paths)) for key, paths in files.items()}
    return Step(name, _with("dvc", f"dvc repro --single-item {name}", found), "dvc.yaml", **known)


def _paths(said: object) -> list[str]:
    """Of a list whose entries are paths, or mappings of a path to its options."""
    entries = said if isinstance(said, list) else []
    return [p for entry in entries for p in ([entry] if isinstance(entry, str) else list(table(entry)))]


def _mlproject(project: Project, found: Packages) -> tuple[Step, ...]:
    """A job for the project's main entry point; https://mlflow.org/docs/latest/ml/projects/."""
    points = table(project.yaml("MLproject").get("entry_points"))
    names = [n for n in points if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,50}", n)]
    if not names:
        return ()
    name = "main" if "main" in names else names[0]
    run = _with("mlflow", f"mlflow run . --entry-point {name} --env-manager local", found)
    return (Step(name, run, "MLproject"),)


def _with(package: str, command: str, found: Packages) -> tuple[str, ...]:
    """The command, after what installs the package if the project does not list it."""
    listed = any(name == package or name.startswith(f"{package}-") for name in found.installed)
    return (*(() if listed else (found.pip(package),)), found.command(command))


def _numbers(project: Project, path: str) -> list[tuple[str, float]]:
    """The numbers of a JSON object, by dotted names that a gate can say."""
    found: list[tuple[str, float]] = []
    data = table(project.json(path))
    for name, value in data.items():
        rows = {f"{name}.{k}": v for k, v in table(value).items()} if isinstance(value, dict) else {name: value}
        found += [
            (k, v) for k, v in rows.items()
            if isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e12
            and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,60}", k)
        ]  # fmt: skip
    return found


def _metric(project: Project, paths: list[str]) -> tuple[str, str, float] | None:
    best = ("accuracy", "f1", "auc", "r2", "precision", "recall", "score")
    for path in paths:
        if rows := _numbers(project, path):
            name, value = next((row for word in best for row in rows if word in row[0].lower()), rows[0])
            return path, name, value
    return None


# --- tests and lint ---------------------------------------------------------------------------------------------------


def tests(project: Project, plain: list[str], found: Packages) -> Tests:
    """pytest where something names it, unittest where only that is imported."""
    files = [p for p in plain if re.fullmatch(r"(test_.*|.*_test)\.py", p.rsplit("/", 1)[-1])]
    configured = _configures_pytest(project)
    texts = [project.text(path) for path in files[:20]]
    unit = any(re.search(r"^\s*(import|from) unittest\b", text, re.MULTILINE) for text in texts)
    other = any(re.search(r"^\s*(import|from) pytest\b", text, re.MULTILINE) for text in texts)
    if not files and not configured:
        return Tests()
    why = configured or (f"{os.path.dirname(files[0])}/" if "/" in files[0] else files[0])
    if unit and not (other or configured or "pytest" in found.installed or any(_conftest(p) for p in plain)):
        return Tests("unittest", why, (found.command(f"python -m unittest discover{_start(project, files)}"),))
    coverage = "pytest-cov" in found.installed
    words = "python -m pytest --junitxml=reports/unit.xml" + (" --cov --cov-report=xml" if coverage else "")
    needed = () if "pytest" in found.installed else (found.pip("pytest"),)
    return Tests("pytest", why, (*needed, found.command(words)), coverage)


def _conftest(path: str) -> bool:
    return path.rsplit("/", 1)[-1] == "conftest.py"


def _configures_pytest(project: Project) -> str:
    """The file that configures pytest; https://docs.pytest.org/en/stable/reference/customize.html."""
    if "pytest" in table(project.toml("pyproject.toml").get("tool")):
        return "pyproject.toml"
    ini = (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
    return next((path for path, section in ini if project.has(path) and section in project.ini(path)), "")


def _start(project: Project, files: list[str]) -> str:
    """`discover` finds tests below folders that are packages; else it must be told the folder."""
    folders = {p.split("/")[0] for p in files if "/" in p}
    if len(folders) != 1 or any("/" not in p for p in files):
        return ""
    folder = folders.pop()
    return "" if project.has(f"{folder}/__init__.py") else f" --start-directory {folder}"


def _lint(project: Project, found: Packages) -> tuple[str, ...]:
    """https://docs.astral.sh/ruff/configuration/"""
    tool = table(project.toml("pyproject.toml").get("tool"))
    if "ruff" not in tool and not any(project.has(p) for p in ("ruff.toml", ".ruff.toml")):
        return ()
    return _with("ruff", "ruff check .", found)


def _notebook(plain: list[str], found: Packages) -> tuple[str, ...]:
    """The commands that run the first notebook; https://nbconvert.readthedocs.io/en/latest/execute_api.html."""
    path = next((p for p in plain if p.endswith(".ipynb")), "")
    if not path:
        return ()
    ready = found.installed & {"jupyter", "jupyterlab", "notebook", "nbconvert"}
    run = f"jupyter nbconvert --to notebook --execute --output-dir executed {path}"
    return (*(() if ready else (found.pip("nbconvert", "ipykernel"),)), found.command(run))


# --- what next steps build on -----------------------------------------------------------------------------------------


def _manifests(project: Project, plain: list[str]) -> str:
    """The folder of the first Kubernetes manifest that is no template of a chart."""
    for path in plain:
        if path.endswith((".yaml", ".yml")) and "/templates/" not in path and "/" in path:
            text = project.text(path)
            if re.search(r"^apiVersion:\s*\S", text, re.MULTILINE) and re.search(
                r"^kind:\s*(Deployment|Service|StatefulSet|Ingress|CronJob|Job|InferenceService|ConfigMap)\s*$",
                text,
                re.MULTILINE,
            ):
                return os.path.dirname(path) + "/"
    return ""
