"""How large Jenkins' compiled form of a file is.

Declarative becomes one method, which the Java virtual machine limits to 65,535 bytes. The numbers were measured with
Jenkins' own parser and compiler; they are right within about 5 %.
"""

from mlgen.targets.jenkins.reader import Node

LIMIT = 55_000
LONGEST_STRING = 65_535
"""Bytes of one string constant: https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html#jvms-4.4.7"""

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
_STEP_BLOCKS = ("steps", "always", "cleanup")


def estimate(root: Node) -> int:
    """Bytes of the method that the pipeline becomes."""
    return 600 + sum(_of(node) for node in root.children if node.name == "pipeline")


def _of(node: Node) -> int:
    if node.name in _STEP_BLOCKS:
        return _steps(node) + (0 if node.name == "steps" else 115 - _STEP)
    own = _SECTIONS.get(node.name, 0)
    if node.name == "agent" and node.child("docker"):
        own += _AGENT_IN_DOCKER
    return own + sum(_of(child) for child in node.children)


def _steps(node: Node) -> int:
    return sum(_BLOCK + _steps(child) if child.block else _STEP for child in node.children)
