"""The parts of a job that are values of their own: image, services, checkouts, tokens, steps, what is kept."""

from __future__ import annotations

from mlgen.ir import paths
from mlgen.ir.values import Approval, Checkout, Container, Keep, Oidc, Service, Step
from mlgen.lower.texts import scalar_text, seconds
from mlgen.typed import Any

DAY = 86400


def approval(said: dict[str, Any] | None) -> Approval | None:
    """Who must approve, if somebody must."""
    return None if said is None else Approval(tuple(said["by"]), said["prompt"])


def container(said: dict[str, Any] | None) -> Container | None:
    """How the image is run, where the spec says more than its name."""
    if said is None:
        return None
    return Container(
        said["user"], tuple(said["options"]), said["entrypoint"], said["pull"], said["username"], said["password"]
    )


def services(said: dict[str, Any]) -> tuple[Service, ...]:
    """The containers beside the job."""
    return tuple(
        Service(
            name,
            service["image"],
            tuple((key, scalar_text(value)) for key, value in service["env"].items()),
            tuple(service["ports"]),
            service["ready"],
            tuple(service["command"]),
        )
        for name, service in said.items()
    )


def checkouts(said: dict[str, Any]) -> tuple[Checkout, ...]:
    """The repositories that are checked out."""
    if "checkout" not in said:
        return (Checkout(),)
    return tuple(
        Checkout(
            one.get("repository", ""),
            paths.normal(one.get("path", "")),
            one.get("token", ""),
            one.get("ref", ""),
            one.get("depth"),
            one.get("lfs", False),
            {True: "true", False: "", "recursive": "recursive"}[one.get("submodules", False)],  # type: ignore[arg-type]
        )
        for one in said["checkout"]
    )


def oidc(said: dict[str, Any]) -> tuple[Oidc, ...]:
    """The identity tokens that the job asks for."""
    found = [
        Oidc(kind, tuple(words.items()))  # type: ignore[arg-type]
        for kind, words in said.items()
        if kind != "token"
    ]
    return (*found, *(Oidc("token", tuple(words.items()), name) for name, words in said.get("token", {}).items()))


def keep(said: dict[str, Any] | None, files: tuple[str, ...]) -> Keep | None:
    """What is kept with the run; `files` are those that the job makes."""
    if said is None:
        return None
    kept = tuple(map(paths.normal, said["paths"])) or files
    days = -(-seconds(said["for"]) // DAY) if said["for"] else 0
    return Keep(kept, days, said["result"])


def steps(said: list[dict[str, Any]]) -> tuple[Step, ...]:
    """The job's steps."""
    return tuple(
        Step(step["name"] or f"Step {number}", step["run"], tuple(step["natives"].items()))
        for number, step in enumerate(said, 1)
    )
