"""Paths of declared files: when two speak of the same file, and how a matrix axis stands in one."""

import re

from mlgen.ir.expressions import glob_matches, is_literal

MATRIX_REFERENCE = re.compile(r"\$\{matrix\.([A-Za-z_][A-Za-z0-9_]*)\}")


def normal(path: str) -> str:
    """The path without `./` and doubled or final slashes."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def as_glob(path: str) -> str:
    """The path with each reference to an axis as a wildcard."""
    return MATRIX_REFERENCE.sub("*", normal(path))


def on_leg(path: str, values: dict[str, str]) -> str:
    """The path of one leg: each reference to an axis replaced by the leg's value."""
    return MATRIX_REFERENCE.sub(lambda found: values[found[1]], path)


def overlap(left: str, right: str) -> bool:
    """Whether two declared paths speak of the same file: equal, one inside the other, or a glob over it."""
    a, b = as_glob(left).split("/"), as_glob(right).split("/")
    return all(_segments(x, y) for x, y in _paired(a, b))


def _paired(a: list[str], b: list[str]) -> list[tuple[str, str]]:
    """The segments side by side, as far as both go; what follows `**` on either side is not compared."""
    stop = min(x.index("**") if "**" in x else len(x) for x in (a, b))
    return list(zip(a[:stop], b[:stop]))


def _segments(x: str, y: str) -> bool:
    if is_literal(x) and is_literal(y):
        return x == y
    return glob_matches(x, y) or glob_matches(y, x) or not (is_literal(x) or is_literal(y))
