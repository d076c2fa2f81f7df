"""What runs, as the file alone says it: the stages with steps, and the rows of tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from mlgen.named import NamedTuple
from mlgen.targets.jenkins.reader import Node
from mlgen.targets.jenkins.rows import Closure, Row, credentials

BODIES = ("steps", "stages", "parallel")
START, ALONE = "runJobs", "onAgent"
"""The methods that run the rows, or the one row, that they are given."""
PLAN = "plan"
"""The stage that finds out what conditions ask."""


class Unit(NamedTuple):
    """A stage or a row, and where it stands: two with one `level` run side by side, or as they `need` each other."""

    name: str
    job: str
    line: int
    level: int
    path: tuple[str, ...]
    needs: frozenset[str] | None
    """The jobs that a row waits for; None for a stage, which waits for all of earlier levels."""
    gives: tuple[tuple[str, int], ...]
    takes: tuple[tuple[str, int], ...]
    credentials: frozenset[str]
    locked: bool
    asks: bool
    """Whether it asks for an approval."""
    runs: bool


def name_of(stage: Node) -> str:
    """A stage's name."""
    strings = stage.strings()
    return strings[0] if strings else ""


def units(stages: Node, table: Iterable[Row], post: Node | None = None) -> list[Unit]:
    """All of them, in order; `post` is what runs after all stages."""
    by_method: dict[str, list[Row]] = {}
    for row in table:
        by_method.setdefault(row.method, []).append(row)
    found = list(_units(stages, by_method, (), 0))
    last = max((unit.level for unit in found), default=0) + 1
    names = called(post) if post else []
    return [*found, *(_row(row, last, ("post",)) for name in names for row in by_method.get(name, ()))]


def called(steps: Node) -> list[str]:
    """The methods whose rows are run, or none."""
    for node in steps.walk():
        words = [token.text for token in node.tokens if token.kind == "word"]
        if words[:1] in ([START], [ALONE]):
            return words[1:]
    return []


def _units(stages: Node, tables: dict[str, list[Row]], path: tuple[str, ...], first: int) -> Iterator[Unit]:
    """The stages of a list, level by level: those of a `parallel` begin in one level."""
    level = first
    for stage in stages.children:
        body = next(node for node in stage.children if node.name in BODIES)
        here = (*path, name_of(stage))
        if body.name != "steps":
            found = list(_units(body, tables, here, level))
        elif names := called(body):
            found = [_row(row, level, here) for name in names for row in tables.get(name, ())]
            if len(names) == 1 and found and here[-1] == found[0].name:
                # A stage that runs its one job as a row does.
                locked = any(node.name == "lock" for node in stage.walk())
                found = [found[0]._replace(path=here, needs=None, locked=locked)]
        else:
            found = [_stage(stage, level, here)]
        yield from found
        if stages.name != "parallel":
            level = max((one.level for one in found), default=level) + 1


def _stage(stage: Node, level: int, path: tuple[str, ...]) -> Unit:
    nodes = stage.walk()
    return Unit(
        path[-1],
        _environment(stage).get("MLGEN_JOB", ""),
        stage.line,
        level,
        path,
        None,
        tuple((node.argument("name"), node.line) for node in nodes if node.name == "stash"),
        tuple((name, node.line) for node in nodes if node.name == "unstash" for name in node.strings()),
        frozenset().union(*(credentials(node.tokens) for node in nodes)),
        any(node.name == "lock" for node in nodes),
        any(node.name == "input" for node in nodes),
        any(node.name == "sh" for node in nodes),
    )


def _environment(stage: Node) -> dict[str, str]:
    block = stage.child("environment")
    return {node.name: (node.strings() or [""])[0] for node in block.children} if block else {}


def _row(row: Row, level: int, path: tuple[str, ...]) -> Unit:
    some = row.fields.get("mayTake")
    takes = [
        *row.list("takes"),
        *(name for names in (some.values() if isinstance(some, dict) else ()) for name in names),
    ]
    if isinstance(brought := row.fields.get("receive"), Closure):
        words = list(brought.tokens)
        takes += [name.text for word, name in pairwise(words) if word.text == "unstash"]
    return Unit(
        row.text("name"),
        row.text("job"),
        row.line,
        level,
        (*path, row.text("name")),
        frozenset(row.list("needs")),
        tuple((str(name), row.line) for name in row.list("gives")),
        tuple((str(name), row.line) for name in takes),
        row.credentials,
        "lock" in row.fields,
        False,
        "run" in row.fields or "steps" in row.fields,
    )
