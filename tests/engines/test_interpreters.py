"""The interpreters of CircleCI and Travis: strict, and true to what the vendors document."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import compile_spec

from . import circleci, travis
from .circleci import Machine, Pipeline
from .test_engines import repository

ROOT = Path(__file__).resolve().parents[2]

# --- every committed config is understood, whole


def committed(name: str) -> list[Path]:
    return sorted(path for top in ("examples", "tests/fixtures") for path in (ROOT / top).glob(f"**/{name}"))


EVENTS = [
    ("push", {"branch": "main"}),
    ("push", {"branch": "release/1"}),
    ("pull_request", {"branch": "main", "head": "topic"}),
    ("tag", {"tag": "v1"}),
    ("schedule", {"branch": "main"}),
    ("manual", {"branch": "main"}),
]


@pytest.mark.parametrize("path", committed(".circleci/config.yml"), ids=lambda path: path.parents[1].name)
def test_a_committed_config_of_circleci_is_understood(path: Path) -> None:
    config = circleci.parsed(path.read_text("utf-8"))
    for kind, attributes in EVENTS:
        values, _ = circleci.event(kind, attributes)
        for workflow in config["workflows"]:
            Pipeline(config, values, {}, workflow).order()


@pytest.mark.parametrize("path", committed(".travis.yml"), ids=lambda path: path.parent.name)
def test_a_committed_config_of_travis_is_understood(path: Path) -> None:
    config = travis.imported(
        travis.parse(path.read_text("utf-8")), lambda source: (path.parent / source).read_text("utf-8")
    )
    for kind in ("push", "pull_request", "api", "cron"):
        travis.expand(config, travis.Event(kind))
    travis.expand(config, travis.Event("push", tag="v1"))


# --- CircleCI

BASE = """
version: 2.1
executors: {default: {docker: [{image: cimg/base}]}}
jobs:
  one: {executor: default, steps: [{run: echo one}]}
workflows: {main: {jobs: [one]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("version: 2.1", "version: 2.1\norbs: {}", "unknown orbs"),
        ("version: 2.1", "version: 2", "version 2"),
        ("steps: [{run: echo one}]", "steps: [{rum: echo}]", "no step is named rum"),
        ("{run: echo one}", "{run: {command: x, timeout: 1m}}", "unknown timeout"),
        ("{run: echo one}", "{save_cache: {key: k, paths: [x], if: y}}", "unknown if"),
        ("executor: default", "executor: other", "no executor is named other"),
        ("executor: default, ", "", "needs docker or a machine"),
        ("jobs: [one]", "jobs: [two]", "no job is named two"),
        ("jobs: [one]", "jobs: [{one: {requires: [two]}}]", "requires"),
        ("jobs: [one]", "jobs: [{one: {requires: [{one: success}], need: x}}]", "unknown need"),
        ("jobs: [one]", "jobs: [{one: {requires: [{two: passed}]}}]", "in the status passed"),
        ("jobs: [one]", "jobs: [one, one]", "invoked twice"),
        ("jobs: [one]", "triggers: [], jobs: [one]", "unknown triggers"),
        ("image: cimg/base", "image: cimg/base, ports: [1]", "unknown ports"),
    ],
)
def test_circleci_refuses_what_it_does_not_know(old: str, new: str, word: str) -> None:
    assert old in BASE
    with pytest.raises(circleci.ConfigError, match=re.escape(word)):
        Pipeline(BASE.replace(old, new), circleci.event("push", {"branch": "main"})[0]).order()


