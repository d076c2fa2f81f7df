"""Jenkins: pipelines as a table of jobs, in third-party Groovy and in real runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import compile_spec
from mlgen.diagnostics import SpecError
from mlgen.ir import Pipeline
from mlgen.render import render
from mlgen.targets import get
from mlgen.targets.contract import Output
from mlgen.targets.jenkins import size
from mlgen.targets.jenkins.check import check
from mlgen.targets.jenkins.reader import read
from mlgen.targets.jenkins.rows import methods, rows
from tests import large
from tests.engines.checkers import groovy_check
from tests.engines.run_jenkins import run_jenkins
from tests.engines.runs import RunResult
from tests.targets.jenkins.groovy import method_sizes
from tests.targets.jenkins.project import (
    SPECS,
    TABLES,
    compiled,
    golden,
    load,
    pipeline_of,
    spec,
    table,
    text_of,
    unchecked,
    write,
)

OUTPUT = Output("Jenkinsfile", "jenkins/Jenkinsfile.j2", {}, comment="//")


# --- the file


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_as_committed(name: str) -> None:
    """`make goldens` writes them anew."""
    text = table(name)
    assert text == golden(name).read_text("utf-8")
    assert groovy_check(golden(name)) == []
    assert "\n\n\n" not in text
    assert not any(line.endswith(" ") for line in text.split("\n"))


@pytest.mark.parametrize("count", [60, 400])
def test_many_jobs_fit(count: int, tmp_path: Path) -> None:
    text = text_of(compiled(tmp_path, large.spec(count)))
    (tmp_path / "Jenkinsfile").write_text(text, "utf-8")
    assert groovy_check(tmp_path / "Jenkinsfile") == []
    tree = read(text)
    assert len({row.text("job") for row in rows(tree)}) == count - 2, "all but the deployments"
    estimates = {name: size.of_method(node) for name, node in methods(tree).items()}
    assert max(estimates.values()) < size.LIMIT
    assert size.estimate(tree) < size.LIMIT
    # What Groovy's own compiler makes of these methods; Jenkins' transformer was seen to make a sixth more.
    real = {name: code for name, code in method_sizes(tmp_path, text).items() if re.search(r"Jobs\d*$", name)}
    assert len(real) > 5
    for name, code in real.items():
        assert name == "runJobs" or 1.1 * code < estimates[name] < 2 * code, name
    assert len(text.split("\n")) < 13 * count


def test_the_deployments_are_stages(tmp_path: Path) -> None:
    text = text_of(compiled(tmp_path, large.spec(60)))
    assert re.findall(r"stage\('(.*)'\)", text[text.index("\npipeline {") :]) == [
        "jobs", "deploy / staging", "deploy: production", "approve production", "deploy / production",
    ]  # fmt: skip


def test_too_many_jobs_are_refused(tmp_path: Path) -> None:
    data = spec({"data": {f"j{i}": {"run": f"echo {i}", "env": {"A": str(i)}, "outs": [f"o{i}"]} for i in range(2100)}})
    (output,) = get("jenkins").outputs(_small_pipeline(tmp_path, data))
    text = render(output.template, output.view)
    (fault,) = check(OUTPUT, text, _small_pipeline(tmp_path, data))
    assert fault.code == "MLG404"
    assert "2100 jobs and legs make about" in fault.message
    assert "split the spec" in fault.hint


def _small_pipeline(tmp_path: Path, data: dict[str, Any]) -> Pipeline:
    """The pipeline of many independent jobs alike, made from one of them: what comes before Jenkins takes its time."""
    jobs = data["stages"]["data"]
    pipeline = pipeline_of(tmp_path, {**data, "stages": {"data": {"j0": jobs["j0"]}}})
    (one,) = pipeline.jobs
    many = (one._replace(id=f"data.{name}", name=name, key=name, outs=(f"{name}.txt",)) for name in jobs)
    return pipeline._replace(jobs=tuple(many))


def test_too_many_deployments_are_refused(tmp_path: Path) -> None:
    jobs = {f"d{i}": {"run": "true", "environment": f"e{i}", "needs": []} for i in range(60)}
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, spec({"deploy": jobs}, environments={f"e{i}": {} for i in range(60)}, triggers={"push": {}}))
    (fault,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert fault.code == "MLG404"
    assert "bytes of code" in fault.message


# --- which form


def _form(tmp_path: Path, data: dict[str, Any]) -> str:
    text = text_of(compiled(tmp_path, data))
    return "table" if "runJobs(" in text else "stages"


@pytest.mark.parametrize("name", SPECS)
def test_small_pipelines_have_stages(name: str, tmp_path: Path) -> None:
    assert _form(tmp_path, load(name)) == "stages"


def test_the_graph_asks_for_a_table(tmp_path: Path) -> None:
    """Chains beside each other: as levels, each job would wait for its neighbours."""
    chains = {f"c{i}-{j}": {"run": "true", "needs": [f"c{i}-{j - 1}"] if j else []} for i in range(5) for j in range(4)}
    assert _form(tmp_path, spec({"data": chains})) == "table"
    assert _form(tmp_path, spec({"data": chains}, targets={"jenkins": {"form": "stages"}})) == "stages"
    series = {f"s{j}": {"run": "true", "needs": [f"s{j - 1}"] if j else []} for j in range(15)}
    assert _form(tmp_path, spec({"data": series})) == "stages"


@pytest.mark.parametrize("name", ["features", "wine-quality", "minimal"])
def test_the_size_of_stages_is_foreseen(name: str, tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, load(name, "stages"))
    (output,) = get("jenkins").outputs(pipeline)
    real = size.estimate(read(unchecked(pipeline)))
    assert real <= size.of_levels(output.view["levels"]) <= real + 220, "at most without parameters and triggers"


# --- the structural check


def _replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


LEAK = "secrets: [string(credentialsId: 'DEPLOY_KEY', variable: 'X')]"
HINT, FETCH = "name: 'test / hint'", "needs: ['data.fetch']"
TELL = r" +\[name: 'test / tell'.*?\],\n(?=    \])"


def _without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, count=1, flags=re.S)


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "a row is lost": (_without(TELL), "no stage is called test / tell"),
    "a leg is lost": (_without(r" +\[name: 'train / sweep \(m-red\)'[^\n]*\n"), "is called train / sweep (m-red)"),
    "a row twice": (_replaced(HINT, "name: 'test / quality'"), "more than one stage is called test / quality"),
    "another job's name": (_replaced("job: 'test.hint'", "job: 'x'"), "does not set MLGEN_JOB to test.hint"),
    "an edge is lost": (_replaced(FETCH, "needs: []"), "data.clean does not wait for data.fetch"),
    "an edge to nothing": (_replaced(FETCH, "needs: ['data.fetch', 'x']"), "waits for x, which is no job"),
    "a circle": (_replaced("needs: []", "needs: ['data.clean']"), "wait for each other"),
    "a stash is not made": (_replaced("gives: ['fetch'", "gives: ['x'"), "no earlier stage makes the stash fetch"),
    "a stash is not received": (_replaced("takes: ['fetch']", "takes: []"), "does not receive fetch"),
    "files that are not declared": (_replaced("takes: ['fetch']", "takes: ['fetch', 'drift']"), "does not declare"),
    "a secret that is not listed": (_replaced(FETCH, f"{FETCH}, {LEAK}"), "which it does not list"),
    "a secret is not bound": (_replaced("secrets: [string(", "x: [string("), "does not bind the credential"),
    "a secret of the machine": (_replaced("return [image", f"return [{LEAK}, image"), "outside of the stages"),
    "a table does not run": (_replaced("dataJobs() + trainJobs()", "trainJobs()"), "the jobs of dataJobs run 0 times"),
    "a table runs twice": (_replaced("(dataJobs()", "(dataJobs() + dataJobs()"), "the jobs of dataJobs run 2 times"),
    "failures are not looked at": (_replaced("j.needs.any { it in stopped }", "false"), "does without stopped"),
    "files are not handed on": (_replaced("(j.takes ?: []).each { unstash it }", ""), "does without unstash"),
    "a method is lost": (_replaced("def withSecrets(", "def with("), "the method withSecrets is not there"),
    "a section twice": (_replaced("    stages {", "    options { timestamps() }\n    stages {"), "stands twice"),
    "an approval is lost": (_replaced("input message: 'Deploy to production?'", "echo 'x'"), "needs an approval"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found(kind: str, tmp_path: Path) -> None:
    damage, message = DAMAGE[kind]
    pipeline = pipeline_of(tmp_path, load("features", "table"))
    text = unchecked(pipeline)
    assert check(OUTPUT, text, pipeline) == []
    damaged = damage(text)
    assert damaged != text
    assert message in " | ".join(d.message for d in check(OUTPUT, damaged, pipeline))


# --- what Groovy and its sandbox take


def test_steps_stand_where_steps_can_run(tmp_path: Path) -> None:
    """A @NonCPS method calls no step, and no method that does: https://www.jenkins.io/doc/book/pipeline/cps-method-mismatches/"""
    text = text_of(compiled(tmp_path, load("features", "table")))
    plain = re.findall(r"@NonCPS\ndef (\w+)\(\) \{\n(.*?)\n\}\n", text, re.S)
    assert [name for name, _ in plain] == ["takeReady"]
    assert set(re.findall(r"\b(\w+)(?:\(| \{)", plain[0][1])) <= {"split", "every", "def"}


