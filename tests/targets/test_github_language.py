"""GitHub Actions: conditions, results and alternatives of the whole language, held against the IR over many runs."""

import itertools
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlgen.compiler import analyse, compile_spec
from mlgen.diagnostics import SpecError
from mlgen.ir import Pipeline, is_literal
from mlgen.targets.github.conditions import planned
from tests.engines import checkers
from tests.targets.github.oracle import wanted
from tests.targets.github.simulate import Scenario, simulate

LANGUAGE = Path(__file__).parent / "github/language.yaml"
WORKFLOW = ".github/workflows/ml.yml"


def compiled(tmp_path: Path, text: str) -> tuple[Pipeline, dict[str, Any], str]:
    (tmp_path / "mlgen.yaml").write_text(text, "utf-8")
    pipeline, _ = analyse(str(tmp_path), "mlgen.yaml")
    text = {file.path: file.text for file in compile_spec(str(tmp_path), "mlgen.yaml", ("github",)).files}[WORKFLOW]
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return pipeline, data, text


def test_clean_under_every_checker(tmp_path: Path) -> None:
    _, _, text = compiled(tmp_path, LANGUAGE.read_text("utf-8"))
    file = tmp_path / "ml.yml"
    file.write_text(text, "utf-8")
    found = checkers.actionlint(file, labels=["gpu"]) + checkers.zizmor(file)
    found += checkers.github_parser(file) + checkers.github_language_service(file) + checkers.schema(file, "github")
    # What the spec itself asks for, and a strict auditor rightly points at.
    assert {f.rule for f in found} == {"self-hosted-runner", "unpinned-images", "secrets-outside-env"}


RUNS = """
version: 1
project: {name: p, repository: github.com/octo/p}
targets: [github]
triggers:
  push: {}
  pull_request: {}
  tag: ["v*"]
  schedule: [{name: n, cron: "1 1 * * 0"}]
  manual:
    inputs:
      mode: {type: choice, options: [fast, full], default: fast}
      who: {default: Me}
      dry: {type: boolean, default: false}
      n: {type: integer, default: 3}
  api: {retrain: {inputs: {reason: {}}}, refresh: {}}
stages:
  data:
    fetch: {run: x, outs: [d]}
    flaky: {run: x, needs: [], allow_failure: true}
  train:
    fit:
      run: x
      deps: [d]
      when:
        - {event: [push, pull_request], changed: {paths: [src/**]}, not: {message: "[skip]"}}
        - {event: [manual, retrain], input: {mode: full}}
        - {event: tag, message: "[train]"}
      exports: [score, kind]
    on-main: {run: x, deps: [d], outs: [m], when: {branch: main, event: push}}
    elsewhere: {run: x, deps: [d], outs: [m], when: [{event: push, not: {branch: main}}, {event: [tag, refresh]}]}
    dry: {run: x, needs: [], when: {event: [manual, api], input: {dry: true, n: 3}}}
    who: {run: x, needs: [], when: {event: [manual, retrain], input: {who: Me}}}
    against: {run: x, needs: [], when: [{changed: {paths: [a/*], against: main}, event: push}, {event: refresh}]}
  test:
    use: {run: x, needs: [], deps: [m]}
    good: {run: x, needs: [fit], when: {value: {fit.score: "0.9"}}}
    bad: {run: x, needs: [fit], when: {not: {value: {fit.score: ["0.9", "0.8"], fit.kind: High}}}}
    after-good: {run: x, needs: [good]}
    any-api: {run: x, needs: [], when: {event: api}}
    api-and-manual: {run: x, needs: [], when: {event: [api, manual]}}
    not-api: {run: x, needs: [], when: {not: {event: api}}}
    not-manual: {run: x, needs: [], when: {not: {event: manual}}}
    green: {needs: [good, bad, use, flaky]}
    tell: {run: x, needs: [fit, good, use], when: {result: failure}}
    done: {run: x, needs: [fit, use], when: {result: success, event: [push, manual]}}
    always: {run: x, needs: [tell, after-good], when: {result: any}}
    behind: {run: x, needs: [green]}
    beside: {run: x, needs: [{job: tell, optional: true}, {job: green, optional: true}]}
"""


