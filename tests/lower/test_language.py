"""What the keys of the language mean in the graph: defaults, runtime, secrets, conditions, alternatives, milestones."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlgen.emitted import shared_outputs
from mlgen.ir import Checkout, Container, Keep
from mlgen.ir.expressions import evaluate
from mlgen.render import render
from tests.lower.specs import codes, edges, pipeline


def job(said: str) -> str:
    return "stages: {data: {x: {run: x, " + said + "}}}"


def test_defaults_are_joined_and_the_job_goes_before() -> None:
    found = pipeline(
        """
        defaults: {timeout: 1h, env: {A: "1", B: "1"}, deps: [all]}
        stages:
          data:
            defaults: {env: {B: "2", C: "2"}, retry: 1}
            fetch: {run: x, env: {C: "3"}, deps: [own]}
          train: {fit: {run: x}}
        """
    )
    fetch, fit = found.jobs
    assert (fetch.timeout, fetch.retry, dict(fetch.env)) == (3600, 1, {"A": "1", "B": "2", "C": "3"})
    assert (fit.timeout, fit.retry, dict(fit.env)) == (3600, 0, {"A": "1", "B": "1"})


def test_a_jobs_runtime_differs_from_that_of_all() -> None:
    found = pipeline(
        """
        runtime:
          {python: "3.11", image: "base:1", setup: pip install x, activate: . a, packages: [git], tools: {uv: "0.5"}}
        stages:
          data:
            plain: {run: x}
            bare: {run: x, runtime: none, image: "b:1"}
            other: {run: x, runtime: {setup: y}, python: "3.12", packages: [curl=1.0], image: {name: i, user: root}}
        """
    )
    plain, bare, other = found.jobs
    assert (plain.python, plain.image, plain.activate) == ("3.11", "base:1", ". a")
    assert plain.setup.splitlines()[-2:] == ["python3 -m pip install --quiet 'uv==0.5.*'", "pip install x"]
    assert "apt-get install -y -q --no-install-recommends git" in plain.setup
    assert (bare.python, bare.image, bare.setup, bare.activate, bare.caches) == ("", "b:1", "", "", ())
    assert (other.python, other.image, other.container) == ("3.12", "i", Container(user="root"))
    assert other.setup.endswith("\ny") and "curl=1.0" in other.setup and " git" not in other.setup


def test_a_downloaded_tool_is_checked_and_found() -> None:
    (job,) = pipeline('stages: {data: {x: {run: x, tools: {kubectl: "1.31", helm: "3.16.2"}}}}').jobs
    assert "https://dl.k8s.io/release/v1.31.0/bin/linux/amd64/kubectl.sha256" in job.setup
    assert "helm-v3.16.2-linux-amd64.tar.gz" in job.setup
    assert job.setup.count("sha256sum --check") == 2
    assert job.activate == 'export PATH="$HOME/.local/bin:$PATH"'


def test_another_shell_gets_the_script_as_it_is() -> None:
    (job,) = pipeline({"stages": {"data": {"x": {"run": "print('$HOME')\nSCRIPT", "shell": "python"}}}}).jobs
    assert job.run == "python3 - <<'SCRIPT_2'\nprint('$HOME')\nSCRIPT\nSCRIPT_2"


def test_secrets_by_other_names_and_as_files() -> None:
    found = pipeline(
        """
        secrets: {A: {}, B: {file: true}, C: {plain: true, jenkins: {id: c, part: username}}, REG: {}}
        stages:
          data:
            x:
              run: x
              secrets: [A, {USER: C, KEY: B}]
              image: {name: i, credentials: {username: REG, password: A}}
        """
    )
    (job,) = found.jobs
    assert [(use.variable, use.name, use.file) for use in job.secrets] == [
        ("A", "A", False), ("USER", "C", False), ("KEY", "B", True)
    ]  # fmt: skip
    assert job.secret_names == ("A", "C", "B", "REG")
    assert found.secret("C").on("jenkins") == {"id": "c", "part": "username"}
    assert found.secret("C").on("github") == {}


def test_a_registrys_secret_keeps_forks_out() -> None:
    (job,) = pipeline(
        "secrets: {A: {}}\nstages: {data: {x: {run: x, image: {name: i, credentials: {username: A, password: A}}}}}"
    ).jobs
    assert not job.condition.holds("pull_request", {"branch": "main", "fork": "true"})
    assert job.condition.holds("pull_request", {"branch": "main"})


def test_variables_with_references() -> None:
    found = pipeline(
        """
        env: {ALL: "${MLGEN_COMMIT}", PLAIN: "a $b"}
        stages:
          data:
            x:
              run: x
              env: {ONE: "w-${MLGEN_BRANCH_SLUG}-${matrix.seed} `$(x)\\"", TWO: "2"}
              matrix: {seed: [1, 2]}
        """
    )
    (job,) = found.jobs
    assert found.env == (("PLAIN", "a $b"),)
    assert job.env == (("TWO", "2"),)
    assert job.dynamic == (
        ("ALL", '"${MLGEN_COMMIT}"'),
        ("ONE", '"w-${MLGEN_BRANCH_SLUG}-${seed} \\`\\$(x)\\""'),
    )


def test_legs_of_their_own() -> None:
    (job,) = pipeline(
        """
        runners: {big: {github: large}}
        stages:
          test:
            unit:
              run: x
              runner: "${matrix.os}"
              python: "${matrix.py}"
              matrix: {os: [linux, windows, big], py: ["3.11", "3.12"], exclude: [{os: big, py: "3.11"}]}
        """
    ).jobs
    assert job.varies == ("python", "runner")
    assert job.matrix is not None
    assert [(leg.runner, leg.python) for leg in job.matrix.legs][:3] == [
        ("linux", "3.11"), ("linux", "3.12"), ("windows", "3.11")
    ]  # fmt: skip
    assert [runner.name for runner in job.runners] == ["linux", "windows", "big"]
    assert job.runner_of(job.matrix.legs[-1]).on("github") == "large"


def test_an_axis_that_names_no_runner() -> None:
    spec = "stages: {test: {unit: {run: x, runner: '${matrix.os}', matrix: {os: [linux, solaris]}}}}"
    assert codes(spec) == ["MLG201"]


def test_what_is_kept() -> None:
    def keep(said: str) -> Keep | None:
        return pipeline(job("outs: [a], metrics: [m], keep: " + said)).jobs[0].keep

    assert keep("30d") == Keep(("a", "m"), 30, "success")
    assert keep("12h") == Keep(("a", "m"), 1, "success")
    assert keep("{for: 7d, result: any, paths: logs/}") == Keep(("logs",), 7, "any")


def test_checkouts() -> None:
    def checkouts(said: str) -> tuple[Checkout, ...]:
        return pipeline("secrets: {T: {}}\n" + job("checkout: " + said)).jobs[0].checkouts

    assert checkouts("false") == ()
    assert checkouts("{depth: 0, lfs: true, submodules: true}") == (Checkout(depth=0, lfs=True, submodules="true"),)
    assert checkouts("[{depth: 0}, {repository: h/o/n, path: v/, token: T}]") == (
        Checkout(depth=0), Checkout(repository="h/o/n", path="v", token="T")
    )  # fmt: skip


def test_an_approval_of_its_own_goes_before_that_of_the_environment() -> None:
    found = pipeline(
        """
        environments: {prod: {approval: {by: [a]}}}
        stages:
          deploy:
            own: {run: x, environment: prod, approval: {by: [b], prompt: "Sure?"}}
            none: {run: x, environment: prod, approval: false}
            inherited: {run: x, environment: prod}
            alone: {run: x, approval: true}
        """
    )
    assert [job.approval and (job.approval.by, job.approval.prompt) for job in found.jobs] == [
        (("b",), "Sure?"), None, (("a",), ""), ((), "")
    ]  # fmt: skip


CHANGES = """
triggers: {push: {}, pull_request: {}, tag: ["**"], manual: {}, schedule: [{name: weekly, cron: "1 1 * * 1"}]}
stages:
  data: {fetch: {run: x, deps: [src/fetch.py], params: [params.yaml], outs: [data/]}}
  train:
    fit: {run: x, deps: [src/fit.py, data/x.csv], outs: [model], when: {changed: true}}
    use: {run: x, deps: [model]}
  test: {after: {run: x}}
"""


def test_changed_stands_for_the_sources_and_closes_over_dependents() -> None:
    found = pipeline(CHANGES)
    (change,) = found.changes
    assert (change.name, change.paths) == ("fit", ("src/fit.py", "src/fetch.py", "params.yaml"))
    attributes = {"branch": "main", "changed:fit": "true"}
    for name in ("train.fit", "train.use"):
        condition = found.job(name).condition
        for kind in ("push", "pull_request"):
            assert condition.holds(kind, attributes)
            assert not condition.holds(kind, {"branch": "main"})
        for kind in ("tag", "manual", "schedule"):
            assert evaluate(condition.on(kind), {"branch": "main", "tag": "v", "schedule": "weekly"})
    assert found.job("test.after").condition.holds("push", {"branch": "main"}), "a barrier asks nothing"


def test_equal_changes_are_one() -> None:
    found = pipeline(
        """
        stages:
          data:
            a: {run: x, when: {changed: [src/]}}
            b: {run: x, when: {changed: {paths: src/}}}
            c: {run: x, when: {changed: {paths: src/, against: main}}}
            d: {run: x, deps: [a], when: [{changed: true}, {changed: {paths: [b]}}]}
        """
    )
    assert [(c.name, c.paths, c.against) for c in found.changes] == [
        ("a", ("src",), ""), ("c", ("src",), "main"), ("d", ("a",), ""), ("d-2", ("b",), "")
    ]  # fmt: skip


WHENS: list[tuple[dict[str, Any], str, dict[str, str], bool]] = [
    ({"message": "[train]"}, "push", {"message:[train]": "true"}, True),
    ({"message": "[train]"}, "push", {}, False),
    ({"message": "[train]"}, "schedule", {"message:[train]": "true"}, False),
    ({"not": {"message": "skip"}}, "push", {}, True),
    ({"not": {"message": "skip"}}, "push", {"message:skip": "true"}, False),
    ({"not": {"message": "skip"}}, "schedule", {}, True),
    ({"input": {"mode": "full"}}, "manual", {"input:mode": "full"}, True),
    ({"input": {"mode": "full"}}, "manual", {"input:mode": "fast"}, False),
    ({"input": {"mode": "full"}}, "push", {}, False),
    ({"input": {"mode": ["full", "fast"]}}, "push", {}, True),
    ({"input": {"mode": "fast", "deep": False}}, "push", {}, True),
    ({"input": {"deep": True}}, "manual", {"input:deep": "true"}, True),
    ({"event": "api"}, "api", {"api": "refit"}, True),
    ({"event": "refit"}, "api", {"api": "refit"}, True),
    ({"event": "refit"}, "api", {"api": "other"}, False),
    ({"event": ["refit", "other"]}, "api", {"api": "other"}, True),
    ({"event": "refit"}, "push", {}, False),
    ({"event": "push"}, "api", {"api": "refit"}, False),
    ({}, "api", {"api": "refit"}, True),
    ({"value": {"first.score": 1}}, "push", {"value:data.first.score": "1"}, True),
    ({"value": {"data.first.score": "1"}}, "push", {"value:data.first.score": "2"}, False),
]


INPUTS = {"mode": {"type": "choice", "options": ["fast", "full"]}, "deep": {"type": "boolean"}}


@pytest.mark.parametrize(("when", "kind", "attributes", "runs"), WHENS)
def test_conditions(when: dict[str, Any], kind: str, attributes: dict[str, str], runs: bool) -> None:
    found = pipeline(
        {
            "triggers": {
                "push": {},
                "schedule": [{"name": "s", "cron": "1 1 * * 1"}],
                "manual": {
                    "inputs": {"mode": {"type": "choice", "options": ["fast", "full"]}, "deep": {"type": "boolean"}}
                },
                "api": {"refit": {}, "other": {}},
            },
            "stages": {
                "data": {"first": {"run": "x", "exports": ["score"]}},
                "train": {"fit": {"run": "x", "needs": [], **({"when": when} if when else {})}},
            },
        }
    )
    assert found.job("train.fit").condition.holds(kind, {"branch": "main", "schedule": "s", **attributes}) is runs


def test_stages_on_api_events() -> None:
    found = pipeline(
        """
        triggers: {push: {}, schedule: [{name: s, cron: 1 1 * * 1}], api: {retrain: {}}}
        stages: {train: {a: {run: x}}, deploy: {b: {run: x}}, monitor: {c: {run: x, needs: []}}}
        """
    )
    on = {job.name: job.condition.holds("api", {"api": "retrain", "branch": "main"}) for job in found.jobs}
    assert on == {"a": True, "b": True, "c": False}
    assert not found.job("deploy.b").condition.holds("api", {"api": "retrain", "branch": "side"})


def test_a_value_is_carried_to_all_who_ask() -> None:
    found = pipeline(
        """
        stages:
          data: {first: {run: x, exports: [score]}}
          train:
            fit: {run: x, needs: [], outs: [m], when: {value: {first.score: "1"}}}
            use: {run: x, needs: [], deps: [m]}
            free: {run: x, needs: []}
        """
    )
    for name in ("train.fit", "train.use"):
        edge = next(e for e in found.job(name).edges if e.job == "data.first")
        assert edge.hard and edge.exports
        assert [take.bundle for take in found.job(name).takes if take.job == "data.first"] == ["first-exports"]
    assert found.job("train.free").edges == ()


ALTERNATIVES = """
triggers: {push: {}, pull_request: {}, tag: ["v*"]}
stages:
  data:
    full: {run: x, outs: [data.csv], when: {event: push}}
    small: {run: x, outs: [data.csv], when: {event: pull_request}}
  train:
    fit: {run: x, needs: [], deps: [data.csv], outs: [model]}
  test: {check: {run: x, deps: [model], needs: []}}
"""


def test_a_path_is_taken_from_whichever_job_makes_it() -> None:
    found = pipeline(ALTERNATIVES)
    fit = found.job("train.fit")
    assert edges(fit) == {"data.full": "barrier?", "data.small": "barrier?"}
    assert [(take.job, take.optional) for take in fit.takes] == [("data.full", True), ("data.small", True)]
    for name in ("train.fit", "test.check"):
        condition = found.job(name).condition
        assert condition.holds("push", {"branch": "main"}) and condition.holds("pull_request", {"branch": "main"})
        assert not condition.holds("tag", {"tag": "v1"}), "no job makes the file there"
    assert edges(found.job("test.check")) == {"train.fit": "hard"}


def test_jobs_that_watch_take_no_condition() -> None:
    found = pipeline(
        """
        stages:
          data:
            fetch: {run: x, outs: [log], when: {branch: main}}
          test:
            green: {needs: [fetch]}
            tell: {run: x, needs: [fetch], deps: [log], when: {result: failure}}
            both: {needs: []}
        """
    )
    green, tell = found.job("test.green"), found.job("test.tell")
    assert green.milestone and green.watches and not tell.milestone and tell.watches
    assert edges(green) == {"data.fetch": "barrier?"}
    assert edges(tell) == {"data.fetch": "barrier?"}
    assert green.condition.holds("push", {"branch": "side"}) and tell.condition.holds("push", {"branch": "side"})
    assert [take.optional for take in tell.takes] == [True]
    assert tell.result == "failure"


def test_a_milestone_takes_nothing_from_defaults() -> None:
    found = pipeline(
        """
        defaults: {timeout: 1h, image: i, env: {A: "${MLGEN_COMMIT}"}, services: {db: x}, outs: [x], secrets: [S]}
        secrets: {S: {}}
        runtime: {python: "3.11", setup: x}
        env: {B: "${MLGEN_COMMIT}"}
        stages: {data: {a: {run: x}}, test: {green: {}}}
        """
    )
    green = found.job("test.green")
    assert (green.timeout, green.image, green.dynamic, green.services, green.outs) == (0, "", (), (), ())
    assert (green.secrets, green.python, green.setup) == ((), "", "")


def test_a_milestone_that_waits_for_nothing_named_waits_for_its_stages() -> None:
    found = pipeline("stages: {data: {a: {run: x}}, test: {green: {}}}")
    assert edges(found.job("test.green")) == {"data.a": "barrier"}


EPOCHS = {"type": "integer", "default": 1}


def test_an_input_has_its_default_on_events_that_do_not_ask_for_it(tmp_path: Path) -> None:
    found = pipeline(
        {
            "triggers": {
                "manual": {"inputs": {"epochs": EPOCHS}},
                "api": {
                    "retrain": {"inputs": {"epochs": EPOCHS, "why": {"default": 'it\'s "$x"'}}},
                    "other": {},
                },
            },
            "stages": {"train": {"fit": {"run": "x"}}},
        }
    )
    (output,) = shared_outputs(found, [])
    text = render(output.template, output.view).replace("MLGEN_TARGET='' MLGEN_EVENT=''", "MLGEN_TARGET=x")
    (tmp_path / "env.sh").write_text(text)

    def inputs(event: str, **given: str) -> list[str]:
        script = f'MLGEN_EVENT={event}; . ./env.sh; echo "$MLGEN_INPUT_EPOCHS"; echo "$MLGEN_INPUT_WHY"'
        env = {"PATH": os.environ["PATH"], **given}
        done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    both = {"MLGEN_INPUT_EPOCHS": "7", "MLGEN_INPUT_WHY": "drift"}
    assert inputs("manual", **both) == ["7", 'it\'s "$x"']
    assert inputs("retrain", **both) == ["7", "drift"]
    assert inputs("other", **both) == ["1", 'it\'s "$x"']
    assert inputs("push", **both) == ["1", 'it\'s "$x"']
    assert inputs("retrain") == ["1", 'it\'s "$x"']


STOP = """
triggers: {push: {}, pull_request: {}}
gates: {drift: {metrics: m.json, require: ["a < 1"], on_fail: stop}}
stages:
  train: {fit: {run: x, metrics: [m.json]}}
  test:
    judge: {gate: drift, when: {event: push}}
    hard: {run: x, needs: [judge], outs: [o]}
    free: {run: x, needs: []}
    tell: {run: x, needs: [judge], when: {result: success}}
  deploy: {go: {run: x}, later: {run: x, needs: [hard]}}
  monitor: {look: {run: x, needs: [go], when: {event: [push, pull_request]}}}
"""


def test_a_gate_that_stops_skips_all_that_waits_for_it() -> None:
    found = pipeline(STOP)
    (export,) = found.job("test.judge").exports
    assert export.name == "MLGEN_GATE_DRIFT"
    stopped = {"branch": "main", "value:test.judge.MLGEN_GATE_DRIFT": "stopped"}
    passed = {"branch": "main", "value:test.judge.MLGEN_GATE_DRIFT": "passed"}
    for name in ("test.hard", "deploy.go", "deploy.later", "monitor.look"):
        condition = found.job(name).condition
        assert condition.holds("push", passed) and not condition.holds("push", stopped), name
        assert any(edge.job == "test.judge" and edge.exports for edge in found.job(name).edges), name
    for name in ("train.fit", "test.free", "test.tell"):
        assert found.job(name).condition.holds("push", stopped), name
    assert edges(found.job("deploy.go"))["test.judge"].startswith("barrier")
    assert edges(found.job("test.hard"))["test.judge"] == "hard"


def test_a_gate_that_does_not_run_stops_nothing() -> None:
    go = "deploy: {go: {run: x"
    found = pipeline(STOP.replace(go, go + ", needs: [{job: judge, optional: true}]"))
    assert found.job("deploy.go").condition.holds("push", {"branch": "main"})


def test_a_baseline_on_a_branch_needs_the_history() -> None:
    found = pipeline(
        """
        gates: {q: {metrics: m.json, require: ["a >= baseline"], baseline: {branch: main}}}
        stages: {train: {fit: {run: x, metrics: [m.json]}}, test: {judge: {gate: q}}}
        """
    )
    judge = found.job("test.judge")
    assert judge.gate is not None and judge.gate.branch == "main"
    assert judge.checkouts == (Checkout(depth=0),)