# --- real runs


def _run(root: Path, stages: dict[str, Any], work: str = "work", **more: Any) -> RunResult:
    asked = {name: more.pop(name) for name in ("secrets", "environments", "triggers", "gates", "env") if name in more}
    data = spec(stages, targets={"jenkins": {"form": "table"}}, **{"triggers": {"push": {}, "manual": {}}, **asked})
    write(root / "project", data)
    for file in compile_spec(root / "project", "mlgen.yaml", only=("jenkins",)).files:
        (root / "project" / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / "project" / file.path).write_text(file.text, "utf-8")
    return run_jenkins(root / "project", work=root / work, **more)


def _ran(done: RunResult) -> list[str]:
    return [event["stage"] for event in done.events if event["event"] == "stage" and " / " in event["stage"]]


def test_a_job_starts_as_soon_as_what_it_needs_has_ended(tmp_path: Path) -> None:
    """The slow one and the quick one do not wait for each other, and a barrier waits for both."""
    stages: dict[str, Any] = {
        "data": {
            "slow": {"run": "for i in $(seq 100); do test -e \"$HOME/quick\" && exit 0; sleep 0.1; done; exit 1"},
            "first": {"run": "true"},
            "quick": {"run": 'touch "$HOME/quick"', "needs": ["first"]},
        },
        "test": {"all": {"run": "true"}},
    }  # fmt: skip
    done = _run(tmp_path, stages)
    assert done.ok, done.log
    assert set(done.jobs.values()) == {"success"}
    assert _ran(done)[-1] == "test / all"


