"""The container of a job and those beside it.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainer
"""

from __future__ import annotations

from mlgen.ir import Job, Pipeline, Service
from mlgen.quoting import sh
from mlgen.targets.github.access import TOKEN, printed
from mlgen.targets.github.conditions import literal
from mlgen.targets.github.references import resolved
from mlgen.typed import Any

MINUTES = 2
"""How long a service may take until it is ready."""


def container(job: Job, pipeline: Pipeline, image: str) -> dict[str, Any] | None:
    """The job's container; None where it has none. `image` is the image's name in the workflow."""
    if not job.image:
        return None
    said = job.container
    options = [f"--user {said.user}"] if said and said.user else []
    options += said.options if said else ()
    name = _built(job, pipeline) if job.built else resolved(image, job, pipeline, "early")
    found: dict[str, Any] = {"image": name, "options": " ".join(options)}
    secrets = [printed(name, pipeline) for name in (said.username, said.password)] if said and said.username else []
    if job.built and job.built.login:
        # https://docs.github.com/en/packages/managing-github-packages-using-github-actions-workflows
        secrets = ["${{ github.actor }}", TOKEN]
    return {**found, "credentials": secrets}


def _built(job: Job, pipeline: Pipeline) -> str:
    """The image that another job has built, by digest.

    GitHub hands on no value that holds a secret, as a user's name may be one, and without an image a job would run on
    the machine itself. So the tag stands in for it, or a name that cannot be fetched.
    https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/pass-job-outputs
    """
    assert job.built is not None
    head, _, tail = job.built.tagged.partition("${MLGEN_COMMIT}")
    other = f"format({literal(f'{head}{{0}}{tail}')}, github.sha)" if head else literal("no-image")
    return f"${{{{ needs.{pipeline.job(job.built.job).key}.outputs.{job.built.variable} || {other} }}}}"


def services(job: Job) -> list[dict[str, Any]]:
    """The containers beside the job. GitHub waits for one with a health check until that succeeds."""
    return [
        {
            "name": service.name,
            "image": service.image,
            "env": service.env,
            # In a container of its own, the job reaches every port.
            "ports": [] if job.image else [f"{port}:{port}" for port in service.ports],
            "options": _health(service),
            "command": " ".join(map(sh, service.command)),
        }
        for service in job.services
    ]


def _health(service: Service) -> str:
    if not service.ready:
        return ""
    tries = MINUTES * 60 // 5
    return f'--health-cmd "{service.ready}" --health-interval 5s --health-timeout 5s --health-retries {tries}'


def hosts(job: Job) -> list[tuple[str, str]]:
    """The variables that hold the services' host names."""
    return [(service.variable, service.name if job.image else "localhost") for service in job.services]


def waiting(job: Job) -> str:
    """The script that waits for the ports of services without a command that tells when they are ready."""
    ports = [f'"${service.variable}/{port}"' for service in job.services if not service.ready for port in service.ports]
    if not ports:
        return ""
    return "\n".join(
        [
            "listens() { # HOST/PORT",
            f"  for ((mlgen_try = {MINUTES * 60}; ; mlgen_try--)); do",
            '    if (: < "/dev/tcp/$1") 2> /dev/null; then return; fi',
            f'    ((mlgen_try)) || {{ echo "after {MINUTES} minutes nothing listens at $1" >&2; exit 1; }}',
            "    sleep 1",
            "  done",
            "}",
            *(f"listens {port}" for port in ports),
        ]
    )
