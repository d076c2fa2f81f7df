"""Jenkins: the emitted Jenkinsfile against third-party Groovy, an oracle of conditions, and real runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import compile_spec
from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.ir import Pipeline
from mlgen.targets import get
from mlgen.targets.contract import Output
from mlgen.targets.jenkins.check import check
from mlgen.targets.jenkins.conditions import NAMED_TIMER, TIMER, USER
from mlgen.targets.jenkins.naming import stage_name
from mlgen.targets.jenkins.reader import read
from mlgen.targets.uses import CONSTRUCTS
from tests.engines.checkers import groovy_check
from tests.engines.run_jenkins import run_jenkins
from tests.engines.runs import RunResult
from tests.engines.tools import find, git
from tests.targets.jenkins.groovy import runs, scripts
from tests.targets.jenkins.project import SPECS, checkout, compiled, load, pipeline_of, spec, text_of, unchecked
from tests.targets.strings import COMMANDS

OUTPUT = Output("Jenkinsfile", "jenkins/Jenkinsfile.j2", {}, comment="//")


# --- the examples


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_compiles_and_is_clean(name: str, tmp_path: Path) -> None:
    result = compiled(tmp_path, load(name))
    (tmp_path / "Jenkinsfile").write_text(text_of(result), "utf-8")
    assert groovy_check(tmp_path / "Jenkinsfile") == []
    assert all(d.code == "MLG402" for d in result.warnings)
    text = text_of(result)
    assert "\n\n\n" not in text
    assert not any(line.endswith(" ") for line in text.split("\n"))
    assert text.endswith("}\n")
    # With the other targets beside it, the file is the same.
    assert text_of(compile_spec(SPECS[name], "mlgen.yaml", only=("jenkins",))) == text


def test_every_construct_has_a_row() -> None:
    rows = [capability.construct for capability in get("jenkins").capabilities]
    assert rows == list(CONSTRUCTS)


def test_warnings_are_silenced_by_the_fallbacks(tmp_path: Path) -> None:
    data = load("features")
    assert {d.message.split("(")[0].split(": ")[0] for d in compiled(tmp_path, data).warnings} == {
        "Jenkins says in a weaker way order ",
        "Jenkins says in a weaker way secrets ",
        "Jenkins says in a weaker way summary ",
    }
    data["targets"]["jenkins"]["fallback"] = {"order": "branch", "secrets": "folder", "summary": "archive"}
    pipeline = pipeline_of(tmp_path, data)
    assert get("jenkins").refuse(pipeline) == []


# --- conditions


Event = tuple[str, dict[str, str], dict[str, Any]]
"""Its kind, its attributes for the oracle, and what Jenkins sets."""


def _events(pipeline: Pipeline, branches: list[str], tags: list[str]) -> list[Event]:
    found: list[Event] = []
    for branch in branches:
        env = {"BRANCH_NAME": branch}
        found.append(("push", {"branch": branch}, {"env": env, "causes": ["jenkins.branch.BranchEventCause"]}))
        found.append(("manual", {"branch": branch}, {"env": env, "causes": [USER]}))
        for fork in (False, True):
            attributes = {"branch": branch, **({"fork": "true"} if fork else {})}
            change = {"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": branch, "CHANGE_BRANCH": "main"}
            change |= {"CHANGE_FORK": "someone"} if fork else {}
            found.append(("pull_request", attributes, {"env": change, "causes": []}))
    for tag in tags:
        found.append(("tag", {"tag": tag}, {"env": {"BRANCH_NAME": tag, "TAG_NAME": tag}, "causes": [USER]}))
    schedules = pipeline.triggers.schedules
    for schedule in schedules:
        env = {"BRANCH_NAME": schedule.branch, "JENKINS_SCHEDULE": schedule.name}
        cause = TIMER if len(schedules) == 1 else NAMED_TIMER
        attributes = {"branch": schedule.branch, "schedule": schedule.name}
        found.append(("schedule", attributes, {"env": env, "causes": [cause]}))
    return found


def _agree(tmp_path: Path, pipeline: Pipeline, branches: list[str], tags: list[str]) -> None:
    by_hand = pipeline.triggers.on("manual")
    events = [event for event in _events(pipeline, branches, tags) if event[0] != "manual" or by_hand]
    answers = runs(tmp_path, unchecked(pipeline), [said for _, _, said in events])
    for (kind, attributes, _), answer in zip(events, answers, strict=True):
        started = pipeline.triggers.condition.holds(kind, attributes)
        wanted = {
            stage_name(job, leg)
            for job in pipeline.jobs
            for leg in (job.matrix.legs if job.matrix else (None,))
            if started and job.condition.holds(kind, attributes)
        }
        assert answer["event"] == (kind if started else "none"), (kind, attributes)
        assert set(answer["jobs"]) == wanted, (kind, attributes)


@pytest.mark.parametrize("form", ["stages", "table"])
@pytest.mark.parametrize("name", SPECS)
def test_the_conditions_are_those_of_the_spec(name: str, form: str, tmp_path: Path) -> None:
    branches = ["main", "trunk", "Trunk", "MAIN", "release/1", "release/1/2", "release/old", "Release/1", "mainx"]
    _agree(tmp_path, pipeline_of(tmp_path, load(name, form)), branches, ["v1", "V1", "v1/x", "xv1", "main", "trunk"])


def test_a_condition_says_no_event_that_the_triggers_exclude(tmp_path: Path) -> None:
    triggers = {"push": {"branches": ["release/**"]}, "pull_request": {"branches": ["main"]}}
    stages = {"test": {"unit": {"run": "true", "when": {"branch": "main"}}}}
    assert "'push' &&" not in text_of(compiled(tmp_path, spec(stages, triggers=triggers)))


@pytest.mark.parametrize("form", ["stages", "table"])
def test_conditions_with_patterns_of_every_kind(form: str, tmp_path: Path) -> None:
    patterns = ["a/**/z", "[ab]*", "[!ab]?", "**/x", "a+b", "a.b", "*.*-?", "**"]
    jobs: dict[str, Any] = {
        f"j{index}": {"run": "true", "when": {"branch": pattern}} for index, pattern in enumerate(patterns)
    }
    jobs["minus"] = {"run": "true", "when": {"branch": ["**", "!a/**", "!main"]}}
    jobs["unless"] = {"run": "true", "when": {"not": {"branch": ["a.b", "a+?"]}}}
    either = [{"event": "push", "branch": ["main", "a*"]}, {"event": "tag", "tag": "v*"}]
    jobs["either"] = {"run": "true", "when": either}
    triggers = {"push": {}, "pull_request": {}, "tag": ["v*", "!v0"], "manual": {}}
    targets = {"jenkins": {"form": form}}
    pipeline = pipeline_of(tmp_path, spec({"data": jobs}, triggers=triggers, targets=targets))
    branches = ["a/z", "a/b/z", "a/b/c/z", "abc", "cd", "c", "x", "p/x", "p/q/x", "a+b", "aab", "a.b", "axb"]
    _agree(tmp_path, pipeline, [*branches, "main", "re/x", "n.m-o", "a/n.m-o", "Main"], ["v1", "v0", "w"])


# --- the structural check


def _jenkinsfile(tmp_path: Path, name: str = "features") -> tuple[Pipeline, str]:
    pipeline = pipeline_of(tmp_path, load(name))
    return pipeline, unchecked(pipeline)


def _replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, count)


def _without_stage(name: str) -> Callable[[str], str]:
    def damage(text: str) -> str:
        lines = text.split("\n")
        start = next(i for i, line in enumerate(lines) if line.strip() == f"stage('{name}') {{")
        indent = len(lines[start]) - len(lines[start].lstrip())
        end = next(i for i in range(start, len(lines)) if lines[i] == " " * indent + "}")
        return "\n".join(lines[:start] + lines[end + 1 :])

    return damage


LEAK = "withCredentials([string(credentialsId: 'DEPLOY_KEY', variable: 'K')]) { sh 'true' }\nunstash 'fetch'\n"
HINT = "                stage('test / hint') {\n"
MANY = "".join(f"stage('s{i}') {{ agent any\nsteps {{ sh 'x' }}\n}}\n" for i in range(40))
DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "a brace is lost": (_replaced("            }\n        }\n\n", "            }\n\n"), "not closed"),
    "a quote is lost": (_replaced("stage('train / best')", "stage('train / best)"), "cannot read"),
    "a job is lost": (_without_stage("test / quality"), "no stage is called test / quality"),
    "a job is renamed": (_replaced("stage('test / unit')", "stage('test / units')"), "is no job of the pipeline"),
    "a job twice": (_replaced("stage('test / hint')", "stage('test / quality')"), "are called test / quality"),
    "a stash is not made": (_replaced("stash name: 'best-best'", "stash name: 'best-other'"), "no earlier stage makes"),
    "a stash is not received": (_replaced("unstash 'best-best'\n", "echo 'x'\n"), "does not receive best-best"),
    "files that are not declared": (
        _replaced("unstash 'drift'", "unstash 'drift'\n unstash 'fetch'"),
        "does not declare",
    ),
    "an approval is lost": (_without_stage("approve production"), "needs an approval"),
    "a lock is lost": (_replaced("options { lock(resource: 'features/production') }\n", ""), "does not hold its lock"),
    "a secret for a job that does not list it": (
        _replaced("unstash 'fetch'\n", LEAK),
        "which it does not list",
    ),
    "a secret for all jobs": (
        _replaced("JENKINS_EVENT = event()", "JENKINS_EVENT = event()\nDEPLOY_KEY = credentials('DEPLOY_KEY')"),
        "outside of the stages",
    ),
    "a secret is not bound": (_replaced("credentialsId: 'REGISTRY_TOKEN'", "x: 'REGISTRY_TOKEN'"), "does not bind"),
    "a parallel in a parallel": (
        _replaced(HINT, HINT + "parallel { stage('a') { steps { echo 'x' } } }\n"),
        "one of steps",
    ),
    "a script that is too long": (_replaced("./unit.sh", "./unit.sh " + "x" * 66_000), "65535 bytes"),
    "too many stages": (
        _replaced("    stages {\n", "    stages {\n" + MANY),
        "bytes of code",
    ),
}


def test_the_emitted_text_passes(tmp_path: Path) -> None:
    pipeline, text = _jenkinsfile(tmp_path)
    assert check(OUTPUT, text, pipeline) == []


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found(kind: str, tmp_path: Path) -> None:
    damage, message = DAMAGE[kind]
    pipeline, text = _jenkinsfile(tmp_path)
    damaged = damage(text)
    assert damaged != text
    assert message in " | ".join(d.message for d in check(OUTPUT, damaged, pipeline))


def test_a_job_that_comes_too_early_is_found(tmp_path: Path) -> None:
    pipeline, text = _jenkinsfile(tmp_path, "minimal")
    fit, model = text.index("        stage('train / fit')"), text.index("        stage('test / model')")
    swapped = text[:fit] + text[model : text.rindex("    }\n}")] + text[fit:model] + "    }\n}\n"
    assert "test.model does not wait for train.fit" in " | ".join(d.message for d in check(OUTPUT, swapped, pipeline))


# --- what Jenkins cannot say


def _faults(tmp_path: Path, data: dict[str, Any]) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, data)
    return [d for d in caught.value.diagnostics if d.severity == "error"]


ONE = {"data": {"a": {"run": "true"}}}
STAGES = {"jenkins": {"form": "stages"}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "names in cron": (spec(ONE, triggers={"schedule": [{"name": "s", "cron": "0 3 * * MON"}]}), "cannot read 'MON'"),
    "day and weekday": (spec(ONE, triggers={"schedule": [{"name": "s", "cron": "0 3 1 * 1"}]}), "day and weekday"),
    "a word of Groovy": (spec({"data": {"a": {"run": "true", "env": {"in": "x"}}}}), "a word of Groovy"),
    "a word of Groovy for all": (spec(ONE, env={"class": "x"}), "a word of Groovy"),
    "an approval of a matrix": (
        spec(
            {"deploy": {"a": {"run": "true", "environment": "p", "matrix": {"x": [1, 2]}}}},
            environments={"p": {"approval": True}},
        ),
        "ask once",
    ),
    "a class in a path": (spec({"data": {"a": {"run": "true", "outs": ["x[12]/"]}}}), "no [ ]"),
    "a push that cancels deployments by hand": (
        spec(
            {"deploy": {"a": {"run": "true", "environment": "p", "when": {"event": "manual"}}}},
            environments={"p": {}},
            triggers={"push": {}, "manual": {}},
            concurrency={"cancel": ["push"]},
        ),
        "would cancel a manual run",
    ),
    "too many stages": (
        spec({"data": {f"j{i}": {"run": "true", "outs": [f"o{i}"]} for i in range(60)}}, targets=STAGES),
        "bytes of code",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused(kind: str, tmp_path: Path) -> None:
    data, message = REFUSED[kind]
    (fault,) = _faults(tmp_path, data)
    assert message in fault.message
    assert fault.code in ("MLG401", "MLG404")
    assert fault.hint


def test_a_runner_that_says_nothing_of_jenkins_is_refused(tmp_path: Path) -> None:
    data = load("features")
    del data["runners"]["gpu"]["jenkins"]
    (fault,) = _faults(tmp_path, data)
    assert "does not say which agent" in fault.message
    data["targets"]["jenkins"]["fallback"] = {"runner": "default"}
    assert get("jenkins").refuse(pipeline_of(tmp_path, data))[0].severity == "warning"


def test_no_image_of_linux_on_another_system(tmp_path: Path) -> None:
    jobs = {system: {"run": "true", "runner": system, "python": "3.12"} for system in ("macos", "linux")}
    data = spec({"test": jobs})
    (warning,) = get("jenkins").refuse(pipeline_of(tmp_path, data))
    assert "the agent's own Python, not 3.12" in warning.message
    data["targets"] = {"jenkins": {"fallback": {"python": "machine"}}}
    assert list(get("jenkins").refuse(pipeline_of(tmp_path, data))) == []
    text = text_of(compiled(tmp_path, data))
    assert text.count("image 'python:3.12'") == 1
    assert "agent { label 'macos' }" in text


# --- scripts

EXTRA = (
    "echo '\\u0041' '\\\\u0041' \"\\\\\\u0042\"",
    "echo '$' '$x' '${y}' '$$'",
    "echo '\\x41\\101' '/*' '//' '*/'",
    "echo a\\\necho \"'''\"\\'",
    "cat <<'EOF'\n'''''\n\\\\'''\\\nEOF",
)


def _run(script: str, folder: Path) -> bytes:
    file = folder / "script"
    file.write_text(script, "utf-8")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "JENKINS_EVENT": "push", "WORKSPACE_TMP": str(folder)}
    # Not executed itself: while another thread forks, its file is still open for writing there (ETXTBSY).
    first = script.partition("\n")[0]
    argv = [*first[2:].split(), str(file)] if first.startswith("#!") else ["sh", "-xe", str(file)]
    return subprocess.run(
        argv, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    ).stdout


@pytest.mark.parametrize("bounds", [{}, {"timeout": "1m", "retry": 1}], ids=["plain", "bounded"])
def test_scripts_reach_the_shell_unchanged(bounds: dict[str, Any], tmp_path: Path) -> None:
    commands = (*COMMANDS, *EXTRA)
    jobs = {f"c{index}": {"run": command, **bounds} for index, command in enumerate(commands)}
    data = spec({"data": jobs}, targets=STAGES)
    pipeline = pipeline_of(tmp_path, data)
    found = {f"c{index}": tmp_path / f"c{index}" for index in range(len(commands))}
    env_sh = next(f.text for f in compiled(tmp_path / "small", spec(ONE)).files if f.path == ".mlgen/env.sh")
    for folder in found.values():
        (folder / ".mlgen").mkdir(parents=True)
        (folder / ".mlgen/env.sh").write_text(env_sh, "utf-8")

    def compare(said: dict[str, str]) -> tuple[str, bytes, bytes]:
        command = commands[int(said["label"][1:])]
        argv = ["bash", "-euo", "pipefail", "-c", command]
        plain = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True)
        return command, _run(said["script"], found[said["label"]]), plain.stdout

    text = unchecked(pipeline)
    said = scripts(tmp_path, text)
    mine = [node.argument("script") for node in read(text).walk() if node.name == "sh"]
    assert mine == [one["script"] for one in said]
    assert [one["label"] for one in said] == list(found)
    with ThreadPoolExecutor(4) as pool:
        for command, got, wanted in pool.map(compare, said):
            assert got == wanted, command


def test_values_and_results_reach_the_job(tmp_path: Path) -> None:
    """Variables of all kinds, legs that share a folder, exports, an early exit, `finally` and what it sees: one run."""
    values = {"A": 'it\'s $HOME "q" \\ \\n $x $$', "B": "", "C": "ünï 🎉 # x: y", "D": " lead"}
    show = 'printf "<%s>" "$A" "$B" "$C" "$D" "$axis" "$MLGEN_JOB" "$MLGEN_BRANCH" "$MLGEN_EVENT" >"out/$axis"\nexit 0'
    final = 'echo "result=$MLGEN_RESULT"'
    stages: dict[str, Any] = {
        "data": {
            "show": {"run": f"mkdir out\n{show}", "matrix": {"axis": ["x", "z"]}, "outs": ["out/"], "env": values},
            "tell": {"run": 'echo k=v >>"$MLGEN_EXPORTS"\ncd /', "exports": ["k"], "finally": final},
        },
        "test": {
            "seen": {"run": 'test "$k" = v; cat out/* >all', "needs": ["tell"], "deps": ["out/"], "outs": ["all"]},
            "fails": {"run": "exit 3", "finally": final, "allow_failure": True, "needs": []},
        },
    }
    root = tmp_path / "project"
    for file in compiled(root, spec(stages, triggers={"push": {}})).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    done = run_jenkins(root, work=tmp_path / "work")
    assert done.ok, done.log
    wanted = ["".join(f"<{v}>" for v in (*values.values(), axis, "data.show", "main", "push")) for axis in ("x", "z")]
    assert done.artifact("all").read_text("utf-8") == "".join(wanted)
    assert "merge: 2 legs of data.show made 2 files" in done.log
    assert "[data / tell] result=success" in done.log
    assert "[test / fails] result=failure" in done.log
    assert done.events[0]["result"] == "SUCCESS"


def test_a_push_is_compared_with_the_last_green_commit(tmp_path: Path) -> None:
    """Jenkins tells a job of it in variables that only its own checkout sets, not a `checkout scm` in the steps."""
    root = tmp_path / "project"
    run = 'echo "<$MLGEN_BASE $MLGEN_COMMIT>"; test -e mlgen.yaml'
    data = spec({"test": {"unit": {"run": run}, "may": {"run": run, "allow_failure": True}}}, triggers={"push": {}})
    for file in compiled(root, data).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    heads = []
    for name in ("before", "now"):
        git(root, "commit", "-q", "--allow-empty", "-m", name)
        heads.append(git(root, "rev-parse", "HEAD").strip())
    done = run_jenkins(root, work=tmp_path / "work", previous_commit=heads[0])
    assert done.ok, done.log
    assert done.log.count("<{} {}>".format(*heads)) == 2, done.log


def test_a_finally_that_fails(tmp_path: Path) -> None:
    """The reports are there all the same, and it is permitted where a failure of the job is."""
    root = tmp_path / "project"
    job = {"run": "mkdir r; echo '<testsuite/>' >r/a.xml", "finally": "exit 3", "reports": {"junit": "r/a.xml"}}

    def done(number: int, **more: Any) -> RunResult:
        jobs = {"unit": {**job, **more}, "next": {"run": "true", "needs": ["unit"]}}
        data = spec({"test": jobs}, triggers={"push": {}})
        for file in compiled(root / str(number), data).files:
            (root / str(number) / file.path).parent.mkdir(parents=True, exist_ok=True)
            (root / str(number) / file.path).write_text(file.text, "utf-8")
        return run_jenkins(root / str(number), work=tmp_path / str(number))

    strict, lenient = done(1), done(2, allow_failure=True)
    for run in (strict, lenient):
        assert [event["stage"] for event in run.events if event["event"] == "junit"] == ["test / unit"], run.log
    assert not strict.ok
    assert lenient.ok
    assert lenient.jobs["test / next"] == "success"


# --- the environment


def test_the_portable_variables(tmp_path: Path) -> None:
    text = text_of(compiled(tmp_path, load("features")), ".mlgen/env.sh")
    (tmp_path / "env.sh").write_text(text, "utf-8")
    assert subprocess.run([find("shellcheck"), "-s", "sh", "env.sh"], cwd=tmp_path, check=False).returncode == 0

    def variables(**env: str) -> dict[str, str]:
        env = {"PATH": os.environ["PATH"], "HOME": "/", **env}
        argv = ["dash", "-eu", "env.sh", "--print"]
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    common = {"BUILD_TAG": "jenkins-a-1", "BUILD_NUMBER": "1", "BUILD_URL": "http://j/1/"}
    common |= {"BRANCH_NAME": "trunk", "GIT_URL": "git@github.com:o/n.git"}
    push = variables(JENKINS_EVENT="push", JENKINS_SCHEDULE="weekly", **common)
    assert push["MLGEN_TARGET"] == "jenkins"
    assert push["MLGEN_BRANCH"] == "trunk"
    assert push["MLGEN_SCHEDULE"] == ""
    assert push["MLGEN_RUN_ID"] == "jenkins-a-1"
    assert push["MLGEN_REPOSITORY_URL"] == "https://github.com/o/n"
    assert push["MLGEN_INPUT_EPOCHS"] == "10"
    change = {"CHANGE_ID": "7", "CHANGE_BRANCH": "topic", "CHANGE_TARGET": "trunk", "CHANGE_AUTHOR": "someone"}
    pull = variables(JENKINS_EVENT="pull_request", BRANCH_NAME="PR-7", GIT_URL="https://u:p@h/o/n.git", **change)
    assert [pull[f"MLGEN_{n}"] for n in ("PR", "BRANCH", "BASE_BRANCH", "ACTOR")] == ["7", "topic", "trunk", "someone"]
    assert pull["MLGEN_REPOSITORY_URL"] == "https://h/o/n"
    tag = variables(JENKINS_EVENT="tag", BRANCH_NAME="v1", TAG_NAME="v1", GIT_URL="ssh://git@h:22/o/n")
    assert [tag[f"MLGEN_{n}"] for n in ("TAG", "BRANCH")] == ["v1", ""]
    assert tag["MLGEN_REPOSITORY_URL"].startswith("https://h")
    timed = variables(JENKINS_EVENT="schedule", BRANCH_NAME="trunk", JENKINS_SCHEDULE="hourly")
    assert [timed[f"MLGEN_{n}"] for n in ("EVENT", "SCHEDULE", "BRANCH")] == ["schedule", "hourly", "trunk"]
    manual = variables(JENKINS_EVENT="manual", BRANCH_NAME="trunk", MLGEN_INPUT_EPOCHS="3", MLGEN_INPUT_MODE="full")
    assert [manual[f"MLGEN_INPUT_{n}"] for n in ("EPOCHS", "MODE", "RATE")] == ["3", "full", "0.5"]


def test_the_commit_of_a_pull_request_is_its_head(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    env_sh = text_of(compiled(tmp_path / "project", spec(ONE)), ".mlgen/env.sh")
    git(tmp_path, "init", "-q", "-b", "main")
    heads = {}
    for name, start in (("base", None), ("target", "base"), ("head", "base")):
        git(tmp_path, "checkout", "-q", *(["-b", name, start] if start else ["-b", name]))
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", name)
        heads[name] = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "update-ref", "refs/remotes/origin/PR-7", heads["head"])
    git(tmp_path, "update-ref", "refs/remotes/origin/main", heads["target"])
    git(tmp_path, "checkout", "-q", "--detach", "target")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "merge", "head")
    (tmp_path / "env.sh").write_text(env_sh, "utf-8")
    env = {
        "HOME": "/",
        "JENKINS_EVENT": "pull_request",
        "BRANCH_NAME": "PR-7",
        "CHANGE_ID": "7",
        "CHANGE_TARGET": "main",
    }

    def shown(path: str) -> dict[str, str]:
        argv = ["/bin/sh", "-eu", "env.sh", "--print"]
        done = subprocess.run(argv, cwd=tmp_path, env={**env, "PATH": path}, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    said = shown(os.environ["PATH"])
    assert said["MLGEN_COMMIT"] == heads["head"]
    assert said["MLGEN_BASE"] == heads["base"]
    assert said["MLGEN_CHECKOUT"] == git(tmp_path, "rev-parse", "HEAD").strip()
    # Without git, as in many images.
    (tmp_path / "bin").mkdir()
    for tool in ("tr", "cut", "sed"):
        (tmp_path / "bin" / tool).symlink_to(find(tool))
    assert shown(str(tmp_path / "bin"))["MLGEN_COMMIT"] == heads["head"]


def test_the_settings(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, load("features"))
    said = {setting.title: setting for setting in get("jenkins").settings(pipeline)}
    assert {"Credential DEPLOY_KEY", "Credential REGISTRY_TOKEN", "Tags", "Schedules", "Approval of production"} <= set(
        said
    )
    assert "Parameterized Scheduler" in said["Plugins"].detail
    assert "ml-leads" in said["Approval of production"].detail
    assert "gpu" in said["Agents"].detail
    assert "Tags" not in {s.title for s in get("jenkins").settings(pipeline_of(tmp_path, load("minimal")))}


# --- real runs


TOKEN = {"DEPLOY_TOKEN": "hunter2hunter2"}


def test_wine_quality_deploys_after_its_approval(wine_python: Path, tmp_path: Path) -> None:
    """The committed Jenkinsfile; what its setup asks for is in the environment already."""
    example, repo = SPECS["wine-quality"], tmp_path / "repo"
    shutil.copytree(example, repo, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    done = run_jenkins(repo, work=tmp_path / "work", python=wine_python, credentials=TOKEN, env={"PIP_NO_INDEX": "1"})
    assert done.ok, done.log
    assert set(done.jobs.values()) == {"success"}
    assert json.loads(done.artifact("metrics.json").read_text()) == json.loads(
        (example / "baselines/metrics.json").read_text()
    )
    kinds = [(e["event"], e.get("stage")) for e in done.events if e["event"] in ("input", "sh", "lock")]
    asked = kinds.index(("input", "approve production"))
    assert kinds.index(("lock", "deploy / staging")) < asked < kinds.index(("lock", "deploy / production"))
    assert ("sh", "deploy / production") not in kinds[:asked]
    assert not any(e["holds_executor"] for e in done.events if e["event"] == "input")
    assert "hunter2" not in done.log


def _stub(root: Path, change: Callable[[dict[str, Any]], None] = lambda data: None) -> Path:
    """wine-quality with commands that do little."""
    data = load("wine-quality")
    del data["runtime"]["setup"]
    for job in (job for stage in data["stages"].values() for job in stage.values() if "run" in job):
        made = " ".join([*job.get("outs", ()), *job.get("metrics", ())])
        job["run"] = (
            f'for f in {made}; do mkdir -p "$(dirname $f)"; echo \'{{"accuracy": 0.97}}\' >$f; done' if made else "true"
        )
    change(data)
    return checkout(root, "wine-quality", data)


def _ran(done: RunResult) -> set[str]:
    return {event["stage"] for event in done.events if event["event"] == "sh"}


def test_what_is_refused_does_not_deploy(tmp_path: Path) -> None:
    done = run_jenkins(_stub(tmp_path / "repo"), work=tmp_path / "work", credentials=TOKEN, input_answer="abort")
    assert done.events[0]["result"] == "ABORTED"
    assert "deploy / staging" in _ran(done)
    assert "deploy / production" not in _ran(done)


def test_a_missing_output_fails_its_job(tmp_path: Path) -> None:
    def missing(data: dict[str, Any]) -> None:
        data["stages"]["train"]["fit"]["run"] = "echo '{\"accuracy\": 1}' >metrics.json\nexit 0"

    done = run_jenkins(_stub(tmp_path / "repo", missing), work=tmp_path / "work", credentials=TOKEN)
    assert done.jobs["train / fit"] == "failure"
    assert done.jobs["test / quality"] == "skipped"


def test_a_pull_request_of_a_fork_sees_no_secret(tmp_path: Path) -> None:
    change = {"id": "7", "target": "main", "branch": "topic", "fork": "someone"}
    done = run_jenkins(_stub(tmp_path / "repo"), work=tmp_path / "work", credentials=TOKEN, change=change)
    assert done.ok, done.log
    assert done.jobs["test / quality"] == "success"
    assert done.jobs["deploy / staging"] == done.jobs["deploy / production"] == "skipped"
    assert not any(event["event"] == "credentials" for event in done.events)


def test_a_text_that_is_not_closed_is_found_out_at_once() -> None:
    from mlgen.targets.jenkins.reader import Unreadable, tokens

    for start in ("'''", "'", '"'):
        with pytest.raises(Unreadable):
            list(tokens(f"x = {start}" + "word and more " * 2000))
