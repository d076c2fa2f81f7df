"""What targets refuse of `image: {from: JOB}`, each where it cannot do it."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import Job


def untagged(job: Job, title: str) -> Iterator[Diagnostic]:
    """For systems that choose the image before the run knows any digest: a tag has to tell the commit."""
    if job.built and not job.built.tagged:
        message = f"{job.id}: {title} names the image before the run, and no tag of {job.built.job} tells the commit"
        yield error("MLG401", job.position, message, f"let {job.built.job} have the tag ${{MLGEN_COMMIT}} too")


def of_the_host(job: Job, title: str) -> Iterator[Diagnostic]:
    """For systems whose machines have no token of the code host when they fetch an image."""
    if job.built and job.built.login == "host":
        message = f"{job.id}: {title} has no token of the code host with which to fetch the image of {job.built.job}"
        hint = "give `credentials: {username: SECRET, password: SECRET}` beside `from`"
        yield error("MLG401", job.position, message, hint)
