"""The refs from which a job lets itself deploy, beside its condition: these must be no more than may be meant."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from mlgen.ir import Condition, Job, Pipeline, Triggers
from mlgen.ir.expressions import All, Any, Expr, Match, matches

HEADS, TAGS = "refs/heads/", "refs/tags/"


def wider(pipeline: Pipeline, job: Job, refs: frozenset[str]) -> str:
    """A ref that these patterns let in, and on which the job is not meant to run on any event; empty if there is none.

    Such patterns know no conjunctions and no subtraction of the spec's, and their `*` crosses `/`: what these would
    keep out as well is not asked for.
    """
    return _wider(pipeline.triggers, pipeline.default_branch, job.condition, refs)


@lru_cache(maxsize=64)
def _wider(triggers: Triggers, main: str, condition: Condition, refs: frozenset[str]) -> str:
    for name in dict.fromkeys(_names(main, condition, refs)):
        for start in (HEADS, TAGS):
            if _admitted(start + name, refs) and not _meant(triggers, condition, start == TAGS, name):
                return start + name
    return ""


def _admitted(ref: str, refs: frozenset[str]) -> bool:
    denied = any(fnmatchcase(ref, each[1:]) for each in refs if each.startswith("!"))
    return not refs or (not denied and any(fnmatchcase(ref, each) for each in refs if not each.startswith("!")))


def _names(main: str, condition: Condition, refs: frozenset[str]) -> Iterator[str]:
    """Names that the patterns could let in: what they match, and what is like the names that are meant."""
    for ref in refs:
        for fill in ("x", "x/y", ""):
            yield ref.removeprefix("!").removeprefix(HEADS).removeprefix(TAGS).replace("*", fill).replace("?", "x")
    asked = {m.pattern for kind in condition.kinds() for m in matches(condition.on(kind))}
    for name in {main, *(pattern for pattern in asked if "*" not in pattern)}:
        yield from (f"{name}-x", f"x-{name}", f"{name}/x")
        yield from (name[:n] + c.swapcase() + name[n + 1 :] for n, c in enumerate(name))
    yield "other"


def _meant(triggers: Triggers, condition: Condition, tag: bool, name: str) -> bool:
    """Whether some event at this branch or tag may run the job."""
    for kind in ("push", "manual", "api", "tag", "schedule"):
        asked = condition.on(kind)
        if asked is False or not triggers.on(kind) or (kind in ("push", "tag") and tag != (kind == "tag")):
            continue
        if kind == "schedule":
            if not tag and name in {schedule.branch for schedule in triggers.schedules}:
                return True
        elif _may(asked, name, ("tag",) if kind == "tag" else () if tag else ("branch",)) is not False:
            return True
    return False


def _may(asked: Expr, name: str, known: tuple[str, ...]) -> bool | None:
    """Whether the name is one of those that the expression asks for; None where it leaves them open.

    `known`: the fields that hold the name; a run by hand on a tag has neither a branch nor a tag.
    """
    if isinstance(asked, bool):
        return asked or None
    if isinstance(asked, Match):
        if asked.field not in ("branch", "tag"):
            return None
        return asked.field in known and fnmatchcase(name, _loose(asked.pattern))
    if not isinstance(asked, (All, Any)):
        return None
    found = [_may(item, name, known) for item in asked.items]
    told = [each for each in found if each is not None]
    if isinstance(asked, All):
        return any(told) if told else None
    return None if None in found else any(told)


def _loose(pattern: str) -> str:
    return pattern.replace("**/", "*").replace("**", "*").replace("[^", "[!")
