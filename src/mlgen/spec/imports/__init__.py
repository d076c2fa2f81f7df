"""Stages that take their jobs from another file: `from: dvc.yaml`, `from: MLproject`.

Imported only when a stage says `from`. What comes out is a spec without `from`, whose values still tell where they
were written.
"""

from __future__ import annotations

import difflib
import os

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.spec.imports import dvc, mlproject
from mlgen.spec.imports.files import Files, Imported
from mlgen.spec.load import Loaded, Route
from mlgen.typed import Any

WORDS = ("from", "only")


class Layer(NamedTuple):
    """One text that says something of a job: its data, and where a part of it stands."""

    data: Any
    loaded: Loaded
    origin: dict[Route, Route]

    def place(self, rest: Route) -> Route | None:
        """The place in the text of a part of the job; None if this layer does not say it."""
        for cut in range(len(rest), -1, -1):
            if rest[:cut] in self.origin:
                return (*self.origin[rest[:cut]], *rest[cut:])
        return None

    def reaches(self, rest: Route) -> int:
        """How many steps of the way into the job are there."""
        found = self.data
        for depth, step in enumerate(rest):
            there = found.get(step) if isinstance(found, dict) else None
            if isinstance(found, list) and isinstance(step, int) and step < len(found):
                there = found[step]
            elif step == 0 and there is None and not isinstance(found, (dict, list)):
                there = found  # one, written without the list
            if there is None:
                return depth
            found = there
        return len(rest)


class Merged(NamedTuple):
    """The spec with the imported jobs in place; `layers` are those of a job, the strongest first.

    `inputs` are the paths of all files that the jobs depend on.
    """

    spec: Loaded
    data: dict[str, Any]
    layers: dict[tuple[str, str], list[Layer]]
    inputs: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]

    @property
    def root(self) -> Any:
        """The spec's own YAML."""
        return self.spec.root

    def position(self, path: Route, key: bool = False) -> Position:
        """Where the value at `path` was written: in the spec, or in the file that it came from."""
        loaded, route = self._found(path)
        return loaded.position(route, key)

    def written(self, path: Route) -> str:
        """The text of the scalar at `path`, as it stands there."""
        loaded, route = self._found(path)
        return loaded.written(route)

    def _found(self, path: Route) -> tuple[Loaded, Route]:
        layers = self.layers.get((str(path[1]), str(path[2])), []) if path[:1] == ("stages",) and len(path) > 2 else []
        if not layers:
            return self.spec, path
        rest = path[3:]
        # Of the layers that know it best, the strongest.
        layer = max(layers, key=lambda layer: layer.reaches(rest))
        return layer.loaded, layer.place(rest) or ()


def merged(root: str, spec: Loaded) -> Merged:
    """The valid spec with the jobs of every stage that says `from`; a SpecError says what cannot be imported."""
    files = Files(root)
    stages: dict[str, Any] = {}
    layers: dict[tuple[str, str], list[Layer]] = {}
    for stage, said in spec.data["stages"].items():
        stages[stage] = said
        if "from" in said:
            found = _stage(files, spec, stage, said)
            stages[stage] = {"defaults": said["defaults"]} if "defaults" in said else {}
            stages[stage].update({name: job for name, (job, _) in found.items()})
            layers.update({(stage, name): rows for name, (_, rows) in found.items()})
        elif "only" in said:
            at = spec.position(("stages", stage, "only"), True)
            files.faults.append(error("MLG121", at, f"{stage}: `only` goes with `from`", "add `from: dvc.yaml`"))
    warnings = tuple(fault for fault in files.faults if fault.severity == "warning")
    if len(warnings) < len(files.faults):
        raise SpecError(files.faults)
    return Merged(spec, {**spec.data, "stages": stages}, layers, tuple(sorted(files.used)), warnings)


def _stage(
    files: Files, spec: Loaded, stage: str, said: dict[str, Any]
) -> dict[str, tuple[dict[str, Any], list[Layer]]]:
    """The jobs of a stage: the imported ones, each with what the spec says over it, and then the spec's own."""
    at = spec.position(("stages", stage, "from"))
    path = os.path.normpath(said["from"])
    if path.startswith(("/", "..", "~")):
        files.faults.append(error("MLG208", at, f"{path} leaves the project", "write a path relative to its root"))
        return {}
    files.use(path)
    before = len(files.faults)
    if os.path.basename(path).lower() == "mlproject":
        jobs = mlproject.entry_points(files, path, at, mlproject.Outer(spec.data))
    elif path.endswith((".yaml", ".yml")):
        jobs = dvc.stages(files, path, at)
    else:
        files.faults.append(error("MLG121", at, f"{path} is neither a dvc.yaml nor an MLproject"))
        return {}
    if any(fault.severity == "error" for fault in files.faults[before:]):
        return {}
    loaded = files.load(path, at)
    assert loaded is not None
    own = {name: job for name, job in said.items() if name not in (*WORDS, "defaults")}
    found: dict[str, tuple[dict[str, Any], list[Layer]]] = {}
    wanted = _wanted(files, spec, stage, said.get("only"), jobs)
    for job in wanted:
        over = [name for name in dict.fromkeys((job.name, job.group)) if name in own]
        rows = [_layer(own[name], spec, stage, name) for name in over]
        whole = job.job
        for name in reversed(over):
            whole = _joined(whole, own[name])
        found[job.name] = whole, [*rows, Layer(job.job, loaded, job.origin)]
    over_others = {name for job in wanted for name in (job.name, job.group)}
    for name, job in own.items():
        if name not in over_others:
            found[name] = job, [_layer(job, spec, stage, name)]
    return found


def _layer(job: Any, spec: Loaded, stage: str, name: str) -> Layer:
    return Layer(job, spec, {(): ("stages", stage, name)})


def _joined(under: Any, over: Any) -> Any:
    """Mappings joined by key, all else replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: _joined(under.get(key), value) for key, value in over.items()}}
    return over


def _wanted(files: Files, spec: Loaded, stage: str, only: Any, jobs: list[Imported]) -> list[Imported]:
    """The jobs that `only` names, without those that are frozen."""
    running = [job for job in jobs if job.job]
    if only is None:
        return running
    names = only if isinstance(only, list) else [only]
    for index, name in enumerate(names):
        at = spec.position(("stages", stage, "only", index))
        meant = [job for job in jobs if name in (job.name, job.group, job.said)]
        if not meant:
            known = sorted({word for job in jobs for word in (job.said, job.group)})
            close = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known)}"
            files.faults.append(error("MLG201", at, f"there is no {name} to import", hint))
        elif not any(job.job for job in meant):
            hint = "take `frozen` out of it, or let a job of yours fetch its outputs: `run: dvc pull …`"
            files.faults.append(error("MLG123", at, f"{name} is frozen, so that DVC itself never runs it", hint))
    return [job for job in running if {job.name, job.group, job.said} & set(names)]
