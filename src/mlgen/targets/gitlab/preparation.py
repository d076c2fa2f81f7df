"""What a job does before its setup: other repositories, secrets, identities in clouds, services that must be ready."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Checkout, Job, Oidc, Pipeline, Service
from mlgen.quoting import sh
from mlgen.quoting.shell import sh_template
from mlgen.targets.gitlab.entries import Entry, block

AUDIENCES = {"aws": "$CI_SERVER_URL", "azure": "api://AzureADTokenExchange"}
"""Of the tokens for clouds: https://docs.gitlab.com/ci/cloud_services/"""

READY_SECONDS = 120


def own_checkout(job: Job) -> Checkout | None:
    """How the project's own repository is checked out into the project's folder; None if it is not."""
    return next((c for c in job.checkouts if not c.repository and not c.path), None)


def git_variables(job: Job, compared: bool) -> list[tuple[str, str]]:
    """The variables that tell the runner how to check out; `compared`: the job compares commits.

    https://docs.gitlab.com/ci/runners/configure_runners/#git-strategy
    """
    own = Checkout(depth=1) if job.milestone else own_checkout(job)
    if own is None:
        return [("GIT_DEPTH", "1"), ("GIT_LFS_SKIP_SMUDGE", "1")]
    depth = 0 if compared else own.depth
    found = [("GIT_DEPTH", str(depth))] if depth is not None else []
    if own.submodules:
        found.append(("GIT_SUBMODULE_STRATEGY", "recursive" if own.submodules == "recursive" else "normal"))
    return found


_TIMEOUT = """\
command -v timeout >/dev/null || timeout() {  # as in: timeout -k 30 20m COMMAND
  perl -e '
    my ($count, $unit) = $ARGV[2] =~ /^([0-9]+)([smhd])$/;
    splice @ARGV, 0, 3;
    my $child = fork // die;
    if (!$child) { setpgrp; exec { $ARGV[0] } @ARGV; exit 127 }
    $SIG{ALRM} = sub {
      kill TERM => -$child;
      for (1 .. 30) { exit 124 if waitpid($child, 1) > 0; sleep 1 }
      kill KILL => -$child;
      exit 124;
    };
    alarm $count * {s => 1, m => 60, h => 3600, d => 86400}->{$unit};
    waitpid $child, 0;
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
  ' -- "$@"
}"""


def bounds(job: Job) -> list[Entry]:
    """The command that bounds others, where the system may have none."""
    mac = any(runner.name == "macos" for runner in job.runners or (job.runner,))
    return [block("timeout", _TIMEOUT)] if mac and job.timeout else []


def emptied(job: Job, kept: list[str]) -> list[Entry]:
    """Takes away the repository that the runner has fetched, but not mlgen's own files and those of other jobs."""
    if own_checkout(job) is not None:
        return []
    stay = " -o ".join(f"-path {sh('./' + path.rstrip('/'))}" for path in [".mlgen", *kept])
    return [Entry(f"find . -mindepth 1 \\( {stay} \\) -prune -o ! -type d -exec rm -f -- {{}} +", "checkout: none")]


def checkouts(job: Job) -> Iterator[Entry]:
    """The repositories besides the project's own, and another commit of that."""
    for one in job.checkouts:
        if one.repository or one.path:
            yield _clone(one)
        elif one.ref:
            depth = f" --depth={one.depth}" if one.depth else ""
            yield block(
                f"checkout.ref; {'.mlgen'} stays that of the pipeline",
                f'git fetch --quiet{depth} "$CI_REPOSITORY_URL" {sh(one.ref)}',
                "git checkout --quiet --detach FETCH_HEAD",
                'git checkout --quiet "$CI_COMMIT_SHA" -- .mlgen',
            )


def _clone(one: Checkout) -> Entry:
    name = one.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    folder = sh(one.path or name)
    ref = sh(one.ref) if one.ref else "HEAD" if one.repository else '"$CI_COMMIT_SHA"'
    depth = "" if one.depth == 0 else f" --depth={one.depth or 1}"
    git = f"git -C {folder} {_login(one)}".rstrip()
    lines = [f"git init --quiet {folder}", f"{git} fetch --quiet{depth} {_url(one)} {ref}"]
    lines.append(f"git -C {folder} checkout --quiet --detach FETCH_HEAD")
    if one.submodules:
        recursive = " --recursive" if one.submodules == "recursive" else ""
        lines.append(f"{git} submodule update --init{recursive}")
    if one.lfs:
        lines.append(f"{git} lfs pull {_url(one)}")
    return block(f"checkout of {one.repository or 'the project'}", *lines)


def _url(one: Checkout) -> str:
    if not one.repository:
        return '"$CI_REPOSITORY_URL"'
    whole = "://" in one.repository or "@" in one.repository
    return sh(one.repository if whole else f"https://{one.repository.rstrip('/').removesuffix('.git')}.git")


def _login(one: Checkout) -> str:
    """Who fetches: the token's owner, or on this server the job itself. Nothing of it stays in the clone."""
    if not one.repository:
        return ""
    if one.token:
        words = f'echo username=oauth2; echo "password=${one.token}"'
    else:
        host = one.repository.split("://")[-1].split("@")[-1].split("/")[0].split(":")[0]
        words = (
            f'[ "$CI_SERVER_HOST" != {host} ] || {{ echo username=gitlab-ci-token; echo "password=$CI_JOB_TOKEN"; }}'
        )
    return f"-c credential.helper='!f() {{ {words}; }}; f'"