CIRCLECI = """
version: 2.1
parameters: {deep: {type: boolean, default: false}}
executors:
  default: {docker: [{image: cimg/base, environment: {FROM: image, OVER: image}}], environment: {OVER: executor}}
  served: {docker: [{image: cimg/base}, {image: "echo:1", environment: {PORT: "18931"}}]}
  unserved: {docker: [{image: cimg/base}, {image: "other:1"}]}
commands:
  greet: {parameters: {who: {type: string, default: you}}, steps: [{run: "echo hello << parameters.who >>"}]}
jobs:
  env:
    executor: default
    environment: {OVER: job, EMPTY: ""}
    steps:
      - run: {command: 'echo "$FROM $OVER $EMPTY $PROJECT $SECRET $STEP"', environment: {STEP: step}}
      - greet
      - greet: {who: me}
      - when: {condition: << pipeline.parameters.deep >>, steps: [{run: echo deep}]}
      - unless: {condition: {equal: [true, << pipeline.parameters.deep >>]}, steps: [{run: echo shallow}]}
  silent: {executor: default, steps: [{run: {command: sleep 30, no_output_timeout: 2s}}, {run: {command: echo told, when: on_fail}}]}
  again: {executor: default, steps: [{run: {command: 'echo x >> n; test $(wc -l < n) = 3', max_auto_reruns: 2}}]}
  behind: {executor: default, steps: [{run: {command: 'sleep 1; touch made; sleep 60', background: true}}, {run: 'for n in {1..100}; do [ ! -e made ] || exit 0; sleep 0.2; done; exit 1'}]}
  nodes: {executor: default, parallelism: 2, steps: [{run: 'echo "$CIRCLE_NODE_INDEX of $CIRCLE_NODE_TOTAL"'}]}
  served: {executor: served, steps: [{run: 'for n in {1..100}; do (: < /dev/tcp/localhost/18931) 2>/dev/null && exit; sleep 0.2; done; exit 1'}]}
  unserved: {executor: unserved, steps: [{run: "true"}]}
  halted: {executor: default, steps: [{run: circleci-agent step halt}, {run: echo never}, {run: {command: echo always, when: always}}]}
  token: {executor: default, steps: [{run: 'echo "$CIRCLE_OIDC_TOKEN_V2"; circleci run oidc get --claims a'}]}
  legs: {parameters: {v: {type: string}}, executor: default, steps: [{run: "test << parameters.v >> != 2"}]}
  tell: {executor: default, steps: [{run: echo told}]}
workflows:
  main:
    unless: << pipeline.parameters.deep >>
    jobs:
      - env: {context: [secrets]}
      - silent
      - again
      - behind
      - nodes
      - served
      - unserved
      - halted
      - token
      - legs: {name: legs-<< matrix.v >>, matrix: {parameters: {v: ["1", "2", "3"]}, exclude: [{v: "3"}]}}
      - tell: {name: after-legs, requires: [legs]}
      - tell: {name: on-failure, requires: [silent: failed]}
      - tell: {name: in-any-case, requires: [silent: terminal, again: terminal]}
      - tell: {name: stranger, context: [unknown]}
      - ask: {type: approval, requires: [again]}
      - tell: {name: asked, requires: [ask]}
      - refuse: {type: approval}
      - tell: {name: refused, requires: [refuse]}
      - tell: {name: on-tags, filters: pipeline.git.tag matches /^v.*$/}
"""  # noqa: E501


def free_port() -> str:
    """A port that nobody listens at: tests run side by side."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("circleci")
    repo = repository(folder / "repo", {"a": "a"})
    values, variables = circleci.event("push", {"branch": "main"})
    port = free_port()
    machine = Machine(
        folder / "work",
        repo,
        {"secrets": {"SECRET": "hidden"}},
        variables=variables,
        project={"PROJECT": "project"},
        services={"echo:1": [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"]},
        refused=["refuse"],
    )
    machine.run(Pipeline(CIRCLECI.replace("18931", port), values))
    return machine


@pytest.mark.parametrize(
    ("job", "status", "log"),
    [
        ("env", "success", "image job <nil> project hidden step\n\nhello you\n\nhello me\n\nshallow"),
        ("silent", "failed", "told"),
        ("again", "success", ""),
        ("behind", "success", ""),
        ("nodes", "success", "0 of 2\n\n1 of 2"),
        ("served", "success", ""),
        ("unserved", "failed", "no stand-in for the service other:1"),
        ("halted", "success", ""),
        ("token", "success", "CIRCLE_OIDC_TOKEN_V2 of token\ntoken of token for a"),
        ("legs-1", "success", ""),
        ("legs-2", "failed", ""),
        ("after-legs", "not_run", ""),
        ("on-failure", "success", "told"),
        ("in-any-case", "success", "told"),
        ("stranger", "unauthorized", "no context is named unknown"),
        ("ask", "on_hold", ""),
        ("asked", "not_run", ""),
        ("refuse", "canceled", ""),
        ("refused", "not_run", ""),
    ],
)
def test_circleci_plays(job: str, status: str, log: str, played: Machine) -> None:
    assert played.status[job] == status, played.logs.get(job)
    assert log in played.logs.get(job, "")
    assert "never" not in played.logs.get(job, "")


def test_circleci_filters(played: Machine) -> None:
    assert {"on-tags", "legs-3"} & set(played.status) == set()
    values, _ = circleci.event("tag", {"tag": "v1"})
    assert list(Pipeline(CIRCLECI, values).invocations) == ["on-tags"], "no job without filters runs on a tag"
    assert Pipeline(CIRCLECI, values, {"deep": True}).invocations == {}


# --- what mlgen says for CircleCI where the scenarios say nothing

BESIDE = """
version: 1
project: {name: p}
targets: [circleci]
triggers: {push: {}, pull_request: {}}
stages:
  test:
    beside:
      run: '(: < "/dev/tcp/$MLGEN_HOST_WEB/18932") && echo "it answers"'
      services: {web: {image: "web:1", env: {A: b}, ports: [18932]}}
    cloud:
      needs: []
      run: 'cat "$AWS_WEB_IDENTITY_TOKEN_FILE"; echo " as $AWS_ROLE_ARN; $VAULT"'
      oidc: {aws: {role: "arn:aws:iam::123456789012:role/ci", region: us-east-2}, token: {VAULT: {audience: "https://v.example.org"}}}
    good: {needs: [], steps: [{name: One, run: echo first}, {name: Two, run: [A=b, 'echo "second $A"']}]}
    bad: {needs: [], steps: [{name: One, run: "false"}, {name: Two, run: echo never}]}
    told: {needs: [bad], run: echo "it failed", when: {result: failure}}
    untold: {needs: [good], run: echo never, when: {result: failure}}
    ended: {needs: [bad], run: echo it ended, when: {result: any}}
