"""CircleCI: clean under every checker, conditions and runs by an interpreter written from its documentation."""

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import analyse, compile_spec
from mlgen.diagnostics import SpecError
from mlgen.ir import Pipeline as Graph
from mlgen.render import render
from mlgen.targets.adapt import adapt
from mlgen.targets.circleci import TARGET, conditions
from mlgen.targets.contract import Output
from mlgen.targets.uses import CONSTRUCTS
from tests.engines import checkers
from tests.engines.circleci import ExpressionError, Machine, Pipeline, evaluate, event, inserted, parsed
from tests.engines.tools import git
from tests.targets.strings import COMMANDS, quoted

ROOT = Path(__file__).parents[2]
SPECS = {
    "minimal": ROOT / "examples/minimal",
    "wine-quality": ROOT / "examples/wine-quality",
    "features": ROOT / "tests/fixtures/features",
}
CONFIG = ".circleci/config.yml"
# Every kind of job that waits, with events on which what it waits for does not run.
BARRIERS = """
triggers:
  push: {}
  pull_request: {}
  tag: ["v*", "!v0*"]
  schedule: [{name: a, cron: "1 2 * * *"}, {name: b, cron: "3 4 * * *"}]
  manual: {}
stages:
  data:
    main: {run: echo main, when: {branch: main}}
    topic: {run: echo topic, when: {branch: "topic-?"}}
  train:
    every: {run: echo every}
    tags: {run: echo tags, when: {tag: "v1*"}}
    one: {run: echo one, when: {event: schedule, schedule: a}}
    other: {run: echo other, needs: [main], when: {not: {branch: "release/**"}}}
  deploy:
    ship: {run: echo ship, environment: prod, when: {branch: [main, "release/**", "!release/old"]}}
environments: {prod: {approval: true}}
"""


def files(root: Path) -> dict[str, str]:
    return {file.path: file.text for file in compile_spec(root, "mlgen.yaml", ("circleci",)).files}


def project(tmp_path: Path, text: str) -> Path:
    tmp_path.mkdir(parents=True, exist_ok=True)
    (tmp_path / "mlgen.yaml").write_text("version: 1\nproject: p\ntargets: [circleci]\n" + text, "utf-8")
    return tmp_path


def graph(root: Path) -> Graph:
    return adapt(analyse(root, "mlgen.yaml")[0], TARGET)[0]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {**SPECS, "barriers": project(tmp_path_factory.mktemp("barriers"), BARRIERS)}


