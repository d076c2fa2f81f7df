"""Simulations for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mlgen.ir.events import Event
from mlgen.simulate.table import SPEC, Row

_WORDS = {"run": "run", "wait": "asks", "fail": "fails", "skip": "-", "none": "none"}
_SIGNS = {"run": "x", "wait": "?", "fail": "!", "skip": "."}
_LEGEND = "asks: it waits until a person agrees; -: it does not run"
_MOST_NAMED = 3


def one(event: Event, found: Sequence[Row]) -> str:
    """A table of jobs and targets for one event in the order in which jobs start, and why others do not."""
    columns = list(found[0].cells) if found else [SPEC]
    width = max([len(row.job) for row in found] + [3])
    lines = [str(event), "", f"{'':3} {'job':{width}}  " + "".join(f"{name:10}" for name in columns).rstrip()]
    for row in sorted(found, key=lambda r: (r.step == 0, r.step)):
        cells = "".join(f"{_cell(row, name):10}" for name in columns).rstrip()
        lines.append(f"{row.step or '':>3} {row.job:{width}}  {cells}")
    lines += ["", f"{_LEGEND}; none: left out, see below."]
    lines += _reasons(found)
    lines += _differences([(event, found)])
    return "\n".join(lines) + "\n"


def matrix(tables: Sequence[tuple[Event, Sequence[Row]]], screen: int = 100) -> str:
    """All events on one screen: a column for each choice of jobs, and below it the events that lead to it.

    Where words would be wider than the screen, in columns, signs stand for them.
    """
    groups: dict[tuple[str, ...], list[Event]] = {}
    for event, found in tables:
        groups.setdefault(tuple(row.cells[SPEC].state for row in found), []).append(event)
    shown = sorted(groups.items(), key=lambda group: set(group[0]) == {"skip"})
    jobs = [row.job for row in tables[0][1]] if tables else []
    width = max([len(job) for job in jobs] + [3])
    narrow = width + 6 * len(shown) > screen
    cell, said = (3, _SIGNS) if narrow else (6, _WORDS)
    lines = [f"{'job':{width}}  " + "".join(f"{n:<{cell}}" for n in range(1, len(shown) + 1)).rstrip()]
    for index, job in enumerate(jobs):
        lines.append(f"{job:{width}}  " + "".join(f"{said[states[index]]:{cell}}" for states, _ in shown).rstrip())
    lines += ["", "x: it runs; ?: it waits until a person agrees; .: it does not run." if narrow else f"{_LEGEND}.", ""]
    for number, (_, members) in enumerate(shown, 1):
        more = f", and {len(members) - _MOST_NAMED} more" if len(members) > _MOST_NAMED else ""
        lines.append(f"{number:>3}  " + "; ".join(map(str, members[:_MOST_NAMED])) + more)
    lines += _differences(tables)
    return "\n".join(lines) + "\n"


def _cell(row: Row, column: str) -> str:
    return _WORDS[row.cells[column].state] + ("  !" if row.differs(column) else "")


def _reasons(found: Sequence[Row]) -> list[str]:
    """Why jobs do not run; jobs and columns of one reason together."""
    said: dict[tuple[str, str], list[str]] = {}
    for row in found:
        for name, cell in row.cells.items():
            if cell.state in ("skip", "none") and cell.why:
                said.setdefault((name, cell.why), []).append(row.job)
    lines = []
    for (name, why), jobs in said.items():
        lines += ["", f"{name}: {', '.join(jobs)}", f"  {why}"]
    return lines


def _differences(tables: Sequence[tuple[Event, Sequence[Row]]]) -> list[str]:
    found = [
        f"  {name}: {row.job} on {event}: {_WORDS[cell.state]}, and the spec says {_WORDS[row.cells[SPEC].state]}"
        for event, rows in tables
        for row in rows
        for name, cell in row.cells.items()
        if row.differs(name)
    ]
    return ["", "differs from the spec", *found] if found else []
