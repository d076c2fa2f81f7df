"""Deploy the model to an environment: `python -m wine.deploy staging`.

An environment is a folder here: DEPLOY_ROOT/staging (DEPLOY_ROOT is ./deployments unless set). In a project of your
own, this is where a server or a registry is called, with DEPLOY_TOKEN as the credential.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wine.files import MODEL, write_whole

ENVIRONMENTS = ("staging", "production")
RECEIPT = "receipt.json"


class DeployError(Exception):
    """A deployment that is refused, with the reason."""


def deploy(environment: str, model: Path, variables: Mapping[str, str]) -> Path:
    """Install the file `model` in the environment's folder, with a receipt, and return that folder."""
    if not variables.get("DEPLOY_TOKEN", "").strip():
        raise DeployError("DEPLOY_TOKEN is not set; nothing is deployed without it")
    if not model.is_file():
        raise DeployError(f"{model} is missing; run `python -m wine.train` first")
    folder = Path(variables.get("DEPLOY_ROOT") or "deployments") / environment
    content = model.read_bytes()
    receipt = {
        "environment": environment,
        "commit": variables.get("MLGEN_COMMIT") or None,
        "model": model.name,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_whole(folder / model.name, content)
    # Last: a receipt that matches the model says that the deployment was completed.
    write_whole(folder / RECEIPT, (json.dumps(receipt, indent=2) + "\n").encode())
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    """Deploy models/model.pkl to the environment named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m wine.deploy", description="Deploy the model.")
    parser.add_argument("environment", choices=ENVIRONMENTS)
    environment = parser.parse_args(argv).environment
    try:
        folder = deploy(environment, MODEL, os.environ)
    except DeployError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"deployed {MODEL} to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
