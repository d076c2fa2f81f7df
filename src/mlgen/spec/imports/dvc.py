"""The stages of a dvc.yaml as jobs: https://doc.dvc.org/user-guide/project-structure/dvcyaml-files

Every stage becomes one job, and so does every item of `foreach` and `matrix`: each of these has its own files, so that
what reads `model-us.pkl` waits for that item alone, as it does in DVC.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator

from mlgen.diagnostics import Position, error, warning
from mlgen.regex import regex
from mlgen.spec.imports.files import Files, Imported, inside, joined, parameters, slug, unique
from mlgen.spec.imports.template import EXPRESSION, Scope, Unresolved, text
from mlgen.spec.load import Loaded, Route
from mlgen.typed import Any

PARAMS = "params.yaml"
MOST = 1000
"""How many stages one `foreach` or `matrix` may make."""

_TOP = {"stages", "vars", "params", "metrics", "plots", "artifacts", "datasets"}
_STAGE = {
    "cmd", "wdir", "deps", "outs", "params", "metrics", "plots", "vars", "frozen", "always_changed", "desc", "meta",
    "matrix",
}  # fmt: skip
_STATEFUL = regex(
    r"(^|[;&|({]|\bthen\b|\bdo\b)\s*"
    r"((cd|pushd|popd|export|set|unset|source|\.|alias|shopt|trap|exit|exec|eval|umask|ulimit|declare|readonly|wait)\b"
    r"|\.\s|[A-Za-z_][A-Za-z0-9_]*\+?=|[\w-]+\s*\(\))"
)
"""Commands that could change what a later line of the same shell does."""


def stages(files: Files, path: str, at: Position) -> list[Imported]:
    """The jobs of the dvc.yaml at `path`; `at` is where the spec names it. Frozen stages, which DVC never runs, have
    `job` empty."""
    loaded = files.load(path, at)
    return _Reader(files, loaded, path).jobs() if loaded is not None else []


class _Reader:
    def __init__(self, files: Files, loaded: Loaded, path: str) -> None:
        self.files = files
        self.loaded = loaded
        self.folder = os.path.dirname(path)
        self.names: set[str] = set()

    def fault(self, code: str, route: Route, message: str, hint: str = "", key: bool = False) -> None:
        self.files.faults.append(error(code, self.loaded.position(route, key), message, hint))

    def jobs(self) -> list[Imported]:
        data = self.loaded.data
        if not isinstance(data, dict) or not isinstance(data.get("stages"), dict):
            self.fault("MLG121", (), f"{self.loaded.file} has no `stages`", "`from` takes a dvc.yaml with stages")
            return []
        for key in data.keys() - _TOP:
            self.fault("MLG121", (key,), f"DVC knows no key {key} here", key=True)
        scope = self._scope(data)
        if scope is None:
            return []
        found = [job for name, said in data["stages"].items() for job in self._stage(scope, name, said)]
        self._shown(data, found, scope)
        self.files.use(*scope.used)
        return found

    # ---- what templates may name

    def _scope(self, data: dict[str, Any]) -> Scope | None:
        """The names of all stages. Nothing is read for a file without templates."""
        scope = Scope({}, {}, {})
        if not EXPRESSION.search(self.loaded.text):
            return scope
        scope.options = self._settings()
        good = True
        default = joined(self.folder, PARAMS)
        if self.files.exists(default):
            good = self._load(scope, default, (), ())
        return scope if self._vars(scope, data.get("vars"), ("vars",), self.folder, good, {default}) else None

    def _vars(self, scope: Scope, said: Any, route: Route, folder: str, good: bool, known: set[str]) -> bool:
        for index, item in enumerate(said if isinstance(said, list) else []):
            at = (*route, index)
            if EXPRESSION.search(str(item)):
                self.fault("MLG122", at, "DVC takes no template in `vars`", "write the value itself")
                good = False
            elif isinstance(item, str):
                path, _, names = item.partition(":")
                path = joined(folder, path)
                wanted = tuple(filter(None, names.split(",")))
                if wanted or path not in known:
                    good = self._load(scope, path, wanted, at) and good
            elif isinstance(item, dict):
                good = self._merge(scope, item, "", at) and good
            else:
                self.fault("MLG121", at, "an item of `vars` is a file or a mapping")
                good = False
        return good

    def _load(self, scope: Scope, path: str, names: tuple[str, ...], route: Route) -> bool:
        at = self.loaded.position(route)
        values = parameters(self.files, path, at)
        if values is None:
            return False
        for name in names:
            if name not in values:
                self.fault("MLG122", route, f"{path} has no {name}")
                return False
        return self._merge(scope, {n: values[n] for n in names} if names else values, path, route)

    def _merge(self, scope: Scope, values: dict[str, Any], source: str, route: Route) -> bool:
        try:
            scope.merge(values, source)
        except Unresolved as err:
            self.fault("MLG122", route, str(err), "DVC refuses that too; rename one of them")
            return False
        return True

    def _settings(self) -> dict[str, str]:
        """DVC's own settings of how a mapping becomes options, from the `.dvc/config` beside or above the file."""
        folder = self.folder
        while not self.files.exists(path := joined(folder, ".dvc/config")):
            if not folder:
                return {}
            folder = os.path.dirname(folder)
        said = self.files.text(path, self.loaded.position(())) or ""
        section = re.search(r"^\s*\[parsing\]\s*$(.*?)(?=^\s*\[|\Z)", said, re.M | re.S)
        found = dict(re.findall(r"^\s*(bool|list)\s*=\s*(\S+)\s*$", section[1] if section else "", re.M))
        if found:
            self.files.use(path)
        return found

    # ---- stages

    def _stage(self, scope: Scope, name: str, said: Any) -> Iterator[Imported]:
        route: Route = ("stages", name)
        if not isinstance(said, dict):
            self.fault("MLG121", route, f"the stage {name} is no mapping")
        elif "foreach" in said:
            body = said.get("do")
            if not isinstance(body, dict) or said.keys() - {"foreach", "do"}:
                self.fault("MLG121", route, f"the stage {name} must have `foreach` and `do`, and nothing else")
                return
            for key, item, keyed in self._items(scope, name, said["foreach"]):
                inner = scope.inner()
                inner.put("item", item)
                if keyed:
                    inner.put("key", key)
                yield from self._one(inner, name, key, body, (*route, "do"))
        elif "matrix" in said:
            body = {key: value for key, value in said.items() if key != "matrix"}
            for key, item in self._combinations(scope, name, said["matrix"]):
                inner = scope.inner()
                inner.put("item", item)
                inner.put("key", key)
                yield from self._one(inner, name, key, body, route)
        else:
            yield from self._one(scope.inner(), name, "", said, route)

    def _items(self, scope: Scope, name: str, said: Any) -> Iterator[tuple[str, Any, bool]]:
        route: Route = ("stages", name, "foreach")
        found = self._resolved(scope, said, route, "data")
        if isinstance(found, dict):
            pairs = [(key, item, True) for key, item in found.items()]
        elif isinstance(found, list):
            plain = not any(isinstance(item, (dict, list)) for item in found)
            pairs = [(text(item) if plain else str(index), item, False) for index, item in enumerate(found)]
        else:
            if found is not None:
                self.fault("MLG121", route, f"`foreach` of {name} is neither a list nor a mapping")
            return
        if len(pairs) > MOST:
            self.fault("MLG211", route, f"{name} makes {len(pairs)} stages; at most {MOST} are taken")
            return
        yield from {key: (key, item, keyed) for key, item, keyed in pairs}.values()

    def _combinations(self, scope: Scope, name: str, said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        route: Route = ("stages", name, "matrix")
        axes = self._resolved(scope, said, route, "data")
        if not isinstance(axes, dict) or not all(isinstance(values, list) for values in axes.values()):
            if axes is not None:
                self.fault("MLG121", route, f"`matrix` of {name} must map names to lists")
            return
        count = 1
        for values in axes.values():
            count *= len(values)
        if count > MOST:
            self.fault("MLG211", route, f"{name} makes {count} stages; at most {MOST} are taken")
            return
        found: dict[str, dict[str, Any]] = {}
        for values in itertools.product(*(enumerate(values) for values in axes.values())):
            words = [
                f"{axis}{index}" if isinstance(value, (dict, list)) else text(value)
                for axis, (index, value) in zip(axes, values)
            ]
            found["-".join(words)] = {axis: value for axis, (_, value) in zip(axes, values)}
        yield from found.items()

    def _resolved(self, scope: Scope, value: Any, route: Route, kind: str = "") -> Any:
        """The value without templates; None, and a fault, if one has no value."""
        try:
            return scope.resolve(value, kind)
        except Unresolved as err:
            hint = "values come from params.yaml beside the dvc.yaml, `vars`, and the items of `foreach` and `matrix`"
            self.fault("MLG122", route, str(err), hint)
            return None

    def _one(self, scope: Scope, name: str, key: str, said: dict[str, Any], route: Route) -> Iterator[Imported]:
        for unknown in said.keys() - _STAGE:
            self.fault("MLG121", (*route, unknown), f"DVC knows no key {unknown} in a stage", key=True)
        wdir = self._resolved(scope, said["wdir"], (*route, "wdir")) if said.get("wdir") else "."
        if wdir is None:
            return
        folder = joined(self.folder, text(wdir))
        if not self._vars(scope, said.get("vars"), (*route, "vars"), folder, True, set()):
            return
        said_name = f"{name}@{key}" if key else name
        found = _Job(self, scope, folder, route)
        frozen = self._resolved(scope, said.get("frozen", False), (*route, "frozen")) is True
        job = {} if frozen else found.make(said)
        if job is not None:
            short = unique(slug(f"{name}-{key}" if key else name), self.names)
            yield Imported(short, slug(name) if key else short, said_name, job, {**found.origin, (): route})

    def _shown(self, data: dict[str, Any], found: list[Imported], scope: Scope) -> None:
        """What the file lists for all stages: an output that is a metric or plot counts as one."""
        for kind in ("metrics", "plots"):
            listed = data.get(kind) or []
            for index, item in enumerate(listed if isinstance(listed, list) else []):
                shown = self._resolved(scope, next(iter(item), "") if isinstance(item, dict) else item, (kind, index))
                path = joined(self.folder, text(shown))
                for job in found:
                    if path in job.job.get("outs", ()):
                        at = job.job["outs"].index(path)
                        _move(job, at, kind)


def _move(job: Imported, index: int, kind: str) -> None:
    """An output of the job, as one of its metrics or plots."""
    job.job.setdefault(kind, []).append(job.job["outs"].pop(index))
    places = [job.origin.pop(("outs", n)) for n in range(len(job.job["outs"]) + 1)]
    job.origin[kind, len(job.job[kind]) - 1] = places.pop(index)
    job.origin.update({("outs", n): place for n, place in enumerate(places)})


class _Job:
    """One stage, its templates resolved."""

    def __init__(self, reader: _Reader, scope: Scope, folder: str, route: Route) -> None:
        self.reader = reader
        self.scope = scope
        self.folder = folder
        self.route = route
        self.origin: dict[Route, Route] = {}

    def make(self, said: dict[str, Any]) -> dict[str, Any] | None:
        commands = self._commands(said.get("cmd"))
        lists = {key: self._paths(said, key) for key in ("deps", "params", "outs", "metrics", "plots")}
        if commands is None:
            return None
        self.origin["run",] = (*self.route, "cmd")
        job: dict[str, Any] = {"run": [*inside(self.folder), *commands]}
        for key, found in lists.items():
            if found:
                job[key] = [path for path, _ in found]
                self.origin.update({(key, index): route for index, (_, route) in enumerate(found)})
        return job

    def _commands(self, said: Any) -> list[str] | None:
        """The lines of the script: DVC runs each item of a list, and each line of a text, in a shell of its own."""
        route = (*self.route, "cmd")
        found = self.reader._resolved(self.scope, said, route, "cmd")
        lines = found if isinstance(found, list) else text(found).splitlines() if isinstance(found, str) else []
        lines = [line for line in map(text, lines) if line.strip()]
        if not lines:
            if said is None or found is not None:
                self.reader.fault("MLG121", route, "a stage needs `cmd`")
            return None
        return [f"(\n{line}\n)" if _STATEFUL.search(line) else line for line in lines[:-1]] + lines[-1:]

    def _paths(self, said: dict[str, Any], key: str) -> list[tuple[str, Route]]:
        items = said.get(key) or []
        if not isinstance(items, list):
            self.reader.fault("MLG121", (*self.route, key), f"`{key}` is a list")
            return []
        found: dict[str, Route] = {}
        for index, item in enumerate(items):
            route = (*self.route, key, index)
            for path in self._entries(item, key, route):
                found.setdefault(path, route)
        return list(found.items())

    def _entries(self, item: Any, key: str, route: Route) -> Iterator[str]:
        """The paths of one item: itself, or the keys of a mapping, whose values tell DVC how to keep or draw it."""
        resolved = self.reader._resolved(self.scope, item, route)
        if isinstance(resolved, dict):
            names = list(resolved)
        elif key == "params" and isinstance(resolved, str):
            names = [PARAMS]
        elif isinstance(resolved, (str, int, float)):
            names = [text(resolved)]
        else:
            if resolved is not None or item is None:
                self.reader.fault("MLG121", route, f"an item of `{key}` is a path")
            return
        for name in names:
            if "://" not in name:
                yield joined(self.folder, name)
            elif key == "deps":
                message = f"{name} lies outside the project: a change of it does not tell that the stage must run"
                at = self.reader.loaded.position(route)
                self.reader.files.faults.append(warning("MLG123", at, message, "the stage runs whenever its job does"))
            else:
                hint = "write it to a file of the project, and upload that in a job of its own"
                self.reader.fault(
                    "MLG123", route, f"{name} lies outside the project, so that no job can hand it on", hint
                )
