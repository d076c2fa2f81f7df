"""Conditions split between a target's own language and the inside of the job."""

import itertools

import pytest

from mlgen.ir import KINDS
from mlgen.targets.decide import call, inside, outside, undecidable
from tests.lower.specs import pipeline

PREFIXES = ("changed", "message", "value", "input")
BASE = """
triggers: {push: {}, pull_request: {}, tag: ["**"], manual: {inputs: {mode: {default: a}}}, api: {refit: {}}}
secrets: {S: {}}
stages:
  data: {first: {run: x, exports: [score]}}
  train: {fit: {run: x, deps: [src/], %s}}
"""

CASES = [
    ("when: {changed: true}", 'changed("src")'),
    ("when: {changed: {paths: ['a b/**', c], against: main}}", 'changed("a b/**", "c", against="main")'),
    ("when: {not: {changed: true}}", 'not changed("src")'),
    ("when: {message: ['[x]', 'it''s \"y\"']}", 'message("[x]") or message("it\'s \\"y\\"")'),
    ("when: {changed: true, message: x, branch: main}", 'changed("src") and message("x")'),
    ("when: {value: {first.score: [1, 2]}}", 'score == "1" or score == "2"'),
    ("when: {not: {value: {first.score: 1}}}", 'not (score == "1")'),
    ("when: {input: {mode: b}, event: manual}", 'MLGEN_INPUT_MODE == "b"'),
    ("when: {branch: main}", ""),
    ("when: [{changed: true, event: push}, {event: tag}]", 'changed("src")'),
    (
        "when: [{message: x, event: push}, {event: manual}]",
        'MLGEN_EVENT == "push" and message("x") or MLGEN_EVENT == "manual"',
    ),
]


@pytest.mark.parametrize(("said", "text"), CASES)
def test_the_words(said: str, text: str) -> None:
    found = pipeline(BASE % said)
    assert inside(found.job("train.fit"), found, PREFIXES) == text


def test_a_branch_stands_in_an_or() -> None:
    found = pipeline(BASE % "when: [{changed: true}, {branch: ['release/*', main], event: [push, pull_request]}]")
    text = inside(found.job("train.fit"), found, PREFIXES)
    assert 'MLGEN_EVENT == "push" and (changed("src") or matches(MLGEN_BRANCH, "release/*")' in text
    assert 'MLGEN_EVENT == "pull_request" and (changed("src") or matches(MLGEN_BASE_BRANCH, "release/*")' in text


def test_outside_holds_wherever_the_whole_does() -> None:
    for said, _ in CASES:
        found = pipeline(BASE % said)
        condition = found.job("train.fit").condition
        wider = outside(condition, PREFIXES)
        names = ["branch", "tag", "changed:fit", "message:[x]", "message:x", "value:data.first.score", "input:mode"]
        for kind, values in itertools.product(KINDS, itertools.product(["main", "true", "1", "b"], repeat=2)):
            for chosen in itertools.combinations(names, 2):
                attributes = dict(zip(chosen, values))
                if condition.holds(kind, attributes):
                    assert wider.holds(kind, attributes)


def test_a_fork_is_asked_for_outside() -> None:
    found = pipeline(BASE % "secrets: [S], when: {changed: true}")
    job = found.job("train.fit")
    assert inside(job, found, PREFIXES) == 'changed("src")'
    assert not undecidable(job, PREFIXES)
    assert not outside(job.condition, PREFIXES).holds("pull_request", {"fork": "true"})


def test_the_call_is_one_line_of_shell() -> None:
    assert call('changed("src")') == "python3 .mlgen/ci.py when 'changed(\"src\")'"
