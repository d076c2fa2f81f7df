"""Expressions over a run's attributes against brute force, and globs against another matcher."""

import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlgen.ir import (
    All,
    Any,
    Expr,
    Match,
    Not,
    all_of,
    any_of,
    evaluate,
    glob_matches,
    glob_regex,
    implies,
    matches,
    negate,
    patterns_expr,
)
from mlgen.ir.conditions import ALWAYS, Condition
from mlgen.ir.expressions import fields, glob_fault, satisfiable

PATTERNS = ["main", "m*", "*", "**", "release/*", "release/**", "*/1", "a/?", "[ab]/1", "[!a]", "**/1", "release/1"]
VALUES = [
    "main",
    "m",
    "mm",
    "release/1",
    "release/2",
    "release/1/2",
    "a/1",
    "b/1",
    "a/b",
    "x",
    "1",
    "a",
    "release/",
    "a/1/1",
]

MATCHES = st.builds(Match, st.sampled_from(["branch", "tag"]), st.sampled_from(PATTERNS))
EXPRS: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(st.booleans(), MATCHES),
    lambda inner: st.one_of(
        st.builds(negate, inner),
        st.builds(all_of, st.lists(inner, min_size=1, max_size=3)),
        st.builds(any_of, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


def _runs() -> "itertools.product[tuple[str | None, str | None]]":
    return itertools.product([None, *VALUES], [None, *VALUES])


def _attributes(branch: str | None, tag: str | None) -> dict[str, str]:
    return {k: v for k, v in (("branch", branch), ("tag", tag)) if v is not None}


def table(item: Expr) -> list[bool]:
    """The expression's value on every sampled run."""
    return [evaluate(item, _attributes(*run)) for run in _runs()]


@settings(deadline=None, max_examples=150)
@given(st.lists(EXPRS, max_size=4))
def test_all_of_any_of_and_negate_keep_the_meaning(items: list[Expr]) -> None:
    tables = [table(item) for item in items]
    rows = list(zip(*tables)) if tables else [()] * len(list(_runs()))
    assert table(all_of(items)) == [all(row) for row in rows]
    assert table(any_of(items)) == [any(row) for row in rows]
    for item, values in zip(items, tables):
        assert table(negate(item)) == [not value for value in values]


@settings(deadline=None, max_examples=300)
@given(EXPRS, EXPRS)
@example(Any((Match("branch", "main"), Match("tag", "m*"))), All((Match("branch", "main"), Match("tag", "m*"))))
@example(Match("branch", "release/1.*"), Match("branch", "release/**"))
def test_implies_is_sound(left: Expr, right: Expr) -> None:
    if implies(left, right):
        assert all(r for le, r in zip(table(left), table(right)) if le)


@settings(deadline=None, max_examples=300)
@given(EXPRS)
@example(All((Match("branch", "release/*"), Match("branch", "*/1"))))
def test_satisfiable_finds_what_brute_force_finds(item: Expr) -> None:
    if any(table(item)):
        assert satisfiable(item)
    assert satisfiable(item) or not any(table(item))


@settings(deadline=None, max_examples=200)
@given(EXPRS, EXPRS)
def test_implies_is_complete(left: Expr, right: Expr) -> None:
    """What no run contradicts is seen; `satisfiable` knows every run, so it decides."""
    assert implies(left, right) is not satisfiable(all_of([left, negate(right)]))


@settings(deadline=None, max_examples=200)
@given(EXPRS)
def test_forms_stay_simple(item: Expr) -> None:
    """No constant inside, no nesting of the same kind, `Not` before a `Match` only, each part once."""

    def check(e: Expr, outer: type | None = None) -> None:
        assert outer is None or not isinstance(e, bool)
        if isinstance(e, Not):
            assert isinstance(e.item, Match)
        if isinstance(e, (All, Any)):
            assert type(e) is not outer
            assert len(e.items) >= 2
            assert len(set(e.items)) == len(e.items)
            for i in e.items:
                check(i, type(e))

    check(item)
    assert {m.field for m in matches(item)} == fields(item)


def test_all_any_and_not_are_never_taken_for_each_other() -> None:
    a, b = Match("branch", "a"), Match("tag", "b")
    assert All((a, b)) != Any((a, b))
    assert len({All((a, b)), Any((a, b))}) == 2
    assert Not(a) != (a,)
    either = any_of([all_of([a, b]), all_of([negate(a), negate(b)])])
    assert not evaluate(either, {"branch": "a"})
    grouped = Condition(push=All((a, b)), tag=Any((a, b)))
    assert len(grouped.grouped()) == 2


def _oracle(pattern: str, value: str) -> bool:
    """The glob by recursion over both texts, without regular expressions."""
    if not pattern:
        return not value
    if pattern.startswith("**/"):
        return _oracle(pattern[3:], value) or any(
            c == "/" and _oracle(pattern[3:], value[i + 1 :]) for i, c in enumerate(value)
        )
    if pattern.startswith("**"):
        return any(_oracle(pattern[2:], value[i:]) for i in range(len(value) + 1))
    if pattern[0] == "*":
        end = value.index("/") if "/" in value else len(value)
        return any(_oracle(pattern[1:], value[i:]) for i in range(end + 1))
    if not value:
        return False
    if pattern[0] == "?":
        return value[0] != "/" and _oracle(pattern[1:], value[1:])
    if pattern[0] == "[":
        body, _, rest = pattern[1:].partition("]")
        negated = body[0] == "!"
        found = any(low <= value[0] <= (high or low) for low, high in re.findall(r"(.)(?:-(.))?", body[negated:]))
        return (found != negated) and not (negated and value[0] == "/") and _oracle(rest, value[1:])
    return pattern[0] == value[0] and _oracle(pattern[1:], value[1:])


SEGMENTS = st.lists(
    st.sampled_from(["a", "b", "1", "*", "?", ".", "-", "+", "[ab]", "[!a]", "[0-9]", "[a-b1]"]), min_size=1, max_size=4
).map("".join)
GLOBS = st.lists(st.one_of(SEGMENTS.filter(lambda s: "**" not in s), st.just("**")), min_size=1, max_size=4).map(
    "/".join
)
NAMES = st.lists(st.text(st.sampled_from("ab1.-+/x"), min_size=1, max_size=4), min_size=1, max_size=3).map("/".join)


@settings(deadline=None, max_examples=400)
@given(GLOBS, NAMES)
@example("**/a", "a")
@example("**/a", "x/a")
@example("a/**/b", "a/b")
@example("a/**", "a")
@example("a**", "a/b/c")
@example("[!a]", "/")
def test_globs_match_as_another_matcher_does(pattern: str, value: str) -> None:
    if not (pattern.startswith("**/") or "/**/" in pattern) or pattern.count("**/") == 1:
        assert glob_matches(pattern, value) is _oracle(pattern, value)


@settings(deadline=None, max_examples=100)
@given(GLOBS)
def test_a_globs_regex_uses_only_what_all_engines_share(pattern: str) -> None:
    found = glob_regex(pattern)
    re.compile(found)
    assert not re.search(r"\(\?|\\[A-Za-z]|&&|\[\[", found)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("main", False),
        ("v[0-9]*", False),
        ("[!a-c]", False),
        ("[z-a]", True),
        ("x[", True),
        ("[]", True),
        ("[a", True),
        ("[a-]", False),
        ("a]", False),
    ],
)
def test_faults_of_globs(pattern: str, fault: bool) -> None:
    assert bool(glob_fault(pattern)) is fault
    re.compile(glob_regex(pattern)) if not fault else None


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        (["main"], ["main"], ["Main", "main2", "x/main"]),
        (["main", "release/*"], ["main", "release/1"], ["release/1/2"]),
        (["**", "!wip/**"], ["main", "a/b"], ["wip/x", "wip/x/y"]),
        (["!wip/**"], ["main", "wip"], ["wip/x"]),
        (["a*", "!ab", "!ac"], ["a", "ad"], ["ab", "ac", "b"]),
        ([], [], ["main"]),
    ],
)
def test_lists_of_patterns(patterns: list[str], yes: list[str], no: list[str]) -> None:
    found = patterns_expr("branch", patterns)
    assert [b for b in yes + no if evaluate(found, {"branch": b})] == yes
    assert not evaluate(found, {}) or patterns[0].startswith("!")


def test_conditions_kind_by_kind() -> None:
    main = Match("branch", "main")
    some = Condition(push=main, manual=True)
    assert some.kinds() == ("push", "manual")
    assert some.both(ALWAYS) == some
    assert some.implies(ALWAYS)
    assert not ALWAYS.implies(some)
    assert Condition(push=main).implies(Condition(push=Match("branch", "m*")))
    assert some.grouped() == ((("push",), main), (("manual",), True))


def test_patterns_without_number_are_taken_to_be_satisfiable() -> None:
    """A conjunction that would take too long to decide is not claimed to be impossible."""
    many = [Match("branch", "*".join("abcdefgh"[i:] + "abcdefgh"[:i]) + "*") for i in range(8)]
    assert satisfiable(all_of([negate(m) for m in many]))
