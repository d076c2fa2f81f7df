"""Damage done to emitted text, which the read-back must tell: what the tables of every target share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mlgen import targets
from mlgen.ir import Pipeline
from mlgen.verify import differs
from tests.readback.project import PROJECTS, ROOT, named, rendered

Damage = Callable[[str, Pipeline], Iterable[Callable[[], str]]]
"""The damaged forms of one text, none where the kind does not apply; one that equals the text is none either. The
pipeline tells what would do no harm."""

MOST = 3
"""Places of one kind in one text that are damaged."""


class Survivor(NamedTuple):
    """A damaged text of which the read-back tells no difference."""

    kind: str
    project: str
    text: str


def table(kinds: Iterable[Damage]) -> dict[str, Damage]:
    """The kinds by their names, each once."""
    given = list(kinds)
    found = {kind.__name__: kind for kind in given}
    assert len(found) == len(given), "two kinds of one name"
    return found


def tried(
    target_name: str, damage: Damage, harmless: Callable[[str, str, Pipeline], bool] = lambda *_: False
) -> Iterator[Survivor | None]:
    """For each damaged text of each project: None if it is told, else what survived.

    `harmless` tells, by other means than the reader, whether a damaged text means the same as before.
    """
    target = targets.get(target_name)
    for project in PROJECTS:
        if target_name not in named(project):
            continue
        pipeline, texts = rendered(project, target)
        path, text = next(iter(texts.items()))
        for damaged in _some(damage(text, pipeline), text):
            if differs(target, {**texts, path: damaged}, pipeline):
                yield None
            elif not harmless(text, damaged, pipeline):
                yield Survivor(damage.__name__, _name(project), damaged)


def _some(forms: Iterable[Callable[[], str]], text: str) -> Iterator[str]:
    """The first few forms that differ from the text."""
    found = (form() for form in forms)
    yield from itertools.islice((each for each in found if each != text), MOST)


def _name(project: Path) -> str:
    return project.relative_to(ROOT).as_posix()