def contexts(kind: str, branch: str = "main", **more: Any) -> dict[str, Any]:
    """GitHub's contexts of an event."""
    name = {"tag": "push", "manual": "workflow_dispatch", "api": "workflow_dispatch"}.get(kind, kind)
    github: dict[str, Any] = {"event_name": name, "repository": "octo/p", "event": {}}
    if kind == "tag":
        github |= {"ref": "refs/tags/v1", "ref_name": "v1", "ref_type": "tag"}
    elif kind == "pull_request":
        event = {"pull_request": {"head": {"repo": {"full_name": "octo/p"}}, "user": {"login": "someone"}}}
        github |= {"ref": "refs/pull/1/merge", "ref_name": "1/merge", "ref_type": "branch", "base_ref": branch}
        github["event"] = event
    else:
        github |= {"ref": f"refs/heads/{branch}", "ref_name": branch, "ref_type": "branch"}
    if kind == "schedule":
        github["event"] = {"schedule": "1 1 * * 0"}
    return {"github": github, "inputs": more.get("inputs", {})}


INPUTS = [
    {"mode": "fast", "who": "Me", "dry": False, "n": 3},
    {"mode": "full", "who": "me", "dry": True, "n": 3},
    {"mode": "full", "who": "Me", "dry": True, "n": 4},
]


def events() -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Kinds of events, their attributes as the IR has them, and GitHub's contexts."""
    facts = list(itertools.product(("true", "false"), ("true", "false"), ("main", "dev")))
    for changed, message, branch in facts:
        asked = {"changed:fit": changed, "changed:against": message, "message:[skip]": message}
        yield "push", {"branch": branch, **asked}, contexts("push", branch)
        yield "pull_request", {"branch": branch, "fork": "false", **asked}, contexts("pull_request", branch)
    for message in ("true", "false"):
        yield "tag", {"tag": "v1", "message:[train]": message}, contexts("tag")
    yield "schedule", {"branch": "main", "schedule": "n"}, contexts("schedule")
    for inputs, event in itertools.product(INPUTS, ("", "retrain", "refresh")):
        given = {f"input:{k}": str(v).lower() if isinstance(v, bool) else str(v) for k, v in inputs.items()}
        kind = "api" if event else "manual"
        yield (
            kind,
            {"branch": "main", **given, **({"api": event} if event else {})},
            contexts(kind, inputs={**inputs, "mlgen_event": event}),
        )


def plan_outputs(pipeline: Pipeline, attributes: dict[str, str]) -> dict[str, str]:
    """What the plan job tells: by the meaning of each match, not by its script, which has tests of its own."""
    found = {}
    for item in planned(pipeline):
        value = attributes.get(item.match.field, "")
        holds = value == item.match.pattern if is_literal(item.match.pattern) else bool(re.fullmatch(item.regex, value))
        found[item.output] = str(holds and item.match.field in attributes).lower()
    return found


VALUES = [("0.9", "High"), ("0.8", "high"), ("0.7", "low")]


