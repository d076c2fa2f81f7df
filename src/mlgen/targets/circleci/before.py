"""What a job does before its own script: whether it runs at all, its repositories, its secrets, its services."""

from __future__ import annotations

import json

from mlgen.ir import Checkout, Job, Oidc, Pipeline, Service, fields
from mlgen.quoting import sh
from mlgen.targets import decide
from mlgen.targets.circleci import conditions, runtime, text
from mlgen.targets.circleci.step import Step, run

FOLDER = "/tmp/mlgen-secrets"  # noqa: S108 - of a container or machine that runs one job
HEAD = ".mlgen/head"
LAST_HEAD = "last-head"
"""The reusable command that `last_head` is."""
SKIPPED = "MLGEN_SKIPPED"
"""Set for the steps that always run, in a job that is skipped."""


def question(job: Job, pipeline: Pipeline) -> str:
    """What is left to decide inside the job; empty if nothing is."""
    return decide.inside(_asking(job, pipeline), pipeline, conditions.INSIDE)


def _asking(job: Job, pipeline: Pipeline) -> Job:
    """The job with all that it asks: one that wants a failure asks whether there could be one, as `conditions.runs`.

    The other may be kept from starting before it has decided that it is not to run, which is no failure of it. Exported
    values are left out, which do not reach this job.
    """
    if job.result != "failure":
        return job
    watched = conditions.either([pipeline.job(edge.job).condition for edge in job.waits])
    return job._replace(condition=job.condition.both(decide.outside(watched, ("value",))))


def decision(job: Job, pipeline: Pipeline) -> list[Step]:
    """Ends the job, green, where it is not to run: before anything of it is set up."""
    asked = question(job, pipeline)
    if not asked:
        return []
    found: list[Step] = [{"kind": "plain", "name": LAST_HEAD}] if compares(job, pipeline) else []
    # https://circleci.com/docs/reference/configuration-reference/#ending-a-job-from-within-a-step
    command = f"code=0\n{decide.call(asked)} || code=$?\n"
    skip = f"echo 'export {SKIPPED}=1' >> \"$BASH_ENV\"; circleci-agent step halt"
    command += f'case $code in 0) ;; {decide.SKIPPED}) {skip} ;; *) exit "$code" ;; esac'
    return [*found, run("Decide whether the job runs", text.literal(command), "its `when`")]


def compares(job: Job, pipeline: Pipeline) -> bool:
    """Whether the job must know what a push is compared with."""
    since = {f"changed:{change.name}" for change in pipeline.changes if not change.against}
    return pipeline.triggers.on("push") and not since.isdisjoint(fields(_asking(job, pipeline).condition.push))


def last_head(pipeline: Pipeline) -> list[Step]:
    """Finds the head that was last built on this branch, which is what a push is compared with.

    No pipeline value of the GitHub App tells what a push replaced. A saved cache never changes, and the newest one
    whose key begins with the prefix is restored; `~` stands in no branch's name, so that `main` is not `main-2`. What
    the first job of a run has found is saved for the others, which must decide alike, and for a rerun.
    """
    name = f"{pipeline.name}-" if pipeline.root else ""  # each project of a repository has a pipeline of its own
    prefix = f"mlgen-head-v1-{name}{{{{ .Branch }}}}~"
    own = prefix + "{{ .Revision }}"
    command = (
        f"read -r base head 2>/dev/null < {HEAD} || {{ base= head=; }}\n"
        '[ "$head" = "$CIRCLE_SHA1" ] || base=$head\n'
        f'printf \'%s %s\\n\' "${{base:--}}" "$CIRCLE_SHA1" > {HEAD}\n'
        '[ "$MLGEN_EVENT" != push ] || printf \'export MLGEN_BASE=%q\\n\' "${base#-}" >> "$BASH_ENV"'
    )
    return [
        {"kind": "restore", "keys": [own, prefix]},
        run("Find what a push is compared with", text.literal(command)),
        {"kind": "save", "key": own, "paths": [HEAD]},
    ]


def checkouts(job: Job, pipeline: Pipeline) -> list[Step]:
    """The repositories, by what the job says of them."""
    found: list[Step] = [{"kind": "plain", "name": "checkout"}]
    if pipeline.root:  # the job's own folder is the project's, and the repository lies above it
        found = [{"kind": "call", "name": "checkout", "arguments": [("path", runtime.REPOSITORY)]}]
    if not job.checkouts:
        # .mlgen/ has the portable variables, and comes only with the repository.
        command = "find . -mindepth 1 -maxdepth 1 ! -name .mlgen -exec rm -rf -- {} +"
        if pipeline.root:
            tools = f"./{pipeline.root}/.mlgen"
            command = f"cd {runtime.REPOSITORY}\nfind . ! -type d ! -path '{tools}/*' -delete\nrm -rf .git"
        return [*found, run("Leave nothing of the repository", command, "checkout: false")]
    for one in job.checkouts:
        lines = _clone(one) if one.repository or one.path else _own(one)
        if lines:
            name = f"Check out {one.repository}" if one.repository else "Check out what the job asks for"
            found.append(run(name, text.literal("\n".join(lines))))
    return found


def _own(one: Checkout) -> list[str]:
    lines = [f"git fetch --quiet origin {sh(one.ref)}", "git checkout --quiet --detach FETCH_HEAD"] if one.ref else []
    return [*lines, *_extras(one, "git")]


def _extras(one: Checkout, git: str) -> list[str]:
    lines = []
    if one.submodules:
        lines.append(f"{git} submodule update --init{' --recursive' if one.submodules == 'recursive' else ''}")
    if one.lfs:
        lines.append(f"{git} lfs pull")
    return lines


