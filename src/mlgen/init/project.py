"""A project's files, read with care: nothing that stands in a repository may stop `init`, or make it wait."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase

from mlgen.typed import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from mlgen.diagnostics import SpecError
from mlgen.spec import load

MOST_FILES = 20_000
DEEPEST = 6
LARGEST = 1 << 20
"""In bytes; a larger file is not read."""

_SKIPPED = {
    "__pycache__", "build", "dist", "env", "mlruns", "node_modules", "site-packages", "venv", "virtualenv", "wandb",
}  # fmt: skip


class Project:
    """The folder; `notes` gathers what could not be looked at."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.notes: list[str] = []
        self.files = tuple(sorted(self._walk()))

    def _walk(self) -> Iterator[str]:
        """Paths below the root, with `/`; no hidden folders, no links to folders, no folders that tools made."""
        seen = 0
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root).replace(os.sep, "/")
            inside = "" if inside == "." else inside + "/"
            folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
            if inside.count("/") >= DEEPEST:
                folders.clear()
            for name in sorted(names):
                seen += 1
                if seen > MOST_FILES:
                    self.notes.append(f"there are more than {MOST_FILES} files; the rest was not looked at")
                    return
                yield inside + name

    def at(self, path: str) -> str:
        """The path on this machine."""
        return os.path.join(self.root, path)

    def has(self, path: str) -> bool:
        """Whether there is such a regular file."""
        return os.path.isfile(self.at(path))

    def matching(self, pattern: str) -> list[str]:
        """Names below the root that match; only the last part of the pattern may be a glob. Hidden files included."""
        folder, _, last = pattern.rpartition("/")
        try:
            names = sorted(os.listdir(self.at(folder)))
        except OSError:
            return []
        return [f"{folder}/{n}" if folder else n for n in names if fnmatchcase(n, last)]

    def text(self, path: str) -> str:
        """The file's text; empty if there is none, or none that can be read."""
        try:
            # Without O_NONBLOCK, opening a pipe would wait for somebody who writes to it.
            handle = os.open(self.at(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except (OSError, ValueError) as err:
            return self._unread(path, getattr(err, "strerror", None) or str(err))
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            return ""
        with open(handle, "rb") as file:
            if found.st_size > LARGEST:
                return self._unread(path, "it is too large")
            try:
                return file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                return self._unread(path, "it is not UTF-8")
            except OSError as err:
                return self._unread(path, err.strerror or str(err))

    def _unread(self, path: str, why: str) -> str:
        note = f"{path} was not looked at: {why}"
        if note not in self.notes:
            self.notes.append(note)
        return ""

    def toml(self, path: str) -> dict[str, Any]:
        """The file's data; empty if it is missing or broken."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError) as err:
            self._unread(path, f"it is not TOML ({_first_line(err)})")
            return {}

    def yaml(self, path: str) -> dict[str, Any]:
        """The file's mapping; empty if it is missing or broken."""
        text = self.text(path)
        try:
            data = load(text, path).data if text.strip() else {}
        except SpecError as err:
            first = err.diagnostics[0]
            self._unread(path, f"line {first.position.line}: {first.message}")
            return {}
        return table(data)

    def json(self, path: str) -> Any:
        """The file's data; None if it is missing or broken."""
        text = self.text(path)
        try:
            return json.loads(text) if text.strip() else None
        except (ValueError, RecursionError) as err:
            self._unread(path, f"it is not JSON ({_first_line(err)})")
            return None

    def ini(self, path: str) -> dict[str, dict[str, str]]:
        """The sections of an INI file."""
        import configparser

        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self.text(path))
        except configparser.Error as err:
            self._unread(path, f"it is not an INI file ({_first_line(err)})")
            return {}
        return {name: dict(parser[name]) for name in parser.sections()}


def _first_line(err: Exception) -> str:
    return (str(err).splitlines() or [type(err).__name__])[0]


def table(value: object) -> dict[str, Any]:
    """The value if it is a mapping with text as keys, else an empty one: broken files hold anything anywhere."""
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}


def inner(value: object, *keys: str) -> dict[str, Any]:
    """The mapping below these keys, or an empty one."""
    for key in keys:
        value = table(value).get(key)
    return table(value)


def strings(value: object) -> list[str]:
    """The texts of a list, or an empty list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
