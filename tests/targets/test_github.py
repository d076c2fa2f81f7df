"""GitHub Actions: clean under every checker, conditions by GitHub's own evaluator, and run for real by act."""

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mlgen.compiler import analyse, compile_spec
from mlgen.diagnostics import SpecError
from mlgen.ir import Pipeline
from mlgen.targets import get
from mlgen.targets.github.conditions import allowed_refs, condition, planned
from tests.engines import checkers
from tests.engines.github.api import Deployment, GitHubApi
from tests.engines.run_github import run_github
from tests.engines.tools import node
from tests.targets.strings import COMMANDS, quoted

ROOT = Path(__file__).parents[2]
SPECS = {
    "minimal": ROOT / "examples/minimal",
    "wine-quality": ROOT / "examples/wine-quality",
    "features": ROOT / "tests/fixtures/features",
}
# What the fixture asks for, and a strict auditor rightly points at.
KNOWN = {
    "features": {
        "template-injection",  # a script that holds `${{` must be spelled with an expression
        "self-hosted-runner",
        "unpinned-images",
        "secrets-outside-env",
        "cache-poisoning",  # restored except on tags, which zizmor does not read from the step's `if`
    }
}
WORKFLOW = ".github/workflows/ml.yml"


def workflow(root: Path) -> str:
    files = {file.path: file.text for file in compile_spec(root, "mlgen.yaml", ("github",)).files}
    return files[WORKFLOW]


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "mlgen.yaml").write_text("version: 1\nproject: p\ntargets: [github]\n" + text, "utf-8")
    return tmp_path


def parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


@pytest.mark.parametrize("name", SPECS)
def test_clean_under_every_checker(name: str, tmp_path: Path) -> None:
    file = tmp_path / "ml.yml"
    file.write_text(workflow(SPECS[name]), "utf-8")
    found = checkers.actionlint(file, labels=["gpu"]) + checkers.zizmor(file)
    found += checkers.github_parser(file) + checkers.github_language_service(file) + checkers.schema(file, "github")
    assert [f for f in found if f.rule not in KNOWN.get(name, set())] == []
    assert {f.rule for f in found} == KNOWN.get(name, set()), "a finding that no longer occurs must leave the list"


