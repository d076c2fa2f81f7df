"""The entry points of an MLproject as jobs: https://mlflow.org/docs/latest/ml/projects/

A parameter has its default's value; where the spec's manual or api events have an input of its name, the input's.
"""

from __future__ import annotations

import os
import re
import shlex

from mlgen.diagnostics import Position, error, warning
from mlgen.quoting import sh
from mlgen.regex import regex
from mlgen.spec.imports.files import Files, Imported, inside, joined, slug, unique
from mlgen.spec.imports.template import text
from mlgen.spec.load import Loaded, Route
from mlgen.typed import Any

_TOP = {"name", "entry_points", "python_env", "conda_env", "docker_env", "databricks_spark_job"}
_FIELD = regex(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PYTHON = regex(r"3\.[0-9]+(\.[0-9]+)?")


class Outer:
    """What the spec defines that an entry point may use: names of inputs and of secrets; whether it prepares jobs."""

    def __init__(self, data: dict[str, Any]) -> None:
        triggers = data.get("triggers") or {}
        events = [triggers.get("manual"), *(triggers.get("api") or {}).values()]
        self.inputs = {name for event in events for name in ((event or {}).get("inputs") or {})}
        self.secrets = set(data.get("secrets") or {})
        self.prepared = bool((data.get("runtime") or {}).get("setup"))


def entry_points(files: Files, path: str, at: Position, outer: Outer) -> list[Imported]:
    """The jobs of the MLproject at `path`; `at` is where the spec names it."""
    loaded = files.load(path, at)
    return _Reader(files, loaded, path, outer).jobs() if loaded is not None else []


class _Reader:
    def __init__(self, files: Files, loaded: Loaded, path: str, outer: Outer) -> None:
        self.files = files
        self.loaded = loaded
        self.folder = os.path.dirname(path)
        self.outer = outer

    def fault(self, code: str, route: Route, message: str, hint: str = "", key: bool = False) -> None:
        self.files.faults.append(error(code, self.loaded.position(route, key), message, hint))

    def warn(self, route: Route, message: str, hint: str) -> None:
        self.files.faults.append(warning("MLG123", self.loaded.position(route), message, hint))

    def jobs(self) -> list[Imported]:
        data = self.loaded.data
        if not isinstance(data, dict) or not isinstance(data.get("entry_points"), dict):
            self.fault("MLG121", (), f"{self.loaded.file} has no `entry_points`", "each becomes a job")
            return []
        for key in data.keys() - _TOP:
            self.fault("MLG121", (key,), f"MLflow knows no key {key} here", key=True)
        shared, places = self._environment(data)
        names: set[str] = set()
        found = []
        for name, said in data["entry_points"].items():
            route: Route = ("entry_points", name)
            command = said.get("command") if isinstance(said, dict) else None
            if not isinstance(command, str) or not command.strip():
                self.fault("MLG121", route, f"the entry point {name} has no `command`", key=True)
                continue
            script = self._command(name, command, self._parameters(name, said.get("parameters")))
            short = unique(slug(name), names)
            job = {"run": [*inside(self.folder or "."), script], **shared}
            origin = {**places, ("run",): (*route, "command"), (): route}
            found.append(Imported(short, short, name, job, origin))
        return found

    # ---- parameters

    def _parameters(self, entry: str, said: Any) -> dict[str, str | None]:
        """Each parameter's default as text, None where there is none and an input must give it."""
        route: Route = ("entry_points", entry, "parameters")
        if said is not None and not isinstance(said, dict):
            self.fault("MLG121", route, "`parameters` is a mapping")
        found: dict[str, str | None] = {}
        for name, value in (said if isinstance(said, dict) else {}).items():
            at = (*route, name)
            kind, default = (
                (value.get("type", "string"), value.get("default")) if isinstance(value, dict) else (value, None)
            )
            # A boolean is Python's to MLflow; a number is taken as it is written.
            plain = str(default) if isinstance(default, bool) else self.loaded.written((*at, "default"))
            found[name] = None if default is None else plain
            if kind == "path" and found[name] and "://" in str(found[name]):
                hint = "fetch it in a job of its own, and give the path of the file"
                self.fault("MLG123", at, f"{name}: MLflow downloads {found[name]}, and a job does not", hint)
        return found

    def _command(self, entry: str, command: str, parameters: dict[str, str | None]) -> str:
        """The command with its parameters, each one word of the shell, whatever quotes it stands in."""
        route: Route = ("entry_points", entry, "command")
        parts: list[str] = []
        end = 0
        for found in _FIELD.finditer(command):
            parts.append(command[end : found.start()])
            end = found.end()
            name = found[1]
            if found[0] in ("{{", "}}"):
                parts.append(found[0][0])
            elif name in parameters:
                parts.append(self._word(entry, name, parameters[name], _quote("".join(parts))))
            else:
                hint = "a parameter is written {name}, and a brace of the shell itself {{ or }}"
                self.fault("MLG122", route, f"{entry}: {found[0]} is no parameter of it", hint)
        return "".join([*parts, command[end:]]).rstrip("\n")

    def _word(self, entry: str, name: str, default: str | None, quote: str) -> str:
        variable = name.lower().replace("-", "_")
        if variable in self.outer.inputs:
            found = f"${{MLGEN_INPUT_{variable.upper()}}}"
            return {"": f'"{found}"', '"': found, "'": f"'\"{found}\"'"}[quote]
        if default is None:
            hint = f"declare the input {variable} under triggers.manual.inputs, or write `run` over the job's"
            self.fault("MLG122", ("entry_points", entry, "parameters", name), f"{name} has no default", hint, key=True)
            return ""
        if quote == "'":
            return default.replace("'", "'\"'\"'")
        return re.sub(r'([\\$`"])', r"\\\1", default) if quote else sh(default)

    # ---- the environment

    def _environment(self, data: dict[str, Any]) -> tuple[dict[str, Any], dict[Route, Route]]:
        """Keys that every job has, and where each was said."""
        said = [key for key in ("python_env", "conda_env", "docker_env", "databricks_spark_job") if data.get(key)]
        if len(said) > 1:
            self.fault("MLG121", (said[1],), f"MLflow takes one environment, and there are {', '.join(said)}", key=True)
        if not said:
            return {}, {}
        if said[0] == "docker_env":
            return self._docker(data["docker_env"])
        if said[0] == "databricks_spark_job":
            hint = "submit it from a script: `run: databricks jobs submit …`"
            self.fault("MLG123", (said[0],), "a Spark job of Databricks does not run in a CI job", hint, key=True)
            return {}, {}
        path = joined(self.folder, text(data[said[0]]))
        at = self.loaded.position((said[0],))
        found = self.files.load(path, at)
        if found is None or not isinstance(found.data, dict):
            return {}, {}
        self.files.use(path)
        return (self._python if said[0] == "python_env" else self._conda)(found, path)

    def _python(self, found: Loaded, path: str) -> tuple[dict[str, Any], dict[Route, Route]]:
        """https://mlflow.org/docs/latest/ml/projects/: `python`, `build_dependencies` and `dependencies`."""
        version = found.written(("python",))
        if version and not _PYTHON.fullmatch(version):
            at = found.position(("python",))
            self.files.faults.append(error("MLG121", at, f"{version} is no version of Python 3"))
        lines = []
        for key in ("build_dependencies", "dependencies"):
            items = [text(item) for item in found.data.get(key) or []]
            words = [sh(word) for item in items for word in shlex.split(item, comments=True)]
            if words:
                lines.append(" ".join(["python -m pip install", *words]))
        folder = os.path.dirname(path)
        if lines and folder and any("-r" in line or "-c" in line for line in lines):
            lines = [f"(cd {sh(folder)} && {line})" for line in lines]
        runtime: dict[str, Any] = {"python": version} if version else {}
        if lines:
            runtime["setup"] = lines
        return ({"runtime": runtime}, {("runtime",): ("python_env",)}) if runtime else ({}, {})

    def _conda(self, found: Loaded, path: str) -> tuple[dict[str, Any], dict[Route, Route]]:
        """Conda itself is not set up: an image or the runner has it, and `setup` fills it."""
        hint = (
            f"for example `runtime: {{image: condaforge/miniforge3, setup: [conda env update -n base -f {path}]}}`; "
            "any `runtime.setup` of the spec silences this"
        )
        if not self.outer.prepared:
            self.warn(("conda_env",), f"mlgen does not make the conda environment of {path}", hint)
        return {}, {}

    def _docker(self, said: Any) -> tuple[dict[str, Any], dict[Route, Route]]:
        route: Route = ("docker_env",)
        if not isinstance(said, dict) or not isinstance(said.get("image"), str):
            self.fault("MLG121", route, "docker_env has no `image`", key=True)
            return {}, {}
        if said.get("volumes"):
            self.warn(
                (*route, "volumes"), "volumes of the machine are not there in a CI job", "receive files by `deps`"
            )
        job: dict[str, Any] = {"image": said["image"]}
        places: dict[Route, Route] = {("image",): (*route, "image")}
        items = said.get("environment") or []
        for index, item in enumerate(items if isinstance(items, list) else []):
            at = (*route, "environment", index)
            if isinstance(item, list) and len(item) == 2:
                job.setdefault("env", {})[text(item[0])] = text(item[1])
                places["env", text(item[0])] = at
            elif isinstance(item, str) and item in self.outer.secrets:
                job.setdefault("secrets", []).append(item)
                places["secrets", len(job["secrets"]) - 1] = at
            elif isinstance(item, str):
                hint = f"declare it: `secrets: {{{item}: {{}}}}`, with `plain: true` if it is none"
                self.fault(
                    "MLG201", at, f"docker_env takes {item} from the machine, and the spec has no secret {item}", hint
                )
            else:
                self.fault("MLG121", at, "an item is a name, or a list of a name and a value")
        return job, places


def _quote(before: str) -> str:
    """The quote of the shell that is open after this text; empty if none is."""
    state, index = "", 0
    while index < len(before):
        c = before[index]
        if c == "\\" and state != "'":
            index += 1
        elif state:
            state = "" if c == state else state
        elif c in "'\"":
            state = c
        index += 1
    return state
