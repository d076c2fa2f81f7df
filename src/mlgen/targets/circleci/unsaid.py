"""Single values of a job that CircleCI cannot be told."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir import Job, Pipeline
from mlgen.targets import decide
from mlgen.targets.built import of_the_host, untagged
from mlgen.targets.circleci import conditions, runtime

RESERVED = ("name", "requires", "context", "type", "filters", "matrix")
"""What no parameter of a job may be called: https://circleci.com/docs/reference/reusing-config/#authoring-parameterized-jobs"""


def values(pipeline: Pipeline, job: Job) -> Iterator[Diagnostic]:
    """What the capability table is too coarse for."""
    at = job.position
    if job.native and "circleci" not in dict(job.native):
        hint = "add `circleci:` to it, or choose targets.circleci.fallback.native - `skip`: the job is left out"
        yield error("MLG401", at, f"{job.id}: `native` says nothing for CircleCI", hint)
    yield from untagged(job, "CircleCI")
    yield from of_the_host(job, "CircleCI")
    options = next((o for o in pipeline.targets if o.name == "circleci"), None)
    lenient = options is not None and options.fallback("container") == "image"
    box, machine = job.container, bool(runtime.executor(job).machine)
    if box and not machine and (box.options or box.pull) and not lenient:
        hint = "leave them out, or choose targets.circleci.fallback.container - `image`: they are left out there"
        yield error("MLG401", at, f"{job.id}: CircleCI's executor takes no options of docker run", hint)
    elif box and machine and (box.user or box.entrypoint is not None or box.username) and not lenient:
        hint = "leave `user`, `entrypoint` and `credentials` to the image and the runner"
        yield error("MLG401", at, f"{job.id}: on a virtual machine the image is run as mlgen runs it", hint)
    for axis in job.matrix.axes if job.matrix else ():
        if axis in RESERVED:
            message = f"{job.id}: {axis} is a word of CircleCI's workflows and cannot name an axis"
            yield error("MLG401", at, message, "rename the axis")
    if job.result == "success":
        yield from decide.untold(pipeline, job, "CircleCI", lambda _: conditions.INSIDE)
    elif job.result:  # it asks the condition of the other again
        yield from decide.untold(pipeline, job, "CircleCI", lambda _: ("value",), asked_first=True)
    if job.result == "failure" and len(job.waits) > 1:
        hint = "let the job wait for one of them: `needs: [JOB]`"
        yield error("MLG404", at, f"{job.id}: CircleCI cannot start a job once any of several has failed", hint)
    if decide.undecidable(job, conditions.INSIDE):
        hint = "let each alternative say so, or none: secrets and deployments keep forks out by themselves"
        yield error("MLG404", at, f"{job.id}: whether a pull request is of a fork stands inside an `or`", hint)
    ports = [port for service in job.services for port in service.ports]
    if len(ports) != len(set(ports)):
        yield error(
            "MLG404", at, f"{job.id}: two services listen at one port of localhost", "let one take another port"
        )
    if any("${" in service.image for service in job.services):
        yield error("MLG401", at, f"{job.id}: the image of a service cannot hold a reference", "write the image's name")