def events(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Events with the attributes that conditions ask about, and as GitHub's contexts have them."""
    branches = ["trunk", "Trunk", "release/1", "release/old", "release/a/b", "feature", "main"]
    repo = {"repository": "example/features"}
    for branch in branches:
        ref = {"ref": f"refs/heads/{branch}", "ref_name": branch, "ref_type": "branch", **repo}
        yield "push", {"branch": branch}, {"event_name": "push", "event": {}, **ref}
        yield "manual", {"branch": branch}, {"event_name": "workflow_dispatch", "event": {}, **ref}
        for fork in ("false", "true"):
            head = {"repo": {"full_name": "stranger/features" if fork == "true" else "example/features"}}
            event = {"pull_request": {"head": head, "user": {"login": "someone"}}}
            base = {"ref": "refs/pull/7/merge", "ref_name": "7/merge", "ref_type": "branch", "base_ref": branch, **repo}
            yield (
                "pull_request",
                {"branch": branch, "fork": fork},
                {"event_name": "pull_request", "event": event, **base},
            )
    bot = {"pull_request": {"head": {"repo": {"full_name": "example/features"}}, "user": {"login": "dependabot[bot]"}}}
    base = {"ref": "refs/pull/8/merge", "ref_type": "branch", "base_ref": "trunk", **repo}
    yield "pull_request", {"branch": "trunk", "fork": "true"}, {"event_name": "pull_request", "event": bot, **base}
    for tag in ("v1", "V1", "other"):
        ref = {"ref": f"refs/tags/{tag}", "ref_name": tag, "ref_type": "tag", **repo}
        yield "tag", {"tag": tag}, {"event_name": "push", "event": {}, **ref}
    for schedule in pipeline.triggers.schedules:
        ref = {"ref": "refs/heads/trunk", "ref_name": "trunk", "ref_type": "branch", **repo}
        attributes = {"branch": "trunk", "schedule": schedule.name}
        yield "schedule", attributes, {"event_name": "schedule", "event": {"schedule": schedule.cron}, **ref}


# Refs that are named by what they are not, patterns that an absent branch would match, deployments on schedules.
REFS = """
project: {name: p, default_branch: trunk}
targets: [github]
triggers:
  push: {branches: ["**", "!wip"]}
  pull_request: {}
  tag: ["v*"]
  schedule: [{name: n, cron: "1 1 * * 0"}]
  manual: {}
stages:
  test:
    not-main: {run: x, when: {event: push, not: {branch: main}}}
    flat: {run: x, when: {event: [push, manual], branch: "*"}}
    never-wip: {run: x, when: {event: [push, schedule], branch: ["release/*", wip]}}
  deploy:
    not-old: {run: x, environment: a, when: {event: push, branch: "release/**", not: {branch: release/old}}}
    but-main: {run: x, environment: b}
    nightly: {run: x, environment: c, when: [{event: push, branch: "**/1"}, {event: schedule}]}
    stable: {run: x, environment: d, when: {tag: ["v*", "!v0*"]}}
    both: {run: x, environment: e}
environments: {a: {}, b: {branches: ["!main"]}, c: {}, d: {}, e: {branches: [trunk, "release/?"], tags: ["v[1-9]*"]}}
"""


def refs(tmp_path: Path) -> Path:
    (tmp_path / "mlgen.yaml").write_text("version: 1" + REFS, "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["wine-quality", "features", "refs"])
def test_conditions_by_githubs_own_evaluator(name: str, tmp_path: Path) -> None:
    pipeline, _ = analyse(SPECS[name] if name in SPECS else refs(tmp_path), "mlgen.yaml")
    plan = planned(pipeline)
    cases, expected = [], []
    for (kind, attributes, github), job in itertools.product(events(pipeline), pipeline.jobs):
        if not pipeline.triggers.condition.holds(kind, attributes):
            continue  # the workflow's own `on` keeps it away
        exact = attributes.get("branch", "")
        if exact == "Trunk" and kind in ("push", "manual", "pull_request"):
            continue  # `==` ignores case; deploying jobs refuse by themselves, see the guard's tests
        value = {"branch": exact if kind != "tag" else "", "tag": attributes.get("tag", "")}
        found = {p.output: bool(value[p.kind]) and re.fullmatch(p.regex, value[p.kind]) is not None for p in plan}
        outputs = {name: str(value).lower() for name, value in found.items()}
        source = condition(job, pipeline, {p.match: p.output for p in plan}) or "true"
        contexts = {"github": github, "needs": {"plan": {"outputs": outputs}}}
        cases.append({"source": source, "contexts": contexts, "status": "success"})
        expected.append((job.id, kind, attributes, job.condition.holds(kind, attributes)))
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases), "utf-8")
    done = node("github/expressions.mjs", file, cwd=tmp_path)
    assert done.code == 0, done.err
    values = json.loads(done.out)
    assert len(values) == len(expected) > 50
    assert [(*e[:3], bool(v)) for e, v in zip(expected, values)] == expected