@pytest.mark.parametrize("name", [*SPECS, "barriers"])
def test_clean_under_every_checker(name: str, roots: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(files(roots[name])[CONFIG], "utf-8")
    assert checkers.check_all(file, "circleci") == []


def test_a_row_for_every_construct() -> None:
    assert tuple(capability.construct for capability in TARGET.capabilities) == CONSTRUCTS


# ---- conditions


BRANCHES = (
    "main",
    "trunk",
    "topic",
    "topic-1",
    "release/1",
    "release/1/x",
    "release/old",
    "Main",
    "xmain",
    "v1.0",
    'a"b',
)


def events() -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Each event: kind, the attributes that the graph's conditions ask about, and what else it has."""
    for branch in BRANCHES:
        yield "push", {"branch": branch}, {}
        yield "manual", {"branch": branch}, {}
        for head in ("topic", "main", "trunk"):
            yield "pull_request", {"branch": branch}, {"head": head}
    for tag in ("v1.0", "v1/0", "v0.1", "V1", "main", "trunk"):
        yield "tag", {"tag": tag}, {}
    for schedule in ("weekly", "hourly", "a", "b"):
        yield "schedule", {"schedule": schedule}, {"branch": "main"}


@pytest.mark.parametrize("name", [*SPECS, "barriers"])
def test_jobs_run_exactly_when_their_condition_holds(name: str, roots: dict[str, Path]) -> None:
    wanted, config = graph(roots[name]), parsed(files(roots[name])[CONFIG])
    scheduled = {schedule.name for schedule in wanted.triggers.schedules}
    for kind, attributes, more in events():
        if kind == "schedule" and attributes["schedule"] not in scheduled:
            continue
        parameters = {"mlgen_schedule": attributes["schedule"]} if kind == "schedule" else {}
        pipeline = Pipeline(config, event(kind, {**attributes, **more})[0], parameters)
        ran = {job.key for job in pipeline.invocations.values() if job.type == "build"}
        holds = {j.key for j in wanted.jobs if conditions.runs(wanted, j).holds(kind, attributes)}
        assert ran == holds, (kind, attributes, more)
        for job in wanted.jobs:  # each waits for all that run, and for its approval
            for invocation in (i for i in pipeline.invocations.values() if i.key == job.key):
                reached = {pipeline.invocations[n].key for n in pipeline.ancestors(invocation.name)}
                assert {wanted.job(e.job).key for e in job.edges} & ran <= reached, (kind, attributes, job.id)
                if job.approval:
                    assert [pipeline.invocations[need].type for need, _ in invocation.requires] == ["approval"]


def test_a_copy_of_the_repository_runs_no_schedule_and_deploys_nothing(roots: dict[str, Path]) -> None:
    wanted, config = graph(roots["features"]), parsed(files(roots["features"])[CONFIG])
    deploying = {job.key for job in wanted.jobs if job.deploys}
    for kind, attributes, more in events():
        parameters = {"mlgen_schedule": attributes["schedule"]} if kind == "schedule" else {}
        values, _ = event(kind, {**attributes, **more, "owner": "somebody"})
        ran = {job.key for job in Pipeline(config, values, parameters).invocations.values()}
        assert not ran & deploying
        assert kind != "schedule" or not ran


def test_the_interpreter_knows_the_traps() -> None:
    values = {"pipeline.event.name": "push", "a": True, "b": False}
    assert evaluate("not a or a and b or a", values) is True
    assert evaluate("not (a and b)", values) is True
    assert evaluate('"1" == 1 or "ab" starts-with "b"', values) is False
    assert evaluate('pipeline.event.name == "pull_request" and pipeline.event.github.x == "y"', values) is False
    with pytest.raises(ExpressionError):
        evaluate("pipeline.event.github.x", values)
    with pytest.raises(ExpressionError):
        inserted("cat <<EOF", values)
    assert inserted("<< a >>", values) is True
    assert inserted("\\<<a>> << a >>", values) == "<<a>> true"


# ---- scripts


@pytest.mark.parametrize("bounds", ["", "timeout: 1m, retry: 1", "allow_failure: true, retry: 1"])
def test_commands_reach_the_shell_byte_for_byte(bounds: str, tmp_path: Path) -> None:
    more = f", {bounds}" if bounds else ""
    jobs = "".join(f"    c{i}: {{run: {quoted(command)}, needs: []{more}}}\n" for i, command in enumerate(COMMANDS))
    root = project(tmp_path / "p", f"triggers: {{push: {{}}}}\nstages:\n  test:\n{jobs}")
    values, _ = event("push", {"branch": "main"})
    pipeline = Pipeline(files(root)[CONFIG], values)
    script = tmp_path / "script.sh"
    for index, command in enumerate(COMMANDS):
        job = pipeline.config["jobs"][f"c{index}"]
        step = next(s["run"] for s in job["steps"] if isinstance(s, dict) and s["run"]["name"] == f"Run c{index}")
        wanted = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True)
        script.write_text(inserted(step["command"], values), "utf-8", newline="")
        environment = {**os.environ, "BASH_ENV": str(tmp_path / "bash_env")}
        got = subprocess.run(["bash", "-euo", "pipefail", str(script)], capture_output=True, env=environment)
        assert (got.stdout, got.returncode) == (wanted.stdout, wanted.returncode), command


# ---- the structural check


def _entry(config: dict[str, Any], name: str) -> dict[str, Any]:
    (flow,) = config["workflows"].values()
    return next(e[name] for e in flow["jobs"] if isinstance(e, dict) and name in e)


def _drop(config: dict[str, Any], name: str) -> None:
    (flow,) = config["workflows"].values()
    flow["jobs"] = [e for e in flow["jobs"] if name not in e]


