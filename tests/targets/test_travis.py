"""Travis CI: clean under its checkers, conditions and strings by Travis' own rules, and builds run for real."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import analyse, compile_spec
from mlgen.diagnostics import SpecError
from mlgen.ir import KINDS, Pipeline
from mlgen.render import render
from mlgen.targets.adapt import adapt
from mlgen.targets.travis import TARGET
from mlgen.targets.uses import CONSTRUCTS
from tests.engines import checkers
from tests.engines.travis import SLUG, Build, Event, ParseError, as_list, expand, holds, parse, run
from tests.targets.strings import COMMANDS, quoted

ROOT = Path(__file__).parents[2]
SPECS = {
    "minimal": ROOT / "examples/minimal",
    "wine-quality": ROOT / "examples/wine-quality",
    "features": ROOT / "tests/fixtures/features",
}
FALLBACK = "{approval: skip, schedule: external, secrets: wider, cache: branch, lock: builds, order: builds}"
HEAD = f"version: 1\nproject: p\ntargets: {{travis: {{fallback: {FALLBACK}}}}}\n"


def compiled(root: Path) -> dict[str, str]:
    return {file.path: file.text for file in compile_spec(root, "mlgen.yaml", ("travis",)).files}


def adapted(root: Path) -> Pipeline:
    return adapt(analyse(root, "mlgen.yaml")[0], TARGET)[0]


def spec(folder: Path, text: str, head: str = HEAD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlgen.yaml").write_text(head + text, "utf-8")
    return folder


def repository(folder: Path) -> Path:
    """Compile the project in the folder and commit all of it."""
    for path, text in compiled(folder).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    git = ["git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "all"], check=True)
    return folder


def build(folder: Path, work: Path, event: Event | None = None, **options: Any) -> Build:
    text = (folder / ".travis.yml").read_text("utf-8")
    return run(folder, text, event or Event(), work, **options)


# --- the text


@pytest.mark.parametrize("name", SPECS)
def test_clean_under_every_checker(name: str, tmp_path: Path) -> None:
    path = tmp_path / ".travis.yml"
    path.write_text(compiled(SPECS[name])[".travis.yml"], "utf-8")
    assert checkers.check_all(path, "travis") == []


@pytest.mark.parametrize("name", SPECS)
def test_jobs_and_stages(name: str) -> None:
    pipeline = adapted(SPECS[name])
    config = parse(compiled(SPECS[name])[".travis.yml"])
    wanted = sum(len(job.matrix.legs) if job.matrix else 1 for job in pipeline.jobs)
    assert len(config["jobs"]["include"]) == wanted
    stage = {
        next(e for e in as_list(j["env"]) if e.startswith("MLGEN_JOB=")): j["stage"] for j in config["jobs"]["include"]
    }
    for job in pipeline.jobs:
        for edge in job.edges:
            names = [stage[f"MLGEN_JOB={each}"] for each in (edge.job, job.id)]
            assert config["stages"].index(names[0]) < config["stages"].index(names[1]), (edge.job, job.id)


def test_stage_names_are_those_of_the_spec_where_its_order_is_enough(tmp_path: Path) -> None:
    jobs = "stages:\n  b: {x: {run: ./x}, y: {run: ./y, needs: [x]}}\n  a: {z: {run: ./z}, w: {run: ./w, needs: []}}\n"
    config = parse(compiled(spec(tmp_path, jobs))[".travis.yml"])
    assert config["stages"] == ["b", "b 2", "a"]
    assert {job["name"]: job["stage"] for job in config["jobs"]["include"]} == {
        "x": "b",
        "y": "b 2",
        "z": "a",
        "w": "a",
    }


def test_a_need_against_the_order_of_the_stages_moves_the_job(tmp_path: Path) -> None:
    jobs = "stages:\n  data: {late: {run: ./x, needs: [fit]}}\n  train: {fit: {run: ./y, needs: []}}\n"
    config = parse(compiled(spec(tmp_path, jobs))[".travis.yml"])
    assert [(job["name"], job["stage"]) for job in config["jobs"]["include"]] == [("fit", "train"), ("late", "train 2")]


def test_every_construct_has_a_capability() -> None:
    assert [row.construct for row in TARGET.capabilities] == list(CONSTRUCTS)
    for row in TARGET.capabilities:
        assert row.level != "native" or not row.default
        assert row.default != "refuse" or row.fallbacks


# --- conditions

BRANCHES = ("main", "trunk", "Main", "release/1", "release/old", "release/a/b", "xrelease/1", "dev")
TAGS = ("v1", "v1/2", "xv1", "V1", "v")


def events(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, str], Event]]:
    """Events of every kind: the kind, the attributes that the pipeline knows, and the request that Travis sees."""
    repo = pipeline.repository.removeprefix("github.com/") or SLUG
    for branch in BRANCHES:
        yield "push", {"branch": branch}, Event("push", branch, repo=repo)
        yield "manual", {"branch": branch}, Event("api", branch, repo=repo)
        for fork in (False, True):
            seen = {"branch": branch, **({"fork": "true"} if fork else {})}
            head = "someone/else" if fork else repo
            yield "pull_request", seen, Event("pull_request", branch, "", "topic", head, repo)
    for tag in TAGS:
        yield "tag", {"tag": tag}, Event("push", "main", tag, repo=repo)
    for schedule in pipeline.triggers.schedules:
        request = (f"MLGEN_SCHEDULED='{schedule.name}'",)
        seen = {"branch": schedule.branch, "schedule": schedule.name}
        yield "schedule", seen, Event("api", schedule.branch, repo=repo, request_env=request)


def expected(pipeline: Pipeline, kind: str, seen: Mapping[str, str]) -> set[str]:
    if not pipeline.triggers.condition.holds(kind, seen):
        return set()
    return {job.id for job in pipeline.jobs if job.condition.holds(kind, seen)}


def started(config: Mapping[str, Any], event: Event) -> set[str]:
    env = [entry for stage in expand(config, event) for job in stage for entry in as_list(job["env"])]
    return {entry.removeprefix("MLGEN_JOB=") for entry in env if entry.startswith("MLGEN_JOB=")}


CONDITIONS = """
concurrency: {cancel: []}
triggers:
  push: {branches: ["**", "!dev"]}
  pull_request: {branches: [main, "release/**"]}
  tag: ["v*", "!v"]
  schedule: [{name: a, cron: 1 2 * * *, stages: [data, monitor]}, {name: b, cron: 2 2 * * *, branch: dev}]
  manual: {}
