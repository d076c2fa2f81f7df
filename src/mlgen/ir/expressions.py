"""Conditions over the attributes of a run, as frozen boolean expressions.

An expression is True, False, a `Match`, or a combination. `Match.field` is one of:
`branch` (pushed branch, a pull request's target, the run's branch), `tag`, `schedule` (a schedule's name), and
`fork` (pattern "true": the pull request comes from a fork, or its run is given no secrets), `api` (the event's name),
`input:NAME` (the value of an input), `message:TEXT` (pattern "true": the head commit's message holds the text),
`changed:NAME` (pattern "true": a path of that `Change` has changed), and `value:JOB.EXPORT` (a value exported in the
run: known only inside it, and only by jobs that depend on the exporter).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from mlgen.ir.globs import glob_fault, glob_matches, glob_regex, is_literal, outcomes
from mlgen.named import NamedTuple
from mlgen.typed import TYPE_CHECKING, Literal, TypeAlias

__all__ = [
    "All", "Any", "Expr", "Match", "Not", "all_of", "any_of", "evaluate", "fields", "glob_fault", "glob_matches",
    "glob_regex", "implies", "is_literal", "lenient", "matches", "negate", "partial", "patterns_expr", "satisfiable",
    "substituted",
]  # fmt: skip

if TYPE_CHECKING:
    Expr: TypeAlias = "bool | Match | Not | All | Any"
else:
    Expr = object  # a field that names its own class needs a string, which `typing` compiles at each start


_MOST_ROWS = 4096
"""Of a truth table; beyond, an expression is taken to be satisfiable."""


class Match(NamedTuple):
    """The attribute `field` of the run matches the case-sensitive glob `pattern`."""

    field: str
    pattern: str


class Not(NamedTuple):
    """The item does not hold."""

    item: Expr
    kind: Literal["not"] = "not"


class All(NamedTuple):
    """Every item holds; at least two items."""

    items: tuple[Expr, ...]
    kind: Literal["all"] = "all"
    """Keeps `All` and `Any` of the same items apart, which as tuples would be equal."""


class Any(NamedTuple):
    """One of the items holds; at least two items."""

    items: tuple[Expr, ...]
    kind: Literal["any"] = "any"


def all_of(items: Iterable[Expr]) -> Expr:
    """The conjunction, simplified: constants folded, nested conjunctions flattened, each item once."""
    found: list[Expr] = []
    for item in items:
        if item is False:
            return False
        for part in item.items if isinstance(item, All) else (item,):
            if part is not True and part not in found:
                found.append(part)
    if any(negate(part) in found for part in found):
        return False
    return _absorbed(found, All, Any, empty=True)


def any_of(items: Iterable[Expr]) -> Expr:
    """The disjunction, simplified like `all_of`."""
    found: list[Expr] = []
    for item in items:
        if item is True:
            return True
        for part in item.items if isinstance(item, Any) else (item,):
            if part is not False and part not in found:
                found.append(part)
    if any(negate(part) in found for part in found):
        return True
    return _absorbed(found, Any, All, empty=False)


def _absorbed(found: list[Expr], outer: type[All | Any], inner: type[All | Any], empty: bool) -> Expr:
    """`a and (a or b)` is `a`, and `a or (a and b)` is `a`."""
    kept = [p for p in found if not (isinstance(p, inner) and any(i in found for i in p.items))]
    if not kept:
        return empty
    return kept[0] if len(kept) == 1 else outer(tuple(kept))


def negate(item: Expr) -> Expr:
    """The negation, pushed inwards so that `Not` stands before a `Match` only."""
    if isinstance(item, bool):
        return not item
    if isinstance(item, Not):
        return item.item
    if isinstance(item, All):
        return any_of(negate(i) for i in item.items)
    if isinstance(item, Any):
        return all_of(negate(i) for i in item.items)
    return Not(item)


def evaluate(item: Expr, attributes: Mapping[str, str]) -> bool:
    """Whether the expression holds; an attribute that is absent matches nothing."""
    if isinstance(item, bool):
        return item
    if isinstance(item, Match):
        value = attributes.get(item.field)
        return value is not None and glob_matches(item.pattern, value)
    if isinstance(item, Not):
        return not evaluate(item.item, attributes)
    combine = all if isinstance(item, All) else any
    return combine(evaluate(i, attributes) for i in item.items)


def substituted(item: Expr, of: Callable[[Match], Expr]) -> Expr:
    """The expression with `of(match)` in the place of every match, simplified."""
    if isinstance(item, Match):
        return of(item)
    if isinstance(item, Not):
        return negate(substituted(item.item, of))
    if isinstance(item, All):
        return all_of(substituted(i, of) for i in item.items)
    if isinstance(item, Any):
        return any_of(substituted(i, of) for i in item.items)
    return item


def partial(item: Expr, known: Mapping[str, str]) -> Expr:
    """What is left of the expression where these attributes have these values."""
    return substituted(item, lambda m: glob_matches(m.pattern, known[m.field]) if m.field in known else m)


def lenient(item: Expr, unknown: Callable[[str], bool]) -> Expr:
    """What holds wherever the expression does, and asks for no field that is unknown."""
    if isinstance(item, (Match, Not)):
        return True if any(map(unknown, fields(item))) else item
    if isinstance(item, All):
        return all_of(lenient(i, unknown) for i in item.items)
    if isinstance(item, Any):
        return any_of(lenient(i, unknown) for i in item.items)
    return item


def implies(left: Expr, right: Expr) -> bool:
    """Whether `right` holds wherever `left` does."""
    if left is False or right is True or left == right:
        return True
    if isinstance(left, Any):
        return all(implies(i, right) for i in left.items)
    if isinstance(right, All):
        return all(implies(left, i) for i in right.items)
    if isinstance(left, All) and any(implies(i, right) for i in left.items):
        return True
    if isinstance(right, Any) and any(implies(left, i) for i in right.items):
        return True
    return _implied(left, right)


@lru_cache(maxsize=4096)
def _implied(left: Expr, right: Expr) -> bool:
    return not satisfiable(all_of([left, negate(right)]))


def patterns_expr(field: str, patterns: Iterable[str]) -> Expr:
    """A list of globs as an expression: one must match, and those after `!` must not.

    A list of subtractions alone starts from everything.
    """
    given = tuple(patterns)
    wanted = [Match(field, p) for p in given if not p.startswith("!")]
    unwanted = [Not(Match(field, p[1:])) for p in given if p.startswith("!")]
    base: Expr = any_of(wanted) if wanted else bool(unwanted)
    return all_of([base, *unwanted])


def fields(item: Expr) -> frozenset[str]:
    """The attributes that the expression asks about."""
    if isinstance(item, Match):
        return frozenset((item.field,))
    if isinstance(item, Not):
        return fields(item.item)
    if isinstance(item, (All, Any)):
        return frozenset().union(*(fields(i) for i in item.items))
    return frozenset()


def matches(item: Expr) -> tuple[Match, ...]:
    """Every `Match` in the expression, in order."""
    if isinstance(item, Match):
        return (item,)
    if isinstance(item, Not):
        return matches(item.item)
    if isinstance(item, (All, Any)):
        return tuple(m for i in item.items for m in matches(i))
    return ()


def satisfiable(item: Expr) -> bool:
    """Whether some run satisfies the expression. With patterns too many to tell, it is taken to be so."""
    if isinstance(item, bool):
        return item
    found = dict.fromkeys(matches(item))
    names = sorted({m.field for m in found})
    asked = [[m for m in found if m.field == name] for name in names]
    choices = [_choices(tuple(m.pattern for m in group)) for group in asked]
    if None in choices or math.prod(len(choice or ()) for choice in choices) > _MOST_ROWS:
        return True
    for values in itertools.product(*(choice for choice in choices if choice)):
        truth = {m: value for group, row in zip(asked, values) for m, value in zip(group, row)}
        if _holds(item, truth):
            return True
    return False


def _choices(patterns: tuple[str, ...]) -> frozenset[tuple[bool, ...]] | None:
    """What a run's attribute can answer to the patterns; one that is absent matches none."""
    found = outcomes(patterns)
    return None if found is None else found | {(False,) * len(patterns)}


def _holds(item: Expr, truth: Mapping[Match, bool]) -> bool:
    if isinstance(item, bool):
        return item
    if isinstance(item, Match):
        return truth[item]
    if isinstance(item, Not):
        return not _holds(item.item, truth)
    combine = all if isinstance(item, All) else any
    return combine(_holds(i, truth) for i in item.items)