def test_plan_matches_exactly_in_bash(tmp_path: Path) -> None:
    pipeline, _ = analyse(SPECS["features"], "mlgen.yaml")
    step = parsed(workflow(SPECS["features"]))["jobs"]["plan"]["steps"][0]
    for branch, wanted in [("release/1", True), ("Release/1", False), ("release/a/b", False), ("xrelease/1", False)]:
        out = tmp_path / "out"
        out.write_text("")
        env = {"BRANCH": branch, "TAG": "", "GITHUB_OUTPUT": str(out), "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "-euo", "pipefail", "-c", step["run"]], check=True, env=env)
        assert f"branch_release={str(wanted).lower()}" in out.read_text().splitlines()
    assert [p.output for p in planned(pipeline)] == ["branch_release"]


def test_guard_lets_through_what_the_condition_does(tmp_path: Path) -> None:
    pipeline, _ = analyse(refs(tmp_path), "mlgen.yaml")
    patterns = {job.id: allowed_refs(job, pipeline) for job in pipeline.jobs if job.environment}
    allowed = 0
    for (kind, attributes, github), name in itertools.product(events(pipeline), patterns):
        if pipeline.triggers.condition.holds(kind, attributes) and pipeline.job(name).condition.holds(kind, attributes):
            allowed += 1
            passes = not patterns[name] or any(fnmatchcase(github["ref"], p) for p in patterns[name])
            assert passes, (name, kind, attributes)
    assert allowed > 10
    assert patterns["deploy.nightly"] == ("refs/heads/*1", "refs/heads/trunk")
    assert patterns["deploy.both"] == ("refs/heads/trunk", "refs/heads/release/?", "refs/tags/v[1-9]*")


def test_refs_are_told_apart(tmp_path: Path) -> None:
    data = parsed(workflow(project(tmp_path, "triggers: {push: {}}\nstages: {test: {a: {run: x}}}")))
    assert data["on"] == {"push": {"branches": ["**"]}}, "an empty `push` is for tags too"
    data = parsed(workflow(refs(tmp_path)))
    steps = data["jobs"]["plan"]["steps"]
    out = tmp_path / "out"
    env = {"BRANCH": "", "TAG": "v1", "GITHUB_OUTPUT": str(out), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", steps[0]["run"]], check=True, env=env)
    assert "branch_any=false" in out.read_text().splitlines(), "on a tag there is no branch, which matches nothing"


def test_what_stands_behind_a_job_that_need_not_run(tmp_path: Path) -> None:
    text = """
triggers: {push: {}, pull_request: {}}
stages:
  test:
    a: {run: x, when: {event: push, branch: "release/*"}}
    b: {run: x, needs: [a]}
    c: {run: x, needs: [{job: b, optional: true}]}
    d: {run: x, needs: [{job: c, optional: true}], allow_failure: true}
"""
    jobs = parsed(workflow(project(tmp_path, text)))["jobs"]
    assert jobs["c"]["needs"] == ["plan", "a", "b"], "if plan or a fails, b is skipped as if it were not for this event"
    assert jobs["checks"]["needs"] == ["plan", "a", "b", "c", "d"]


def test_files_with_globs_and_axes(tmp_path: Path) -> None:
    text = """
stages:
  data:
    deep: {run: x, outs: ["out/**/*.csv"]}
    legs: {run: x, matrix: {s: [1, 2]}, outs: ["m/${matrix.s}-*.txt", "n/${matrix.s}.txt"], allow_failure: true}
    same: {run: x, matrix: {s: [1, 2]}, outs: [d/], allow_failure: true}
  train:
    use: {run: x, deps: [m/, n/, d/]}
"""
    jobs = parsed(workflow(project(tmp_path, text)))["jobs"]
    (tmp_path / "out").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "n").mkdir()

    def passes(job: str, step: str) -> list[bool]:
        scripts = [s["run"] for s in jobs[job]["steps"] if s["name"] == step]
        run = {"cwd": tmp_path, "env": {"s": "1", "PATH": "/usr/bin:/bin"}, "capture_output": True}
        return [subprocess.run(["bash", "-euo", "pipefail", "-c", s], **run).returncode == 0 for s in scripts]  # type: ignore[call-overload]

    assert passes("deep", "Check the outputs") == passes("legs", "Check the outputs") == [False]
    for made in ("out/a.csv", "m/1-a.txt", "n/1.txt"):
        (tmp_path / made).write_text("")
    assert passes("deep", "Check the outputs") == passes("legs", "Check the outputs") == [True]
    legs = "Check that every leg handed on its files"
    assert passes("use", legs) == [False, False], "the second leg failed, which it may"
    for made in ("m/2-a.txt", "n/2.txt", "d", ".mlgen/legs/same-0.json", ".mlgen/legs/same-1.json"):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).write_text("")
    assert passes("use", legs) == [True, True]


