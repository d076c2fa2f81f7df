"""Whole runs of a workflow, as GitHub's documentation tells them, with GitHub's own evaluator for each `if`.

A job runs when its `needs` have ended and its `if` holds; an `if` without a status function stands for
`success() && (...)`, which looks at all ancestors: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.engines.tools import node

_STATUS = re.compile(r"\b(success|failure|cancelled|always)\s*\(\s*\)")


class Scenario(NamedTuple):
    """One run: the contexts, what the plan job tells, the values that jobs export, and which jobs fail if they run."""

    contexts: Mapping[str, Any]
    outputs: Mapping[str, Mapping[str, str]]
    failing: frozenset[str]


def simulate(workflow: Mapping[str, Any], scenarios: list[Scenario], scratch: Path) -> list[dict[str, str]]:
    """How each job of each scenario ends: success, failure or skipped. Jobs that judge others tell it themselves."""
    jobs = workflow["jobs"]
    results: list[dict[str, str]] = [{} for _ in scenarios]
    ancestors: dict[str, set[str]] = {}
    for name in _in_order(jobs):
        direct = jobs[name].get("needs", [])
        ancestors[name] = set(direct).union(*(ancestors[each] for each in direct))
        job = jobs[name]
        cases = [
            {
                "contexts": {**scenario.contexts, "needs": _needs(jobs, name, scenario, ended)},
                "status": _status(ended[each] for each in ancestors[name]),
            }
            for scenario, ended in zip(scenarios, results)
        ]
        runs = _evaluate(_source(str(job.get("if", "true"))), cases, scratch)
        fails = _evaluate(_judging(job), cases, scratch)
        for scenario, ended, starts, bad in zip(scenarios, results, runs, fails):
            ended[name] = ("failure" if bad or name in scenario.failing else "success") if starts else "skipped"
            if job.get("continue-on-error") and ended[name] == "failure":
                ended[name] = "success"
    return results


def _in_order(jobs: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    while len(found) < len(jobs):
        ready = [n for n in jobs if n not in found and set(jobs[n].get("needs", [])) <= set(found)]
        assert ready, "the jobs wait for each other in a circle"
        found += ready
    return found


def _source(condition: str) -> str:
    inner = re.fullmatch(r"\$\{\{(.*)\}\}", condition.strip(), re.S)
    source = inner[1].strip() if inner else condition
    return source if _STATUS.search(source) else f"success() && ({source})"


def _judging(job: Mapping[str, Any]) -> str:
    """What a job that only judges others looks at: the expression in its variable FAILED."""
    for step in job.get("steps", []):
        if "FAILED" in step.get("env", {}):
            return str(step["env"]["FAILED"])[3:-2].strip()
    return "false"


def _needs(jobs: Mapping[str, Any], name: str, scenario: Scenario, ended: Mapping[str, str]) -> dict[str, Any]:
    """The context `needs`: of direct ones only; a job that did not succeed has no outputs."""
    return {
        each: {"result": ended[each], "outputs": scenario.outputs.get(each, {}) if ended[each] == "success" else {}}
        for each in jobs[name].get("needs", [])
    }


def _status(ended: Iterable[str]) -> str:
    found = set(ended)
    return "failure" if "failure" in found else "skipped" if "skipped" in found else "success"


def _evaluate(source: str, cases: list[dict[str, Any]], scratch: Path) -> list[bool]:
    """The expression in each case; cases that it cannot tell apart are evaluated once."""
    if source == "false":
        return [False] * len(cases)
    texts = [json.dumps({"source": source, **case}, sort_keys=True) for case in cases]
    distinct = list(dict.fromkeys(texts))
    file = scratch / "cases.json"
    file.write_text(f"[{','.join(distinct)}]", "utf-8")
    done = node("github/expressions.mjs", file, cwd=scratch)
    assert done.code == 0, done.err
    values = dict(zip(distinct, json.loads(done.out)))
    return [bool(values[text]) for text in texts]
