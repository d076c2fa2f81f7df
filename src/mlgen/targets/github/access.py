"""What a job may reach: secrets, the token's permissions, identities at clouds, repositories."""

from __future__ import annotations

from mlgen.ir import Checkout, Job, Oidc, Pipeline, SecretUse
from mlgen.targets.github.artifacts import inside
from mlgen.targets.github.conditions import guarded
from mlgen.typed import Any

SCOPES = {"pull_requests": "pull-requests", "pipelines": "actions"}
"""Permissions that GitHub calls otherwise.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions"""
TOKEN = "${{ github.token }}"  # noqa: S105 - an expression


def secret(name: str, pipeline: Pipeline) -> str:
    """The expression that holds the secret: the spec may name it otherwise on GitHub, or say that it is plain."""
    found = pipeline.secret(name)
    return f"{'vars' if found.plain else 'secrets'}.{found.on('github').get('id', name)}"


def printed(name: str, pipeline: Pipeline) -> str:
    """The secret as a value of the workflow."""
    return f"${{{{ {secret(name, pipeline)} }}}}"


def variables(job: Job, pipeline: Pipeline) -> list[tuple[str, str]]:
    """What the job's own scripts see beside the variables of all steps; not the job's files."""
    found = [(use.variable, printed(use.name, pipeline)) for use in job.secrets if not use.file]
    return [*found, ("MLGEN_TOKEN", TOKEN)] if job.permissions else found


def tokens(job: Job) -> list[tuple[str, str]]:
    """The identity tokens that the job's scripts see, but the setup does not: they live for minutes only."""
    return [(one.variable, f"${{{{ steps.{_step(one)}.outputs.token }}}}") for one in job.oidc if one.kind == "token"]


def files(job: Job, pipeline: Pipeline) -> dict[str, Any] | None:
    """The step that writes the secrets that the job sees as files, and the one that removes them."""
    uses = [use for use in job.secrets if use.file]
    if not uses:
        return None
    lines = ["umask 077"]
    for use in uses:
        value = f"${{SECRET_{use.variable}:?the secret {use.name} is not set}}"
        lines += [f'printf \'%s\' "{value}" > "{_file(use)}"', f'echo "{use.variable}={_file(use)}" >> "$GITHUB_ENV"']
    return {
        "env": [(f"SECRET_{use.variable}", printed(use.name, pipeline)) for use in uses],
        "write": "\n".join(lines),
        "remove": "rm -f -- " + " ".join(f'"{_file(use)}"' for use in uses),
    }


def _file(use: SecretUse) -> str:
    return f"$RUNNER_TEMP/secret-{use.variable}"


def permissions(job: Job) -> list[tuple[str, str, str]]:
    """The scopes of the job's token, each with why it is asked for; empty where it is plain."""
    found = {"contents": ("read", "")}
    if guarded(job):
        if job.approval:
            found["actions"] = ("read", "to see that the environment asks for approval")
        deploys = job.environment is not None and job.environment.deployment
        found["deployments"] = ("read", "to see that no newer commit is deployed" if deploys else "for the same check")
    if job.oidc:
        found["id-token"] = ("write", f"oidc: to log in to {', '.join(_whom(one) for one in job.oidc)}")
    if job.built and job.built.login:
        found["packages"] = ("read", "to fetch the job's image")
    for scope, access in job.permissions:
        name = SCOPES.get(scope, scope)
        if found.get(name, ("", ""))[0] != "write":
            found[name] = (access, "permissions of $MLGEN_TOKEN" if access == "write" or name != "contents" else "")
    return [(name, access, why) for name, (access, why) in found.items()]


CLOUDS = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}


def _whom(one: Oidc) -> str:
    return CLOUDS.get(one.kind) or dict(one.options)["audience"]


# https://github.com/aws-actions/configure-aws-credentials, https://github.com/google-github-actions/auth and
# https://github.com/Azure/login: the inputs by which each takes GitHub's identity token.
_LOGINS = {
    "aws": ("configure_aws_credentials", {"role-to-assume": "role", "aws-region": "region"}),
    "gcp": ("auth", {"workload_identity_provider": "provider", "service_account": "service_account"}),
    "azure": ("login", {"client-id": "client", "tenant-id": "tenant", "subscription-id": "subscription"}),
}


def logins(job: Job, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The steps that log in to clouds."""
    if not job.oidc:
        return []
    from mlgen.targets.github.references import resolved

    found = []
    for one in job.oidc:
        if one.kind != "token":
            action, inputs = _LOGINS[one.kind]
            said = dict(one.options)
            words = [(name, resolved(said[key], job, pipeline)) for name, key in inputs.items()]
            found.append({"title": f"Log in to {CLOUDS[one.kind]}", "action": action, "with": words})
    return found


def token_steps(job: Job, pipeline: Pipeline) -> list[dict[str, str]]:
    """The steps that ask for identity tokens.

    https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
    """
    if not job.oidc:
        return []
    from mlgen.targets.github.references import resolved

    script = "\n".join(
        [
            'answer=$(curl -fsS --retry 3 -G -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\',
            '  --data-urlencode "audience=$AUDIENCE" "$ACTIONS_ID_TOKEN_REQUEST_URL")',
            'token=$(printf \'%s\' "$answer" | sed -n \'s/.*"value" *: *"\\([^"]*\\)".*/\\1/p\')',
            '[ -n "$token" ] || { echo "GitHub gave no identity token" >&2; exit 1; }',
            'echo "::add-mask::$token"',
            'echo "token=$token" >> "$GITHUB_OUTPUT"',
        ]
    )
    return [
        {
            "title": f"Get the identity token {one.variable}",
            "id": _step(one),
            "audience": resolved(dict(one.options)["audience"], job, pipeline),
            "run": script,
        }
        for one in job.oidc
        if one.kind == "token"
    ]


def _step(one: Oidc) -> str:
    return f"token-{one.variable}"


def checkouts(job: Job, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The steps that fetch repositories. mlgen's own files are fetched in any case: the job's other steps need them."""
    own = [one for one in job.checkouts if not one.repository]
    others = [one for one in job.checkouts if one.repository]
    found = [_checkout(one, job, pipeline) for one in own]
    if not own and not job.native:
        sparse = [("sparse-checkout", inside(pipeline, ".mlgen")), ("sparse-checkout-cone-mode", False)]
        found.append({"title": "Check out what mlgen needs", "with": [("persist-credentials", False), *sparse]})
    return [*found, *(_checkout(one, job, pipeline) for one in others)]


def _checkout(one: Checkout, job: Job, pipeline: Pipeline) -> dict[str, Any]:
    words: list[tuple[str, object]] = [("persist-credentials", False)]
    if one.repository:
        words.append(("repository", "/".join(one.repository.split("/")[-2:]).removesuffix(".git")))
    if one.path:
        words.append(("path", inside(pipeline, one.path)))
    if one.ref:
        words.append(("ref", one.ref))
    if one.token:
        words.append(("token", printed(one.token, pipeline)))
    if one.depth is not None:
        words.append(("fetch-depth", one.depth))
    if one.lfs:
        words.append(("lfs", True))
    if one.submodules:
        words.append(("submodules", True if one.submodules == "true" else one.submodules))
    return {"title": f"Check out {one.repository}" if one.repository else "Check out", "with": words}