def test_exports_are_found_from_any_folder(tmp_path: Path) -> None:
    root = project(tmp_path, "stages: {test: {a: {run: 'cd sub && echo x=1 >> \"$MLGEN_EXPORTS\"', exports: [x]}}}")
    steps = parsed(workflow(root))["jobs"]["a"]["steps"]
    run = {s["name"]: s["run"] for s in steps if "run" in s}
    (tmp_path / "sub").mkdir()
    (tmp_path / ".mlgen").mkdir()
    (tmp_path / ".mlgen/env.sh").write_text("")
    env = {"GITHUB_ENV": str(tmp_path / "env"), "RUNNER_TEMP": str(tmp_path), "PATH": "/usr/bin:/bin"}
    bash = ["bash", "-euo", "pipefail", "-c"]
    subprocess.run([*bash, run["Set the portable variables"]], check=True, cwd=tmp_path, env=env)
    variables = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    subprocess.run([*bash, run["Run a"]], check=True, cwd=tmp_path, env=env | variables)
    assert Path(variables["MLGEN_EXPORTS"]).read_text() == "x=1\n"


def test_the_check_is_required_where_it_reports(tmp_path: Path) -> None:
    def required(triggers: str) -> bool:
        root = project(tmp_path, f"triggers: {triggers}\nstages: {{test: {{a: {{run: x}}}}}}")
        pipeline, _ = analyse(root, "mlgen.yaml")
        return any("`checks`" in setting.title for setting in get("github").settings(pipeline))

    assert required("{pull_request: {}}")
    assert not required("{push: {}}")
    assert not required("{push: {}, pull_request: {branches: ['release/*']}}")


def test_where_all_jobs_deploy_there_is_nothing_to_check(tmp_path: Path) -> None:
    stages = "stages: {deploy: {a: {run: x}}}"
    assert list(parsed(workflow(project(tmp_path, f"triggers: {{push: {{branches: [main]}}}}\n{stages}")))["jobs"]) == [
        "a"
    ]
    pipeline, _ = analyse(project(tmp_path, f"triggers: {{push: {{}}, pull_request: {{}}}}\n{stages}"), "mlgen.yaml")
    assert not any("`checks`" in setting.title for setting in get("github").settings(pipeline))


def test_own_jobs_run_where_the_others_do(tmp_path: Path) -> None:
    text = "runners: {default: {github: {group: own, labels: [x]}}}\nstages: {test: {a: {run: x}}}"
    jobs = parsed(workflow(project(tmp_path, text)))["jobs"]
    assert jobs["checks"]["runs-on"] == jobs["a"]["runs-on"] == {"group": "own", "labels": ["x"]}


def as_shell_sees(script: str) -> str:
    """What the runner makes of a script: `${{ '…' }}` is replaced by the string."""
    return re.sub(r"\$\{\{ '((?:[^']|'')*)' \}\}", lambda found: found[1].replace("''", "'"), script)


@pytest.mark.parametrize("bounds", ["", "timeout: 30s, retry: 1"])
def test_commands_reach_the_shell_byte_for_byte(bounds: str, tmp_path: Path) -> None:
    jobs = {
        f"c{i}": f"{{run: {quoted(command)}, needs: []{', ' + bounds if bounds else ''}}}"
        for i, command in enumerate(COMMANDS)
    }
    text = "stages:\n  test:\n" + "".join(f"    {name}: {job}\n" for name, job in jobs.items())
    data = parsed(workflow(project(tmp_path, text)))
    for index, command in enumerate(COMMANDS):
        step = next(s for s in data["jobs"][f"c{index}"]["steps"] if s["name"] == f"Run c{index}")
        wanted = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True)
        script = tmp_path / "script.sh"
        script.write_text(as_shell_sees(step["run"]), "utf-8", newline="")
        got = subprocess.run(["bash", "-euo", "pipefail", str(script)], capture_output=True)
        assert (got.stdout, got.returncode) == (wanted.stdout, wanted.returncode), command


