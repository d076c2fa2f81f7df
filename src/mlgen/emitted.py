"""The files of `.mlgen/` that all targets share: env.sh, and ci.py with the commands that the pipeline calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlgen import targets
from mlgen.ir import KINDS, Input, Job, Pipeline, fields
from mlgen.named import NamedTuple
from mlgen.render import template_text
from mlgen.targets.contract import Fragment, Output, Target
from mlgen.typed import Any

ENV = ".mlgen/env.sh"
CI = ".mlgen/ci.py"
REGISTRY = ".mlgen/registry.py"
HOST = ".mlgen/host.py"


class Part(NamedTuple):
    """Commands of ci.py that come together: `templates/common/ci/NAME.py.j2`, plain text.

    `commands` are their names with a line of help each. `imports` is what the text needs beyond what every ci.py has,
    `typed` what only its annotations need. `used` tells whether a job calls one of the commands by what it is; a script
    that names one calls it too. `upon` is the part that it builds on.
    """

    name: str
    commands: tuple[tuple[str, str], ...]
    imports: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    used: Callable[[Job], bool] = lambda job: False
    upon: str = ""


PARTS = (
    Part("baseline", (), ("import math", "from decimal import Decimal")),
    Part(
        "gate",
        (("gate", "holds metrics against requirements"),),
        ("import operator", "from decimal import Context, Decimal", "from typing import NamedTuple"),
        used=lambda job: job.gate is not None,
        upon="baseline",
    ),
    Part(
        "exports",
        (("exports", "collects the values that a job hands on"),),
        ("import math",),
        used=lambda job: bool(job.exports),
    ),
    Part(
        "report",
        (("report", "shows test results, coverage and a summary of the job"),),
        ("from typing import NamedTuple",),
        ("from xml.etree.ElementTree import Element",),
        used=lambda job: any(job.reports),
    ),
    Part(
        "legs",
        (
            ("legs", "lists the files that one leg of a matrix made"),
            ("merge", "fails where two legs of a matrix made the same file"),
        ),
        used=lambda job: job.matrix is not None and job.matrix.collide,
    ),
    Part(
        "guard",
        (("guard", "asks the CI system whether a deployment may go ahead"),),
        used=lambda job: job.deploys or job.approval is not None,
    ),
    Part(
        "compare",
        (("compare", "writes a report of metrics and parameters against those of a branch"),),
        ("from decimal import Decimal",),
        upon="baseline",
    ),
    Part("smoke", (("smoke", "asks an address until it answers as it should"),)),
    Part(
        "reuse",
        (("reuse", "takes what an earlier run made from the same, or tells that the command must run"),),
        ("import shutil", "from collections.abc import Iterable"),
        used=lambda job: job.reuse,
    ),
    Part(
        "when",
        (("when", "tells whether a job is to run, by what has changed, the commit's message and exported values"),),
        ("import ast",),
        used=lambda job: _decides(job),
    ),
)
_ALWAYS = (
    "import argparse", "import glob", "import io", "import json", "import os", "import re", "import sys",
    "from collections.abc import Callable, Sequence", "from typing import TYPE_CHECKING, Any",
)  # fmt: skip


def shared_outputs(pipeline: Pipeline, chosen: Iterable[Target]) -> list[Output]:
    """env.sh; ci.py where the pipeline needs logic that no CI system has; registry.py where it speaks to MLflow, and
    host.py where it asks something of the code host."""
    fragments = [fragment for target in chosen for fragment in target.fragments]
    view = {
        "default_branch": pipeline.default_branch,
        "project": pipeline.name if pipeline.root else "",
        "inputs": [_input_view(entry, pipeline) for entry in pipeline.triggers.inputs],
        "fragments": _texts(fragments, ENV),
    }
    outputs = [Output(ENV, "common/env.sh.j2", view)]
    parts = [part for part in PARTS if any(_calls(job, part) for job in pipeline.jobs)]
    asked = [fragment for fragment in fragments if fragment.needed and fragment.needed(pipeline)]
    if parts or asked:
        more = [fragment for fragment in fragments if not fragment.needed or fragment in asked]
        commands = [command for fragment in asked for command in fragment.commands]
        outputs.append(Output(CI, "common/ci.py.j2", ci_view(parts, _texts(more, CI), commands)))
    if any(HOST in job.run for job in pipeline.jobs):
        # The code host need not be that of a CI system of the spec.
        known = [fragment for name in targets.names() for fragment in targets.get(name).fragments]
        outputs.append(Output(HOST, "common/host.py.j2", {"fragments": _texts(known, HOST)}))
    if any(REGISTRY in job.run for job in pipeline.jobs):
        outputs.append(Output(REGISTRY, "common/registry.py.j2", {}))
    return outputs


def ci_view(
    parts: Iterable[Part], fragments: list[dict[str, str]], more: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """What the template of ci.py prints, for these parts of it; `more` are the commands of the fragments."""
    asked = list(parts)
    found = [part for part in PARTS if part in asked or any(other.upon == part.name for other in asked)]
    commands = [*(command for part in found for command in part.commands), *more]
    return {
        "commands": [f"{name:9} {text}" for name, text in commands],
        "imports": _imports([*_ALWAYS, *(line for part in found for line in part.imports)]),
        "typed": sorted({line for part in found for line in part.typed}),
        "parts": [_text(f"common/ci/{part.name}.py.j2") for part in found],
        "fragments": fragments,
    }


def _imports(lines: list[str]) -> list[str]:
    """The lines, each once, in the order of isort, with what comes from one module together."""
    whole = sorted({line for line in lines if line.startswith("import ")})
    names: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, imported = line.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).update(imported.split(", "))
    order = lambda name: (not name.isupper(), name)  # noqa: E731
    return [*whole, *(f"from {m} import {', '.join(sorted(names[m], key=order))}" for m in sorted(names))]


def _calls(job: Job, part: Part) -> bool:
    scripts = (job.run, job.setup, job.finally_, job.on_failure, *(step.run for step in job.steps))
    return part.used(job) or any(f"{CI} {name} " in script for name, _ in part.commands for script in scripts)


def _decides(job: Job) -> bool:
    """Whether the job's condition asks for something that some systems only know inside the run."""
    asked = {field.partition(":")[0] for kind in KINDS for field in fields(job.condition.on(kind))}
    return bool(asked & {"changed", "message", "value"})


