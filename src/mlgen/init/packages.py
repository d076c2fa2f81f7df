"""How a project installs what it needs: its tool, the commands, what a cache keeps, and what is there afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlgen.init.project import Project, inner, strings, table
from mlgen.named import NamedTuple
from mlgen.quoting import sh
from mlgen.typed import Any

CONDA_IMAGE = "condaforge/miniforge3:24.11.3-2"
"""https://hub.docker.com/r/condaforge/miniforge3/tags"""

_EXTRAS = ("test", "tests", "testing", "dev", "develop", "all")


class Packages(NamedTuple):
    """`run` heads a command that needs the packages, such as `uv run --no-sync`; `installed` has names as PyPI does."""

    tool: str
    setup: tuple[str, ...] = ()
    run: str = ""
    cache: str = ""
    key: tuple[str, ...] = ()
    image: str = ""
    installed: frozenset[str] = frozenset()
    package: bool = False
    """Whether the project itself is installed."""
    activate: str = ""
    """What makes the packages those of a shell, so that commands need no `run` before them."""

    def command(self, words: str) -> str:
        """The command, where the packages are."""
        return f"{self.run} {words}" if self.run else words

    def activated(self) -> Packages:
        """The same, for commands that stand as another file has them."""
        return self._replace(run="") if self.activate else self

    def pip(self, *names: str) -> str:
        """The command that adds packages which the project does not list."""
        install = " ".join(map(sh, names))
        return f"uv pip install {install}" if self.tool == "uv" else self.command(f"python -m pip install {install}")


def packages(project: Project) -> Packages:
    """The first tool whose lock or file is there; a lock tells more than a list of names."""
    data = project.toml("pyproject.toml")
    for find in (_uv, _poetry, _pdm, _pipenv, _conda):
        if found := find(project, data):
            return found
    return _pip(project, data)


def name_of(requirement: str) -> str:
    """The package that a requirement names, as PyPI spells it; https://peps.python.org/pep-0503/#normalized-names."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", found[1]).lower().rstrip("-") if found else ""


def _names(requirements: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(name_of, requirements)))


def _extras(data: dict[str, Any]) -> dict[str, frozenset[str]]:
    """https://packaging.python.org/en/latest/specifications/pyproject-toml/#dependencies-optional-dependencies"""
    said = inner(data, "project", "optional-dependencies")
    return {name: _names(strings(listed)) for name, listed in said.items() if re.fullmatch(r"[\w.-]+", name)}


def _groups(data: dict[str, Any]) -> dict[str, frozenset[str]]:
    """https://packaging.python.org/en/latest/specifications/dependency-groups/, without what groups include."""
    said = inner(data, "dependency-groups")
    return {name: _names(strings(listed)) for name, listed in said.items() if re.fullmatch(r"[\w.-]+", name)}


def _chosen(installed: frozenset[str], offered: dict[str, frozenset[str]]) -> list[str]:
    """Those of the offered extras or groups that bring what tests and checks need, the usual names first."""
    order = sorted(offered, key=lambda name: (_EXTRAS.index(name) if name in _EXTRAS else len(_EXTRAS), name))
    chosen: list[str] = []
    for wanted in ("pytest", "pytest-cov", "ruff"):
        have = installed.union(*(offered[name] for name in chosen))
        chosen += [name for name in order if wanted in offered[name]][:1] if wanted not in have else []
    return list(dict.fromkeys(chosen))


def _have(installed: frozenset[str], offered: dict[str, frozenset[str]], chosen: Iterable[str]) -> frozenset[str]:
    return installed.union(*(offered[name] for name in chosen if name in offered))


def _is_package(data: dict[str, Any]) -> bool:
    return "build-system" in data or bool(inner(data, "project"))


