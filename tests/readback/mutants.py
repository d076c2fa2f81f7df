"""Damage to emitted text: kinds of it, and whether verify tells each.

A kind gives mutants of a file's data, each a list of edits: a way through the data, and the value that is to be there,
or `DROP`. A mutant that changes nothing that a run would do is no damage: kinds leave such places out.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlgen.ir import Pipeline
from mlgen.targets.contract import Output, Target
from mlgen.verify import differs

DROP = object()
Edit = tuple[tuple[Any, ...], Any]
Mutant = list[Edit]
Sampled = TypeVar("Sampled")
MOST = 3
"""Mutants of one kind in one file that are tried: the first, the last and one in between."""


class Emitted(NamedTuple):
    """One project's file for a target, and what it has to mean."""

    project: Path
    pipeline: Pipeline
    output: Output
    text: str
    data: Any


def edited(data: Any, mutant: Mutant) -> Any:
    """The data with the edits."""
    found = copy.deepcopy(data)
    for route, value in mutant:
        place = found
        for step in route[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is DROP:
            del place[route[-1]]
        elif isinstance(place, list) and route[-1] == len(place):
            place.append(value)
        else:
            place[route[-1]] = value
    return found


def sampled(mutants: Iterable[Sampled], most: int = MOST) -> list[Sampled]:
    """At most so many of the mutants, two or more, spread over all."""
    found = list(mutants)
    if len(found) <= most:
        return found
    return [found[index * (len(found) - 1) // (most - 1)] for index in range(most)]


def told(target: Target, emitted: Emitted, text: str, alone: bool = False) -> bool:
    """Whether verify, or the target's structural check, tells that the text is damaged."""
    if differs(target, {emitted.output.path: text}, emitted.pipeline):
        return True
    return not alone and bool(target.check(emitted.output, text, emitted.pipeline))


def survivors(
    target: Target,
    files: Iterable[Emitted],
    kind: Callable[[Any], Iterator[Mutant]],
    alone: bool = False,
    most: int = MOST,
) -> tuple[int, list[str]]:
    """How many mutants of the kind there are in the files, and those that nothing tells.

    `alone`: the target's structural check, which knows what was to be written, is not asked.
    """
    count, found = 0, []
    for emitted in files:
        for mutant in sampled(kind(emitted.data), most):
            count += 1
            if not told(target, emitted, json.dumps(edited(emitted.data, mutant)), alone):
                found.append(f"{emitted.project.name}: {_shown(mutant)}")
    return count, found


def text_survivors(
    target: Target, files: Iterable[Emitted], kind: Callable[[str], Iterator[str]]
) -> tuple[int, list[str]]:
    """As `survivors`, of a kind that gives whole texts."""
    count, found = 0, []
    for emitted in files:
        for text in sampled(kind(emitted.text)):
            count += 1
            if not told(target, emitted, text):
                changed = difflib.unified_diff(emitted.text.splitlines(), text.splitlines(), lineterm="", n=1)
                found.append("\n".join([emitted.project.name, *list(changed)[:40]]))
    return count, found


def _shown(mutant: Mutant) -> str:
    return "; ".join(
        f"{'.'.join(map(str, route))} {'dropped' if value is DROP else f'= {json.dumps(value)[:300]}'}"
        for route, value in mutant
    )
