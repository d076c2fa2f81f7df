"""What a job is given before its steps: its agent, variables, credentials and lock."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from mlgen.ir import Container, Job, Leg, Oidc, Pipeline, Runner
from mlgen.named import NamedTuple
from mlgen.quoting import groovy
from mlgen.quoting.shell import sh_template

DOCKER_HUB = "https://index.docker.io/v1/"
OTHER_SYSTEMS = ("macos", "windows")
"""Runners on which the images of Linux do not run."""
_SOCKET = "/var/run/docker.sock"


class Agent(NamedTuple):
    """A machine by its label, and the image of the container there; each may be empty.

    `registry` and `login` are the address of a private registry and the id of the credential for it.
    """

    label: str = ""
    image: str = ""
    args: str = ""
    pull: bool = False
    registry: str = ""
    login: str = ""


def agent(pipeline: Pipeline, job: Job, leg: Leg | None) -> Agent:
    """Where the job, or a leg of it, runs: in a container if it has an image or a version of Python."""
    runner = _runner(job, leg)
    said = runner.on("jenkins")
    options = said if isinstance(said, dict) else {}
    # An agent says its system by a label, as there are no hosted ones.
    system = runner.name if runner.name in OTHER_SYSTEMS and said is None else ""
    label = str(options.get("label", system))
    image = image_of(job, leg)
    if not image:
        return Agent(label)
    box = job.container or Container()
    words = [str(options["args"])] if options.get("args") else []
    words += [f"-u {shlex.quote(box.user)}"] if box.user else []
    words += [] if box.entrypoint is None else [f"--entrypoint={shlex.quote(box.entrypoint)}"]
    words += map(shlex.quote, box.options)
    words += [f"-v {_SOCKET}:{_SOCKET}"] if job.docker else []
    found = Agent(label, image, " ".join(words), box.pull == "always")
    if not box.username:
        return found
    return found._replace(
        registry=registry(job.built.name if job.built else image), login=credential(pipeline, box.username)
    )


def image_of(job: Job, leg: Leg | None) -> str:
    """The image of the job's container, or of a leg's; empty if it runs on the machine itself."""
    image = leg.image if leg and "image" in job.varies else job.image
    python = leg.python if leg and "python" in job.varies else job.python
    return image or (f"python:{python}" if python and _runner(job, leg).name not in OTHER_SYSTEMS else "")


def _runner(job: Job, leg: Leg | None) -> Runner:
    return job.runner_of(leg) if leg and "runner" in job.varies else job.runner


def registry(image: str) -> str:
    """The address of the image's registry: its host if its name begins with one, else Docker Hub's."""
    host, slash, _ = image.partition("/")
    return f"https://{host}" if slash and ("." in host or ":" in host or host == "localhost") else DOCKER_HUB


def in_container(job: Job) -> bool:
    """Whether the job, or one of its legs, runs in a container."""
    return any(image_of(job, leg) for leg in (job.matrix.legs if job.matrix else (None,)))


# --- variables


def variables(pipeline: Pipeline, job: Job, leg: Leg | None) -> tuple[tuple[str, str], ...]:
    """The job's own variables, their values as Groovy.

    Jenkins takes an empty one for one that is not set: see `steps.blank`.
    """
    given = {**dict(job.env), **dict(leg.values if leg else ())}
    found = [(name, groovy(value)) for name, value in given.items() if value]
    return (*found, *((name, f"\"${{env.{source} ?: ''}}\"") for name, source in plain(pipeline, job)))


def plain(pipeline: Pipeline, job: Job) -> Iterator[tuple[str, str]]:
    """The variables of Jenkins itself that the job sees by another name, and their own names."""
    for use in job.secrets:
        if pipeline.secret(use.name).plain and use.variable != credential(pipeline, use.name):
            yield use.variable, credential(pipeline, use.name)


# --- credentials


def credential(pipeline: Pipeline, name: str) -> str:
    """The id of the credential that holds the secret, or the name of the variable if it is a plain one."""
    return str(pipeline.secret(name).on("jenkins").get("id", name))


def part(pipeline: Pipeline, name: str) -> str:
    """Which part of a credential the secret is: `username`, `password`, or empty for all of it."""
    return str(pipeline.secret(name).on("jenkins").get("part", ""))


def bindings(pipeline: Pipeline, job: Job) -> list[str]:
    """The job's credentials, each bound to its variable, as Groovy.

    Both parts of a user name and password are bound together, as Jenkins knows no other way.
    """
    found: dict[str, str] = {}
    pairs: dict[str, dict[str, str]] = {}
    for use in job.secrets:
        if pipeline.secret(use.name).plain:
            continue
        id_, piece = credential(pipeline, use.name), part(pipeline, use.name)
        if piece:
            given = pairs.setdefault(id_, {})
            given[piece] = use.variable
            user = given.get("username", f"{use.variable}_USERNAME")
            password = given.get("password", f"{use.variable}_PASSWORD")
            found[f"pair {id_}"] = (
                f"usernamePassword(credentialsId: {groovy(id_)}, usernameVariable: {groovy(user)}, "
                f"passwordVariable: {groovy(password)})"
            )
        else:
            kind = "file" if use.file else "string"
            found[use.variable] = f"{kind}(credentialsId: {groovy(id_)}, variable: {groovy(use.variable)})"
    for one in job.oidc:
        kind = "string" if one.kind == "token" else "file"
        variable = groovy(one.variable or _TOKEN_FILES[one.kind])
        found[one.kind + one.variable] = f"{kind}(credentialsId: {groovy(identity_id(one))}, variable: {variable})"
    if job.permissions:
        found[TOKEN] = f"string(credentialsId: {groovy(TOKEN)}, variable: {groovy(TOKEN)})"
    return list(found.values())


def bound(pipeline: Pipeline, job: Job) -> set[str]:
    """The ids of the credentials that the job, or the checkout of its repositories, uses."""
    names = [name for name in job.secret_names if not pipeline.secret(name).plain]
    return {
        *(credential(pipeline, name) for name in names),
        *(identity_id(one) for one in job.oidc),
        *((TOKEN,) if job.permissions else ()),
    }


# --- identities: https://plugins.jenkins.io/oidc-provider/

TOKEN = "MLGEN_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN_FILES = {
    "aws": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "gcp": "GOOGLE_IDENTITY_TOKEN_FILE",
    "azure": "AZURE_FEDERATED_TOKEN_FILE",
}
_GOOGLE_FILE = '"$WORKSPACE_TMP/google-identity.json"'


def identity_id(one: Oidc) -> str:
    """The id of the credential that issues the token."""
    return f"oidc-{one.variable or one.kind}"


def audience(one: Oidc) -> str:
    """Whom the token is for."""
    given = dict(one.options)
    if one.kind == "gcp":
        return f"//iam.googleapis.com/{given['provider']}"
    return given.get("audience", {"aws": "sts.amazonaws.com", "azure": "api://AzureADTokenExchange"}.get(one.kind, ""))


def identity(job: Job) -> list[tuple[str, str]]:
    """The variables by which the clouds' tools find the token, their values as words of the shell."""
    found = []
    for one in job.oidc:
        given = {name: sh_template(value) for name, value in one.options}
        if one.kind == "aws":
            region = given["region"]
            found += [("AWS_ROLE_ARN", given["role"]), ("AWS_REGION", region), ("AWS_DEFAULT_REGION", region)]
        elif one.kind == "gcp":
            found += [("GOOGLE_APPLICATION_CREDENTIALS", _GOOGLE_FILE)]
            found += [("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", _GOOGLE_FILE)]
        elif one.kind == "azure":
            names = (
                ("client", "AZURE_CLIENT_ID"),
                ("tenant", "AZURE_TENANT_ID"),
                ("subscription", "AZURE_SUBSCRIPTION_ID"),
            )
            found += [(name, given[key]) for key, name in names if key in given]
    return found