def _clone(one: Checkout) -> list[str]:
    folder = sh(one.path or one.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git"))
    whole = "://" in one.repository or "@" in one.repository
    address = one.repository if whole else f"https://{one.repository.rstrip('/').removesuffix('.git')}.git"
    url = sh(address) if one.repository else '"$CIRCLE_REPOSITORY_URL"'
    login = ""
    if one.token:
        words = f'echo username=x-access-token; echo "password=${one.token}"'
        login = f" -c credential.helper='!f() {{ {words}; }}; f'"
    depth = "" if one.depth == 0 else f" --depth={one.depth or 1}"
    git = f"git -C {folder}{login}"
    lines = [f"git init --quiet {folder}", f"{git} fetch --quiet{depth} {url} {sh(one.ref or 'HEAD')}"]
    return [*lines, f"git -C {folder} checkout --quiet --detach FETCH_HEAD", *_extras(one, git)]


def secrets(job: Job, pipeline: Pipeline) -> list[Step]:
    """Secrets under the names that the job asks for, and as files; a context holds a file's bytes in base64."""
    lines = []
    for use in job.secrets:
        name = runtime.variable(pipeline, use.name)
        if use.file:
            file = f"{FOLDER}/{use.variable}"
            lines.append(f'printf %s "${name}" | base64 --decode > {file}')
            lines.append(f"echo 'export {use.variable}={file}' >> \"$BASH_ENV\"")
        elif name != use.variable:
            lines.append(f'echo \'export {use.variable}="${name}"\' >> "$BASH_ENV"')
    if not lines:
        return []
    head = ["umask 077", f"mkdir -p {FOLDER}"] if any(use.file for use in job.secrets) else []
    return [run("Set the job's secrets", "\n".join([*head, *lines]), "under the names that the job uses")]


def forget(job: Job) -> list[Step]:
    """Removes the files of secrets, whatever became of the job."""
    files = any(use.file for use in job.secrets)
    return [run("Remove the secret files", f"rm -rf {FOLDER}", when="always")] if files else []


def services(job: Job) -> list[Step]:
    """Waits until the ports of each service answer, and makes a Docker daemon reachable."""
    found: list[Step] = []
    machine = bool(runtime.executor(job).machine)
    if job.docker and not machine:
        # https://circleci.com/docs/guides/execution-managed/building-docker-images/
        found.append({"kind": "plain", "name": "setup_remote_docker"})
    for service in job.services if machine else ():
        found.append(run(f"Start {service.image}", text.literal(_started(service)), f"services.{service.name}"))
    waits = [f"wait_for {port}" for service in job.services for port in service.ports]
    if waits:
        probe = (
            "wait_for() {\n"
            '  for _ in {1..120}; do (: < "/dev/tcp/localhost/$1") 2>/dev/null && return; sleep 1; done\n'
            '  echo "no service answers at port $1" >&2\n'
            "  return 1\n"
            "}\n"
        )
        found.append(run("Wait for the services", text.literal(probe + "\n".join(waits))))
    return found


def _started(service: Service) -> str:
    words = [f"docker run --detach --name {sh(service.name)}"]
    words += [f"--publish {port}:{port}" for port in service.ports]
    words += [f"--env {sh(f'{name}={value}')}" for name, value in service.env]
    line = " ".join([*words, sh(service.image), *map(sh, service.command)])
    if not service.ready:
        return line
    ready = f"docker exec {sh(service.name)} sh -c {sh(service.ready)}"
    return f"{line}\nfor _ in {{1..120}}; do {ready} && exit; sleep 1; done\nexit 1"


IDENTITY = "/tmp/mlgen-identity"  # noqa: S108 - of a container or machine that runs one job


def identity(job: Job) -> list[Step]:
    """Identity tokens, and what the clouds' own tools look for.

    https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
    """
    return [
        run(
            f"Get an identity token for {one.variable or one.kind}",
            text.literal("\n".join(_identity(one))),
            f"oidc.{one.kind}",
        )
        for one in job.oidc
    ]


def _identity(one: Oidc) -> list[str]:
    said = dict(one.options)
    if one.kind == "token":
        claims = sh('{"aud": ' + json.dumps(said["audience"]) + "}")
        return [f'printf \'export {one.variable}=%q\\n\' "$(circleci run oidc get --claims {claims})" >> "$BASH_ENV"']
    lines = ["umask 077", f"mkdir -p {IDENTITY}", f'printf %s "$CIRCLE_OIDC_TOKEN_V2" > {IDENTITY}/token']
    variables: dict[str, str] = {}
    if one.kind == "aws":
        variables = {"AWS_ROLE_ARN": said["role"], "AWS_REGION": said["region"], "AWS_DEFAULT_REGION": said["region"]}
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = f"{IDENTITY}/token"
    elif one.kind == "azure":
        variables = {"AZURE_CLIENT_ID": said["client"], "AZURE_TENANT_ID": said["tenant"]}
        variables |= {
            "AZURE_SUBSCRIPTION_ID": said["subscription"],
            "AZURE_FEDERATED_TOKEN_FILE": f"{IDENTITY}/token",
        }
    else:
        account = said["service_account"]
        host = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
        credentials = {
            "type": "external_account",
            "audience": f"//iam.googleapis.com/{said['provider']}",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": f"{IDENTITY}/token"},
            "service_account_impersonation_url": f"{host}/{account}:generateAccessToken",
        }
        lines.append(f"echo {sh(json.dumps(credentials))} > {IDENTITY}/credentials.json")
        variables = {"GOOGLE_APPLICATION_CREDENTIALS": f"{IDENTITY}/credentials.json"}
        variables["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"] = f"{IDENTITY}/credentials.json"
    return [*lines, *(f'echo {sh(f"export {name}={sh(value)}")} >> "$BASH_ENV"' for name, value in variables.items())]
