"""Environments of Python: one for each version and setup, kept between runs, and a layer on top for each job.

A setup is kept only where it can be told what it reads: where it is nothing but `pip install` of packages and of
requirement files. Any other runs in each job, as it does in CI.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.run.processes import Group
from mlgen.run.workspace import Failed

AGE = 7 * 86400
"""Seconds for which a setup is kept: what is not pinned has a newer version by then."""
_MARKER = "mlgen-complete"
_INSTALL = regex(r"(?:python3? -m )?pip3? install ")
_BARE = {"-q", "--quiet", "-qq", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--upgrade", "-U"}
_FILES = ("-r", "--requirement", "-c", "--constraint")


class Interpreter(NamedTuple):
    """A Python on this machine."""

    path: str
    version: str


def find(wanted: str) -> Interpreter | None:
    """A Python whose version begins with the wanted one (empty: any); None if this machine has none."""
    names = [sys.executable]
    names += [
        p for name in (f"python{wanted}", "python3", "python") if name != "python" or wanted for p in _which(name)
    ]
    if wanted and (uv := shutil.which("uv")):
        names += _lines([uv, "python", "find", "--no-python-downloads", wanted])
    for name in dict.fromkeys(names):
        asked = "import sys, platform; print(sys._base_executable); print(platform.python_version())"
        said = _lines([name, "-c", asked])
        if len(said) == 2 and (said[1] + ".").startswith(wanted + "." if wanted else ""):
            return Interpreter(said[0], said[1])
    return None


def _which(name: str) -> Iterator[str]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            yield path


def _lines(words: Sequence[str]) -> list[str]:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def key(setup: str, folder: str, env: Mapping[str, str]) -> str | None:
    """A digest of all that the setup depends on; None where that cannot be told, and it must run in each job."""
    seen: dict[str, str] = {name: value for name, value in env.items() if name.startswith("PIP_")}
    for line in setup.split("\n"):
        words = _words(line)
        if words is None or not _is_known(words, folder, seen):
            return None
    return hashlib.sha256(repr((setup, sorted(seen.items()))).encode()).hexdigest()


def _words(line: str) -> list[str] | None:
    """The arguments of a `pip install`; of an empty line none, and None for any other command."""
    if not line.strip() or line.lstrip().startswith("#"):
        return []
    start = _INSTALL.match(line)
    bare = re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", line)  # in quotes, `>=` is no redirection
    if not start or re.search(r"[$`;&|<>(){}\\]", bare):
        return None
    try:
        return shlex.split(line[start.end() :], comments=True)
    except ValueError:
        return None


def _is_known(words: list[str], folder: str, seen: dict[str, str]) -> bool:
    rest = iter(words)
    for word in rest:
        if word in _FILES:
            if not _read(next(rest, ""), folder, seen):
                return False
        elif word.startswith("-"):
            if word not in _BARE:
                return False
        elif not _is_package(word):
            return False
    return True


def _is_package(word: str) -> bool:
    """Whether this names a package, and no path or address, whose content could change."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]*\])?\s*([=<>!~;].*)?", word) is not None


def _read(name: str, folder: str, seen: dict[str, str]) -> bool:
    """Takes a file of requirements into what is seen, with those that it names; False if it names anything else."""
    path = os.path.normpath(os.path.join(folder, name))
    if path in seen:
        return True
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    seen[path] = ""  # before those that it names, which may name it
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        option, _, rest = line.partition("=" if line.startswith("--") and "=" in line else " ")
        if option in _FILES:
            if not _read(os.path.join(os.path.dirname(path), rest.strip()), folder, seen):
                return False
        elif line.startswith("-"):
            if option in ("-e", "--editable", "-f", "--find-links"):
                return False
        elif line and not _is_package(line):
            return False
    seen[os.path.relpath(path, folder)] = text
    del seen[path]
    return True


# ---- on the disk


class Kept:
    """The kept environment of a Python and a setup, of which only one process at a time makes the content."""

    def __init__(self, cache: str, python: Interpreter, digest: str, renew: bool = False) -> None:
        name = hashlib.sha256(repr((python.path, python.version, digest)).encode()).hexdigest()[:16]
        self.folder = os.path.join(cache, "envs", f"{python.version}-{name}")
        self._python, self._renew = python, renew
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        self._lock = open(f"{self.folder}.lock", "a")  # noqa: SIM115 - held until `release`

    def take(self, group: Group, env: Mapping[str, str]) -> bool:
        """Waits for the environment, and makes it if it is not there or old; True if its setup has yet to run."""
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                group.run(["sleep", "0.2"], "/", env)  # which ends where the run is interrupted
        marker = os.path.join(self.folder, _MARKER)
        if not self._renew and os.path.exists(marker) and time.time() - os.path.getmtime(marker) < AGE:
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        clean = {name: value for name, value in env.items() if not name.startswith("PYTHON")}
        if group.run([self._python.path, "-m", "venv", self.folder], "/", clean):
            raise Failed(f"{self._python.path} makes no environment: `python -m venv` failed")
        return True

    def complete(self) -> None:
        """What is there may be used from now on."""
        with open(os.path.join(self.folder, _MARKER), "w", encoding="utf-8") as file:
            file.write(f"{self._python.version}\n")

    def layer(self, to: str) -> None:
        """An environment on top of this one, for one job: it sees what is here, and what it installs stays its own.

        pip leaves alone what lies outside of the environment that it runs in, and installs beside it.
        """
        shutil.copytree(self.folder, to, symlinks=True, copy_function=_link, ignore=_no_packages)
        programs = os.path.join(to, "bin")
        for name in os.listdir(programs):
            path = os.path.join(programs, name)
            if not os.path.islink(path) and os.path.isfile(path):
                _renamed(path, self.folder, to)
        [packages] = glob.glob("lib/python*/site-packages", root_dir=self.folder)
        os.makedirs(os.path.join(to, packages))
        with open(os.path.join(to, packages, "mlgen.pth"), "w", encoding="utf-8") as file:
            file.write(f"import site; site.addsitedir({os.path.join(self.folder, packages)!r})\n")

    def release(self) -> None:
        """Others may take it."""
        self._lock.close()


def _no_packages(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "site-packages" and os.path.basename(folder).startswith("python")]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _renamed(path: str, old: str, new: str) -> None:
    with open(path, "rb") as file:
        content = file.read()
    if os.fsencode(old) in content and b"\0" not in content[:1024]:
        mode = os.stat(path).st_mode
        os.unlink(path)  # a link to the file of the cache
        with open(path, "wb") as file:
            file.write(content.replace(os.fsencode(old), os.fsencode(new)))
        os.chmod(path, mode)


def active(env: Mapping[str, str], folder: str) -> dict[str, str]:
    """The variables with this environment made active."""
    path = os.pathsep.join(filter(None, [os.path.join(folder, "bin"), env.get("PATH", "")]))
    return {**env, "VIRTUAL_ENV": folder, "PATH": path}