def _steps(config: dict[str, Any], name: str, kind: str) -> list[dict[str, Any]]:
    return [s[kind] for s in config["jobs"][name]["steps"] if isinstance(s, dict) and kind in s]


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a job is gone": lambda c: c["jobs"].pop("unit"),
    "a job is added": lambda c: c["jobs"].update(extra=c["jobs"]["unit"]),
    "a job is not invoked": lambda c: _drop(c, "unit"),
    "an approval is gone": lambda c: _drop(c, "approve-production"),
    "an approval is a job": lambda c: _entry(c, "approve-production").pop("type"),
    "an approval is passed by": lambda c: _entry(c, "production").update(requires=["staging"]),
    "an approval is not alone": lambda c: _entry(c, "production")["requires"].append("fit"),
    "a filter is gone": lambda c: _entry(c, "production").pop("filters"),
    "a filter is wider": lambda c: _entry(c, "staging").update(filters='pipeline.event.name == "push"'),
    "a need of nothing": lambda c: _entry(c, "unit").update(requires=["nothing"]),
    "a circle": lambda c: _entry(c, "fetch").update(requires=["production"]),
    "an edge is gone": lambda c: _entry(c, "quality").pop("requires"),
    "a context leaks": lambda c: _entry(c, "unit").update(context=["wine-quality-production"]),
    "a context is gone": lambda c: _entry(c, "staging").pop("context"),
    "a lock is gone": lambda c: _entry(c, "production").pop("serial-group"),
    "a command is changed": lambda c: [s.update(command="true") for s in _steps(c, "fit", "run")],
    "a gate is gone": lambda c: [s.update(command="true") for s in _steps(c, "quality", "run")],
    "a file is lost": lambda c: [s.update(paths=["x"]) for s in _steps(c, "fit", "persist_to_workspace")],
    "an executor is gone": lambda c: c["executors"].clear(),
    "a command is unknown": lambda c: c["jobs"]["unit"]["steps"].append("nothing"),
    "a parameter is unknown": lambda c: c["jobs"]["unit"]["environment"].update(X="<< parameters.x >>"),
    "an expression is open": lambda c: c["jobs"]["unit"]["steps"].append({"run": {"command": "cat <<EOF"}}),
    "two workflows": lambda c: c["workflows"].update(more={"jobs": []}),
}


def check(config: dict[str, Any] | str, wanted: Graph) -> list[str]:
    text = config if isinstance(config, str) else json.dumps(config)
    return [d.message for d in TARGET.check(Output(CONFIG, "", {}), text, wanted)]


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_check_finds_damage(damage: str, roots: dict[str, Path]) -> None:
    wanted = graph(roots["wine-quality"])
    config = copy.deepcopy(parsed(files(roots["wine-quality"])[CONFIG]))
    assert check(config, wanted) == []
    config = json.loads(json.dumps(config))  # no value is shared any more
    DAMAGE[damage](config)
    assert check(config, wanted)


def test_the_check_finds_text_that_is_no_config(roots: dict[str, Path]) -> None:
    wanted = graph(roots["minimal"])
    for text in ("a: [", "[]", "jobs: {}\n", "a: *b\n"):
        assert check(text, wanted)


# ---- what is refused


