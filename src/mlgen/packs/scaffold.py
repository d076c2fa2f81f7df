"""The files of a new pack, which compiles as it is."""

from __future__ import annotations

from collections.abc import Sequence

from mlgen import __version__

_PACK = """\
# What the pack is called and which mlgen it needs. Beside it stand
#   spec.yaml        what lies beneath the spec of every project that extends the pack
#   jobs/NAME.yaml   job snippets: a job takes one with `use: NAME`
#   templates/       blocks that override those of mlgen's own templates, and templates of the pack's own files
#   tests/NAME/      projects that `mlgen pack test` compiles, with the outputs that it must have
name: {name}
version: "0.1.0"
mlgen: ">={needed}"
description: What every project here has in common.

# Files that the pack makes in each project, each from a template below templates/:
# outputs:
#   docs/OWNERS: owners.j2
"""

_SPEC = """\
# Maps merge by key, and for all else what the project says replaces what stands here.
version: 1
runtime:
  python: "3.11"
defaults: {timeout: 1h}
"""

_LINT = """\
# `lint: {use: lint}` in a project's stage; what the job says itself lies over this.
run:
  - python -m pip install ruff
  - python -m ruff check
timeout: 10m
"""

_TEST = """\
# `mlgen pack test` compiles this project and holds what comes out against the files beside it.
version: 1
project: basic
extends: [../..]
targets: [{targets}]
triggers: {{push: {{branches: [main]}}, pull_request: {{}}}}
stages:
  train:
    fit: {{run: python train.py, outs: [model.json]}}
  test:
    lint: {{use: lint, needs: []}}
"""

_README = """\
# {name}

A pack of mlgen (`pip install mlgen-ci`). A project takes it with

    extends: [git+https://git.example.org/ml/{name}.git@v0.1.0]

and `mlgen pack lock`. To publish a change: raise `version` in pack.yaml, run `mlgen pack test`, commit, and tag the
commit `v` and the version.
"""


def files(name: str, targets: Sequence[str]) -> dict[str, str]:
    """The text of each file by its path; `targets` are those that the pack's own test compiles for."""
    needed = ".".join(__version__.split(".")[:2])
    return {
        "pack.yaml": _PACK.format(name=name, needed=needed),
        "spec.yaml": _SPEC,
        "jobs/lint.yaml": _LINT,
        "tests/basic/mlgen.yaml": _TEST.format(targets=", ".join(targets)),
        "README.md": _README.format(name=name),
    }