def secrets(job: Job, pipeline: Pipeline, first: bool = True) -> Iterator[Entry]:
    """Secrets under the names that the job asks for; `first`: files are not yet closed to others."""
    for use in job.secrets:
        name = variable(use.name, pipeline)
        if name != use.variable:
            yield Entry(f'export {use.variable}="${name}"', f"secrets.{use.name}")
        if use.file and first:
            # The runner lets everybody read it, which ssh for one refuses; another user's file stays as it is.
            yield Entry(f'chmod 600 -- "${use.variable}" || true', f"secrets.{use.name}, the path of a file")


def from_variables(job: Job) -> set[str]:
    """The secrets that the job takes from CI/CD variables: all but a registry's, which the runner reads elsewhere."""
    return {*(use.name for use in job.secrets), *(checkout.token for checkout in job.checkouts)} - {""}


def variable(secret: str, pipeline: Pipeline) -> str:
    """The CI/CD variable that holds the secret."""
    return str(pipeline.secret(secret).on("gitlab").get("id", secret))


def id_tokens(job: Job) -> list[tuple[str, str]]:
    """The identity tokens of the job and whom they are for: https://docs.gitlab.com/ci/yaml/#id_tokens"""
    return [(_token(one), _audience(one)) for one in job.oidc]


def _token(one: Oidc) -> str:
    return one.variable or f"MLGEN_{one.kind.upper()}_TOKEN"


def _audience(one: Oidc) -> str:
    said = dict(one.options)
    if one.kind == "token":
        return said["audience"]
    return f"https://iam.googleapis.com/{said['provider']}" if one.kind == "gcp" else AUDIENCES[one.kind]


def logins(job: Job) -> Iterator[Entry]:
    """What tools of the clouds look for: https://docs.gitlab.com/ci/cloud_services/"""
    for one in job.oidc:
        if one.kind != "token":
            word = {name: sh_template(value) for name, value in one.options}
            make = {"aws": _aws, "gcp": _gcp, "azure": _azure}[one.kind]
            yield block(f"oidc.{one.kind}", "mlgen_identity=$(mktemp -d)", *make(word))


def _aws(word: dict[str, str]) -> list[str]:
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html
    return [
        'printf %s "$MLGEN_AWS_TOKEN" >"$mlgen_identity/token"',
        f"export AWS_ROLE_ARN={word['role']} AWS_REGION={word['region']} AWS_DEFAULT_REGION={word['region']}",
        'export AWS_WEB_IDENTITY_TOKEN_FILE="$mlgen_identity/token" AWS_ROLE_SESSION_NAME="gitlab-$CI_JOB_ID"',
    ]


def _gcp(word: dict[str, str]) -> list[str]:
    # https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
    host = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    return [
        'printf %s "$MLGEN_GCP_TOKEN" >"$mlgen_identity/token"',
        'cat >"$mlgen_identity/credentials.json" <<JSON',
        "{",
        '  "type": "external_account",',
        f'  "audience": "//iam.googleapis.com/{word["provider"][1:-1]}",',
        '  "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",',
        '  "token_url": "https://sts.googleapis.com/v1/token",',
        '  "credential_source": {"file": "$mlgen_identity/token"},',
        f'  "service_account_impersonation_url": "{host}/{word["service_account"][1:-1]}:generateAccessToken"',
        "}",
        "JSON",
        'export GOOGLE_APPLICATION_CREDENTIALS="$mlgen_identity/credentials.json"',
        'export CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE="$GOOGLE_APPLICATION_CREDENTIALS"',
    ]


def _azure(word: dict[str, str]) -> list[str]:
    # https://learn.microsoft.com/en-us/cli/azure/authenticate-azure-cli-service-principal
    return [
        'printf %s "$MLGEN_AZURE_TOKEN" >"$mlgen_identity/token"',
        f"export AZURE_CLIENT_ID={word['client']} AZURE_TENANT_ID={word['tenant']}",
        f'export AZURE_SUBSCRIPTION_ID={word["subscription"]} AZURE_FEDERATED_TOKEN_FILE="$mlgen_identity/token"',
        "if command -v az >/dev/null; then",
        '  az login --service-principal --username "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" \\',
        '    --federated-token "$MLGEN_AZURE_TOKEN" --output none',
        '  az account set --subscription "$AZURE_SUBSCRIPTION_ID"',
        "fi",
    ]


def host(service: Service) -> str:
    """The name at which the job reaches the service."""
    return service.name.replace("_", "-").lower()


def services(job: Job) -> Iterator[Entry]:
    """Waits until the ports of each service answer."""
    for service in job.services:
        for port in service.ports:
            where = f'"${service.variable}" {port}'
            probe = 'until (: <"/dev/tcp/$0/$1") 2>/dev/null; do sleep 1; done'
            message = f"mlgen: the service {service.name} does not answer at port {port}"
            yield block(f"services.{service.name}", _within(f"bash -c {sh(probe)} {where}", message))


def daemon(job: Job, told: bool) -> Iterator[Entry]:
    """Waits until the Docker daemon answers; `told`: also for a client that the setup was to bring."""
    if job.docker:
        probe = "until docker info >/dev/null 2>&1; do sleep 1; done"
        client = 'command -v docker >/dev/null || { echo "mlgen: the image has no docker client" >&2; exit 1; }'
        wait = _within(f"bash -c {sh(probe)}", "mlgen: the Docker daemon does not answer")
        yield block("services.docker", *([client] if told else []), wait)


def _within(command: str, message: str) -> str:
    return f"timeout {READY_SECONDS} {command} || {{ echo {sh(message)} >&2; exit 1; }}"