def test_failures_stop_what_needs_them_and_nothing_else(tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "data": {
            "bad": {"run": "exit 3"},
            "may": {"run": "exit 4", "allow_failure": True, "needs": []},
            "good": {"run": "sleep 1", "needs": []},
        },
        "train": {
            "stopped": {"run": "true", "needs": ["bad"]},
            "further": {"run": "true", "needs": ["stopped"]},
            "beside": {"run": "true", "needs": ["good", "may"]},
            "after": {"run": "true", "needs": ["beside"]},
        },
        "deploy": {"app": {"run": "true", "environment": "live"}},
    }
    done = _run(tmp_path, stages, environments={"live": {}})
    assert done.events[0]["result"] == "FAILURE"
    assert {name: done.jobs[name] for name in ("data / bad", "data / good", "train / beside", "train / after")} == {
        "data / bad": "failure", "data / good": "success", "train / beside": "success", "train / after": "success",
    }  # fmt: skip
    assert not {"train / stopped", "train / further"} & set(_ran(done))
    assert done.jobs["deploy / app"] == "skipped"
    assert "did not pass: data.bad, train.stopped, train.further" in done.log


def test_what_does_not_run_is_not_waited_for(tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "data": {"tagged": {"run": "exit 1", "when": {"event": "tag"}}, "pushed": {"run": "true"}},
        "train": {"fit": {"run": "true"}},
        "test": {"unit": {"run": "true", "needs": [{"job": "tagged", "optional": True}]}},
    }
    done = _run(tmp_path, stages, triggers={"push": {}, "tag": ["v*"]})
    assert done.ok, done.log
    assert set(_ran(done)) == {"data / pushed", "train / fit", "test / unit"}


def test_nothing_runs_on_an_event_that_no_job_is_for(tmp_path: Path) -> None:
    done = _run(
        tmp_path, {"data": {"a": {"run": "true", "when": {"event": "tag"}}}}, triggers={"push": {}, "tag": ["v*"]}
    )
    assert done.ok, done.log
    assert _ran(done) == []