def _uv(project: Project, data: dict[str, Any]) -> Packages | None:
    """https://docs.astral.sh/uv/guides/integration/"""
    if not project.has("uv.lock"):
        return None
    groups, extras = _groups(data), _extras(data)
    own = _names([*strings(inner(data, "project").get("dependencies")),
                  *strings(inner(data, "tool", "uv").get("dev-dependencies"))])  # fmt: skip
    own |= groups.get("dev", frozenset())  # installed unless told otherwise
    from_groups = _chosen(own, {n: g for n, g in groups.items() if n != "dev"})
    have = _have(own, groups, from_groups)
    from_extras = _chosen(have, extras)
    sync = ["uv sync --locked", *(f"--group {g}" for g in from_groups), *(f"--extra {e}" for e in from_extras)]
    return Packages(
        "uv", ("pip install uv", " ".join(sync)), "uv run --no-sync", "~/.cache/uv", ("uv.lock",),
        installed=_have(have, extras, from_extras), package="build-system" in data,
        activate=". .venv/bin/activate",
    )  # fmt: skip


def _poetry(project: Project, data: dict[str, Any]) -> Packages | None:
    """https://python-poetry.org/docs/cli/#install"""
    said = inner(data, "tool", "poetry")
    if not project.has("poetry.lock"):
        return None
    groups = {n: frozenset(map(name_of, inner(g, "dependencies"))) for n, g in inner(said, "group").items()}
    optional = {n for n, g in inner(said, "group").items() if table(g).get("optional") is True}
    own = frozenset(map(name_of, [*inner(said, "dependencies"), *inner(said, "dev-dependencies")]))
    own |= _names(strings(inner(data, "project").get("dependencies")))
    own = own.union(*(groups[n] for n in groups if n not in optional), *_groups(data).values())
    wanted = _chosen(own, {n: groups[n] for n in optional if re.fullmatch(r"[\w.-]+", n)})
    have = _have(own, groups, wanted)
    extras = _extras(data)
    from_extras = _chosen(have, extras)
    name = str(said.get("name") or inner(data, "project").get("name") or "").replace("-", "_")
    there = any(project.has(f"{place}{name}{end}") for place in ("", "src/") for end in ("/__init__.py", ".py"))
    package = bool(said.get("packages")) or bool(name and there)
    install = ["poetry install --no-interaction", *([] if package else ["--no-root"]),
               *(f"--with {g}" for g in wanted), *(f"--extras {e}" for e in from_extras)]  # fmt: skip
    return Packages(
        "Poetry", ("pip install poetry", " ".join(install)), "poetry run", "~/.cache/pypoetry", ("poetry.lock",),
        installed=_have(have, extras, from_extras), package=package,
        activate='. "$(poetry env info --path)/bin/activate"',
    )  # fmt: skip


def _pdm(project: Project, data: dict[str, Any]) -> Packages | None:
    """https://pdm-project.org/en/latest/usage/dependency/#install-the-packages-pinned-in-lock-file"""
    if not project.has("pdm.lock"):
        return None
    own = _names(strings(inner(data, "project").get("dependencies")))
    groups = _groups(data) | {n: _names(strings(g)) for n, g in inner(data, "tool", "pdm", "dev-dependencies").items()}
    return Packages(
        "PDM", ("pip install pdm", "pdm sync --group :all"), "pdm run", "~/.cache/pdm", ("pdm.lock",),
        installed=own.union(*groups.values(), *_extras(data).values()), package=_is_package(data),
        activate=". .venv/bin/activate",
    )  # fmt: skip


def _pipenv(project: Project, _: dict[str, Any]) -> Packages | None:
    """https://pipenv.pypa.io/en/latest/commands.html#sync"""
    if not project.has("Pipfile.lock"):
        return None
    listed = project.toml("Pipfile")
    names = map(name_of, [*inner(listed, "packages"), *inner(listed, "dev-packages")])
    return Packages(
        "Pipenv", ("pip install pipenv", "pipenv sync --dev"), "pipenv run", "~/.cache/pip", ("Pipfile.lock",),
        installed=frozenset(names),
        activate='. "$(pipenv --venv)/bin/activate"',
    )  # fmt: skip