REFUSED = {
    "a context holds more than the job lists": """
secrets: {A: {}, B: {}}
stages: {test: {one: {run: x, secrets: [A]}, two: {run: x, secrets: [A, B]}}}
""",
    "a backslash before an expression's mark": r"""
env: {A: '\<<x'}
stages: {test: {one: {run: x}}}
""",
    "an axis with an expression's mark": """
stages: {test: {one: {run: x, matrix: {a: ["<<x>>"]}}}}
""",
    "a glob over folders in an output": """
stages: {test: {one: {run: x, outs: ["a/**"]}}}
""",
    "a job of more than five hours": """
stages: {test: {one: {run: x, timeout: 6h}}}
""",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        files(project(tmp_path, REFUSED[name]))
    assert {d.code for d in caught.value.diagnostics if d.severity == "error"} <= {"MLG401", "MLG404"}


@pytest.mark.parametrize("choice, contexts", [("split", ["p-A"]), ("wider", ["p"])])
def test_fallbacks_of_secrets(choice: str, contexts: list[str], tmp_path: Path) -> None:
    text = REFUSED["a context holds more than the job lists"]
    root = project(tmp_path, text)
    spec = (root / "mlgen.yaml").read_text("utf-8")
    (root / "mlgen.yaml").write_text(
        spec.replace("[circleci]", f"{{circleci: {{fallback: {{secrets: {choice}}}}}}}"), "utf-8"
    )
    config = parsed(files(root)[CONFIG])
    assert _entry(config, "one")["context"] == contexts


def test_settings_name_what_the_file_cannot_say(roots: dict[str, Path]) -> None:
    titles = "\n".join(setting.title for setting in TARGET.settings(graph(roots["features"])))
    for word in (
        "PR opened",
        "All pushes",
        "weekly",
        "hourly",
        "REGISTRY_TOKEN",
        "features-production",
        "ml-leads",
        "gpu.",
    ):
        assert word in titles
    minimal = "\n".join(setting.title for setting in TARGET.settings(graph(roots["minimal"])))
    assert "Contexts" not in minimal and "Schedule" not in minimal


@pytest.mark.parametrize("branch, wanted", [("main", "Auto-cancel"), ("release/*", "no auto-cancel")])
def test_auto_cancel_is_not_advised_where_it_meets_a_deployment(branch: str, wanted: str, tmp_path: Path) -> None:
    text = f"""
triggers: {{push: {{}}, pull_request: {{}}}}
stages: {{deploy: {{go: {{run: ./go.sh, environment: live, when: {{branch: "{branch}"}}}}}}}}
environments: {{live: {{}}}}
"""
    titles = [setting.title for setting in TARGET.settings(graph(project(tmp_path, text)))]
    assert [title for title in titles if f": {wanted}" in title], titles


# ---- runs


def repository(tmp_path: Path, root: Path) -> Path:
    """A repository with the project and all that it compiles to."""
    to = tmp_path / "repository"
    ignore = shutil.ignore_patterns("__pycache__", "data", "models", "reports", "deployments", ".pytest_cache")
    shutil.copytree(root, to, ignore=ignore)
    for path, text in files(root).items():
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_text(text, "utf-8")
    git(to, "init", "-q", "-b", "main", ".")
    git(to, "add", "-A")
    git(to, "commit", "-q", "-m", "all")
    return to


CONTEXTS = {f"wine-quality-{place}": {"DEPLOY_TOKEN": f"token-{place}"} for place in ("staging", "production")}


class Wine:
    """wine-quality on a push to main, up to the approval that nobody has given yet."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.python = folder, python
        values, self.variables = event("push", {"branch": "main"})
        self.variables["DEPLOY_ROOT"] = str(folder / "deployed")
        self.repository = repository(folder, SPECS["wine-quality"])
        self.config = (self.repository / CONFIG).read_text("utf-8")
        self.pipeline = Pipeline(self.config, values)
        self.machine = self.another("work")
        self.held = dict(self.machine.run(self.pipeline))

    def another(self, name: str) -> Machine:
        return Machine(self.folder / name, self.repository, CONTEXTS, (), self.variables, [self.python.parent])


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory, wine_python: Path) -> Wine:
    return Wine(tmp_path_factory.mktemp("wine"), wine_python)


def test_wine_quality_waits_for_its_approval(wine: Wine) -> None:
    assert wine.held.pop("approve-production") == "on_hold", wine.machine.logs
    assert wine.held.pop("production") == "not_run"
    assert set(wine.held.values()) == {"success"}, wine.machine.logs
    assert (wine.folder / "deployed/staging/model.pkl").exists()
    assert not (wine.folder / "deployed/production").exists()
    assert (wine.folder / "work/store_artifacts/fit/models/model.pkl").exists()
    assert (wine.folder / "work/store_test_results/unit/reports/unit.xml").exists()


def test_wine_quality_deploys_when_approved(wine: Wine) -> None:
    wine.machine.approved.add("approve-production")
    wine.machine.run(wine.pipeline)
    assert set(wine.machine.status.values()) == {"success"}, wine.machine.logs
    receipt = json.loads((wine.folder / "deployed/production/receipt.json").read_text("utf-8"))
    assert receipt["commit"] == git(wine.repository, "rev-parse", "HEAD").strip()
    # production received the model, and nothing else that was made
    assert not (wine.folder / "work/jobs/production/project/metrics.json").exists()
    assert not (wine.folder / "work/jobs/production/tmp/workspace").exists()


def test_wine_quality_deploys_nothing_below_its_gate(wine: Wine) -> None:
    values, _ = event("push", {"branch": "main"})
    strict = Pipeline(wine.config.replace("accuracy >= 0.90", "accuracy >= 0.999999"), values)
    machine = wine.another("strict")
    machine.take_over(wine.machine, "fetch", "validate", "fit", "unit")
    machine.approved.add("approve-production")
    machine.run(strict)
    assert machine.status["quality"] == "failed"
    assert "accuracy >= 0.999999" in machine.logs["quality"]
    assert {machine.status[job] for job in ("staging", "approve-production", "production")} == {"not_run"}


SMALL = """
triggers:
  push: {}
  manual: {inputs: {count: {type: integer, default: 3}, loud: {type: boolean}, note: {type: string}}}
runtime: {setup: ["test ! -e setup-ran", "touch setup-ran"]}
env: {ODD: "it's $HOME << x >> #"}
stages:
  data:
    make:
      run: |
        echo "$ODD|$MLGEN_EVENT|$MLGEN_BRANCH|$MLGEN_RUN_NUMBER|$MLGEN_JOB"
        echo "$MLGEN_INPUT_COUNT|$MLGEN_INPUT_LOUD|$MLGEN_INPUT_NOTE|"
        mkdir -p out
        echo kept > out/file.txt
        echo no > undeclared.txt
        echo word=two words >> "$MLGEN_EXPORTS"
        exit 0
      outs: [out/]
      exports: [word]
    lost: {run: exit 0, outs: [never.txt], needs: []}
    flaky:
      run: 'echo try >> tries.txt; [ "$(wc -l < tries.txt)" -ge 3 ]'
      retry: 2
      needs: []
      finally: 'echo "result $MLGEN_RESULT"'
    broken: {run: exit 3, needs: [], finally: 'echo "result $MLGEN_RESULT"'}
    slow: {run: sleep 30, timeout: 1s, needs: []}
    may:
      run: 'echo x > may.txt; false'
      outs: [may.txt]
      allow_failure: true
      needs: []
      finally: 'echo "result $MLGEN_RESULT"; false'
    legs:
      run: 'mkdir -p all; echo "$n" > "all/$n"'
      outs: [all/]
      matrix: {n: ["1", "2"], include: [{n: "3", other: x}]}
      needs: []
    clash: {run: 'mkdir -p both; echo "$n" > both/one', outs: [both/], matrix: {n: ["1", "2"]}, needs: []}
  use:
    read: {run: 'cat out/file.txt; test ! -e undeclared.txt; echo "got $word"', deps: [out/], needs: [make]}
    join: {run: 'ls all; test "$(ls all | wc -l)" -eq 3', deps: [all/], needs: []}
    collide: {run: ls both, deps: [both/], needs: []}
    after: {run: echo went on, needs: [may]}
    wants: {run: cat may.txt, deps: [may.txt], needs: []}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    tmp_path = tmp_path_factory.mktemp("small")
    repo = repository(tmp_path, project(tmp_path / "spec", SMALL))
    values, variables = event("manual", {"branch": "main"})
    machine = Machine(tmp_path / "work", repo, variables=variables)
    machine.run(Pipeline((repo / CONFIG).read_text("utf-8"), values, {"count": 20261126, "loud": True}))
    return machine


@pytest.mark.parametrize(
    "job, status, log",
    [
        ("make", "success", "it's $HOME << x >> #|manual|main|1234567|data.make\n20261126|true||\n"),
        ("lost", "failed", "never.txt"),
        ("flaky", "success", "result success"),
        ("broken", "failed", "result failure"),
        ("slow", "failed", ""),
        ("may", "success", "result failure"),
        ("read", "success", "kept\ngot two words"),
        ("join", "success", "1\n2\n3"),
        ("collide", "failed", "both/one by 1 and 2"),
        ("after", "success", "went on"),
        ("wants", "failed", "may.txt"),
    ],
)
def test_jobs_behave(job: str, status: str, log: str, small: Machine) -> None:
    assert small.status[job] == status, small.logs[job]
    assert log in small.logs[job]


def test_an_image_on_a_machine_runs_in_a_container(tmp_path: Path) -> None:
    """`docker` is played by a script that runs what it is told to run."""
    text = """
runners: {gpu: {circleci: {machine: {image: "linux-cuda-12:default"}, resource_class: gpu.nvidia.small}}}
runtime: {setup: [echo set up]}
env: {A: "a b"}
stages: {train: {fit: {run: 'echo "in: $A $seed $MLGEN_JOB"', runner: gpu, image: nvidia/cuda, matrix: {seed: [7]}}}}
triggers: {push: {}}
"""
    repo = repository(tmp_path, project(tmp_path / "spec", text))
    # The project belongs to another user than the container's root, which git refuses unless told so.
    assert "GIT_CONFIG_KEY_0=safe.directory" in (repo / CONFIG).read_text("utf-8")
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "docker").write_text(
        '#!/bin/bash\nif [ "$1" = run ]; then echo "image: ${*: -2:1}"; exit; fi\n'
        'shift; names=(); while [ "$1" = --env ]; do names+=("$2=${!2}"); shift 2; done\n'
        '[ "$1" = job ] || exit 9\nshift; exec env -i PATH="$PATH" "${names[@]}" "$@"\n',
        "utf-8",
    )
    (fake / "docker").chmod(0o755)
    values, variables = event("push", {"branch": "main"})
    machine = Machine(tmp_path / "work", repo, variables=variables, path=[fake])
    machine.run(Pipeline((repo / CONFIG).read_text("utf-8"), values))
    assert machine.status == {"fit-7": "success"}, machine.logs
    assert "image: nvidia/cuda\nset up\nin: a b 7 train.fit" in machine.logs["fit-7"].replace("\n\n", "\n")