secrets: {S: {}}
environments: {place: {branches: [main, "release/*"], tags: ["v*"]}, bare: {}}
stages:
  data:
    every: {run: ./x}
    not-tag: {run: ./x, when: {not: {event: tag}}}
    tags: {run: ./x, when: {tag: ["v[0-9]", "!v2"]}}
    branches: {run: ./x, when: {branch: [main, "release/?", dev]}}
    not-branch: {run: ./x, when: {not: {branch: "release/**"}}}
    any: {run: ./x, when: [{event: push, branch: main}, {event: pull_request}, {schedule: b}]}
    secret: {run: ./x, secrets: [S]}
    push-or-tag: {run: ./x, when: {event: [push, tag]}}
    only-b: {run: ./x, when: {event: schedule}}
  deploy:
    there: {run: ./x, environment: place, secrets: [S]}
    bare: {run: ./x, environment: bare}
    plain: {run: ./x, when: {event: [push, pull_request, schedule]}}
  monitor:
    look: {run: ./x, needs: []}
"""


@pytest.mark.parametrize("name", [*SPECS, "conditions"])
def test_conditions_hold_where_the_pipeline_says(name: str, tmp_path: Path) -> None:
    root = SPECS.get(name) or spec(tmp_path, CONDITIONS)
    pipeline = adapted(root)
    config = parse(compiled(root)[".travis.yml"])
    seen = 0
    for kind, attributes, event in events(pipeline):
        assert started(config, event) == expected(pipeline, kind, attributes), (kind, attributes)
        seen += bool(expected(pipeline, kind, attributes))
    assert seen > 5


def test_a_condition_says_no_event_that_the_triggers_exclude(tmp_path: Path) -> None:
    text = """