"""


def test_services_identities_steps_and_results_on_circleci(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    port = free_port()
    (tmp_path / "spec/mlgen.yaml").write_text(BESIDE.replace("18932", port), "utf-8")
    files = {file.path: file.text for file in compile_spec(tmp_path / "spec", "mlgen.yaml", ("circleci",)).files}
    repo = repository(tmp_path / "repo", files)
    values, variables = circleci.event("push", {"branch": "main"})
    services = {"web:1": [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"]}
    machine = Machine(tmp_path / "work", repo, variables=variables, services=services)
    machine.run(Pipeline(files[".circleci/config.yml"], values))
    wanted = dict.fromkeys(("beside", "cloud", "good", "told", "ended"), "success")
    assert machine.status == {**wanted, "bad": "failed", "untold": "not_run"}, machine.logs
    assert "it answers" in machine.logs["beside"]
    assert "CIRCLE_OIDC_TOKEN_V2 of cloud as arn:aws:iam::123456789012:role/ci; token of cloud" in machine.logs["cloud"]
    assert "https://v.example.org" in machine.logs["cloud"]
    assert re.search(r"first\s+second b", machine.logs["good"])
    assert "it ended" in machine.logs["ended"]
    assert "never" not in "".join(machine.logs.values())


SKIPS = """
version: 1
project: {name: p}
targets: [circleci]
triggers: {pull_request: {}}
stages:
  data:
    make: {run: 'echo ran; echo x > x; echo "v=1" >> "$MLGEN_EXPORTS"', outs: [x], exports: [v], when: {changed: {paths: [src/**]}}, finally: echo ran}
    take: {run: cat x; echo ran, deps: [x], needs: []}
    told: {run: echo ran, needs: [], when: {message: "[go]"}}
    one: {run: echo ran, needs: [make], when: {value: {make.v: "1"}}}
    two: {run: echo ran, needs: [make], when: {value: {make.v: "2"}}}
    after-one: {run: echo ran, needs: [one]}
    both: {run: echo ran, needs: [make], when: {value: {make.v: "1"}, message: "[go]"}}
    either: {run: echo ran, needs: [], when: [{changed: {paths: [src/**]}}, {message: "[go]"}]}
    free: {run: echo ran, needs: []}
"""  # noqa: E501


@pytest.mark.parametrize("after_halt", [False, True], ids=["a halt ends all", "always means always"])
@pytest.mark.parametrize(
    ("path", "message", "ran"),
    [
        ("README", "docs", {"free"}),
        ("README", "docs [go]", {"free", "told", "either"}),
        ("src/a", "code", {"free", "make", "take", "one", "after-one", "either"}),
        ("src/a", "code [go]", {"free", "make", "take", "one", "after-one", "either", "told", "both"}),
    ],
)
def test_jobs_that_skip_themselves_on_circleci(
    path: str, message: str, ran: set[str], after_halt: bool, tmp_path: Path
) -> None:
    """Whatever an `always` step does after a halt, which CircleCI does not document."""
    from .test_engines import commit

    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/mlgen.yaml").write_text(SKIPS, "utf-8")
    files = {file.path: file.text for file in compile_spec(tmp_path / "spec", "mlgen.yaml", ("circleci",)).files}
    repo = repository(tmp_path / "repo", files)
    base = circleci.machine.git(repo, "rev-parse", "HEAD").strip()
    (repo / path).parent.mkdir(exist_ok=True)
    (repo / path).write_text("x", "utf-8")
    commit(repo, message)
    values, variables = circleci.event("pull_request", {"branch": "main", "base": base})
    machine = Machine(tmp_path / "work", repo, variables=variables, after_halt=after_halt)
    status = machine.run(Pipeline(files[".circleci/config.yml"], values))
    assert set(status.values()) == {"success"}, machine.logs
    assert {name for name, log in machine.logs.items() if re.search(r"^ran$", log, re.MULTILINE)} == ran


# --- Travis

TRAVIS: dict[str, Any] = {
    "version": "~> 1.0",
    "jobs": {"include": [{"stage": "a", "name": "one", "script": "true"}]},
}


@pytest.mark.parametrize(
    ("root", "job", "word"),
    [
        ({"matrix": {}}, {}, "unknown matrix"),
        ({"notifications": {"email": False}}, {}, "unknown notifications"),
        ({"version": "= 0"}, {}, "version"),
        ({"env": {"jobs": ["A=1"]}}, {}, "unknown jobs"),
        ({"os": "osx"}, {}, "os: 'osx'"),
        ({"python": 3.11}, {}, "python: 3.11"),
        ({}, {"timeout": 1}, "unknown timeout"),
        ({}, {"services": ["docker", "redis"]}, "services: ['redis']"),
        ({}, {"vm": {"size": "huge"}}, "vm"),
        ({}, {"git": {"dept": 1}}, "unknown dept"),
        ({}, {"workspaces": {"create": {"name": "a b", "paths": ["x"]}}}, "a workspace named"),
        ({}, {"workspaces": {"use": ["a"], "create": {"name": "a", "paths": ["x"]}}}, "that it uses"),
        ({"jobs": {"include": [], "fast_finish": True}}, {}, "unknown fast_finish"),
    ],
)
def test_travis_refuses_what_it_does_not_know(root: dict[str, Any], job: dict[str, Any], word: str) -> None:
    config = {**TRAVIS, "jobs": {"include": [{**TRAVIS["jobs"]["include"][0], **job}]}, **root}
    with pytest.raises(travis.ConfigError, match=re.escape(word)):
        travis.expand(config, travis.Event())


PLAYED = """
version: ~> 1.0
language: generic
cache: {directories: [kept, $HOME/far]}
stages: [first, {name: off, if: type = cron}, second]
jobs:
  include:
    - {stage: first, name: plain, env: [A=1, {secure: abc}], script: 'echo "$A ${S-none} ${T-none}"; git rev-list --count HEAD'}
    - {stage: first, name: silent, script: "sleep 60"}
    - {stage: first, name: hooks, script: "false", after_failure: echo failed, after_script: echo ended, after_success: echo never}
    - {stage: first, name: setup, install: "false", script: echo never}
    - {stage: first, name: cached, script: 'cat kept/n far 2>/dev/null; mkdir -p kept ~/far; echo kept > kept/n; echo far > ~/far/n; cat ~/far/n'}
    - {stage: first, name: netrc, keep_netrc: false, script: 'test ! -e ~/.netrc'}
    - {stage: first, name: again, script: 'travis_retry bash -c "echo x >> n; test \\$(wc -l < n) = 3"'}
    - {stage: first, name: may, script: "false"}
    - {stage: off, name: cron, script: "true"}
    - {stage: second, name: later, script: "true"}
  allow_failures: [{name: may}]
"""  # noqa: E501


def test_travis_plays(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {"a": "a"})
    options: dict[str, Any] = {"settings": {"T": "two"}, "secure": {"abc": "S=one"}, "caches": tmp_path / "caches"}
    done = travis.run(repo, PLAYED, travis.Event(), tmp_path / "work", scale=0.005, **options)
    assert done.jobs == {
        "plain": "passed",
        "silent": "errored",
        "hooks": "failed",
        "setup": "errored",
        "cached": "passed",
        "netrc": "passed",
        "again": "passed",
        "may": "failed",
        "cron": "skipped",
        "later": "cancelled",
    }
    assert not done.ok
    assert done.out("plain", "script-0") == b"1 one two\n1\n"
    assert (done.log("hooks", "after_failure*"), done.log("hooks", "after_script*")) == ("failed\n", "ended\n")
    assert "never" not in done.log("setup") + done.log("hooks")
    calm = PLAYED.replace("sleep 60", "true").replace('"false"', '"true"')
    more = travis.run(repo, calm, travis.Event(), tmp_path / "more", **options)
    assert more.ok and more.jobs["later"] == "passed"
    assert more.out("cached", "script-0").startswith(b"kept\n")
    fork = travis.Event("pull_request", "main", "", "topic", "someone/else")
    forked = travis.run(repo, calm, fork, tmp_path / "fork", **options)
    assert forked.out("plain", "script-0") == b"1 none none\n1\n", "a fork gets no secrets"