def test_portable_variables(tmp_path: Path) -> None:
    """Each event's variables, as `.mlgen/env.sh` prints them."""
    text = files(SPECS["features"])[".mlgen/env.sh"]
    (tmp_path / "env.sh").write_text(text, "utf-8")
    config = parsed(files(SPECS["features"])[CONFIG])
    step = config["commands"]["variables"]["steps"][0]["run"]

    def printed(kind: str, attributes: dict[str, str], **parameters: Any) -> dict[str, str]:
        values, variables = event(kind, attributes)
        pipeline = Pipeline(config, values, parameters)
        given = inserted(step["environment"], pipeline.values)
        environment = {
            "CIRCLE_SHA1": "a" * 40,
            **variables,
            **{name: str(value) for name, value in given.items()},
            "MLGEN_INPUT_EPOCHS": given["MLGEN_INPUT_EPOCHS"].removeprefix("#"),  # as the step does
            "CIRCLECI": "true",
            "PATH": "/usr/bin:/bin",
        }
        done = subprocess.run(
            ["sh", "-eu", "env.sh", "--print"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def said(found: dict[str, str], *names: str) -> tuple[str, ...]:
        return tuple(found[f"MLGEN_{name}"] for name in names)

    push = printed("push", {"branch": "release/1"})
    assert said(push, "TARGET", "EVENT", "BRANCH", "TAG") == ("circleci", "push", "release/1", "")
    assert said(push, "RUN_NUMBER", "REPOSITORY_URL") == ("1234567", "https://github.com/example/features")
    tag = printed("tag", {"tag": "v1"})
    assert said(tag, "EVENT", "BRANCH", "TAG") == ("tag", "", "v1")
    pull = printed("pull_request", {"branch": "trunk", "head": "topic"})
    assert said(pull, "EVENT", "BRANCH", "BASE_BRANCH", "PR") == ("pull_request", "topic", "trunk", "7")
    assert said(pull, "BASE", "COMMIT") == ("b" * 40, "a" * 40)
    weekly = printed("schedule", {"branch": "trunk"}, mlgen_schedule="weekly")
    assert said(weekly, "EVENT", "SCHEDULE") == ("schedule", "weekly")
    manual = printed("manual", {"branch": "trunk"}, epochs=3, verbose=True)
    assert said(manual, "EVENT", "INPUT_EPOCHS", "INPUT_VERBOSE") == ("manual", "3", "true")


def test_rendering_leaves_nothing_of_the_template() -> None:
    wanted = graph(SPECS["features"])
    (output,) = TARGET.outputs(wanted)
    text = render(output.template, output.view)
    assert "[[=" not in text and "[%%" not in text and "\n\n\n" not in text and not text.endswith("\n\n")


SKIPS = """
triggers: {pull_request: {}}
secrets: {PASSWORD: {}}
environments: {site: {url: "https://example.org/${word}", deployment: false}}
stages:
  data:
    fetch:
      run: 'echo ran; echo x > data.txt; echo "word=two \\$(touch owned) words" >> "$MLGEN_EXPORTS"'
      deps: [src/]
      outs: [data.txt]
      exports: [word]
      finally: echo tidied
      environment: site
      when: {changed: true}
  train:
    fit: {run: 'cat data.txt; echo "ran $word"', needs: [fetch], deps: [data.txt]}
    deep: {run: echo ran, needs: [fetch], when: {value: {fetch.word: good}}}
  test:
    unit: {run: echo ran, needs: []}
"""


@pytest.mark.parametrize(("path", "ran"), [("README", {"unit"}), ("src/a.py", {"fetch", "fit", "unit"})])
def test_jobs_that_skip_themselves_end_green_with_all_that_depends_on_them(
    tmp_path: Path, path: str, ran: set[str]
) -> None:
    repo = repository(tmp_path, project(tmp_path / "spec", SKIPS))
    base = git(repo, "rev-parse", "HEAD")
    (repo / path).parent.mkdir(exist_ok=True)
    (repo / path).write_text("changed\n", "utf-8")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "a change")
    values, variables = event("pull_request", {"branch": "main"})
    values["pipeline.event.github.pull_request.base.sha"] = base
    machine = Machine(tmp_path / "work", repo, variables=variables)
    status = machine.run(Pipeline((repo / CONFIG).read_text("utf-8"), values))
    assert set(status.values()) == {"success"}, machine.logs
    assert {name for name, log in machine.logs.items() if re.search(r"^ran\b", log, re.MULTILINE)} == ran
    assert ("tidied" in machine.logs["fetch"]) == ("fetch" in ran)
    if "fetch" in ran:
        assert "https://example.org/two $(touch owned) words" in machine.logs["fetch"]
        assert not list((tmp_path / "work").rglob("owned"))


def test_the_token_that_is_asked_for_is_in_a_context_of_the_job(tmp_path: Path) -> None:
    root = project(tmp_path, "stages: {train: {fit: {run: x, permissions: {contents: write}}}}")
    spec = root / "mlgen.yaml"
    chosen = "targets: {circleci: {fallback: {permissions: secret}}}"
    spec.write_text(spec.read_text("utf-8").replace("targets: [circleci]", chosen), "utf-8")
    config = parsed(files(root)[CONFIG])
    assert config["workflows"]["p"]["jobs"][0]["fit"]["context"] == ["p"]
    assert any("MLGEN_TOKEN" in setting.title for setting in TARGET.settings(graph(root)))


def test_executors_are_named_in_small_letters(tmp_path: Path) -> None:
    """The schema has no others: https://www.schemastore.org/circleciconfig.json."""
    said = """
stages:
  test:
    a: {run: x}
    Big: {run: x, services: {db: {image: "postgres:16", ports: [5432]}}}
    b: {run: x, image: org/Big}
    c: {run: x, image: org/7zip}
"""
    names = list(parsed(files(project(tmp_path, said))[CONFIG])["executors"])
    assert names == ["default", "big", "big-2", "in-7zip"]


def test_a_registry_is_logged_in_to_by_the_variables_of_the_context(tmp_path: Path) -> None:
    said = (
        "secrets: {U: {circleci: {id: REG_U}}, P: {}}\n"
        "stages: {train: {fit: {run: x, image: {name: i, credentials: {username: U, password: P}}}}}"
    )
    docker = parsed(files(project(tmp_path, said))[CONFIG])["executors"]["default"]["docker"]
    assert docker == [{"image": "i", "auth": {"username": "$REG_U", "password": "$P"}}]


PUSHES = """
triggers: {push: {}}
stages:
  train:
    fit: {run: 'test ! -e src/broken; echo ran; echo x > model', deps: [src/], outs: [model], when: {changed: true}}
  test: {check: {run: 'cat model; echo ran', deps: [model]}}
"""


def test_all_jobs_of_a_run_compare_a_push_with_one_head(tmp_path: Path) -> None:
    """A job that did not run on the last push must not see more of a change than the one whose files it takes."""
    repo = repository(tmp_path, project(tmp_path / "spec", PUSHES))
    (tmp_path / "caches").mkdir()

    def push(name: str, *paths: str) -> tuple[dict[str, str], set[str]]:
        for path in paths:
            (repo / path).parent.mkdir(exist_ok=True)
            (repo / path).write_text(name, "utf-8")
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "--allow-empty", "-m", name)
        return again(name)

    def again(name: str) -> tuple[dict[str, str], set[str]]:
        values, variables = event("push", {"branch": "main"})
        variables["CIRCLE_SHA1"] = git(repo, "rev-parse", "HEAD").strip()
        machine = Machine(tmp_path / name, repo, variables=variables, caches=tmp_path / "caches")
        status = machine.run(Pipeline((repo / CONFIG).read_text("utf-8"), values))
        return status, {job for job, log in machine.logs.items() if re.search(r"^ran$", log, re.MULTILINE)}

    good = {"fit": "success", "check": "success"}
    assert push("first", "README") == (good, {"fit", "check"}), "no head is known yet"
    assert push("docs", "README") == (good, set())
    assert push("code", "src/a") == (good, {"fit", "check"})
    assert again("code-again") == (good, {"fit", "check"}), "a rerun compares with what the first run did"
    assert push("broken", "src/broken")[0] == {"fit": "failed", "check": "not_run"}
    assert push("docs-after", "README") == (good, set())


