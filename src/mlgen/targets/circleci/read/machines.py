"""Where a job runs: its executor with what the job says itself.

https://circleci.com/docs/reference/configuration-reference/#executors, …#docker, …#machine
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlgen.named import NamedTuple
from mlgen.readback import Served
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.circleci.read.config import Data, File, declared, given, known, mapping, texts
from mlgen.targets.circleci.read.expressions import Values
from mlgen.targets.circleci.read.inserted import filled, plain, text_of
from mlgen.typed import Any

KEYS = ("docker", "machine", "resource_class", "shell", "working_directory", "environment")
SHELL = "/bin/bash -euo pipefail"
REPOSITORY = "~/project"
"""Where `checkout` puts the repository, and steps run, unless told otherwise."""
_PYTHON = regex(r"(?:docker\.io/)?(?:cimg|library)/python:(\d+(?:\.\d+)*)(?:-.*)?|python:(\d+(?:\.\d+)*)(?:-.*)?")
_SECRET = regex(r"\$\{?([A-Za-z_]\w*)\}?")


class Machine(NamedTuple):
    """The executor of a job."""

    image: str
    """Of the container; empty on a virtual machine."""
    runner: str
    shell: str
    root: str
    """The folder in which its steps run, relative to the repository."""
    environment: Mapping[str, str]
    beside: tuple[Served, ...]
    """The containers beside, without the names by which the job knows them."""
    user: str
    names: tuple[str, ...]
    """The variables of its contexts with which it fetches its image."""
    started: tuple[str, ...]
    """As `SeenJob.started` has it."""


def machine(job: Data, parameters: Mapping[str, Any], file: File, values: Values, where: str) -> Machine:
    """The job's executor, with the parameters of the invocation."""
    said = _executor(job.get("executor"), parameters, file, where)
    own = {key: filled(job[key], parameters) for key in KEYS if key in job and key != "environment"}
    if own.keys() & {"docker", "machine"}:
        said = {key: value for key, value in said.items() if key not in ("docker", "machine")}
    said = {**said, **own}
    if ("docker" in said) == ("machine" in said):
        raise Unread(f"{where}: it has not one of `docker` and `machine`")
    images = list(_images(said.get("docker", ()), where))
    kind = _machine(said.get("machine"), where)
    main = images[0] if images else {}
    folder = str(said.get("working_directory", REPOSITORY))
    if folder != REPOSITORY and not folder.startswith(f"{REPOSITORY}/"):
        raise Unread(f"{where}: working_directory: {folder} is not in {REPOSITORY}")
    return Machine(
        text_of(str(main.get("image", "")), values),
        f"{kind} {said.get('resource_class', '')}".strip(),
        str(said.get("shell", "")),
        folder[len(REPOSITORY) + 1 :],
        {**environment(main.get("environment", {}), where), **environment(said.get("environment", {}), where)},
        tuple(_served(each, where) for each in images[1:]),
        str(main.get("user", "")),
        tuple(_auth(images, where)),
        tuple(_started(main)),
    )


def _started(image: Data) -> Iterator[str]:
    """https://circleci.com/docs/reference/configuration-reference/#docker"""
    if "entrypoint" in image:
        words = [word for each in texts(image["entrypoint"], "entrypoint") for word in plain(each).split()]
        yield from words or [""]
    if "command" in image:
        yield f"command {' '.join(map(plain, texts(image['command'], 'command')))}"  # no word of an entry point


def _served(image: Data, where: str) -> Served:
    variables = environment(image.get("environment", {}), where).items()
    return Served(
        host="",
        image=plain(str(image["image"])),
        env=tuple((name, plain(value)) for name, value in variables),
        command=tuple(map(plain, texts(image["command"], "command"))) if "command" in image else (),
        options=tuple(f"{key} {image[key]}" for key in ("entrypoint", "user", "name") if key in image),
        shares=True,
    )


def environment(said: Any, where: str) -> dict[str, str]:
    """Variables with their values as texts."""
    found = {}
    for name, value in mapping(said, f"{where}.environment").items():
        if isinstance(value, (dict, list)):
            raise Unread(f"{where}.environment.{name}: it is no text")
        found[name] = value if isinstance(value, str) else str(value)
    return found


def _executor(said: Any, parameters: Mapping[str, Any], file: File, where: str) -> Data:
    said = filled(said, parameters)
    if said is None:
        return {}
    words = {"name": said} if isinstance(said, str) else mapping(said, f"{where}.executor")
    name = words.get("name")
    if name not in file.executors:
        raise Unread(f"{where}: the executor {name} is not there")
    executor = file.executors[str(name)]
    known(executor, ("parameters", "description", *KEYS), f"executors.{name}")
    asked = given(
        {key: value for key, value in words.items() if key != "name"},
        declared(executor.get("parameters", {}), f"executors.{name}.parameters"),
        f"{where}.executor",
    )
    found: Data = filled({key: value for key, value in executor.items() if key in KEYS}, asked)
    return found


def _images(said: Any, where: str) -> Iterator[Data]:
    for each in said:
        known(each, ("image", "name", "user", "entrypoint", "command", "environment", "auth"), f"{where}.docker")
        if not isinstance(each.get("image"), str):
            raise Unread(f"{where}.docker: an image has no name")
        yield each


def _machine(said: Any, where: str) -> str:
    if said is None:
        return ""
    if isinstance(said, bool):
        return "machine"
    known(said, ("image", "docker_layer_caching"), f"{where}.machine")
    return f"machine {said.get('image', '')}"


def _auth(images: list[Data], where: str) -> Iterator[str]:
    """https://circleci.com/docs/guides/execution-managed/private-images/"""
    for each in images:
        auth = each.get("auth", {})
        known(auth, ("username", "password"), f"{where}.docker.auth")
        for value in auth.values():
            found = _SECRET.fullmatch(str(value))
            if not found:
                raise Unread(f"{where}.docker.auth: `{value}` is no variable")
            yield found[1]


def python_of(image: str) -> str:
    """The version of Python that an image is made for, by its name; empty if that tells none.

    https://circleci.com/developer/images/image/cimg/python
    """
    found = _PYTHON.fullmatch(image)
    return (found[1] or found[2]) if found else ""
