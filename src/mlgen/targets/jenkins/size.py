"""How large Jenkins' compiled form of a file is.

Declarative becomes one method, and each method of a table another; the Java virtual machine limits a method to 65,535
bytes. The numbers were measured with Jenkins' own parser and compiler (the transformer of workflow-cps, sandboxed);
those of stages are right within about 5 %, those of rows are up to a fifth too high.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlgen.targets.jenkins.reader import Node, Token, tokens
from mlgen.typed import Any

LIMIT = 55_000
TABLES = 600_000
"""Bytes of all methods of tables: a class holds 65,535 constants, and some 12 bytes of such a method need one."""
LONGEST_STRING = 65_535
"""Bytes of one string constant: https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html#jvms-4.4.7"""

_HEAD = 600
_SECTIONS = {
    "stage": 340,
    "agent": 180,
    "when": 325,
    "options": 110,
    "environment": 190,
    "post": 250,
    "parameters": 110,
    "triggers": 110,
}
_AGENT_IN_DOCKER = 40
_STEP, _BLOCK = 85, 265
_CONDITION = 115
_STEP_BLOCKS = ("steps", "always", "cleanup")
# In a method: literals, names, and what makes a value of others. `(` stands for a call, `[` for a list or a map.
_LITERAL, _INTERPOLATED, _NAME = 18, 130, 10
_MARKS = {"(": 80, "[": 20, "==": 35, "!=": 35, "==~": 35, "&&": 35, "||": 35, "?": 35, "!": 35}


def estimate(root: Node) -> int:
    """Bytes of the method that the pipeline becomes."""
    return _HEAD + sum(_of(node) for node in root.children if node.name == "pipeline")


def _of(node: Node) -> int:
    if node.name in _STEP_BLOCKS:
        return _steps(node) + (0 if node.name == "steps" else _CONDITION - _STEP)
    own = _SECTIONS.get(node.name, 0)
    if node.name == "agent" and node.child("docker"):
        own += _AGENT_IN_DOCKER
    return own + sum(_of(child) for child in node.children)


def _steps(node: Node) -> int:
    return sum(_BLOCK + _steps(child) if child.block else _STEP for child in node.children)


def of_method(node: Node) -> int:
    """Bytes of a method of a table."""
    return sum(of_tokens(one.tokens) + of_method(one) for one in node.children)


def of_text(text: str) -> int:
    """Bytes of a part of such a method."""
    return of_tokens(tokens(text))


def of_tokens(found: Iterable[Token]) -> int:
    """Bytes of an expression of these tokens."""
    return sum(_token(token) for token in found)


def _token(token: Token) -> int:
    if token.kind in ("string", "long", "regex"):
        return _LITERAL
    if token.kind == "interpolated":
        return _INTERPOLATED
    return _NAME if token.kind == "word" else _MARKS.get(token.text, 0)


def surely_too_many(stages: int) -> bool:
    """Whether so many stages with steps do not fit, whatever they do."""
    return stages * (_SECTIONS["stage"] + _SECTIONS["agent"] + _SECTIONS["environment"] + _SECTIONS["post"]) > LIMIT


def of_levels(levels: Iterable[Mapping[str, Any]]) -> int:
    """What `estimate` will say of stages that are yet to be rendered, in a pipeline with all other sections."""
    total = _HEAD + sum(_SECTIONS[name] for name in ("agent", "options", "environment", "parameters", "triggers"))
    for level in levels:
        if level["name"]:
            total += _SECTIONS["stage"] + (_SECTIONS["when"] if level["when"] else 0)
        if level["table"]:
            total += _BLOCK + _STEP
        total += sum(map(_of_stage, level["jobs"]))
    return total


def _of_stage(job: Mapping[str, Any]) -> int:
    total = sum(_SECTIONS[name] for name in ("stage", "agent", "environment", "post"))
    total += _SECTIONS["when"] if job["when"] else 0
    total += _SECTIONS["options"] if job["lock"] else 0
    total += _AGENT_IN_DOCKER if job["agent"] and "docker" in job["agent"][0] else 0
    total += _BLOCK + _STEP if job["row"] or job["seen"] else 0
    if job["approval"]:
        total += 2 * _SECTIONS["stage"] + _BLOCK + _STEP + (_SECTIONS["when"] if job["outer_when"] else 0)
    blocks = [*job["around"], *job["blocks"]]
    count = len(job["receive"]) + len(job["scripts"]) + len(job["hand_on"]) + bool(job["passed"])
    total += count * _STEP + len(blocks) * _BLOCK + (_BLOCK + _STEP if job["url"] else 0)
    for step in job["final"]:
        inside = step.partition("sh label:")[0].count(" { ")
        total += _STEP + inside * _BLOCK
    return total + (2 if job["final"] else 1) * (_CONDITION - _STEP) + _STEP
