"""The reader's evaluator of Groovy held against Groovy 2.4 itself, which Jenkins runs."""

from __future__ import annotations

import json
import random
from pathlib import Path

from mlgen.targets.jenkins.read.groovy import Parser
from mlgen.targets.jenkins.read.scope import Frame
from mlgen.targets.jenkins.read.steps import Steps
from tests.engines.jenkins_harness import run_script

COUNT = 700
ENV: list[dict[str, str]] = [
    {},
    {"JENKINS_EVENT": "push", "BRANCH_NAME": "main"},
    {"JENKINS_EVENT": "push", "BRANCH_NAME": "release/1.0"},
    {"JENKINS_EVENT": "pull_request", "BRANCH_NAME": "PR-1", "CHANGE_TARGET": "main", "CHANGE_FORK": "a"},
    {"JENKINS_EVENT": "tag", "BRANCH_NAME": "v1.0", "TAG_NAME": "v1.0"},
    {"JENKINS_EVENT": "schedule", "BRANCH_NAME": "main", "JENKINS_SCHEDULE": ""},
]
NAMES = ("JENKINS_EVENT", "BRANCH_NAME", "TAG_NAME", "CHANGE_TARGET", "CHANGE_FORK", "JENKINS_SCHEDULE")
TEXTS = ("push", "pull_request", "tag", "main", "Main", "v1.0", "release/1.0", "", "a")
PATTERNS = (r"/v[^\/]*/", r"/release\/.*/", "/.*/", "/(?:main|dev)/", r"/v\d+\.[0-9]/", "'m[a-z]+'", "/[^m]?ain/", "//")
PARAMS = {"MODE": "fast", "DEEP": True, "NONE": None}


def condition(chance: random.Random, depth: int) -> str:
    """A random condition."""
    if depth == 0 or chance.random() < 0.25:
        return _leaf(chance)
    form = chance.choice(("and", "or", "not", "ternary", "parens", "or", "and", "equal"))
    one, other = condition(chance, depth - 1), condition(chance, depth - 1)
    return {
        "and": f"{one} && {other}",
        "or": f"{one} || {other}",
        "not": f"!({one})",
        "ternary": f"(({one}) ? ({other}) : {_leaf(chance)})",
        "parens": f"({one} || {other})",
        "equal": f"(({one}) ? 'a' : 'b') == (({other}) ? 'a' : 'b')",
    }[form]


def _leaf(chance: random.Random) -> str:
    name, text = f"env.{chance.choice(NAMES)}", repr(chance.choice(TEXTS))
    texts = ", ".join(map(repr, chance.sample(TEXTS, chance.randint(0, 3))))
    pattern = chance.choice([p for p in PATTERNS if p != "//"])
    return chance.choice(
        (
            name,
            f"!{name}",
            f"{name} == {text}",
            f"{name} != {text}",
            f"{name} in [{texts}]",
            f"{name} ==~ {pattern}",
            f"!({name} ==~ {pattern})",
            f"({name} ?: {text}) == {text}",
            f"\"x${{{name}}}\" == 'x' + {text}",
            f"[{texts}].any {{ it == {name} }}",
            f"[{texts}].every {{ e -> e != {name} }}",
            f"facts['{chance.choice('ab')}']",
            f"!facts['{chance.choice('ab')}']",
            f"params.MODE == {text}",
            "params.DEEP",
            "!params.NONE",
            "true",
            "null == null",
            f"[{texts}] + ['z'] == ['z']" if not texts else f"'main' in ([{texts}] + [{text}])",
            f"([a: {name}, b: []].a ?: null) == {text}",
        )
    )


def test_groovy_agrees(tmp_path: Path) -> None:
    chance = random.Random(20170428)
    conditions = [condition(chance, chance.randint(0, 4)) for _ in range(COUNT)]
    assert len(set(conditions)) > 500
    mine = [[_mine(each, env) for env in ENV] for each in conditions]
    assert sum(len(set(answers)) == 2 for answers in mine) > COUNT / 5  # it depends on the event
    assert _groovys(tmp_path, conditions) == mine


def _mine(text: str, env: dict[str, str]) -> bool:
    steps = Steps()
    steps.trial = False
    steps.env, steps.params = dict(env), dict(PARAMS)
    steps.fields["facts"] = {"a": True}
    parser = Parser(text)
    run = parser.expression()
    assert parser.here.kind == "end", text
    return bool(run(Frame(steps)))


def _groovys(folder: Path, conditions: list[str]) -> list[list[bool]]:
    methods = [
        f"List some{n}() {{ [\n" + ",\n".join(f"{{ -> {each} }}" for each in conditions[n : n + 50]) + "\n] }\n"
        for n in range(0, len(conditions), 50)
    ]
    calls = " + ".join(f"some{n}()" for n in range(0, len(conditions), 50))
    script = folder / "conditions.groovy"
    script.write_text(
        "import groovy.transform.Field\n@Field Map env = [:]\n@Field Map params = [:]\n@Field Map facts = [a: true]\n"
        + "".join(methods)
        + "def given = new groovy.json.JsonSlurper().parse(new File(args[0]))\nparams = given.params\n"
        + f"def all = {calls}\n"
        + "def answers = all.collect { c -> given.env.collect { env = it; c() ? true : false } }\n"
        + "println groovy.json.JsonOutput.toJson(answers)\n",
        "utf-8",
    )
    (folder / "given.json").write_text(json.dumps({"env": ENV, "params": PARAMS}), "utf-8")
    result: list[list[bool]] = json.loads(run_script(script, folder / "given.json", seconds=300))
    return result
