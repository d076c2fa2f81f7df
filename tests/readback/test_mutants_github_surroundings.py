"""Damage to what surrounds the commands of a workflow: guards, pins, containers, caches, tokens, groups, added jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgen.targets.github.read.actions import PINS
from tests.readback import test_mutants_github as workflows
from tests.readback.mutants import DROP, Mutant, survivors, text_survivors
from tests.readback.test_mutants_github import TARGET, emitted, jobs, replaced, runs, steps

Sites = Iterator[tuple[tuple[Any, ...], Any]]
KINDS: dict[str, Callable[[Any], Iterator[Mutant]]] = {}


def kind(function: Callable[[Any], Iterator[Mutant]]) -> Callable[[Any], Iterator[Mutant]]:
    """Enters a kind of damage in the table."""
    KINDS[function.__name__] = function
    return function


# ---- the guard of a deployment


def _guards(data: Any) -> Sites:
    return ((route, step) for route, step in runs(data, "ci.py guard") if "--ref" in step["run"])


@kind
def a_guard_allows_all_refs(data: Any) -> Iterator[Mutant]:
    yield from replaced(_guards(data), "run", "--ref [^ ]+", "--ref '**'")
    yield from replaced(_guards(data), "run", "--ref [^ ]+", "--ref '*'")


@kind
def a_guard_allows_more_branches(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/heads/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "$", " --ref refs/heads/evil")
    yield from replaced(iter(sites), "run", r"--ref '?(refs/heads/[\w.-]+)'?", r"--ref '\1*'")


@kind
def a_guard_allows_more_tags(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/tags/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "$", " --ref refs/tags/evil")
    yield from replaced(iter(sites), "run", r"--ref '?refs/tags/(\S+?)'?$", "--ref 'refs/tags/*'")


@kind
def a_guard_allows_another_case(data: Any) -> Iterator[Mutant]:
    sites = [(r, s) for r, s in _guards(data) if "refs/heads/*" not in s["run"]]
    yield from replaced(iter(sites), "run", "refs/heads/m", "refs/heads/[mM]")


@kind
def a_guard_asks_for_no_ref(data: Any) -> Iterator[Mutant]:
    return replaced(_guards(data), "run", " --ref .*$", "")


@kind
def a_guard_refuses_what_it_must_allow(data: Any) -> Iterator[Mutant]:
    return replaced(_guards(data), "run", r"--ref '?(refs/heads/main)'?", r"--ref \1 --ref '!\1'")


@kind
def a_guard_that_may_fail(data: Any) -> Iterator[Mutant]:
    for route, step in runs(data, "ci.py guard"):
        yield [((*route, "continue-on-error"), True)]
        yield [((*route, "run"), step["run"] + " || true")]
        yield [((*route, "if"), "github.ref != 'refs/heads/main'")]


@kind
def a_guard_comes_after_the_command(data: Any) -> Iterator[Mutant]:
    for route, step in runs(data, "ci.py guard"):
        rest = [each for each in data["jobs"][route[1]]["steps"] if each is not step]
        yield [(route[:-1], [*rest, step])]


@kind
def a_guard_has_another_token(data: Any) -> Iterator[Mutant]:
    return ([((*route, "env", "MLGEN_TOKEN"), "${{ secrets.PAT }}")] for route, _ in runs(data, "ci.py guard"))


@kind
def a_deployment_is_not_recorded(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "environment"):
        if job["environment"].get("deployment") is not False:
            yield [(("jobs", name, "environment", "deployment"), False)]


@kind
def what_is_no_deployment_is_recorded(data: Any) -> Iterator[Mutant]:
    for name, job in jobs(data, "environment"):
        if job["environment"].get("deployment") is False:
            yield [(("jobs", name, "environment", "deployment"), DROP)]


# ---- pins


def _pinned(data: Any) -> Sites:
    return steps(data, lambda step: step.get("uses", "").partition("@")[0] in PINS, own=False)


@kind
def a_pin_is_another_commit(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].partition("@")[0] + "@" + "a" * 40)]


@kind
def every_pin_is_another_commit(data: Any) -> Iterator[Mutant]:
    for action in {step["uses"] for _, step in _pinned(data)}:
        there = [(*route, "uses") for route, step in _pinned(data) if step["uses"] == action]
        yield [(route, action.partition("@")[0] + "@" + "a" * 40) for route in there]


@kind
def a_pin_is_that_of_another_action(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        action = step["uses"].partition("@")[0]
        other = next(commit for name, commit in PINS.items() if name != action)
        yield [((*route, "uses"), f"{action}@{other}")]


@kind
def a_pin_is_a_tag(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].partition("@")[0] + "@v4")]
        yield [((*route, "uses"), step["uses"][:-33])]


@kind
def an_action_is_of_another_owner(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), "evil/" + step["uses"].partition("/")[2])]


@kind
def an_action_is_a_part_of_it(data: Any) -> Iterator[Mutant]:
    for route, step in _pinned(data):
        yield [((*route, "uses"), step["uses"].replace("@", "/save@"))]


@kind
def an_action_is_a_folder_or_an_image(data: Any) -> Iterator[Mutant]:
    for route, _ in _pinned(data):
        yield [((*route, "uses"), "./.github/actions/x")]
        yield [((*route, "uses"), "docker://evil/image:1")]


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_damage_is_told(name: str) -> None:
    count, left = survivors(TARGET, emitted(), KINDS[name])
    assert count, "it can be done nowhere"
    assert left == []


def test_no_kind_is_there_twice() -> None:
    assert not KINDS.keys() & workflows.KINDS.keys()


def _doubled(text: str) -> Iterator[str]:
    """A key that is there twice: readers of YAML do not agree which one counts."""
    for line in ("permissions: {}", "jobs:"):
        yield text.replace(f"\n{line}\n", f"\n{line}\n{line}\n", 1)
    yield re.sub(r"(?m)^(    if: ).*$", r"\g<0>\n\1always()", text, count=1)


def test_what_readers_of_yaml_take_otherwise_is_told() -> None:
    count, left = text_survivors(TARGET, emitted(), _doubled)
    assert count and left == []


def test_the_reader_knows_the_pins() -> None:
    said = json.loads(Path("src/mlgen/targets/github/pins.json").read_text(encoding="utf-8"))
    assert {pin["uses"]: pin["commit"] for pin in said.values()} == PINS