triggers: {push: {branches: ["release/**"]}, pull_request: {branches: [main]}}
stages: {test: {unit: {run: "true", when: {branch: main}}}}
"""
    (job,) = parse(compiled(spec(tmp_path, text))[".travis.yml"])["jobs"]["include"]
    assert job["if"] == 'type = "pull_request"'


def test_no_scheduled_or_deploying_job_runs_in_a_copy_of_the_repository() -> None:
    pipeline = adapted(SPECS["features"])
    config = parse(compiled(SPECS["features"])[".travis.yml"])
    deploying = {job.id for job in pipeline.jobs if job.deploys}
    for kind, attributes, event in events(pipeline):
        found = started(config, event._replace(repo="someone/features", head_repo=""))
        assert not found & deploying
        if kind == "schedule":
            assert found == set()
        elif kind != "pull_request":
            assert found == expected(pipeline, kind, attributes) - deploying


def test_an_unknown_schedule_or_a_cron_job_of_the_settings_starts_nothing() -> None:
    for name in ("wine-quality", "features"):
        config = parse(compiled(SPECS[name])[".travis.yml"])
        for branch in ("main", "trunk"):
            assert expand(config, Event("api", branch, request_env=("MLGEN_SCHEDULED='nightly'",))) == []
            assert expand(config, Event("cron", branch)) == []


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ('branch = "main"', True),
        ("branch!=main", True),  # without spaces it is the word, not the attribute
        ('branch = "Main"', False),
        ("branch IN (main, dev) AND NOT tag IS present", True),
        (r"tag =~ /\Av[^\/]*\z/ OR branch !~ /x/", True),
        ('env(A) = "1" AND env(B) IS blank', True),
        ("head_repo = repo", False),
        ('concat("ma", "in") = branch', True),
    ],
)
def test_the_tests_own_evaluator(condition: str, result: bool) -> None:
    assert holds(condition, {"branch": "main", "repo": "a/b", "env": {"A": "1"}}) is result


def test_the_tests_own_evaluator_refuses_what_travis_cannot_parse() -> None:
    for condition in ('branch = "main', 'branch IN "main"', "(branch = main", "branch = main tag"):
        with pytest.raises(ParseError):
            holds(condition, {})


# --- the structural check

DAMAGE = {
    "no YAML": ("jobs:\n", "jobs: [\n"),
    "the root condition": ('  OR type = "pull_request"\n', ""),
    "a job's condition": ('AND branch = "main"\n      env: MLGEN_JOB=deploy', "\n      env: MLGEN_JOB=deploy"),
    "a job renamed": ("name: quality", "name: quality2"),
    "a job twice": ("name: validate", "name: fetch"),
    "an unlisted stage": ("    - stage: train\n", "    - stage: training\n"),
    "the order": ("  - data\n  - data 2\n", "  - data 2\n  - data\n"),
    "a stage too early": ("    - stage: deploy\n", "    - stage: train\n"),
    "a workspace that nobody creates": ("use: [fetch]", "use: [fetched]"),
    "a workspace not used": ("        use: [fit]\n      before_install:\n", "      before_install:\n"),
    "a file not handed on": ("            - metrics.json\n", ""),
    "a secret not withdrawn": ("        - unset DEPLOY_TOKEN\n        - ls", "        - ls"),
    "a secret withdrawn": ("        - rm -rf -- metrics", "        - unset DEPLOY_TOKEN\n        - rm -rf -- metrics"),
    "a secret in the text": ("env: MLGEN_JOB=test.unit", "env: [MLGEN_JOB=test.unit, DEPLOY_TOKEN=x]"),
    "no portable variables": ("  - source .mlgen/env.sh\n\ninstall", "  - true\n\ninstall"),
    "a cache in a deployment": ("MLGEN_JOB=deploy.staging\n      cache: false\n", "MLGEN_JOB=deploy.staging\n"),
    "a failure allowed": ("  include:\n", "  allow_failures:\n    - name: quality\n  include:\n"),
    "a script": ("script: python -m wine.validate", "script: python -m wine.validate || true"),
    "a requirement of a gate": ("          --require 'accuracy >= 0.90' \\\n", ""),
    "setup": ("      install: skip\n", ""),
}  # fmt: skip


def rendered(root: Path) -> tuple[Any, str, Pipeline]:
    pipeline = adapted(root)
    (output,) = TARGET.outputs(pipeline)
    return output, render(output.template, output.view), pipeline


@pytest.mark.parametrize("name", DAMAGE)
def test_check_finds_damage(name: str) -> None:
    output, text, pipeline = rendered(SPECS["wine-quality"])
    assert TARGET.check(output, text, pipeline) == []
    before, after = DAMAGE[name]
    assert before in text
    faults = TARGET.check(output, text.replace(before, after, 1), pipeline)
    assert faults
    assert all(fault.code == "MLG601" for fault in faults)


# --- what Travis cannot say

APPROVAL = "environments: {e: {approval: true}}\nstages: {deploy: {x: {run: ./x, environment: e}}}"
SCHEDULE = "triggers: {push: {}, schedule: [{name: a, cron: 1 2 * * *}]}\nstages: {a: {x: {run: ./x}}}"
MANY = f"stages: {{a: {{x: {{run: ./x, matrix: {{n: {list(range(201))}}}}}}}}}"
REFUSED = {
    "approval": (APPROVAL, "MLG401", "approval"),
    "schedule": (SCHEDULE, "MLG401", "cron"),
    "secrets": ("secrets: {S: {}}\nstages: {a: {x: {run: ./x, secrets: [S]}}}", "MLG401", "every job"),
    "timeout": ("stages: {a: {x: {run: ./x, timeout: 3h}}}", "MLG404", "120 minutes"),
    "jobs": (MANY, "MLG404", "200 jobs"),
    "hidden": ("stages: {a: {x: {run: ./x, env: {output: y}}}}", "MLG404", "output"),
    "hidden axis": ("stages: {a: {x: {run: ./x, matrix: {event: [1]}}}}", "MLG404", "event"),
    "misread": ("env: {A: 'a\\'}\nstages: {a: {x: {run: ./x}}}", "MLG404", "backslash"),
    "nothing left": (APPROVAL, "MLG401", "no job is left"),
    "path": ("stages: {a: {x: {run: ./x, outs: ['a b']}}}", "MLG404", "'a b'"),
    "deep glob": ("stages: {a: {x: {run: ./x, outs: ['a/**/b']}}}", "MLG404", "**"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str, tmp_path: Path) -> None:
    text, code, word = REFUSED[name]
    head = HEAD if name == "nothing left" else "version: 1\nproject: p\ntargets: [travis]\n"
    with pytest.raises(SpecError) as caught:
        compiled(spec(tmp_path, text, head))
    (fault,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert fault.code == code
    assert word in fault.message
    assert fault.hint


def test_skip_leaves_out_what_needs_an_approval() -> None:
    names = {job["name"] for job in parse(compiled(SPECS["features"])[".travis.yml"])["jobs"]["include"]}
    assert "staging" in names
    assert "production" not in names


def test_settings_name_all_that_is_outside_the_file() -> None:
    found = {each.title: each for each in TARGET.settings(adapted(SPECS["features"]))}
    text = json.dumps(found)
    for word in (
        "REGISTRY_TOKEN",
        "DEPLOY_KEY",
        "weekly",
        "hourly",
        "17 3 * * 1",
        "example%2Ffeatures",
        "gpu-medium",
        "forks: off",
    ):
        assert word in text, word
    assert [each.title for each in TARGET.settings(adapted(SPECS["minimal"]))] == [
        "Builds",
        "Auto cancellation, of queued builds only",
    ]


@pytest.mark.parametrize(
    "job, beats",
    [
        ("{run: ./x}", True),
        ("{run: ./x, timeout: 9m}", False),
        ("{run: ./x, timeout: 10m}", True),
        ("{run: ./x, timeout: 8m, retry: 1}", True),
    ],
)
def test_a_job_that_may_be_silent_is_not_ended(job: str, beats: bool, tmp_path: Path) -> None:
    """Travis ends a job after 10 minutes without output, which a script that prints nothing must survive."""
    (text,) = (t for p, t in compiled(spec(tmp_path, f"stages: {{a: {{j: {job}}}}}\n")).items() if p == ".travis.yml")
    assert "sleep 300" in as_list(parse(text).get("before_script"))[0] if beats else "sleep 300" not in text


# --- strings


def _bash(command: str) -> bytes:
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], stdout=subprocess.PIPE, check=False).stdout


DOCKER = """#!/bin/bash
# A container engine for the tests: the container is this machine.
set -eu
verb=$1; shift
if [ "$verb" = run ]; then echo "$@" >"$HOME/docker-run"; exit; fi
while [ "$1" != job ]; do shift; done
shift
exec "$@"
"""


@pytest.mark.parametrize("way", ["plain", "bounded", "timed", "after-setup", "contained"])
def test_strings_reach_the_shell(way: str, tmp_path: Path) -> None:
    more = {
        "plain": "",
        "bounded": ", timeout: 1m, retry: 1",
        "timed": ", timeout: 1m",
        "after-setup": ", finally: 'echo end'",
        "contained": ", image: 'python:3.11', timeout: 1m",
    }[way]
    setup = "runtime: {setup: 'true'}\n" if way == "after-setup" else ""
    # The other ways share their quoting with these, and are tried with some.
    commands = COMMANDS if way in ("plain", "bounded") else COMMANDS[::4]
    jobs = "".join(f"    j{n}: {{run: {quoted(command)}{more}}}\n" for n, command in enumerate(commands))
    root = repository(spec(tmp_path / "project", f"{setup}stages:\n  a:\n{jobs}"))
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "docker").write_text(DOCKER)
    (bin_ / "docker").chmod(0o755)
    done = build(root, tmp_path / "work", path=[bin_])
    item = "script-1" if way == "after-setup" else "script-0"
    for n, command in enumerate(commands):
        assert done.out(f"j{n}", item) == _bash(command), command
    assert set(done.jobs.values()) == {"passed"}


def test_a_container_is_given_the_variables_of_its_job(tmp_path: Path) -> None:
    text = """
