"""What stands around the steps of a job: the containers beside it, who may fetch its image, its caches, its address."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from mlgen.readback import Cached, Served
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.github.read.contexts import On
from mlgen.targets.github.read.expressions import Contexts, Expression
from mlgen.targets.github.read.portable import variables_given
from mlgen.targets.github.read.templates import parts, secret_of, value
from mlgen.targets.github.read.values import Known, Open, text_of
from mlgen.typed import Any

HEALTHY = 60
"""The least seconds that a service is given until it is ready."""
_HEALTH = regex(r'--health-cmd "(.*)" --health-interval (\d+)s --health-timeout \d+s --health-retries (\d+)', re.DOTALL)
_PORT = regex(r"(\d+):\1")
_KEY = regex(r"(.*)\$\{\{ *(?:hashFiles\((.*)\)|github\.run_id) *\}\}", re.DOTALL)
_FILES = regex(r"'[^']*'(?:, *'[^']*')*")


def served(
    name: str, data: Mapping[str, Any], waited: Mapping[str, set[int]], given: Mapping[str, str]
) -> Iterator[Served]:
    """The containers beside the job; `waited`: the ports for which it waits, by the variable of their host.

    A service whose variable, of those that are `given`, holds another address than its own has the host `?`.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idservices
    """
    for host, said in (data.get("services") or {}).items():
        where = f"jobs.{name}.services.{host}"
        if set(said) - {"image", "env", "ports", "options", "command"}:
            raise Unread(f"{where}: is not known")
        ports = [_PORT.fullmatch(str(each)) for each in said.get("ports") or ()]
        if None in ports:
            raise Unread(f"{where}.ports: a port that has another number outside")
        inside = bool(data.get("container")) and not ports
        variable = variable_of(str(host))
        reached = str(host) if data.get("container") else "localhost"
        yield Served(
            host=str(host) if given.get(variable, reached) == reached else "?",
            image=str(said.get("image", "")),
            env=tuple(sorted((str(key), text_of(each)) for key, each in (said.get("env") or {}).items())),
            command=_words(str(said.get("command", "")), where),
            ports=None if inside else tuple(int(port[1]) for port in ports if port),
            ready=_health(str(said.get("options", "")), where),
            waited=frozenset(waited.get(variable, ())),
        )


def variable_of(host: str) -> str:
    """The variable with the address of the service of this name."""
    return "MLGEN_HOST_" + host.upper().replace("-", "_")


def _words(text: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise Unread(f"{where}.command: {fault}") from fault


def _health(options: str, where: str) -> str:
    """The command that tells whether the service is ready; empty without one.

    https://docs.docker.com/reference/cli/docker/container/run/#health-check-options
    """
    if not options:
        return ""
    found = _HEALTH.fullmatch(options)
    if found is None or int(found[2]) * int(found[3]) < HEALTHY:
        raise Unread(f"{where}.options: `{options}` is no check of health, or more, or gives the service no time")
    return found[1]


def login(container: Mapping[str, Any]) -> tuple[str, str]:
    """The secrets with which the image is fetched: see `SeenJob.login`."""
    said = container.get("credentials") or {}
    if not isinstance(said, dict) or (said and said.keys() != {"username", "password"}):
        raise Unread("container.credentials: not a user's name and a password")
    if (said.get("username"), said.get("password")) == ("${{ github.actor }}", "${{ github.token }}"):
        return "host", "host"
    user, password = (secret_of(each) or str(each or "") for each in (said.get("username"), said.get("password")))
    return user, password


def cached(said: Mapping[str, Any], root: str, axes: Mapping[str, Any], python: str) -> Cached | None:
    """A cache of one folder or more; None where what it restores need not fit to the job.

    The key has the system, the machine and the version of Python, and what may stand in for it has them, too: only the
    content of the files may be another. https://github.com/actions/cache#cache-scopes
    """
    found = _KEY.fullmatch(str(said.get("key", "")))
    if found is None or said.get("restore-keys") != found[1] or (found[2] and not _FILES.fullmatch(found[2])):
        return None
    prefix = found[1]
    asked = {name for part in parts(prefix) if isinstance(part, Expression) for name in part.names}
    if not {"runner.os", "runner.arch"} <= asked:
        return None
    leg = Known({str(axis).lower(): each for axis, each in axes.items()})
    text = text_of(value(prefix, Contexts({"runner": Known(os="Linux", arch="X64"), "matrix": leg})))
    told = re.search(r"-py([\d.]+)-$", text)
    if python and (told is None or told[1] != python):
        return None
    files = re.findall(r"'([^']*)'", found[2] or "")
    return Cached(
        paths=tuple(_inner(path, root) for path in str(said["path"]).strip().split("\n")),
        files=frozenset(_inner(file, root) for file in files),
        key=text,
        python=told[1] if told else "",
    )


def _inner(path: str, root: str) -> str:
    return path.removeprefix(f"{root}/") if root else path


def address(said: object, axes: Mapping[str, Any], on: On) -> str:
    """A text that the system itself reads, with the language's references for its expressions."""
    text = str(said or "")
    if "${{" not in text:
        return text
    own = Open(lambda name: f"${{{name}}}")
    matrix = Known({str(axis).lower(): f"${{matrix.{axis}}}" for axis in axes})
    steps = Open(lambda step: Known(outputs=own))
    return variables_given(text, Contexts({"matrix": matrix, "env": own, "steps": steps}), on)
