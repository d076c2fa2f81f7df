"""Records what DVC itself makes of each `dvc/CASE/dvc.yaml`, as `resolved.json` beside it.

Run by hand, after a change of the cases, in an environment with `pip install dvc==3.67.1`: mlgen's own tests compare
with the record, and need no DVC.
"""

import json
import os
import tempfile
from pathlib import Path

from dvc.parsing import DataResolver
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml


def main() -> None:
    for case in sorted(Path(__file__).with_name("dvc").iterdir()):
        with tempfile.TemporaryDirectory() as root:
            os.system(f"cp -r {case}/. {root}")
            os.chdir(root)
            os.system("git init -q")
            os.makedirs(".dvc", exist_ok=True)
            with Repo(root) as repo:
                resolved = DataResolver(repo, root, load_yaml("dvc.yaml")).resolve()["stages"]
            (case / "resolved.json").write_text(json.dumps(resolved, indent=1, sort_keys=False, default=str) + "\n")


if __name__ == "__main__":
    main()