env: {ALL: "1"}
secrets: {LISTED: {}, OTHER: {}}
stages:
  a: {makes: {run: 'echo v=2 >> "$MLGEN_EXPORTS"', exports: [v]}}
  b: {there: {run: "true", image: "python:3.11", needs: [makes], env: {OWN: 3}, matrix: {axis: [4]}, secrets: [LISTED]}}
"""
    root = repository(spec(tmp_path / "project", text))
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    done = build(root, tmp_path / "work", path=[tmp_path], settings={"LISTED": "x", "OTHER": "y"})
    assert set(done.jobs.values()) == {"passed"}
    words = (tmp_path / "work/home/docker-run").read_text("utf-8").split()
    for name in ("ALL", "LISTED", "OWN", "axis", "v", "MLGEN_EVENT", "MLGEN_JOB", "TRAVIS_BUILD_ID", "HOME"):
        assert name in words, name
    assert "OTHER" not in words
    assert "GIT_CONFIG_VALUE_0=" + str(tmp_path / "work/home/build" / SLUG) in words


def test_values_of_variables_reach_the_shell(tmp_path: Path) -> None:
    values = [
        "it's",
        'a "b" c',
        "$HOME `x` $(y)",
        "a\\b",
        "  two  ",
        "",
        "a=b;c|d&e",
        "#x",
        "'",
        '"',
        "ünïcödé",
        "*",
        "~",
        "a'\"'b",
    ]
    names = [f"V{n}" for n in range(len(values))]
    env = ", ".join(f"{name}: {{public: {quoted(value)}}}" for name, value in zip(names, values))
    script = "; ".join(f'printf "%s\\\\n" "${name}"' for name in names)
    text = f'env: {{{env}}}\nstages: {{a: {{x: {{run: "{script.replace(chr(34), chr(92) + chr(34))}"}}, '
    text += f"y: {{run: ./y.sh, matrix: {{V: [{', '.join(quoted(v) for v in values if v)}]}}}}}}}}\n"
    root = spec(tmp_path / "project", text)
    (root / "y.sh").write_text("#!/bin/sh\nprintf '%s\\n' \"$V\"\n")
    (root / "y.sh").chmod(0o755)
    done = build(repository(root), tmp_path / "work")
    assert done.out("x", "script-0").decode().split("\n")[:-1] == values
    legs = [job for job in done.order if job.startswith("y ")]
    assert [done.out(job, "script-0").decode()[:-1] for job in legs] == [v for v in values if v]


# --- builds

WINE_SECRET = "token-that-must-not-be-seen"


@pytest.fixture
def wine_path(wine_python: Path, tmp_path: Path) -> list[Path]:
    """The example's own Python, for which there is nothing left to install."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pip").write_text("#!/bin/sh\n")
    (folder / "pip").chmod(0o755)
    return [folder, wine_python.parent]


