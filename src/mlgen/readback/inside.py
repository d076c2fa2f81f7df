"""Decisions that a job takes itself: the expressions of `.mlgen/ci.py when`, evaluated for an event."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from mlgen.ir.events import Event
from mlgen.ir.globs import glob_matches
from mlgen.ir.paths import covers, in_repository
from mlgen.readback.unread import Unread


def variables(event: Event, defaults: Mapping[str, str]) -> dict[str, str]:
    """The portable variables that decisions ask for.

    `defaults` are those of the inputs, by variable, as the target's files have them: they hold where the event gives
    none. Empty: the files do not tell, and they are as the event has them. Exported values have their own names.
    """
    pull = event.kind == "pull_request"
    found = {
        "MLGEN_EVENT": event.name,
        "MLGEN_BRANCH": event.source if pull else event.branch,
        "MLGEN_BASE_BRANCH": event.branch if pull else "",
        "MLGEN_TAG": event.tag,
        "MLGEN_SCHEDULE": event.schedule,
        **defaults,
    }
    inputs = {**dict(event.defaults), **dict(event.inputs)} if not defaults else dict(event.inputs)
    given = {"MLGEN_INPUT_" + name.upper().replace("-", "_"): value for name, value in inputs.items()}
    exported = {name.rpartition(".")[2]: value for name, value in event.values}
    return found | given | exported


def holds(expression: str, event: Event, known: Mapping[str, str]) -> bool:
    """Whether the expression holds; Unread if it is none of `ci.py when`."""
    try:
        return _decide(_parsed(expression), event, known)
    except (SyntaxError, AttributeError, IndexError) as fault:
        raise Unread(f"`{expression}` cannot be read: {fault}") from fault


@lru_cache(maxsize=256)
def _parsed(expression: str) -> ast.AST:
    return ast.parse(expression, mode="eval").body


def changed(paths: tuple[str, ...], event: Event) -> bool:
    """Whether a file of the paths has changed; everything has on an event that brings no changes of its own."""
    if event.kind not in ("push", "pull_request") or event.changed is None:
        return True
    return any(covers(in_repository(event.root, path), file) for path in paths for file in event.changed)


def said(text: str, event: Event) -> bool:
    """Whether the message of the head commit holds the text."""
    return event.kind in ("push", "pull_request", "tag") and text in event.message


def against(expression: str) -> set[str]:
    """The branches with which the expression compares."""
    calls = [node for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Call)]
    return {ast.literal_eval(word.value) for call in calls for word in call.keywords if word.arg == "against"}


def alone(expression: str) -> bool:
    """Whether the expression asks for changed files without a word of what to compare with."""
    calls = [node for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Call)]
    return any(getattr(call.func, "id", "") == "changed" and not call.keywords for call in calls)


def _decide(node: ast.AST, event: Event, known: Mapping[str, str]) -> bool:
    if isinstance(node, ast.BoolOp):
        return (all if isinstance(node.op, ast.And) else any)(_decide(v, event, known) for v in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _decide(node.operand, event, known)
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and len(node.ops) == 1:
        value, other = known.get(node.left.id, ""), ast.literal_eval(node.comparators[0])
        if isinstance(node.ops[0], ast.Eq):
            return bool(value == other)
        if isinstance(node.ops[0], ast.NotIn):
            return value not in other
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "matches" and isinstance(node.args[0], ast.Name):
            value = known.get(node.args[0].id, "")
            return bool(value) and glob_matches(ast.literal_eval(node.args[1]), value)
        texts = tuple(ast.literal_eval(argument) for argument in node.args)
        if node.func.id == "changed":
            return changed(texts, event)
        if node.func.id == "message":
            return said(texts[0], event)
    raise Unread(f"`{ast.unparse(node)}` cannot be read")