LEGS = """
triggers: {push: {}}
runtime: {cache: {paths: [~/.cache/pip], key: [r.txt]}}
runners: {a: {circleci: {resource_class: small}}, b: {circleci: {resource_class: large}}}
stages:
  test:
    unit: {matrix: {py: ["3.11", "3.12"]}, python: "${matrix.py}", run: pytest}
    cross: {matrix: {py: ["3.11", "3.12"], os: [jammy, noble]}, image: "x/py-${matrix.py}:1", run: pytest}
    apart: {matrix: {py: ["3.11", "3.12"], size: [a, b]}, python: "${matrix.py}", runner: "${matrix.size}", run: pytest}
"""


def test_legs_run_in_the_image_of_their_axis(tmp_path: Path) -> None:
    config = files(project(tmp_path, LEGS))[CONFIG]
    assert checkers.check_all(project_file(tmp_path, config), "circleci") == []
    ran = Pipeline(config, event("push", {"branch": "main"})[0]).invocations
    assert {name: job.image for name, job in ran.items() if job.key == "unit"} == {
        "unit-3.11": "cimg/python:3.11",
        "unit-3.12": "cimg/python:3.12",
    }
    assert {
        (job.environment["py"], job.environment["os"], job.image) for job in ran.values() if job.key == "cross"
    } == {(py, os, f"x/py-{py}:1") for py in ("3.11", "3.12") for os in ("jammy", "noble")}
    assert {(job.environment["py"], job.image) for job in ran.values() if job.key == "apart"} == {
        ("3.11", "cimg/python:3.11"),
        ("3.12", "cimg/python:3.12"),
    }
    # What one leg has downloaded is not what another needs.
    keys = {job.name: step["key"] for job in ran.values() for kind, step in job.steps if kind == "save_cache"}
    assert len(keys) == 10 and len({keys["unit-3.11"], keys["unit-3.12"]}) == 2
    assert all(job.environment["py"] in keys[job.name] for job in ran.values())
    assert "<<" not in "".join(keys.values())


