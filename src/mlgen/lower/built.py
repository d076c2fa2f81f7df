"""`image: {from: JOB}`: a job that runs in the image which another one builds and pushes."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error, warning
from mlgen.ir.model import Job
from mlgen.ir.source import Source
from mlgen.ir.values import Built, Container
from mlgen.lower.commands.build import variable
from mlgen.lower.names import Route, did_you_mean, named
from mlgen.lower.runtime import REFERENCE
from mlgen.lower.texts import scalar_text
from mlgen.typed import Any

COMMIT = "MLGEN_COMMIT"
_OF_CLOUDS = ("ecr", "gcp", "acr")


def in_built(source: Source, job: Job) -> Job:
    """The job with its image, by the digest that the builder exports, and with what fetches it."""
    builder, said = _builder(source, _named(source, (job.stage, job.name)))
    words = said["build"]
    login = words.get("login")
    own = job.container
    if isinstance(login, dict) and not (own and own.username):
        own = (own or Container())._replace(username=login["username"], password=login["password"])
    name = _known(source, said, words["image"])
    tags = [_known(source, said, tag) for tag in words.get("tags", [f"${{{COMMIT}}}"])]
    tagged = next((f"{name}:{tag}" for tag in tags if REFERENCE.findall(tag) == [COMMIT]), "")
    digest = variable(source.data, builder)
    host = "host" if login == "host" and not (own and own.username) else ""
    return job._replace(
        image=f"${{{digest}}}",
        container=own,
        built=Built(builder, name, tagged, digest, host),  # type: ignore[arg-type]
    )


def check(source: Source, where: tuple[str, str]) -> Iterator[Diagnostic]:
    """Faults of the reference to the builder, and of the builder for this purpose."""
    name, at = ".".join(where), source.at(*_place(source, where))
    asked = _named(source, where)
    said = source.data["stages"][where[0]][where[1]]
    builders = [job for members in source.data["stages"].values() for job, other in members.items() if "build" in other]
    found = named(source.data, asked)
    if not found:
        yield error("MLG201", at, f"there is no job {asked}", did_you_mean(asked, builders))
    elif len(found) > 1:
        yield error("MLG202", at, f"more than one job is called {asked}", f"write {' or '.join(found)}")
    elif found == [name]:
        hint = "name the image that it is built in, or write `runtime: none`"
        yield error("MLG223", at, f"{name} would run in the image that it builds", hint)
    elif "build" not in _builder(source, asked)[1]:
        yield error("MLG223", at, f"{asked} builds no image", did_you_mean(asked, builders))
    else:
        yield from _fit(source, where, said)
    if said["runtime"]["image"]:
        yield error("MLG102", at, f"{name}: an image has `name` or `from`, and not both", "keep one of them")


def _fit(source: Source, where: tuple[str, str], said: dict[str, Any]) -> Iterator[Diagnostic]:
    """Whether the image of the job that there is can be run in."""
    name, at, asked = ".".join(where), source.at(*_place(source, where)), _named(source, where)
    other = _builder(source, asked)[1]
    if "matrix" in other:
        hint = "build the image that is run in by a job of its own"
        yield error("MLG223", at, f"{asked} has a matrix, and builds more than one image", hint)
    elif "$" in _known(source, other, other["build"]["image"]):
        message = f"{asked} builds {other['build']['image']}, a name that is not known before the run"
        yield error("MLG223", at, message, "write the name, or let it refer to `env` only")
    if any("result" in when for when in said.get("when", ())):
        hint = "leave `result` out, or name another image"
        yield error("MLG223", at, f"{name} starts whatever becomes of {asked}, whose image it runs in", hint)
    container, login = said["runtime"]["container"] or {}, other["build"].get("login")
    for secret in login.values() if isinstance(login, dict) and not container.get("username") else ():
        places = source.data["secrets"].get(secret, {}).get("environments")
        if places and said.get("environment") not in places:
            message = f"{name} fetches the image of {asked} with {secret}, which is bound to {', '.join(places)}"
            hint = "give the job one of these environments, or `credentials` of its own"
            yield error("MLG204", at, message, hint)


def unreachable(source: Source, job: Job) -> Iterator[Diagnostic]:
    """A warning where nothing in the spec lets the machine fetch the image."""
    assert job.built is not None
    login = _builder(source, job.built.job)[1]["build"].get("login")
    if login in _OF_CLOUDS and not (job.container and job.container.username):
        message = f"{job.id}: the image of {job.built.job} is fetched before the job could log in by `{login}`"
        at = source.at(*_place(source, (job.stage, job.name)))
        yield warning("MLG224", at, message, "let the machines that run the job know the registry")


def _named(source: Source, where: tuple[str, str]) -> str:
    found: str = source.data["stages"][where[0]][where[1]]["runtime"]["image_from"]
    return found


def _builder(source: Source, name: str) -> tuple[str, dict[str, Any]]:
    """The id of the job, and what the spec says of it."""
    found = named(source.data, name)[0]
    stage, _, job = found.partition(".")
    return found, source.data["stages"][stage][job]


def _place(source: Source, where: tuple[str, str]) -> Route:
    """Where the image is said: at the job, in its runtime, or in that of all jobs."""
    at = ("stages", *where)
    job, runtime = source.at(*at), source.at(*at, "runtime")
    if source.key(*at, "image") != job:
        return (*at, "image", "from")
    return (*at, "runtime", "image", "from") if runtime != job else ("runtime", "image", "from")


def _known(source: Source, said: dict[str, Any], text: str) -> str:
    """The text with the variables in place whose values the spec tells."""
    env = {**source.data["env"], **(said.get("env") or {})}
    texts = {name: scalar_text(value) for name, value in env.items()}
    return REFERENCE.sub(lambda found: _plain(texts.get(found[1], ""), found[0]), text)


def _plain(value: str, reference: str) -> str:
    return value if value and "$" not in value else reference
