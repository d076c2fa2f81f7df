"""The reader's own evaluator of `rules:if` against other ones, on random conditions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlgen.targets.gitlab.read.expressions import condition
from mlgen.targets.gitlab.read.globs import matcher
from tests.engines.gitlab_repo import command, scratch_repository
from tests.engines.tools import base_env, run
from tests.targets.gitlab import language

SET = {
    "A": "main",
    "B": "release/1.2",
    "C": "x$y",
    "D": 'it\'s "x"',
    "E": "Main",
    "F": "v1.0-rc",
    "G": "a/b",
    "H": "7",
}
EMPTY = {"N": ""}
UNSET = ("U", "V")
TEXTS = ("main", "release/1.2", "Main", "v1.0-rc", "7", "", "mai", "it's", "a b", "x")
PATTERNS = (
    "/^main$/", "/main/", "/^(main|dev)$/", r"/^release\/.*$/", r"/^release\/[^\/]+$/", "/^v[0-9]+/", "/^x/",
    r"/\$/", r"/^v\d+\.\d+-rc$/", "/[a-z]+in$/", r"/\w+%/", "/^a?main$/", "/^[^mr]+$/", "/rc|main/", r"/b$/",
    "/^.{4}$/",
)  # fmt: skip
"""None of them matches an empty text, which GitLab takes an undefined variable for
(lib/gitlab/ci/pipeline/expression/lexeme/matches.rb); gitlab-ci-local takes it for no text at all, and where several
comparisons stand in one condition, loses the ones that follow, so that it is given none of these."""


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'" if '"' in text else f'"{text}"'


def comparisons(names: tuple[str, ...], set_only: bool) -> st.SearchStrategy[str]:
    """One comparison of one variable; `set_only`: patterns are held against variables that there are."""
    variables = st.sampled_from([f"${name}" for name in names])
    values = st.one_of(st.sampled_from(TEXTS).map(_quoted), st.just("null"), variables)
    equal = st.tuples(variables, st.sampled_from(("==", "!=")), values)
    known = st.sampled_from([f"${name}" for name in names if not set_only or name not in UNSET])
    like = st.tuples(known, st.sampled_from(("=~", "!~")), st.sampled_from(PATTERNS))
    return st.one_of(equal, like).map(" ".join)


def conditions(names: tuple[str, ...], bare: tuple[str, ...], set_only: bool = False) -> st.SearchStrategy[str]:
    """Comparisons, and variables alone (`bare`), joined with `&&`, `||` and parentheses."""
    leaves = st.one_of(comparisons(names, set_only), st.sampled_from([f"${name}" for name in bare]))

    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        joined = st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(" ".join)
        return st.one_of(joined, joined.map("({})".format))

    return st.recursive(leaves, more, max_leaves=8)


ALL = (*SET, *EMPTY, *UNSET)


@settings(max_examples=1000, deadline=None)
@given(conditions(ALL, ALL))
def test_as_the_interpreter_of_the_tests(text: str) -> None:
    known = SET | EMPTY
    assert condition(text).holds(known) is language.holds(text, known)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(texts=st.lists(conditions(ALL, (*SET, *UNSET), set_only=True), min_size=100, max_size=100, unique=True))
def test_as_gitlab_ci_local(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rules")
    jobs = {f"j{n}": {"script": ["true"], "rules": [{"if": text}]} for n, text in enumerate(texts)}
    (folder / "ci.yml").write_text(yaml.safe_dump({"always": {"script": ["true"]}, **jobs}), encoding="utf-8")
    found = _listed(folder)
    expected = {name for name, job in jobs.items() if condition(job["rules"][0]["if"]).holds(SET | EMPTY)}  # type: ignore[index]
    differing = sorted(found ^ expected)
    assert not differing, [(texts[int(name[1:])], name in expected) for name in differing]


def _listed(folder: Path) -> set[str]:
    """The jobs that gitlab-ci-local finds in the pipeline."""
    repo = folder / "repo"
    scratch_repository(repo, config=folder / "ci.yml")
    argv = [*command(folder), "--list-json"]
    for name, value in (SET | EMPTY).items():
        argv += ["--variable", f"{name}={value}"]
    done = run(argv, cwd=repo, env=base_env(folder), seconds=120)
    assert done.code == 0, done
    return {job["name"] for job in json.loads(done.out) if job["when"] != "never"} - {"always"}


GLOBS = (
    "*", "**/*", "src/**/*", "src/*", "*.py", "**/*.py", "src/[ab].py", "{a,src}/*.py", "src/?.py", "a\\*b", ".*",
    "src",
)  # fmt: skip
FILES = (
    "a.py",
    "src/a.py",
    "src/b/c.py",
    "src/.hidden",
    "a*b",
    "axb",
    "src",
    "x/src/a.py",
    ".env",
    "src/c.py",
    "a/b.py",
)


@pytest.mark.parametrize("glob", GLOBS)
def test_globs_as_the_interpreter_of_the_tests(glob: str) -> None:
    matches = matcher([glob])
    assert {file: matches(file) for file in FILES} == {file: language.fnmatch(glob, file) for file in FILES}


@pytest.mark.parametrize(
    "text",
    ["", "$A ==", "!$A", "$A == /x/", '"a" == $A', "$A =~ $B", "($A", "$A $B", '$A == "x" junk', "$A =~ /(?i)x/"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        condition(text)