def project_file(folder: Path, text: str) -> Path:
    path = folder / CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_container_on_a_machine_takes_its_options(tmp_path: Path) -> None:
    gpu = '{machine: {image: "linux-cuda-12:default"}, resource_class: gpu.nvidia.medium}'
    image = "{name: x/cuda:1, pull: always, options: [%s]}"
    jobs = {"plain": "x/cuda:1", "said": image % "--shm-size=2g", "own": image % "--gpus=1"}
    lines = [f"    {name}: {{run: train, runner: gpu, runtime: none, image: {text}}}" for name, text in jobs.items()]
    spec = f"triggers: {{push: {{}}}}\nrunners: {{gpu: {{circleci: {gpu}}}}}\nstages:\n  train:\n" + "\n".join(lines)
    config = parsed(files(project(tmp_path, spec))[CONFIG])
    steps = {name: config["jobs"][name]["steps"] for name in jobs}
    found = {name: next(s["run"]["command"] for s in own if "docker run" in str(s)) for name, own in steps.items()}
    assert ["--gpus all" in command for command in found.values()] == [True, True, False]
    assert "--shm-size=2g --pull=always" in found["said"] and "--gpus=1 --pull=always" in found["own"]


def test_an_axis_that_is_a_word_of_workflows_is_refused(tmp_path: Path) -> None:
    spec = "stages: {train: {fit: {run: x, matrix: {filters: [1, 2], max_parallel: 1}}}}"
    with pytest.raises(SpecError) as caught:
        files(project(tmp_path, spec))
    assert "filters is a word of CircleCI's workflows" in caught.value.diagnostics[0].message


def test_what_comes_after_a_job_that_looks_at_results_runs_also_where_that_did_not_start(tmp_path: Path) -> None:
    text = """
triggers: {push: {}}
stages:
  data: {a: {run: x}}
  test: {tell: {run: x, needs: [a], when: {result: failure}}}
  last: {b: {run: x}, c: {run: x, needs: [tell], when: {result: failure}}}
"""
    config = parsed(files(project(tmp_path, text))[CONFIG])
    assert _entry(config, "b")["requires"] == ["a", {"tell": ["success", "not_run"]}]
    assert _entry(config, "c")["requires"] == [{"tell": ["failed", "canceled", "unauthorized"]}]
