"""Faults of gates: what they require, and who asks them."""

from __future__ import annotations

from collections.abc import Iterator

from mlgen.diagnostics import Diagnostic, error
from mlgen.ir.source import Source
from mlgen.regex import regex

_REQUIREMENT = regex(
    r"\s*[A-Za-z_][A-Za-z0-9_./-]*\s*(>=|<=|==|!=|>|<)\s*"
    r"([-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|baseline(\s*[-+]\s*[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?)?)\s*"
)


def check(source: Source) -> Iterator[Diagnostic]:
    """The faults of all gates."""
    yield from _requirements(source)
    yield from _answers(source)


def _requirements(source: Source) -> Iterator[Diagnostic]:
    for name, gate in source.data["gates"].items():
        for index, requirement in enumerate(gate["require"]):
            at = source.at("gates", name, "require", index)
            if not _REQUIREMENT.fullmatch(requirement):
                hint = "for example `accuracy >= 0.90` or `accuracy >= baseline - 0.01`"
                yield error("MLG209", at, f"cannot read '{requirement}'", hint)
            elif "baseline" in requirement and not (gate["baseline"] or gate["branch"]):
                hint = "add `baseline: {file: PATH}` or `baseline: {branch: main}`"
                yield error("MLG209", at, f"gate {name} has no baseline", hint)


def _answers(source: Source) -> Iterator[Diagnostic]:
    """A gate that stops tells what comes after it by a value of its name, which one job can have told only."""
    first: dict[str, str] = {}
    for stage, members in source.data["stages"].items():
        for job, said in members.items():
            name = said.get("gate", "")
            if name in first:
                message = f"{stage}.{job}: {first[name]} asks the gate {name} as well, which stops what comes after"
                hint = "write a gate of its own for each"
                yield error("MLG212", source.at("stages", stage, job, "gate"), message, hint)
            elif name and source.data["gates"].get(name, {}).get("on_fail") == "stop":
                first[name] = f"{stage}.{job}"
