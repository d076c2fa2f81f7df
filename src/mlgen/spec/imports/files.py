"""The files that a stage imports, and those that they name in turn: read once, with every place in them."""

from __future__ import annotations

import os

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.spec.load import Loaded, Route, load, read
from mlgen.typed import Any


class Imported(NamedTuple):
    """A job that a file describes: `job` has the keys of mlgen.yaml.

    `name` is the job's, `group` that of what it was generated from, `said` the name that the file's own tool uses.
    `origin` maps a place in `job` to its place in the file; `()` is the whole.
    """

    name: str
    group: str
    said: str
    job: dict[str, Any]
    origin: dict[Route, Route]


class Files:
    """The project's files, as far as they were read; paths are relative to its folder `root`.

    `used` are those that the outputs depend on.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.used: set[str] = set()
        self.faults: list[Diagnostic] = []
        self._loaded: dict[str, Loaded] = {}

    def load(self, path: str, at: Position) -> Loaded | None:
        """The YAML (or JSON, which is YAML) file at `path`; None, and a fault, if it cannot be had."""
        if path not in self._loaded:
            if not self.exists(path):
                self.faults.append(error("MLG121", at, f"there is no file {path}", "paths start at the project's root"))
                return None
            try:
                name = joined("", path)
                self._loaded[path] = load(read(os.path.join(self.root, name), name), name)
            except SpecError as err:
                self.faults += err.diagnostics
                return None
        return self._loaded[path]

    def text(self, path: str, at: Position) -> str | None:
        """The text of the file; None, and a fault, if it cannot be had."""
        try:
            name = joined("", path)
            return read(os.path.join(self.root, name), name)
        except SpecError as err:
            self.faults += [error("MLG121", at, d.message) for d in err.diagnostics]
            return None

    def exists(self, path: str) -> bool:
        """Whether there is such a file in the project."""
        return os.path.isfile(os.path.join(self.root, path))

    def use(self, *paths: str) -> None:
        """Note that the outputs depend on these files."""
        self.used |= {joined("", path) for path in paths}


def joined(folder: str, path: str) -> str:
    """`path`, said relative to `folder`, as one relative to the project's root; it may lead out of it."""
    return os.path.normpath(f"{folder}/{path}" if folder and not path.startswith("/") else path or ".")


def slug(text: str) -> str:
    """The text as the name of a job: a letter, then letters, digits, - and _, at most 60."""
    word = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in text).strip("-")
    return (word if word[:1].isalpha() else f"stage-{word}".rstrip("-"))[:60].rstrip("-")


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken (case ignored); it is taken from then on."""
    found, count = name, 2
    while found.lower().replace("_", "-") in taken:
        end = f"-{count}"
        found, count = name[: 60 - len(end)] + end, count + 1
    taken.add(found.lower().replace("_", "-"))
    return found


def inside(folder: str) -> list[str]:
    """The lines that bring a script into the folder, for one that starts at the project's root."""
    from mlgen.quoting import sh

    return [] if folder == "." else [f"cd {sh(folder)}"]


def parameters(files: Files, path: str, at: Position) -> dict[str, Any] | None:
    """The values of a file of parameters; None, and a fault, if it cannot be read here."""
    data: Any = None
    if path.endswith(".py"):
        hint = "mlgen runs no code of yours: move the values that dvc.yaml names into a YAML file"
        files.faults.append(error("MLG122", at, f"{path} is Python, whose values only running it would tell", hint))
        return None
    if path.endswith(".toml"):
        data = _toml(files, path, at)
    elif (loaded := files.load(path, at)) is not None:
        data = {} if loaded.data is None else loaded.data
        if not isinstance(data, dict):
            files.faults.append(error("MLG121", loaded.position(()), f"{path} is no mapping"))
    return data if isinstance(data, dict) else None


def _toml(files: Files, path: str, at: Position) -> dict[str, Any] | None:
    try:
        import tomllib
    except ImportError:
        files.faults.append(error("MLG122", at, f"{path}: TOML needs Python 3.11", "use YAML, or a newer Python"))
        return None
    said = files.text(path, at) if files.exists(path) else None
    if said is None:
        files.faults.append(error("MLG121", at, f"there is no file {path}"))
        return None
    try:
        return tomllib.loads(said)
    except tomllib.TOMLDecodeError as err:
        files.faults.append(error("MLG121", Position(path), f"{path} is not TOML: {err}"))
        return None