def test_files_values_and_results_are_handed_on(tmp_path: Path) -> None:
    values = {"A": 'it\'s $HOME "q" \\ \\n $x $$', "B": "", "C": "ünï 🎉 # x: y", "D": " lead"}
    show = 'printf "<%s>" "$A" "$B" "$C" "$D" "$axis" "$MLGEN_JOB" "$MLGEN_BRANCH" "$MLGEN_EVENT" >"out/$axis"\nexit 0'
    final = 'echo "result=$MLGEN_RESULT secret=${TOKEN-}"'
    stages: dict[str, Any] = {
        "data": {
            "show": {"run": f"mkdir out\n{show}", "matrix": {"axis": ["x", "z"]}, "outs": ["out/"], "env": values},
            "tell": {
                "run": 'echo k=v >>"$MLGEN_EXPORTS"\ncd /', "exports": ["k"], "finally": final, "secrets": ["TOKEN"],
            },
            "hidden": {"run": "mkdir out; echo no >out/no; echo no >other"},
        },
        "test": {
            "seen": {
                "run": 'test "$k" = v; test ! -e other; cat out/* >all', "needs": ["tell"], "deps": ["out/"],
                "outs": ["all"],
            },
            "fails": {
                "run": "exit 3", "finally": final, "allow_failure": True, "needs": [], "reports": {"junit": "r.xml"},
            },
        },
    }  # fmt: skip
    done = _run(tmp_path, stages, secrets={"TOKEN": {}}, credentials={"TOKEN": "hunter2hunter2"})
    assert done.ok, done.log
    wanted = ["".join(f"<{v}>" for v in (*values.values(), axis, "data.show", "main", "push")) for axis in ("x", "z")]
    assert done.artifact("all").read_text("utf-8") == "".join(wanted)
    assert "merge: 2 legs of data.show made 2 files" in done.log
    assert "[data / tell] result=success secret=****" in done.log
    assert "[test / fails] result=failure secret=" in done.log
    assert done.jobs["test / fails"] == "unstable"
    assert [e["ids"] for e in done.events if e["event"] == "credentials"] == [["TOKEN"], ["TOKEN"]]
    assert [e["stage"] for e in done.events if e["event"] == "junit"] == ["test / fails"]


def test_legs_hold_as_many_locks_as_may_run(tmp_path: Path) -> None:
    stages = {"data": {"fit": {"run": "sleep 0.2", "matrix": {"x": [1, 2, 3, 4], "max_parallel": 2}}}}
    done = _run(tmp_path, stages)
    assert done.ok, done.log
    held = most = 0
    for event in done.events:
        held += {"lock": 1, "unlock": -1}.get(event["event"], 0)
        most = max(most, held)
    assert most == 2


def test_a_missing_output_fails_its_job(tmp_path: Path) -> None:
    stages = {"data": {"a": {"run": "true", "outs": ["x"]}, "b": {"run": "true", "deps": ["x"]}}}
    done = _run(tmp_path, stages)
    assert done.jobs["data / a"] == "failure"
    assert "data / b" not in done.jobs


def test_a_pull_request_of_a_fork_sees_no_secret(tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "data": {"token": {"run": "true", "secrets": ["TOKEN"], "outs": ["x"]}, "plain": {"run": "true"}},
        "test": {"hard": {"run": "true", "deps": ["x"]}, "unit": {"run": "true"}},
    }
    change = {"id": "7", "target": "main", "branch": "topic", "fork": "someone"}
    triggers: dict[str, Any] = {"push": {}, "pull_request": {}}
    done = _run(tmp_path, stages, secrets={"TOKEN": {}}, triggers=triggers, change=change)
    assert done.ok, done.log
    assert set(_ran(done)) == {"data / plain", "test / unit"}
    assert not any(event["event"] == "credentials" for event in done.events)


def test_a_large_pipeline_runs(tmp_path: Path) -> None:
    """Its own graph, with commands that do little; one job fails."""
    data = large.spec(33)
    del data["runtime"]["setup"], data["runtime"]["cache"]
    for jobs in data["stages"].values():
        for name, job in jobs.items():
            made = [path.replace("${matrix.seed}", "$seed") for path in (*job.get("outs", ()), *job.get("metrics", ()))]
            lines = [f'mkdir -p "$(dirname "{path}")"; echo \'{{"accuracy": 0.95}}\' >"{path}"' for path in made]
            if "run" in job:
                job["run"] = "\n".join([*lines, "exit 1" if name == "set01-large" else "true"])
    root = tmp_path / "project"
    for file in compiled(root, data).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    secrets = dict.fromkeys(data["secrets"], "hunter2hunter2")
    done = run_jenkins(root, work=tmp_path / "work", credentials=secrets)
    ran = _ran(done)
    assert done.jobs["train / set01-large"] == "failure"
    assert "test / set01-behaviour" not in ran, "it needs the model that failed"
    assert {"test / set00-behaviour", "train / set01-sweep (1)", "test / unit"} <= set(ran)
    assert done.jobs["deploy / staging"] == done.jobs["deploy / production"] == "skipped"
    assert ran.index("data / set00-check") < ran.index("features / set00-features") < ran.index("train / set00-small")


def test_a_matrix_of_one_leg_is_a_row(tmp_path: Path) -> None:
    job = {"run": "true", "matrix": {"seed": [1, 2], "exclude": [{"seed": 2}]}}
    text = text_of(compiled(tmp_path, spec({"test": {"fit": job}}, targets={"jenkins": {"form": "table"}})))
    (tmp_path / "Jenkinsfile").write_text(text, "utf-8")
    assert groovy_check(tmp_path / "Jenkinsfile") == []
    assert "legs: [" not in text and "env: ['seed=1']" in text