def wine(folder: Path) -> Path:
    source = ROOT / "examples/wine-quality"
    left_out = shutil.ignore_patterns("__pycache__", ".*", "deployments", "models", "reports", "metrics.json")
    shutil.copytree(source, folder, ignore=left_out)
    shutil.copytree(source / "baselines", folder / "baselines", dirs_exist_ok=True)
    shutil.rmtree(folder / "data", ignore_errors=True)
    return repository(folder)


def test_wine_quality_on_a_push_to_main(tmp_path: Path, wine_path: list[Path]) -> None:
    settings = {"DEPLOY_TOKEN": WINE_SECRET, "DEPLOY_ROOT": str(tmp_path / "there")}
    done = build(wine(tmp_path / "project"), tmp_path / "work", settings=settings, path=wine_path)
    assert done.jobs == dict.fromkeys(("fetch", "validate", "fit", "unit", "quality", "staging"), "passed"), done.log(
        "*"
    )
    receipt = json.loads((tmp_path / "there/staging/receipt.json").read_text("utf-8"))
    head = subprocess.run(
        ["git", "-C", tmp_path / "project", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert receipt["commit"] == head.stdout.strip()
    assert "tests: " in done.log("unit", "after_script*")
    assert "gate quality" in done.log("quality")
    assert WINE_SECRET not in "".join(done.log(job) for job in done.jobs)


SEMANTICS = """
runtime: {setup: ["cd sub", "LEAK=1"]}
env: {GREETING: hello}
secrets: {A: {}, B: {}}
triggers: {push: {}, manual: {inputs: {epochs: {type: integer, default: 3}}}}
stages:
  make:
    exits: {run: "echo x > out.txt; exit 0", outs: [out.txt], metrics: [metrics.json], allow_failure: true}
    lacks: {run: "true", outs: [never.txt], allow_failure: true}
    slow: {run: "sleep 9", timeout: 1s, allow_failure: true}
    tries: {run: "echo x >> tries; test $(wc -l < tries) = 3", retry: 2}
    values: {run: 'echo "token=a b" >> "$MLGEN_EXPORTS"', exports: [token]}
    clean: {run: 'echo "[${LEAK-none}] $(basename "$PWD") ${cmd-none} ${output-none}"'}
    secret:
      run: 'echo "A=${A-none} B=${B-none} $GREETING $MLGEN_JOB $MLGEN_EVENT $MLGEN_BRANCH $MLGEN_INPUT_EPOCHS"'
      secrets: [A]
    two: {run: "mkdir -p d; echo 1 > d/one; echo 2 > two; ln -s two link", outs: [d/, two]}
    legs: {run: 'echo "$n" > "leg-$n.txt"', matrix: {n: [1, 2]}, outs: ["leg-${matrix.n}.txt"]}
    globs: {run: "mkdir -p g; touch g/1.bin g/2.bin g/1.txt", outs: ["g/*.bin"]}
    clash: {run: "mkdir -p c; touch c/same", matrix: {n: [1, 2]}, outs: [c/]}
  use:
    reads: {run: "cat d/one; ls two || echo none; cat tracked.txt", needs: [], deps: [d/]}
    all-legs: {run: "cat leg-1.txt leg-2.txt; ls g", needs: [], deps: [leg-1.txt, leg-2.txt, g/1.bin]}
    token: {run: 'echo "token: $token"', needs: [values]}
    lost: {run: "echo never", needs: [], deps: [never.txt], allow_failure: true}
    merged: {run: "echo never", needs: [], deps: [c/], allow_failure: true}
    tidy: {run: "false", needs: [], finally: 'echo "result: $MLGEN_RESULT"', allow_failure: true}
  broken:
    setup: {run: "echo never", finally: 'echo "result: $MLGEN_RESULT"', env: {BREAK: 1}, allow_failure: true}
    stop: {run: "false", needs: []}
  later:
    never: {run: "true"}
"""


@pytest.fixture(scope="module")
def semantics(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("semantics")
    root = spec(
        folder / "project", SEMANTICS.replace('"cd sub", "LEAK=1"', '"cd sub", "LEAK=1", "test -z \\"${BREAK-}\\""')
    )
    (root / "sub").mkdir()
    (root / "sub/keep").touch()
    (root / "tracked.txt").write_text("tracked\n")
    return build(repository(root), folder / "work", settings={"A": "one", "B": "two"})


def test_a_missing_output_fails_the_job_that_should_have_made_it(semantics: Build) -> None:
    assert semantics.jobs["lacks"] == "failed"
    assert semantics.jobs["exits"] == "failed"  # `exit 0` did not skip the look for metrics.json
    assert "metrics.json" in semantics.log("exits", "script-1.err")


def test_bounds(semantics: Build) -> None:
    assert semantics.jobs["slow"] == "failed"
    assert semantics.jobs["tries"] == "passed"


def test_scripts_do_not_leak(semantics: Build) -> None:
    assert semantics.out("clean", "script-0") == b"[none] project none none\n"


def test_a_job_sees_its_own_secrets_and_variables(semantics: Build) -> None:
    assert semantics.out("secret", "script-0") == b"A=one B=none hello make.secret push main 3\n"


def test_a_job_receives_what_it_declares(semantics: Build) -> None:
    assert semantics.out("reads", "script-0") == b"1\nnone\ntracked\n"
    assert semantics.out("all-legs", "script-0") == b"1\n2\n1.bin\n2.bin\n"
    assert semantics.out("token", "script-0") == b"token: a b\n"


def test_a_job_fails_clearly_without_what_it_was_to_receive(semantics: Build) -> None:
    assert semantics.jobs["lost"] == "errored"
    assert semantics.jobs["merged"] == "errored"
    assert "c/same" in semantics.log("merged", "before_install-*.err")


def test_finally(semantics: Build) -> None:
    assert semantics.out("tidy", "after_script-1") == b"result: failure\n"
    assert semantics.jobs["setup"] == "failed"
    assert semantics.out("setup", "after_script-1") == b"result: failure\n"
    assert "never" not in semantics.log("setup")


def test_a_failure_stops_what_comes_after(semantics: Build) -> None:
    assert semantics.jobs["stop"] == "failed"
    assert semantics.jobs["never"] == "cancelled"


# --- the portable variables

SEEN = (
    "EVENT",
    "BRANCH",
    "BASE_BRANCH",
    "TAG",
    "PR",
    "SCHEDULE",
    "TARGET",
    "RUN_ID",
    "RUN_NUMBER",
    "REPOSITORY_URL",
    "INPUT_N",
)
ENVIRONMENTS = {
    "push": (Event(), "push main - - - - travis 4711 12 https://github.com/example/project 3"),
    "tag": (Event(tag="v1"), "tag - - v1 - - travis 4711 12 https://github.com/example/project 3"),
    "pull": (
        Event("pull_request", "main", "", "topic", "some/one"),
        "pull_request topic main - 7 - travis 4711 12 https://github.com/example/project 3",
    ),
    "manual": (
        Event("api", "dev", request_env=("MLGEN_INPUT_N='5'",)),
        "manual dev - - - - travis 4711 12 https://github.com/example/project 5",
    ),
    "schedule": (
        Event("api", "main", request_env=("MLGEN_SCHEDULED='a'", "MLGEN_INPUT_N='5'")),
        "schedule main - - - a travis 4711 12 https://github.com/example/project 3",
    ),
}


def test_portable_variables(tmp_path: Path) -> None:
    script = "echo " + " ".join(f"${{MLGEN_{name}:--}}" for name in SEEN)
    text = "triggers: {push: {}, pull_request: {}, tag: ['v*'], schedule: [{name: a, cron: 1 2 * * *}], "
    text += "manual: {inputs: {n: {type: integer, default: 3}}}}\n"
    root = repository(spec(tmp_path / "project", f"{text}stages: {{a: {{x: {{run: {quoted(script)}}}}}}}\n"))
    for name, (event, wanted) in ENVIRONMENTS.items():
        assert build(root, tmp_path / name, event).out("x", "script-0").decode() == wanted + "\n", name


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("https://user:token@bitbucket.org/a/b", "https://bitbucket.org/a/b"),
        ("ssh://git@gitlab.com/a/b.git", "https://gitlab.com/a/b"),
    ],
)
def test_the_address_of_the_repository_has_no_credentials(remote: str, url: str, tmp_path: Path) -> None:
    fragment = (ROOT / "templates/travis/env.sh.j2").read_text("utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    script = f'set -eu\nTRAVIS=true TRAVIS_BUILD_ID=1\n{fragment}\nprintf %s "$MLGEN_REPOSITORY_URL"'
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == url


def test_all_kinds_of_events_are_tried() -> None:
    found = [{kind for kind, _, _ in events(adapted(SPECS[name]))} for name in SPECS]
    # Events of the API are in test_travis_language.py.
    assert set(itertools.chain.from_iterable(found)) == set(KINDS) - {"api"}