DAMAGE = {
    "a job is gone": lambda d: d["jobs"].pop("unit"),
    "a job is added": lambda d: d["jobs"].update(extra=d["jobs"]["unit"]),
    "a need of nothing": lambda d: d["jobs"]["unit"].update(needs=["nothing"]),
    "a circle": lambda d: d["jobs"]["fetch"].update(needs=["production"]),
    "an edge is gone": lambda d: d["jobs"]["quality"].pop("needs"),
    "a secret leaks": lambda d: d["jobs"]["unit"]["steps"][-1].update(env={"X": "${{ secrets.DEPLOY_TOKEN }}"}),
    "a secret is gone": lambda d: [s.pop("env", None) for s in d["jobs"]["staging"]["steps"]],
    "an environment is gone": lambda d: d["jobs"]["production"].pop("environment"),
    "a command is changed": lambda d: [s.update(run="true") for s in d["jobs"]["fit"]["steps"] if "run" in s],
    "a gate is gone": lambda d: [s.update(run="true") for s in d["jobs"]["quality"]["steps"] if "run" in s],
    "a timeout is gone": lambda d: d["jobs"]["fit"].pop("timeout-minutes"),
    "permissions are wide": lambda d: d.update(permissions="write-all"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_structural_check_sees(damage: str) -> None:
    target = get("github")
    pipeline, _ = analyse(SPECS["wine-quality"], "mlgen.yaml")
    output = target.outputs(pipeline)[0]
    data = parsed(workflow(SPECS["wine-quality"]))
    assert target.check(output, json.dumps(data), pipeline) == []
    DAMAGE[damage](data)
    assert target.check(output, json.dumps(data), pipeline) != []
    assert [d.code for d in target.check(output, "a: [", pipeline)] == ["MLG601"]


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("triggers: {push: {branches: ['v?']}}\nstages: {test: {a: {run: x}}}", "MLG404", "v?"),
        ("stages: {test: {plan: {run: x}}}", "MLG404", "plan"),
        (
            "triggers: {schedule: [{name: n, cron: '1 1 * * *', branch: other}]}\nstages: {test: {a: {run: x}}}",
            "MLG401",
            "default branch",
        ),
        ("triggers: {schedule: [{name: n, cron: '1 1 * * 1-7'}]}\nstages: {test: {a: {run: x}}}", "MLG404", "day 7"),
        ("stages: {test: {a: {run: x, timeout: 4h, retry: 1}}}", "MLG404", "after 6h"),
        ("stages: {test: {a: {run: x, matrix: {v: ['${{ github.token }}']}}}}", "MLG401", "matrix"),
        (
            "triggers: {manual: {inputs: {n: {description: '${{ x }}'}}}}\nstages: {test: {a: {run: x}}}",
            "MLG401",
            "input n",
        ),
    ],
)
def test_refuses(text: str, code: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        workflow(project(tmp_path, text))
    assert [(d.code, word in d.message) for d in caught.value.diagnostics] == [(code, True)]


def repository(tmp_path: Path) -> Path:
    """A copy of the example with its committed outputs."""
    root = tmp_path / "project"
    shutil.copytree(SPECS["wine-quality"], root)
    return root


def run(
    root: Path, tmp_path: Path, python: Path, reviewers: list[str], deployments: list[Deployment] | None = None
) -> Any:
    environments = {"staging": [], "production": reviewers}
    with GitHubApi(root, environments=environments, deployments=deployments or []) as api:
        return run_github(
            root,
            "push",
            work=tmp_path / "work",
            workflow=WORKFLOW,
            python=python,
            api=api,
            secrets={"DEPLOY_TOKEN": "token"},
            env={"DEPLOY_ROOT": str(tmp_path / "deployed")},
        )


def test_no_deployment_without_reviewers(tmp_path: Path, wine_python: Path) -> None:
    result = run(repository(tmp_path), tmp_path, wine_python, [])
    assert (result.jobs["staging"], result.jobs["production"]) == ("success", "failure")
    assert [p.name for p in (tmp_path / "deployed").iterdir()] == ["staging"]
    assert "required reviewers" in result.log
