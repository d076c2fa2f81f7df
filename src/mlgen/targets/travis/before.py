"""What a job does before its setup: whether it runs at all, its secrets, its container.

All of it are items of `before_install`, of which the first that fails ends the job:
https://docs.travis-ci.com/user/job-lifecycle
"""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.ir import Checkout, Job, Pipeline, fields
from mlgen.quoting import sh
from mlgen.quoting.shell import sh_template
from mlgen.targets import decide
from mlgen.targets.travis import conditions, scripts

FOLDER = "$HOME/.mlgen-secrets"

Command = tuple[str, str]
"""The text of an item, and why it is there."""


def question(job: Job, pipeline: Pipeline) -> str:
    """What is left to decide inside the job; empty if nothing is."""
    return decide.inside(job, pipeline, conditions.inside(job))


def decision(job: Job, pipeline: Pipeline) -> Iterator[Command]:
    """Ends the job, green, where it is not to run: no other phase follows, and nothing is handed on.

    https://github.com/travis-ci/travis-build/blob/master/lib/travis/build/bash/travis_terminate.bash
    """
    asked = question(job, pipeline)
    if asked:
        yield f"{decide.call(asked)} || {{ [ $? = {decide.SKIPPED} ] && travis_terminate 0; }}", "its `when`"


def own_checkout(job: Job) -> Checkout | None:
    """How the project's own repository is checked out into the project's folder; None if the job does not see it."""
    return next((one for one in job.checkouts if not one.repository and not one.path), None)


def depth(job: Job) -> int | None:
    """How much of the history is cloned: 0 is all, None what Travis does by itself."""
    if any(
        field.startswith("changed:") for kind in ("push", "pull_request") for field in fields(job.condition.on(kind))
    ):
        return 0
    own = own_checkout(job)
    return own.depth if own else None


def scoped(pipeline: Pipeline) -> dict[str, str]:
    """The secrets that are encrypted in the file itself, so that only the jobs that list them get them."""
    found = {secret.name: str(secret.on("travis").get("secure", "")) for secret in pipeline.secrets}
    return {name: text for name, text in found.items() if text}


def token(pipeline: Pipeline) -> bool:
    """Whether the settings hold a token of the code host, by the fallback of `permissions`."""
    chosen = next((o.fallback("permissions") for o in pipeline.targets if o.name == "travis"), "")
    return chosen == "secret" and any(job.permissions for job in pipeline.jobs)


def known(pipeline: Pipeline) -> list[str]:
    """The variables of the settings that hold secrets: every job is given all of them."""
    encrypted = scoped(pipeline)
    found = [secret.name for secret in pipeline.secrets if secret.name not in encrypted]
    return [*found, *(["MLGEN_TOKEN"] if token(pipeline) else [])]


def withdrawn(job: Job, pipeline: Pipeline) -> list[str]:
    """The secrets that the job does not use at all."""
    used = {*job.secret_names, *(["MLGEN_TOKEN"] if job.permissions else [])}
    return [name for name in known(pipeline) if name not in used]


def spent(job: Job) -> list[str]:
    """The secrets that the job's own scripts do not see by their name: mlgen has used them."""
    seen = {use.variable for use in job.secrets}
    return [name for name in job.secret_names if name not in seen]


def secrets(job: Job) -> Iterator[Command]:
    """Secrets under the names that the job asks for, and as files; a variable holds a file's bytes in base64."""
    files = [use for use in job.secrets if use.file]
    if files:
        lines = ["(", "umask 077", f'mkdir -p "{FOLDER}"']
        lines += [f'printf %s "${use.name}" | base64 --decode >"{FOLDER}/{use.variable}" || exit' for use in files]
        yield "\n".join([*lines, ")"]), "the values are in base64; after_script removes the files"
    given = [f'{use.variable}="${use.name}"' for use in job.secrets if not use.file and use.variable != use.name]
    given += [f'{use.variable}="{FOLDER}/{use.variable}"' for use in files]
    if given:
        yield f"export {' '.join(given)}", "under the names that the job uses"


def image_word(name: str) -> str:
    """The name of an image as a word of the shell."""
    return sh_template(name) if "${" in name else sh(name)


def container(job: Job, pipeline: Pipeline) -> Iterator[Command]:
    """The container of the job's image, with the home folder, and so the checkout and the caches, in its place."""
    said = job.container
    if said and said.password:
        host = registry(job.fetched)
        user = f'"${said.username}"' if said.username else '""'
        login = f"docker login --username {user} --password-stdin{host}"
        yield f'printf %s "${said.password}" | {login}', "image.credentials"
    yield _run(job, pipeline), "the job's scripts run in here"
    if said and said.password:
        yield f"docker logout{host}", "what logged in is not left to the job"


def registry(image: str) -> str:
    """The registry of the image as a further word of `docker login`; empty for Docker Hub."""
    host, slash, _ = image.partition("/")
    return f" {host}" if slash and ("." in host or ":" in host or host == "localhost") else ""


def _run(job: Job, pipeline: Pipeline) -> str:
    names = ["HOME", "CI", *(name for name, _ in (*pipeline.env, *job.env)), *(job.matrix.axes if job.matrix else ())]
    names += [use.variable for use in job.secrets]
    names += [e.name for edge in job.edges if edge.exports for e in pipeline.job(edge.job).exports]
    options = job.runner.on("travis")
    gpu = isinstance(options, dict) and str(options.get("size", "")).startswith("gpu")
    said = job.container.options if job.container else ()
    gpus = "--gpus all " if gpu and not any(option.startswith("--gpus") for option in said) else ""
    repository = '"$TRAVIS_BUILD_DIR"' if pipeline.root else '"$PWD"'
    safe = {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": repository}
    git = " ".join(f"--env GIT_CONFIG_{name}={value}" for name, value in safe.items())
    more = "".join(f"  {line} \\\n" for line in _options(job))
    return (
        f'docker run --detach --name {scripts.CONTAINER} {gpus}--volume "$HOME:$HOME" --workdir "$PWD" \\\n'
        f'  $(printf -- "--env %s " {" ".join(dict.fromkeys(names))} ${{!TRAVIS@}} ${{!MLGEN_@}}) \\\n'
        f"  {git} \\\n"
        f"{more}"
        f"  --entrypoint sleep {image_word(job.image)} infinity\n"
    )


def _options(job: Job) -> list[str]:
    """What the job says of its container, a line each."""
    found = ["--volume /var/run/docker.sock:/var/run/docker.sock"] if job.docker else []
    said = job.container
    if said:
        found += [f"--user {sh(said.user)}"] if said.user else []
        found += [f"--pull {said.pull}"] if said.pull else []
        found += [" ".join(map(sh, said.options))] if said.options else []
    return found


def forget(job: Job) -> Iterator[Command]:
    """Removes the files of secrets, whatever became of the job."""
    if any(use.file for use in job.secrets):
        yield f'rm -rf "{FOLDER}"', ""