def test_runs_are_those_that_the_spec_means(tmp_path: Path) -> None:
    pipeline, data, _ = compiled(tmp_path, RUNS)
    fails = ["fetch", "fit", "flaky", "on-main", "elsewhere", "good", "use", "green", "tell", "plan"]
    failing = [*(frozenset([name]) for name in fails), frozenset(["fetch", "tell"])]
    scenarios, meant = [], []
    cases = [*((told, frozenset()) for told in VALUES), *((VALUES[0], bad) for bad in failing)]
    for (kind, attributes, github), ((score, value), bad) in itertools.product(events(), cases):
        outputs = {
            "plan": plan_outputs(pipeline, attributes),
            "fit": {"score": score, "kind": value, "kind_is_High": "true" if value == "High" else ""},
        }
        scenarios.append(Scenario(github, outputs, bad))
        meant.append((kind, {**attributes, "value:train.fit.score": score, "value:train.fit.kind": value}))
    results = simulate(data, scenarios, tmp_path)
    stopped = started = 0
    for scenario, (kind, attributes), ended in zip(scenarios, meant, results):
        by_id = {job.id: ended[job.key] for job in pipeline.jobs}
        for job in pipeline.jobs:
            if "flaky" in scenario.failing and job.key == "flaky" and ended["flaky"] == "success":
                by_id[job.id] = "failure"
        for job in pipeline.jobs:
            runs, expected = ended[job.key] != "skipped", wanted(job, pipeline, kind, attributes, by_id)
            case = (job.id, kind, attributes, sorted(scenario.failing), ended)
            started += runs
            if "plan" in scenario.failing:
                assert not (runs and not expected) or job.watches, case
            elif job.watches or not scenario.failing:
                assert runs == expected, case
            else:
                stopped += expected and not runs
                assert expected or not runs, case
        if "plan" in scenario.failing:
            assert ended["checks"] == "failure"
    assert started > 3000
    assert stopped < started / 20, "what stands behind a barrier may be stopped more often, but not much"


def test_a_milestone_fails_if_what_it_waits_for_did(tmp_path: Path) -> None:
    pipeline, data, _ = compiled(tmp_path, RUNS)
    attributes = {"branch": "main", "message:[skip]": "false"}
    cases = [  # what fails, the score, whether src has changed, and how the milestone ends
        ("", "0.9", "true", "success"),
        ("", "0.7", "true", "success"),  # good does not run, by its condition
        ("good", "0.9", "true", "failure"),
        ("good", "0.7", "true", "success"),
        ("fit", "0.9", "true", "failure"),  # good was stopped, as it needs fit
        ("fit", "0.9", "false", "success"),  # neither is for this event
        ("flaky", "0.9", "true", "success"),  # a permitted failure
        ("fetch", "0.9", "true", "failure"),  # use was stopped
        ("plan", "0.9", "true", "failure"),
    ]
    scenarios = []
    for failing, score, changed, _ in cases:
        outputs = {
            "plan": plan_outputs(pipeline, attributes | {"changed:fit": changed}),
            "fit": {"score": score, "kind": "High", "kind_is_High": "true"},
        }
        scenarios.append(Scenario(contexts("push"), outputs, frozenset([failing] if failing else [])))
    ended = [result["green"] for result in simulate(data, scenarios, tmp_path)]
    assert list(zip(cases, ended)) == [(case, case[3]) for case in cases]


@pytest.mark.parametrize("job", ["tell", "done", "always"])
def test_results_are_told(job: str, tmp_path: Path) -> None:
    pipeline, data, _ = compiled(tmp_path, RUNS)
    env = data["jobs"][job]["env"]
    names = {
        f"MLGEN_RESULT_{pipeline.job(e.job).key.upper().replace('-', '_')}" for e in pipeline.job(f"test.{job}").edges
    }
    assert names == {name for name in env if name.startswith("MLGEN_RESULT_")}

    def told(result: str, plan: dict[str, str], event: str) -> Any:
        needs = {k: {"result": result, "outputs": {}} for k in data["jobs"]} | {
            "plan": {"result": "success", "outputs": plan}
        }
        source = env["MLGEN_RESULT_FIT"][3:-2].strip()
        return checkers.github_expression(source, contexts(event) | {"needs": needs})

    if job == "tell":
        changed = {"changed_fit": "true", "message_skip": "false"}
        assert told("success", changed, "push") == "success"
        assert told("cancelled", changed, "push") == "failure", "it took too long"
        assert told("skipped", changed, "push") == "failure", "it was stopped by another's failure"
        assert told("skipped", {"changed_fit": "false"}, "push") == "skipped"
        assert told("skipped", {}, "schedule") == "skipped"