def login(job: Job) -> str:
    """What has to be done so that the clouds' tools take the token; empty if nothing."""
    found = []
    for one in job.oidc:
        given = dict(one.options)
        if one.kind == "gcp":
            # https://google.aip.dev/auth/4117
            account = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{given['service_account']}"
            config = {
                "type": "external_account",
                "audience": audience(one),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "https://sts.googleapis.com/v1/token",
                "service_account_impersonation_url": f"{account}:generateAccessToken",
                "credential_source": {"file": f"${{{_TOKEN_FILES['gcp']}}}"},
            }
            found.append(f"printf '%s\\n' {sh_template(json.dumps(config))} >{_GOOGLE_FILE}")
        elif one.kind == "azure":
            found.append(
                "if command -v az >/dev/null; then\n"
                '  az login --service-principal --username "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" \\\n'
                '    --federated-token "$(cat "$AZURE_FEDERATED_TOKEN_FILE")" --output none\n'
                "fi"
            )
    return "\n".join(found)


# --- locks


def lock(pipeline: Pipeline, job: Job, leg: Leg | None) -> str:
    """The resource that the job holds, as Groovy. Names are the controller's, so the project's stands before them."""
    if job.lock:
        return groovy(f"{pipeline.name}/{job.lock}")
    matrix = job.matrix
    if leg is None or matrix is None or not 0 < matrix.max_parallel < len(matrix.legs):
        return ""
    slot = matrix.legs.index(leg) % matrix.max_parallel + 1
    return f'"${{env.BUILD_TAG}}-{job.key}-{slot}"'