def _conda(project: Project, data: dict[str, Any]) -> Packages | None:
    """https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html"""
    for path in ("environment.yml", "environment.yaml", "conda.yaml", "conda.yml"):
        said = project.yaml(path)
        listed = said.get("dependencies")
        if not isinstance(listed, list):
            continue
        names = [item.rpartition("::")[2] for item in listed if isinstance(item, str)]
        names += [name for item in listed for name in strings(table(item).get("pip"))]
        env = said.get("name")
        env = env if isinstance(env, str) and re.fullmatch(r"[A-Za-z][\w.-]*", env) and env != "base" else "ci"
        setup = ["conda config --add pkgs_dirs ~/.conda/pkgs", f"conda env create --name {env} --file {path}"]
        run = f"conda run --no-capture-output --name {env}"
        if package := ("build-system" in data and "-e ." not in names):
            setup.append(f"{run} python -m pip install --no-deps --editable .")
        # Scripts that conda would run at activation need variables that may be unset.
        ready = f'export PATH="$(conda info --base)/envs/{env}/bin:$PATH"'
        return Packages(
            "conda", tuple(setup), run, "~/.conda/pkgs", (path,), CONDA_IMAGE, _names(names), package, ready
        )
    return None


_LISTS = ("requirements.txt", "requirements/requirements.txt", "requirements/base.txt", "requirements.in")
_MORE = (
    "requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "requirements-test.txt",
    "requirements_test.txt", "test-requirements.txt", "requirements/dev.txt", "requirements/test.txt",
    "requirements/tests.txt",
)  # fmt: skip


def _pip(project: Project, data: dict[str, Any]) -> Packages:
    """Files of requirements, and the project itself where it is a package."""
    files = [*[f for f in _LISTS if project.has(f)][:1], *(f for f in _MORE if project.has(f))]
    installed = frozenset[str]().union(*(_listed(project, f, set()) for f in files))
    setup = [f"pip install -r {f}" for f in files]
    key = list(files)
    package = True
    if _is_package(data):
        own = installed | _names(strings(inner(data, "project").get("dependencies")))
        extras, groups = _extras(data), _groups(data)
        chosen = _chosen(own, extras)
        installed = _have(own, extras, chosen)
        setup.append("pip install -e " + (f"'.[{','.join(chosen)}]'" if chosen else "."))
        if more := _chosen(installed, groups):
            setup += ["pip install --upgrade 'pip>=25.1'", "pip install " + " ".join(f"--group {g}" for g in more)]
            installed = _have(installed, groups, more)
        key.append("pyproject.toml")
    elif project.has("setup.py") or "options" in project.ini("setup.cfg"):
        said = project.ini("setup.cfg")
        own = installed | _names(said.get("options", {}).get("install_requires", "").splitlines())
        offered = said.get("options.extras_require", {})
        extras = {n: _names(re.split(r"[\n;]", t)) for n, t in offered.items() if re.fullmatch(r"[\w.-]+", n)}
        chosen = _chosen(own, extras)
        installed = _have(own, extras, chosen)
        setup.append("pip install -e " + (f"'.[{','.join(chosen)}]'" if chosen else "."))
        key += [f for f in ("setup.cfg", "setup.py") if project.has(f)]
    else:
        package = False
    return Packages("pip" if setup else "", tuple(setup), "", "~/.cache/pip" if setup else "", tuple(key),
                    installed=installed, package=package)  # fmt: skip


def _listed(project: Project, path: str, seen: set[str]) -> frozenset[str]:
    """The packages of a file of requirements, and of those that it includes."""
    import posixpath

    if path in seen or path.startswith(("..", "/")) or len(seen) > 20:
        return frozenset()
    seen.add(path)
    found: set[str] = set()
    for line in project.text(path).splitlines():
        include = re.match(r"\s*(?:-r|--requirement)[\s=]\s*(\S+)", line)
        if include:
            found |= _listed(project, posixpath.normpath(posixpath.join(posixpath.dirname(path), include[1])), seen)
        elif name := name_of(line):
            found.add(name)
    return frozenset(found)