def jobs(tmp_path: Path, text: str) -> dict[str, Any]:
    found: dict[str, Any] = compiled(tmp_path, "version: 1\nproject: {name: p}\ntargets: [github]\n" + text)[1]["jobs"]
    return found


def steps(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in job["steps"]}


def test_containers_and_services(tmp_path: Path) -> None:
    found = jobs(
        tmp_path,
        """
secrets: {U: {}, P: {}}
stages:
  test:
    inside:
      image: {name: "x:1", user: me, options: [--shm-size=8g], credentials: {username: U, password: P}}
      services: {db: {image: "postgres:16", ports: [5432], ready: pg_isready -q, env: {A: b}}}
      run: x
    beside: {run: x, services: {db: {image: "postgres:16", ports: [5432], command: [postgres, -c, "a b"]}, docker: {}}}
""",
    )
    inside, beside = found["inside"], found["beside"]
    assert inside["container"] == {
        "image": "x:1",
        "credentials": {"username": "${{ secrets.U }}", "password": "${{ secrets.P }}"},
        "options": "--user me --shm-size=8g",
    }
    assert inside["env"]["MLGEN_HOST_DB"] == "db"
    assert "ports" not in inside["services"]["db"]
    assert '--health-cmd "pg_isready -q"' in inside["services"]["db"]["options"]
    assert "secrets.U" not in str(inside["steps"]), "the job's own scripts do not see what fetches its image"
    assert "Wait for the services" not in steps(inside)
    assert beside["services"]["db"] == {
        "image": "postgres:16",
        "ports": ["5432:5432"],
        "command": "postgres -c 'a b'",
    }
    assert beside["env"]["MLGEN_HOST_DB"] == "localhost"
    wait = steps(beside)["Wait for the services"]["run"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = wait.replace("5432", str(server.getsockname()[1]))
        bash = ["bash", "-euo", "pipefail", "-c"]
        assert subprocess.run([*bash, script], env={"MLGEN_HOST_DB": "localhost"}, timeout=60).returncode == 0
    late = script.replace("= 120;", "= 1;")
    done = subprocess.run([*bash, late], env={"MLGEN_HOST_DB": "localhost"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "nothing listens at localhost/" in done.stderr


def test_legs_have_their_own_machines(tmp_path: Path) -> None:
    found = jobs(
        tmp_path,
        """
runners: {big: {github: {group: large, labels: [gpu]}}}
stages:
  test:
    a:
      matrix: {os: [windows, macos, big], py: ["3.10", "3.12"]}
      runner: "${matrix.os}"
      python: "${matrix.py}"
      run: x
      timeout: 5m
    b: {run: x, matrix: {tag: ["1", "2"]}, image: "img:${matrix.tag}-slim"}
    c: {run: x, image: "img:${MLGEN_COMMIT}"}
""",
    )
    legs = found["a"]["strategy"]["matrix"]["include"]
    assert found["a"]["runs-on"] == "${{ matrix.runs-on }}"
    assert [leg["runs-on"] for leg in legs] == [
        *["windows-2025"] * 2,
        *["macos-15"] * 2,
        *[{"group": "large", "labels": ["gpu"]}] * 2,
    ]
    assert steps(found["a"])["Set up Python"]["with"] == {"python-version": "${{ matrix.py }}"}
    assert steps(found["a"])["Run a"] == {"name": "Run a", "timeout-minutes": 5, "run": "x"}, "macOS has no `timeout`"
    assert found["b"]["container"] == "img:${{ matrix.tag }}-slim"
    assert found["b"]["strategy"]["matrix"] == {"tag": ["1", "2"]}
    assert found["c"]["container"] == "img:${{ github.event.pull_request.head.sha || github.sha }}"


def test_what_is_kept(tmp_path: Path) -> None:
    found = jobs(
        tmp_path,
        """
stages:
  train:
    a: {run: x, outs: [m], keep: 30d}
    b: {run: x, needs: [], outs: [n], keep: {for: 36h, result: any}}
    c: {run: x, needs: [], outs: [o], keep: {paths: [logs/]}}
  test:
    use: {run: x, deps: [m, n, o]}
""",
    )
    uploads = {
        name: [(s.get("if", ""), s["with"]) for s in found[name]["steps"] if "upload-artifact" in s.get("uses", "")]
        for name in "abc"
    }
    assert [(w["name"], w["retention-days"]) for _, w in uploads["a"]] == [("a", 30)], "not stored twice"
    assert [(i, w["name"], w.get("retention-days")) for i, w in uploads["b"]] == [
        ("", "b", None),
        ("always()", "b.kept", 2),
    ]
    assert [(i, w["name"], w["if-no-files-found"]) for i, w in uploads["c"]] == [
        ("", "c", "error"),
        ("", "c.kept", "error"),
    ]


def test_access_is_what_the_spec_says_and_no_more(tmp_path: Path) -> None:
    found = jobs(
        tmp_path,
        """
secrets: {ROLE: {plain: true}}
triggers: {push: {}}
stages:
  test:
    plain: {run: x}
    writes: {run: x, needs: [], permissions: {contents: write, pull_requests: write, pipelines: write}}
    cloud:
      needs: []
      secrets: [ROLE]
      oidc:
        gcp: {provider: p, service_account: s}
        azure: {client: c, tenant: t, subscription: s}
        aws: {role: "${ROLE}", region: r}
      run: x
    approved: {run: x, needs: [], approval: true, lock: one}
""",
    )
    assert found["plain"]["permissions"] == {"contents": "read"}
    assert "MLGEN_TOKEN" not in str(found["plain"])
    assert found["writes"]["permissions"] == {"contents": "write", "pull-requests": "write", "actions": "write"}
    assert steps(found["writes"])["Run writes"]["env"] == {"MLGEN_TOKEN": "${{ github.token }}"}
    assert found["cloud"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert steps(found["cloud"])["Log in to AWS"]["with"]["role-to-assume"] == "${{ vars.ROLE }}"
    assert list(steps(found["cloud"]))[-4:] == [
        "Log in to Google Cloud",
        "Log in to Azure",
        "Log in to AWS",
        "Run cloud",
    ]
    assert found["approved"]["environment"] == {"name": "approved-approval", "deployment": False}
    assert found["approved"]["concurrency"] == {"group": "p-one", "queue": "max"}
    assert (
        "guard --environment approved-approval --approval"
        in steps(found["approved"])["Check that this job is allowed"]["run"]
    )


def test_native_jobs_keep_their_frame(tmp_path: Path) -> None:
    found = jobs(
        tmp_path,
        """
secrets: {S: {}}
stages:
  test:
    a: {run: x}
    call:
      needs: [a]
      when: {event: push}
      secrets: [S]
      native:
        github: {uses: "o/r/.github/workflows/x.yml@0123456789012345678901234567890123456789", with: {n: 1}}
    own:
      needs: [call]
      secrets: [S]
      native:
        github:
          steps:
            - {run: "echo 1\\necho 2\\n"}
            - {uses: "o/a@0123456789012345678901234567890123456789", with: {list: [a, b]}}
""",
    )
    assert found["call"] == {
        "name": "test / call",
        "needs": ["a"],
        "if": "${{ github.event_name != 'pull_request' }}",
        "permissions": {"contents": "read"},
        "uses": "o/r/.github/workflows/x.yml@0123456789012345678901234567890123456789",
        "with": {"n": 1},
        "secrets": {"S": "${{ secrets.S }}"},
    }
    assert found["own"]["env"] == {"S": "${{ secrets.S }}"}
    assert found["own"]["steps"][0] == {"run": "echo 1\necho 2\n"}
    assert found["own"]["steps"][1]["with"] == {"list": ["a", "b"]}


@pytest.mark.parametrize(
    ("job", "code", "word"),
    [
        ("{run: x, runner: windows, image: 'x:1'}", "MLG404", "Linux only"),
        ("{run: x, runner: macos, services: {docker: {}}}", "MLG404", "Linux only"),
        ("{run: x, image: {name: 'x:1', entrypoint: /run.sh}}", "MLG404", "entrypoint"),
        ("{run: x, image: {name: 'x:1', options: [--network=host]}}", "MLG404", "--network"),
        ("{run: x, image: 'x:${MLGEN_BRANCH_SLUG}'}", "MLG401", "MLGEN_BRANCH_SLUG"),
        (
            "{run: x, services: {a: {image: 'x:1', ports: [1]}, b: {image: 'x:1', ports: [1]}}}",
            "MLG404",
            "both have the port 1",
        ),
        ("{run: x, checkout: [{repository: gitlab.com/o/d, path: d}]}", "MLG401", "gitlab.com"),
        ("{run: x, checkout: {repository: github.com/o/d}}", "MLG404", "project's root"),
        ("{run: x, checkout: {path: app}}", "MLG404", "in app"),
        ("{run: x, secrets: [GITHUB_PAT]}", "MLG404", "GITHUB_PAT"),
        ("{native: {github: {uses: a, steps: []}}}", "MLG401", "just one"),
        ("{native: {github: {steps: [{run: x}], if: y}}}", "MLG401", "`if`"),
        ("{native: {github: {uses: 'a/b/c@d', with: {t: '${{ secrets.T }}'}}}}", "MLG401", "the secret T"),
        ("{native: {github: {uses: 'a/b/c@d', secrets: inherit}}}", "MLG401", "all secrets"),
        ("{native: {github: {uses: 'a/b/c@d'}}, env: {A: b}}", "MLG401", "variables"),
        ("{steps: [{github: {uses: a, with: {t: '${{ secrets.T }}'}}, run: x}]}", "MLG401", "the secret T"),
        ("{steps: [{github: {with: {t: x}}, run: x}]}", "MLG401", "just one"),
        ("{native: {gitlab: {script: [x]}}}", "MLG401", "native (test.a)"),
        ("{native: {github: {uses: 'a/b/c@d'}}, secrets: [F]}", "MLG401", "the secret F is a file"),
    ],
)
def test_refuses(job: str, code: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        jobs(tmp_path, f"secrets: {{GITHUB_PAT: {{}}, T: {{}}, F: {{file: true}}}}\nstages: {{test: {{a: {job}}}}}")
    assert [(d.code, word in d.message) for d in caught.value.diagnostics] == [(code, True)], caught.value.diagnostics


def test_jobs_in_the_words_of_others_may_be_left_out(tmp_path: Path) -> None:
    text = """
version: 1
project: {name: p}
targets: {github: {fallback: {native: skip}}}
stages:
  test:
    a: {native: {gitlab: {script: [x]}}}
    b: {native: {github: {steps: [{run: x}]}}, needs: []}
    c: {run: x, needs: [a]}
"""
    assert list(compiled(tmp_path, text)[1]["jobs"]) == ["b", "checks"]


def test_approval_is_of_an_environment(tmp_path: Path) -> None:
    text = """
environments: {e: {}}
stages:
  deploy:
    a: {run: x, environment: e, approval: true}
    b: {run: x, environment: e, needs: [a]}
"""
    with pytest.raises(SpecError) as caught:
        jobs(tmp_path, text)
    assert [(d.code, "must be approved" in d.message) for d in caught.value.diagnostics] == [("MLG401", True)]


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    text = """
version: 1
project: {name: p, root: services/api}
targets: [github]
runtime: {cache: {paths: [~/.cache/pip, .cache], key: [requirements.txt]}}
stages:
  data:
    make: {run: x, outs: [d/x], working_directory: src}
  train:
    use: {run: x, deps: [d/x], when: {changed: [src/, "conf/*"]}}
"""
    folder = tmp_path / "services/api"
    folder.mkdir(parents=True)
    (folder / "mlgen.yaml").write_text(text, "utf-8")
    (workflow,) = (f for f in compile_spec(str(folder), "mlgen.yaml").files if f.target == "github")
    assert workflow.path == "../../.github/workflows/p.yml"
    data = YAML(typ="safe", pure=True).load(workflow.text)
    make, use = data["jobs"]["make"], data["jobs"]["use"]
    assert data["defaults"]["run"]["working-directory"] == "services/api"
    assert {name: data["jobs"][name].get("defaults") for name in ("plan", "make", "checks")} == {
        "plan": {"run": {"working-directory": "."}},
        "make": None,
        "checks": {"run": {"working-directory": "."}},
    }
    assert steps(make)["Run make"]["working-directory"] == "services/api/src"
    assert steps(make)["Hand on d/x"]["with"]["path"].splitlines() == ["services/api/d/x", "services/api/.mlgen/env.sh"]
    assert steps(use)["Receive d/x of data.make"]["with"] == {"name": "make", "path": "services/api"}
    cache = steps(use)["Restore the cache"]["with"]
    assert cache["path"].splitlines() == ["~/.cache/pip", "services/api/.cache"]
    assert "hashFiles('services/api/requirements.txt')" in cache["key"]
    assert "services/api/src ':(glob)services/api/conf/*'" in data["jobs"]["plan"]["steps"][1]["run"]


def test_an_address_of_what_the_job_tells(tmp_path: Path) -> None:
    text = """
secrets: {S: {}}
environments: {e: {}}
triggers: {push: {}}
stages:
  deploy:
    a:
      run: x
      exports: [host]
      env: {LEVEL: l}
      environment: {name: e, url: "https://${host}/${MLGEN_COMMIT}/${MLGEN_BRANCH_SLUG}/${LEVEL}"}
    b: {run: x, environment: {name: e, url: "https://${S}"}, secrets: [S]}
"""
    found = jobs(tmp_path, text)
    assert found["a"]["environment"]["url"] == (
        "https://${{ steps.export.outputs.host }}/${{ github.sha }}/${{ env.MLGEN_BRANCH_SLUG }}/l"
    )
    assert steps(found["a"])["Export values"]["run"].endswith('cat .mlgen/exports/a.env >> "$GITHUB_OUTPUT"\n')
    assert "url" not in found["b"]["environment"], "GitHub takes no secret in an address"


def test_a_condition_that_is_not_about_the_schedule_names_the_event(tmp_path: Path) -> None:
    text = """
version: 1
project: p
targets: [github]
triggers: {push: {}, schedule: [{name: n, cron: "1 1 * * 0"}]}
stages:
  data: {a: {run: x, exports: [score]}}
  test: {b: {run: x, needs: [a], when: [{event: push, branch: main}, {event: schedule, value: {a.score: high}}]}}
"""
    _, data, _ = compiled(tmp_path, text)
    assert "github.event_name != 'push' && needs.a.outputs.score_is_high" in data["jobs"]["b"]["if"]


def test_a_job_that_looks_at_results_is_no_failure_where_it_is_skipped(tmp_path: Path) -> None:
    text = """
version: 1
project: p
targets: [github]
triggers: {push: {}}
stages:
  data: {a: {run: x}}
  test: {tell: {run: x, needs: [a], when: {result: failure}}}
  last: {b: {run: x, needs: [tell], when: {result: success}}}
"""
    _, data, _ = compiled(tmp_path, text)
    assert data["jobs"]["b"]["if"] == (
        "${{ !cancelled() && !(needs.tell.result == 'failure' || needs.tell.result == 'cancelled') }}"
    )
