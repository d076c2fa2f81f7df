"""`package`: Python packages are uploaded with twine."""

from __future__ import annotations

from mlgen.ir import paths
from mlgen.lower.commands.call import Call, word
from mlgen.quoting.shell import sh_path

UPLOAD = "python3 -m twine upload --non-interactive"


def script(call: Call) -> str:
    """The check and the upload. Without TWINE_PASSWORD, twine asks the CI system for a token that PyPI trusts."""
    files = " ".join(sh_path(paths.normal(path)) for path in call.words["files"])
    index = call.words.get("index", "pypi")
    lines = [f"python3 -m twine check --strict {files}"]
    if index == "host":
        return "\n".join([*lines, f"python3 .mlgen/host.py package {files}"])
    where = f" --repository-url {word(index)}" if index != "pypi" else ""
    if any(use["variable"] == "TWINE_PASSWORD" for use in call.job["secrets"]):
        lines.append('export TWINE_USERNAME="${TWINE_USERNAME:-__token__}"')
    # A run that is started again finds what it has uploaded before.
    again = " --skip-existing" if index == "pypi" else ""
    return "\n".join([*lines, f"{UPLOAD}{again}{where} {files}"])


def reads(call: Call) -> list[str]:
    """The packages."""
    return [paths.normal(path) for path in call.words["files"]]