def _texts(fragments: Iterable[Fragment], path: str) -> list[dict[str, str]]:
    return [_text(f.template) for f in fragments if f.path == path]


def _text(template: str) -> dict[str, str]:
    """A plain part of a file; where it comes from is for `mlgen explain`."""
    return {"text": template_text(template).rstrip("\n"), "template": template}


def _input_view(entry: Input, pipeline: Pipeline) -> dict[str, Any]:
    """How the shell checks an input: patterns of `case` that are refused."""
    from mlgen.quoting import sh

    refuse = {
        "string": ["*[[:cntrl:]]*"],
        "integer": ["'' | - | *[!0-9-]* | ?*-*"],
        "number": ["*[[:cntrl:]]*"],
        "boolean": ["true | false) ;;\n  *"],
        "choice": [" | ".join(map(sh, entry.options)) + ") ;;\n  *"],
    }[entry.type]
    kinds = {"string": "one line of text", "integer": "an integer", "number": "a number", "boolean": "true or false"}
    wanted = kinds.get(entry.type) or f"one of {', '.join(entry.options)}"
    return {
        "name": entry.name,
        "events": pipeline.triggers.asked_on(entry.name),
        "variable": entry.variable,
        "suffix": entry.variable.removeprefix("MLGEN_"),
        "default": entry.default,
        "refuse": refuse,
        "regex": r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?" if entry.type == "number" else "",
        "message": f"the input {entry.name} must be {wanted}",
    }
