"""The values of secrets: from the caller's environment, or from a file of NAME=VALUE lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.ir import Job, Pipeline


def read_file(path: str) -> dict[str, str]:
    """The values in a file such as `.env`: NAME=VALUE, an `export` before it, quotes around the value, `#` comments."""
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as err:
        why = getattr(err, "strerror", None) or "it is not UTF-8 text"
        raise SpecError([error("MLG802", Position(path), f"the secrets in {path} cannot be read: {why}")]) from None
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ").lstrip()
        name, equals, value = text.partition("=")
        if not text or text.startswith("#"):
            continue
        if not equals or not name.strip().isidentifier():
            message, hint = f"line {number} of {path} is not NAME=VALUE", "one secret a line"
            raise SpecError([error("MLG802", Position(path, number, 1), message, hint)])
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def values(pipeline: Pipeline, jobs: Iterable[Job], given: Mapping[str, str]) -> dict[str, str]:
    """The value of each secret that the jobs use; a SpecError names those that have none.

    `given` goes before the environment. An empty value counts: so a job can be tried without.
    """
    found: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    for job in jobs:
        registry = (job.container.username, job.container.password) if job.container else ()
        for name in job.secret_names:
            value = given.get(name, os.environ.get(name))
            if value is not None:
                found[name] = value
            elif name not in registry:  # images are not used here
                missing.setdefault(name, []).append(job.id)
    if missing:
        raise SpecError(_absent(pipeline, name, users) for name, users in missing.items())
    return found


def _absent(pipeline: Pipeline, name: str, users: list[str]) -> Diagnostic:
    message = f"the secret {name} has no value here, and {', '.join(users)} use{'s' if len(users) == 1 else ''} it"
    hint = f"set {name} in the environment (empty counts), or give a file of NAME=VALUE lines with --secrets FILE"
    return error("MLG802", pipeline.secret(name).position, message, hint)


def written(value: str, folder: str, name: str) -> str:
    """The path of a file that holds the secret; of a value that names a file, that one's content is taken."""
    path = os.path.join(folder, name)
    content = value.encode()
    if "\n" not in value and os.path.isfile(os.path.expanduser(value)):
        with open(os.path.expanduser(value), "rb") as file:
            content = file.read()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path
