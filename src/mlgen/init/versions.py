"""The Python version that a project is written for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlgen.init.project import Project, inner, table
from mlgen.named import NamedTuple

PREFERRED = (12, 11, 10, 13, 9, 14, 8, 7)
"""Minor versions by how well the libraries of ML and the CI systems support them: a range takes the first it admits."""


class Version(NamedTuple):
    """Such as `3.11`, and the file that says so (empty: nothing did)."""

    version: str
    source: str


def python_version(project: Project, ci_files: Iterable[str] = ()) -> Version:
    """The version that a file names, if no range excludes it; else the preferred one of the ranges."""
    ranges = [(text, source) for text, source in _ranges(project) if text]
    minors = [m for m in PREFERRED if all(admits(text, m) for text, _ in ranges)]
    for text, source in _exact(project, ci_files):
        found = re.match(r"\s*(?:python-|python\s+)?3\.(\d{1,2})(?![\d])", text)
        if found and (not minors or int(found[1]) in minors or all(admits(t, int(found[1])) for t, _ in ranges)):
            return Version(f"3.{int(found[1])}", source)
    return Version(f"3.{(minors or PREFERRED)[0]}", ranges[0][1] if ranges and minors else "")


def _exact(project: Project, ci_files: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Texts that begin with one version, the most telling first."""
    yield project.text(".python-version"), ".python-version"
    for line in project.text(".tool-versions").splitlines():
        if line.startswith("python "):
            yield line, ".tool-versions"
    yield project.text("runtime.txt"), "runtime.txt"
    yield str(inner(project.toml("Pipfile"), "requires").get("python_version", "")), "Pipfile"
    for name in project.matching("Dockerfile"):
        for found in re.findall(r"^FROM\s+(?:\S+/)?python:(\S+)", project.text(name), re.MULTILINE | re.IGNORECASE):
            yield found, name
    for name in ci_files:
        said = r"python(?:-version)?['\"]?\s*:\s*[\[\s\"'-]*(3\.\d+)"
        for found in re.findall(said, project.text(name), re.IGNORECASE):
            yield found, name
    for folder in (".venv", "venv"):
        for found in re.findall(r"^version(?:_info)?\s*=\s*(\S+)", project.text(f"{folder}/pyvenv.cfg"), re.MULTILINE):
            yield found, f"{folder}/pyvenv.cfg"


def _ranges(project: Project) -> Iterator[tuple[str, str]]:
    """Specifiers such as `>=3.9,<3.13`."""
    data = project.toml("pyproject.toml")
    yield _text(inner(data, "project").get("requires-python")), "pyproject.toml"
    poetry = inner(data, "tool", "poetry", "dependencies").get("python")
    yield _text(table(poetry).get("version", poetry)), "pyproject.toml"
    yield project.ini("setup.cfg").get("options", {}).get("python_requires", ""), "setup.cfg"
    for name in ("environment.yml", "environment.yaml"):
        said = project.yaml(name).get("dependencies")
        for item in said if isinstance(said, list) else []:
            found = re.fullmatch(r"(?:[\w.-]+::)?python\s*([=<>!~ ].*)", item) if isinstance(item, str) else None
            if found:
                yield found[1].strip(), name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def admits(ranges: str, minor: int) -> bool:
    """Whether some release of Python 3.`minor` satisfies the specifier, of PEP 440, Poetry or conda.

    What cannot be read excludes nothing.
    """
    closed = re.sub(r"([\^~<>=!])\s+", r"\1", ranges)
    choices = [re.split(r"[,\s]+", choice.strip()) for choice in closed.split("|") if choice.strip()]
    return not choices or any(all(_admits(part, minor) for part in parts) for parts in choices)


def _admits(part: str, minor: int) -> bool:
    found = re.fullmatch(r"\s*(\^|~=|~|>=|<=|===?|=|!=|>|<|)\s*(\d+)(?:\.(\d+|\*))?(?:\.(\d+|\*))?\S*\s*", part)
    if not found:
        return True
    sign, major, second, third = found[1], int(found[2]), found[3] or "", found[4] or ""
    if major != 3:
        below = sign in ("<", "<=", "!=") if major > 3 else sign in (">", ">=", "!=")
        return below
    if second in ("", "*"):  # `==3.*`, `^3`, `<4` is above
        return sign not in ("<", "!=")
    wanted, patch = int(second), third not in ("", "*", "0")
    if sign in (">=", "^"):
        return minor >= wanted
    if sign == "~=":  # `~=3.9` is any later 3.x; `~=3.9.1` is 3.9
        return minor == wanted if third else minor >= wanted
    if sign == "<":
        return minor < wanted or (patch and minor == wanted)
    if sign == "<=":
        return minor <= wanted
    if sign == ">":
        return minor > wanted or (patch and minor == wanted)
    if sign == "!=":
        return minor != wanted or patch
    return minor == wanted
