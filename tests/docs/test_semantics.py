"""docs/semantics.md: a claim that is wrong is found, and what it says of real runs is so."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.conftest import Project, _machine, project  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs/tools"))
try:
    import semantics
    from semantics import Entry, Wrong
finally:
    sys.path.pop(0)

BOOK = semantics.catalogue(ROOT / semantics.SOURCE)
ENTRIES = list(BOOK.entries())
OTHER = {"run": "-", "-": "run", "fails": "run", "asks": "run", "none": "run"}


def title(entry: Entry) -> str:
    return entry.title


def flipped(claim: str) -> Iterator[str]:
    """The claim with one word another."""
    words = claim.split()
    for index, word in enumerate(words):
        yield " ".join([*words[:index], OTHER[word], *words[index + 1 :]])


def damaged(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """The entry with one claim wrong: of the spec, of a target, of what is read back, of what is refused."""
    for words, claim in entry.runs.items():
        claims = {"spec": claim} if isinstance(claim, str) else dict(claim)
        for column, said in claims.items():
            for other in flipped(said):
                yield f"{words}: {column}: {other}", entry._replace(runs={words: {**claims, column: other}})
        for target in set(semantics.targets.names()) - set(claims):
            other = next(flipped(claims["spec"]))
            yield f"{words}: {target}: {other}", entry._replace(runs={words: {**claims, target: other}})
        for target in set(claims) - {"spec"}:
            less = {name: said for name, said in claims.items() if name != target}
            yield f"{words}: {target} as the spec", entry._replace(runs={words: less})
    for fact in entry.facts:
        yield fact, entry._replace(facts={fact: "other.file"})
    for change in entry.refused:
        yield change, entry._replace(refused={change: "MLG101"})
        yield f"compiles: {change}", entry._replace(refused={"stages:\n => x-note: it compiles\nstages:\n": "MLG303"})
    if entry.without:
        yield "lines", entry._replace(lines="no such line")


def problem(entry: Entry) -> str:
    """What is said to be wrong with it."""
    try:
        semantics.section(ROOT, BOOK, entry)
    except Wrong as wrong:
        return str(wrong)
    return ""


@pytest.mark.parametrize("entry", ENTRIES, ids=title)
def test_a_wrong_claim_is_found(entry: Entry) -> None:
    assert problem(entry) == ""
    assert [what for what, wrong in damaged(entry) if entry.title not in problem(wrong)] == []


def test_every_entry_claims_something() -> None:
    assert [
        entry.title for entry in ENTRIES if not (entry.runs or entry.facts or entry.executed or entry.without)
    ] == []


def test_every_construct_is_there_or_named_as_not_there() -> None:
    less = BOOK._replace(elsewhere=BOOK.elsewhere.replace("image", ""), parts=())
    with pytest.raises(Wrong, match=r"neither .*\bimage\b"):
        semantics.page(ROOT, less)


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.executed], ids=title)
def test_what_really_runs_ends_so(entry: Entry, project: Project) -> None:  # noqa: F811
    project.spec("".join(line for line in entry.spec.splitlines(keepends=True) if not line.startswith("targets:")))
    for words, claim in entry.executed.items():
        ran = project.run(*shlex.split(words))
        results = {"success": "pass", "failure": "fail", "skipped": "skip", "stopped": "stop"}
        assert " ".join(results[job["result"]] for job in ran.data["jobs"].values()) == claim, ran.err
