"""Conditions over the attributes of a run, as frozen boolean expressions.

An expression is True, False, a `Match`, or a combination. `Match.field` is one of:
`branch` (pushed branch, a pull request's target, the run's branch), `tag`, `schedule` (a schedule's name), and
`fork` (pattern "true": the pull request comes from a fork, or its run is given no secrets).
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias


class Match(NamedTuple):
    """The attribute `field` of the run matches the case-sensitive glob `pattern`."""

    field: str
    pattern: str


class Not(NamedTuple):
    """The item does not hold."""

    item: "Expr"


class All(NamedTuple):
    """Every item holds; at least two items."""

    items: "tuple[Expr, ...]"


class Any(NamedTuple):
    """One of the items holds; at least two items."""

    items: "tuple[Expr, ...]"


Expr: TypeAlias = "bool | Match | Not | All | Any"


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


def _absorbed(found: list[Expr], outer: "type[All | Any]", inner: "type[All | Any]", empty: bool) -> Expr:
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


def implies(left: Expr, right: Expr) -> bool:
    """Whether `left` is seen to imply `right`; sound, and complete enough for conditions met in specs."""
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
    if isinstance(left, Match) and is_literal(left.pattern):
        if isinstance(right, Match) and right.field == left.field:
            return glob_matches(right.pattern, left.pattern)
        if isinstance(right, Not) and isinstance(right.item, Match) and right.item.field == left.field:
            return not glob_matches(right.item.pattern, left.pattern)
    return False


def is_literal(pattern: str) -> bool:
    """Whether the glob has no wildcard."""
    return not any(c in pattern for c in "*?[")


def glob_regex(pattern: str) -> str:
    """The glob as an unanchored regular expression: `*` within a path segment, `**` across, `?` one character.

    The expression uses only what RE2, Java and Ruby share, so that every target can print it.
    """
    out: list[str] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if pattern.startswith("**/", i):
            out.append("(.*/)?")
            i += 2
        elif pattern.startswith("**", i):
            out.append(".*")
            i += 1
        elif c == "*":
            out.append("[^/]*")
        elif c == "?":
            out.append("[^/]")
        elif c == "[" and "]" in pattern[i + 2 :]:
            end = pattern.index("]", i + 2)
            body = pattern[i + 1 : end]
            body = "^" + body[1:] if body[0] in "!^" else body
            out.append("[" + body.replace("\\", "\\\\") + "]")
            i = end
        else:
            out.append("\\" + c if c in r"\.+*?()|[]{}^$/-" else c)
        i += 1
    return "".join(out)


def glob_matches(pattern: str, value: str) -> bool:
    """Whether the case-sensitive glob matches the whole value."""
    if is_literal(pattern):
        return pattern == value
    return re.fullmatch(glob_regex(pattern), value, re.DOTALL) is not None


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


def witness(pattern: str) -> str:
    """A value that the glob matches."""
    value = re.sub(r"\[([^]])[^]]*\]", r"\1", pattern.replace("**/", "x/").replace("**", "x").replace("*", "x"))
    return value.replace("?", "x")


def satisfiable(item: Expr) -> bool:
    """Whether some run satisfies the expression, tried over witnesses of its own patterns and values none matches."""
    found = matches(item)
    names = sorted({m.field for m in found})
    choices = [[None, "no-such-value", *(witness(m.pattern) for m in found if m.field == name)] for name in names]
    for values in itertools.product(*choices):
        if evaluate(item, {n: v for n, v in zip(names, values) if v is not None}):
            return True
    return False
