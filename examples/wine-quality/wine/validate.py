"""Check the raw data before anything is trained on it: `python -m wine.validate`.

Writes reports/data.xml (JUnit, which every CI system displays) and fails if any check does.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from wine.files import DATA, DATA_REPORT, write_whole
from wine.table import CLASSES, HEADER, RANGES, TARGET, Table, read_table

MIN_ROWS = 100
MIN_CLASS_SHARE = 0.15
NULLS = {"", "na", "n/a", "nan", "null", "none"}
MAX_PROBLEMS_SHOWN = 10


@dataclass(frozen=True)
class Result:
    """What one check found. A skipped check could not be made, because an earlier one failed."""

    name: str
    problems: tuple[str, ...] = ()
    skipped: bool = False


def check_schema(table: Table) -> list[str]:
    """Every column is there, in order, and every row has a value for each."""
    if table.header != HEADER:
        missing = [name for name in HEADER if name not in table.header]
        unknown = [name for name in table.header if name not in HEADER]
        return [f"columns differ: missing {missing}, unknown {unknown}, or in another order"]
    return [
        f"row {number} has {len(row)} values instead of {len(HEADER)}"
        for number, row in enumerate(table.rows, start=1)
        if len(row) != len(HEADER)
    ]


def check_rows(table: Table) -> list[str]:
    """There is enough data to train on."""
    count = len(table.rows)
    return [] if count >= MIN_ROWS else [f"{count} rows, at least {MIN_ROWS} are needed"]


def check_nulls(table: Table) -> list[str]:
    """No value is missing."""
    return [
        f"row {number}: {name} is missing"
        for name in HEADER
        for number, value in enumerate(table.column(name), start=1)
        if _is_null(value)
    ]


def check_ranges(table: Table) -> list[str]:
    """Every measurement is a number that a wine can have."""
    return [
        f"row {number}: {name} is {value!r}, expected {low} to {high}"
        for name, (low, high) in RANGES.items()
        for number, value in enumerate(table.column(name), start=1)
        if not _is_null(value) and not low <= _number(value) <= high
    ]


def check_classes(table: Table) -> list[str]:
    """The target holds the known classes only, and none of them is rare."""
    counts = Counter(table.column(TARGET))
    known = {str(label) for label in CLASSES}
    problems = [f"unknown class {label!r}" for label in sorted(counts) if label not in known]
    for label in sorted(known):
        share = counts[label] / max(len(table.rows), 1)
        if share < MIN_CLASS_SHARE:
            problems.append(f"class {label} has {share:.0%} of the rows, at least {MIN_CLASS_SHARE:.0%} are needed")
    return problems


# The later checks look columns up by name, so they are made only on a table whose schema is right.
CHECKS: dict[str, Callable[[Table], list[str]]] = {
    "rows": check_rows,
    "nulls": check_nulls,
    "ranges": check_ranges,
    "classes": check_classes,
}


def validate(path: Path) -> list[Result]:
    """Make every check on the file at `path`."""
    skipped = [Result(name, skipped=True) for name in CHECKS]
    try:
        table = read_table(path)
    except (OSError, ValueError) as error:
        return [Result("readable", (str(error),)), Result("schema", skipped=True), *skipped]
    schema = Result("schema", tuple(check_schema(table)))
    if schema.problems:
        return [Result("readable"), schema, *skipped]
    return [Result("readable"), schema, *(Result(name, tuple(check(table))) for name, check in CHECKS.items())]


def junit(results: list[Result]) -> bytes:
    """Return the results as a JUnit report."""
    suite = ElementTree.Element(
        "testsuite",
        name="data",
        tests=str(len(results)),
        failures=str(sum(bool(result.problems) for result in results)),
        errors="0",
        skipped=str(sum(result.skipped for result in results)),
    )
    for result in results:
        case = ElementTree.SubElement(suite, "testcase", classname="data.wine", name=result.name)
        if result.skipped:
            ElementTree.SubElement(case, "skipped", message="an earlier check failed")
        if result.problems:
            failure = ElementTree.SubElement(case, "failure", message=result.problems[0])
            failure.text = "\n".join(_shown(result.problems))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def main() -> int:
    """Validate data/wine.csv, write the report, and return 1 if a check failed."""
    results = validate(DATA)
    write_whole(DATA_REPORT, junit(results))
    for result in results:
        print(f"{'FAILED' if result.problems else 'skipped' if result.skipped else 'ok':8}{result.name}")
        for line in _shown(result.problems):
            print(f"        {line}")
    return 1 if any(result.problems for result in results) else 0


def _is_null(value: str) -> bool:
    return value.strip().lower() in NULLS


def _number(value: str) -> float:
    """Return the number that `value` spells, or NaN, which is in no range."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _shown(problems: tuple[str, ...]) -> list[str]:
    more = len(problems) - MAX_PROBLEMS_SHOWN
    return [*problems[:MAX_PROBLEMS_SHOWN], *([f"... and {more} more"] if more > 0 else [])]


if __name__ == "__main__":
    sys.exit(main())
