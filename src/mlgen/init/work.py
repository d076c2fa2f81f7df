"""What there is to run: training, pipelines of DVC and MLflow, tests, lint; and what a next step may build on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from mlgen.init.packages import Packages
from mlgen.init.project import Project, table
from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.typed import Any

PLAIN = regex(r"(?!-)[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
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
_NAMED = regex(r"(metrics|scores|evaluation|eval|results?)\.json|\w+[-_.](metrics|scores)\.json|metrics[-_.]\w+\.json")


class Step(NamedTuple):
    """The training script: its command, its path and the files that it makes."""

    run: str
    path: str
    outs: tuple[str, ...]
    metrics: tuple[str, ...]


class Import(NamedTuple):
    """A pipeline that another tool describes.

    `names` are those of its jobs that are plain, `only` those to take (empty: all). `run` is the tool's own command for
    the whole, where the jobs cannot be taken one by one; `kept`: some data is kept in the tool's remote storage.
    """

    file: str
    names: tuple[str, ...]
    only: tuple[str, ...]
    metrics: tuple[str, ...]
    run: tuple[str, ...]
    kept: bool


class Tests(NamedTuple):
    """`runner` is pytest, unittest or empty."""

    runner: str = ""
    why: str = ""
    script: tuple[str, ...] = ()
    coverage: bool = False


class Work(NamedTuple):
    """All that was found.

    `notebooks` are the commands that run one, `images` the names of those that the manifests run; `metric` is the first
    number of a metrics file, as (file, name, value).
    """

    imported: Import | None = None
    train: Step | None = None
    tests: Tests = Tests()
    lint: tuple[str, ...] = ()
    notebooks: tuple[str, ...] = ()
    dockerfile: str = ""
    manifests: str = ""
    chart: str = ""
    images: tuple[str, ...] = ()
    metric: tuple[str, str, float] | None = None


def work(project: Project, found: Packages) -> Work:
    """Look through the project; `found` says how commands reach the packages."""
    plain = [path for path in project.files if PLAIN.fullmatch(path)]
    imported = _import(project, found)
    train = None if imported else _script(project, plain, found)
    metrics = imported.metrics if imported else train.metrics if train else ()
    return Work(
        imported,
        train,
        tests(project, plain, found),
        _lint(project, found),
        _notebook(plain, found),
        next((p for p in plain if p == "Dockerfile"), ""),
        manifests := _manifests(project, plain),
        next((os.path.dirname(p) for p in plain if p.endswith("/Chart.yaml")), ""),
        _images(project, plain, manifests) if manifests else (),
        _metric(project, metrics),
    )


def foreign(project: Project) -> bool:
    """Whether another tool describes a pipeline of commands."""
    described = (project.yaml("dvc.yaml").get("stages"), project.yaml("MLproject").get("entry_points"))
    return any(map(table, described))


# --- training ---------------------------------------------------------------------------------------------------------


def _script(project: Project, plain: list[str], found: Packages) -> Step | None:
    scripts = [p for p in plain if p.rsplit("/", 1)[-1] in _TRAIN and not p.startswith(("test", "docs/", "example"))]
    if not scripts:
        return None
    path = min(scripts, key=lambda p: (p.count("/"), _TRAIN.index(p.rsplit("/", 1)[-1]), p))
    text = project.text(path)
    # A file that is there and that the script names is what it makes, or what it reads: only models and metrics count.
    named = [p for p in plain if p.rsplit("/", 1)[-1] in text]
    models = tuple(p for p in named if p.endswith(_MODELS))
    metrics = tuple(p for p in named if _NAMED.fullmatch(p.rsplit("/", 1)[-1]) and _numbers(project, p))
    return Step(found.command(_python(project, path, found)), path, models, metrics)


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


def _import(project: Project, found: Packages) -> Import | None:
    """The pipeline of dvc.yaml, else that of MLproject."""
    if stages := table(project.yaml("dvc.yaml").get("stages")):
        metrics = [p for said in stages.values() for p in _paths(table(said).get("metrics")) if PLAIN.fullmatch(p)]
        kept = any(path.endswith(".dvc") for path in project.files)
        return Import("dvc.yaml", _names(stages), (), tuple(metrics), _with("dvc", "dvc repro", found), kept)
    if points := table(project.yaml("MLproject").get("entry_points")):
        names = _names(points)
        # The others are for `main` to start, as MLflow does where nobody names one.
        only = ("main",) if "main" in names and len(points) > 1 else ()
        run = f"mlflow run . --entry-point {next(iter(only or names), 'main')} --env-manager local"
        return Import("MLproject", only or names, only, (), _with("mlflow", run, found), False)
    return None


def _names(data: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in data if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,50}", name))


def _paths(said: object) -> list[str]:
    """Of a list whose entries are paths, or mappings of a path to its options."""
    entries = said if isinstance(said, list) else []
    return [p for entry in entries for p in ([entry] if isinstance(entry, str) else list(table(entry)))]


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


def _metric(project: Project, paths: Iterable[str]) -> tuple[str, str, float] | None:
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


_IMAGE = regex(r"^[\s-]*image:\s*['\"]?([a-zA-Z0-9][\w./:@-]*)['\"]?\s*$", re.MULTILINE)


def _images(project: Project, plain: list[str], folder: str) -> tuple[str, ...]:
    """The images of the folder's manifests, without tags; https://kubernetes.io/docs/concepts/containers/images/."""
    found: dict[str, None] = {}
    for path in plain:
        if os.path.dirname(path) + "/" == folder and path.endswith((".yaml", ".yml")):
            for said in re.findall(
                r"^[\s-]*image:\s*['\"]?([a-zA-Z0-9][\w./:@-]*)['\"]?\s*$", project.text(path), re.MULTILINE
            ):
                found[re.sub(r"(@.*|:[^/:]*)$", "", said)] = None
    return tuple(found)
