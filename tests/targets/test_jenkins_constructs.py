"""Jenkins: constructs of the language, in both forms, by real runs in Groovy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlgen.compiler import compile_spec
from mlgen.diagnostics import Diagnostic, SpecError
from mlgen.targets import get
from tests.engines.run_jenkins import run_jenkins
from tests.engines.runs import RunResult
from tests.engines.tools import git
from tests.targets.jenkins.groovy import runs
from tests.targets.jenkins.project import compiled, load, pipeline_of, spec, text_of, unchecked, write

FORMS = ["stages", "table"]


def _project(root: Path, form: str, stages: dict[str, Any], more: dict[str, Any]) -> Path:
    options = {"form": form} if form else {}
    fallback = more.pop("fallback", {})
    targets = {"jenkins": {**options, **({"fallback": fallback} if fallback else {})}}
    write(root, spec(stages, targets=targets, **{"triggers": {"push": {}, "manual": {}}, **more}))
    for file in compile_spec(root, "mlgen.yaml", only=("jenkins",)).files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text, "utf-8")
    return root


def _run(root: Path, form: str, stages: dict[str, Any], **more: Any) -> RunResult:
    names = ("secrets", "environments", "triggers", "runtime", "env", "runners", "fallback", "gates")
    said = {name: more.pop(name) for name in names if name in more}
    more["env"] = more.pop("variables", {})
    return run_jenkins(_project(root / "project", form, stages, said), work=root / "work", **more)


def _said(done: RunResult, job: str) -> list[str]:
    """What a job's scripts printed."""
    mine = [line.removeprefix(f"[{job}] ") for line in done.log.splitlines() if line.startswith(f"[{job}] ")]
    return [line for line in mine if not line.startswith("ERROR")]


def _ran(done: RunResult) -> set[str]:
    return {event["stage"] for event in done.events if event["event"] == "sh" and " / " in event["stage"]}


# --- scripts


@pytest.mark.parametrize("form", FORMS)
def test_what_heads_scripts(form: str, tmp_path: Path) -> None:
    job = {
        "run": 'echo "$(basename "$PWD") $ACTIVE $TRIAL"; exit 3',
        "working_directory": "sub",
        "activate": "ACTIVE=yes",
        "env": {"TRIAL": "t-${MLGEN_EVENT}-${KIND}", "KIND": "x"},
        "on_failure": 'echo "failed $ACTIVE $MLGEN_RESULT $TRIAL"',
        "finally": 'echo "finally $(basename "$PWD") $MLGEN_RESULT"',
        "runtime": {"setup": ['mkdir sub; echo "setup $TRIAL ${ACTIVE-no}"']},
    }
    done = _run(tmp_path, form, {"data": {"a": job, "b": {**job, "run": "true", "timeout": "1m"}}})
    assert done.jobs["data / a"] == "failure"
    assert _said(done, "data / a")[:2] == ["setup t-push-x no", "sub yes t-push-x"]
    assert _said(done, "data / a")[-2:] == ["failed yes failure t-push-x", "finally sub failure"]
    assert _said(done, "data / b")[-1] == "finally sub success"
    assert not any(line.startswith("failed") for line in _said(done, "data / b"))


@pytest.mark.parametrize("form", FORMS)
def test_secrets_of_all_kinds(form: str, tmp_path: Path) -> None:
    secrets = {
        "TOKEN": {}, "FILE": {"file": True}, "REGION": {"plain": True},
        "ZONE": {"plain": True, "jenkins": {"id": "zone_1"}},
        "NAME": {"jenkins": {"id": "pair", "part": "username"}},
        "WORD": {"jenkins": {"id": "pair", "part": "password"}}, "OTHER": {"jenkins": {"id": "other-id"}},
    }  # fmt: skip
    show = 'echo "$MINE $(cat "$FILE") $REGION $ZONE $NAME $WORD $OTHER" | base64 >out'
    listed = [{"MINE": "TOKEN"}, "FILE", "REGION", "ZONE", "NAME", "WORD", "OTHER"]
    stages = {
        "data": {"a": {"run": show, "secrets": listed, "outs": ["out"]}, "b": {"run": 'test -z "${TOKEN-}${NAME-}"'}}
    }
    credentials = {"TOKEN": "t0ken", "FILE": "f1le", "pair": "us3r:pa55", "other-id": "0ther"}
    given = {"REGION": "r", "zone_1": "z"}
    done = _run(tmp_path, form, stages, secrets=secrets, credentials=credentials, variables=given)
    assert done.ok, done.log
    import base64

    assert base64.b64decode(done.artifact("out").read_text()).decode() == "t0ken f1le r z us3r pa55 0ther\n"


@pytest.mark.parametrize("form", FORMS)
def test_steps_and_words_of_jenkins(form: str, tmp_path: Path) -> None:
    steps = [
        {"name": "One", "run": 'echo one=1 >>"$MLGEN_EXPORTS"; x=1'},
        {"name": "Two", "jenkins": {"writeFile": {"file": "two", "text": "it's 2"}}},
        {"name": "Three", "run": 'echo "three=$(cat two) ${x-unset}" >>"$MLGEN_EXPORTS"', "github": {"uses": "x"}},
        {"name": "Four", "jenkins": {"groovy": 'def n = 4\necho "four ${n}"'}},
    ]
    stages: dict[str, Any] = {
        "data": {"a": {"steps": steps, "exports": ["one", "three"]}},
        "test": {
            "b": {"run": 'echo "$one $three"', "needs": ["a"]},
            "c": {"native": {"jenkins": {"build": {"job": "/x"}}}},
        },
    }
    done = _run(tmp_path, form, stages)
    assert done.ok, done.log
    assert "1 it's 2 unset" in _said(done, "test / b")
    assert "four 4" in _said(done, "data / a")
    assert [event["job"] for event in done.events if event["event"] == "build"] == ["/x"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("value", "ran"), [(0.5, False), (0.9, True)], ids=["stops", "passes"])
def test_a_gate_that_stops_passes_and_nothing_after_it_runs(form: str, value: float, ran: bool, tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "train": {"fit": {"run": f"echo '{{\"a\": {value}}}' >m.json", "metrics": ["m.json"]}},
        "test": {"even": {"gate": "even"}},
        "image": {"tell": {"run": "true", "needs": ["even"]}},
    }
    gates = {"even": {"metrics": "m.json", "require": ["a >= 0.9"], "on_fail": ["stop"]}}
    done = _run(tmp_path, form, stages, gates=gates)
    assert done.ok, done.log
    assert ("image / tell" in _ran(done)) is ran


@pytest.mark.parametrize("form", FORMS)
def test_files_for_people_are_kept(form: str, tmp_path: Path) -> None:
    made = "mkdir logs; echo log >logs/a; echo fine >fine"
    stages = {
        "data": {
            "bad": {"run": f"{made}; exit 1", "keep": {"paths": ["logs/"], "result": "any", "for": "30d"}, "needs": []},
            "good": {"run": "echo x >kept", "keep": {"paths": ["kept"]}, "needs": []},
        }
    }
    done = _run(tmp_path, form, stages)
    assert {path.name for path in done.artifacts.rglob("*") if path.is_file()} == {"a", "kept"}
    assert "daysToKeepStr: '30'" in (tmp_path / "project/Jenkinsfile").read_text()


@pytest.mark.parametrize("form", FORMS)
def test_a_project_in_a_folder(form: str, tmp_path: Path) -> None:
    """Its paths, its scripts and mlgen's own files are all below the folder."""
    root = tmp_path / "project"
    stages: dict[str, Any] = {
        "data": {
            "make": {"run": 'echo x >out; echo y >"$HOME/home"; basename "$PWD"', "outs": ["out"], "python": "3.11"},
        },
        "test": {
            "use": {"run": "cat out; exit 1", "deps": ["out"], "finally": "ls", "allow_failure": True},
            "may": {"run": "echo '<testsuite/>' >r.xml", "reports": {"junit": "r.xml"}},
        },
    }  # fmt: skip
    data = spec(stages, targets={"jenkins": {"form": form}}, triggers={"push": {}})
    data["project"]["root"] = "services/api"
    write(root / "services/api", data)
    for file in compile_spec(str(root / "services/api"), "mlgen.yaml", only=("jenkins",)).files:
        path = root / "services/api" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")
    done = run_jenkins(root, work=tmp_path / "work", jenkinsfile="services/api/Jenkinsfile")
    assert done.ok, done.log
    assert "api" in _said(done, "data / make")
    assert "x" in _said(done, "test / use")
    assert [event["files"] for event in done.events if event["event"] == "junit"] == [["r.xml"]]


@pytest.mark.parametrize("form", FORMS)
def test_repositories(form: str, tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "data": {
            "none": {"run": "ls; test ! -e mlgen.yaml; test -e .mlgen/env.sh", "checkout": False},
            "all": {"run": "test -e mlgen.yaml", "checkout": {"depth": 0}},
        }
    }
    done = _run(tmp_path, form, stages)
    assert done.ok, done.log
    assert [event["stage"] for event in done.events if event["event"] == "checkout"].count("data / none") == 0


# --- conditions


@pytest.mark.parametrize("form", FORMS)
def test_conditions_over_inputs_and_api_events(form: str, tmp_path: Path) -> None:
    triggers = {
        "push": {}, "schedule": [{"name": "s", "cron": "0 3 * * 1"}],
        "manual": {
            "inputs": {
                "mode": {"type": "choice", "options": ["a", "b"], "default": "a"},
                "deep": {"type": "boolean", "default": False},
            }
        },
        "api": {"retrain": {}, "score": {}},
    }  # fmt: skip
    jobs = {
        "b": {"run": "true", "when": {"event": ["manual", "api"], "input": {"mode": "b"}}},
        "deep": {"run": "true", "when": {"event": "manual", "input": {"deep": True}}},
        "flat": {"run": "true", "when": {"event": "manual", "not": {"input": {"deep": True}}}},
        "retrain": {"run": "true", "when": {"event": "retrain"}},
        "any": {"run": "true"},
        "pushed": {"run": "true", "when": {"event": ["push", "score"]}},
    }
    pipeline = pipeline_of(tmp_path, spec({"data": jobs}, triggers=triggers, targets={"jenkins": {"form": form}}))
    user = {"env": {"BRANCH_NAME": "main"}, "causes": ["hudson.model.Cause$UserIdCause"]}
    usual = {"mlgen_event": "", "MLGEN_INPUT_MODE": "a", "MLGEN_INPUT_DEEP": False}
    asked: list[tuple[dict[str, Any], str, set[str]]] = [
        ({"params": usual}, "manual", {"flat", "any"}),
        ({"params": {**usual, "MLGEN_INPUT_MODE": "b"}}, "manual", {"b", "flat", "any"}),
        ({"params": {**usual, "MLGEN_INPUT_DEEP": True}}, "manual", {"deep", "any"}),
        ({"params": {**usual, "mlgen_event": "retrain"}}, "api", {"retrain", "any"}),
        ({"params": {**usual, "mlgen_event": "score", "MLGEN_INPUT_MODE": "b"}}, "api", {"b", "any", "pushed"}),
        ({"params": {**usual, "mlgen_event": "else"}}, "none", set()),
        ({"params": usual, "causes": ["jenkins.branch.BranchEventCause"]}, "push", {"any", "pushed"}),
    ]
    answers = runs(tmp_path, unchecked(pipeline), [{**user, **said} for said, _, _ in asked])
    for answer, (_, event, names) in zip(answers, asked, strict=True):
        assert (answer["event"], set(answer["jobs"])) == (event, {f"data / {name}" for name in names})


@pytest.mark.parametrize("form", FORMS)
def test_an_api_event_reaches_the_jobs(form: str, tmp_path: Path) -> None:
    stages = {
        "data": {
            "a": {"run": 'echo "<$MLGEN_EVENT $MLGEN_INPUT_WHY>"', "when": {"event": "retrain"}},
            "b": {"run": "true", "when": {"event": "push"}},
        }
    }
    triggers = {"push": {}, "api": {"retrain": {"inputs": {"why": {"type": "string", "default": "x"}}}}}
    params = {"mlgen_event": "retrain", "MLGEN_INPUT_WHY": "drift"}
    done = _run(tmp_path, form, stages, triggers=triggers, cause="user", params=params)
    assert done.ok, done.log
    assert "<retrain drift>" in _said(done, "data / a")
    assert _ran(done) == {"data / a"}


@pytest.mark.parametrize("form", FORMS)
def test_what_has_changed_is_asked_before_the_agents(form: str, tmp_path: Path) -> None:
    jobs = {
        "src": {"run": "true", "when": {"changed": {"paths": ["src/**"]}}},
        "docs": {"run": "true", "when": {"changed": {"paths": ["docs/**"]}}},
        "full": {"run": "true", "when": {"message": "[full]"}},
        "unless": {"run": "true", "when": {"not": {"message": "[skip it]"}}},
    }
    root = _project(tmp_path / "project", form, {"data": jobs}, {})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    before = git(root, "rev-parse", "HEAD").strip()
    (root / "src").mkdir()
    (root / "src/a").write_text("x")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "second\n\n[full] and [skip it]")
    done = run_jenkins(root, work=tmp_path / "work", previous_commit=before)
    assert done.ok, done.log
    assert _ran(done) == {"data / src", "data / full"}
    agents = [event["stage"] for event in done.events if event["event"] == "agent"]
    assert sorted(agents) == ["data / full", "data / src", "plan"]
    # By hand, everything counts as changed, and no commit is asked.
    done = run_jenkins(root, work=tmp_path / "again", cause="user")
    assert _ran(done) == {"data / src", "data / docs", "data / unless"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ["0.9", "0.1"])
def test_an_exported_value_decides(value: str, form: str, tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "train": {
            "fit": {"run": f'echo score={value} >>"$MLGEN_EXPORTS"', "exports": ["score"]},
            "good": {"run": "echo x >out", "outs": ["out"], "needs": ["fit"], "when": {"value": {"fit.score": "0.9"}}},
            "poor": {"run": "true", "needs": ["fit"], "when": {"not": {"value": {"fit.score": "0.9"}}}},
        },
        "test": {"use": {"run": "cat out", "deps": ["out"]}, "all": {"run": "true"}},
    }
    done = _run(tmp_path, form, stages)
    assert done.ok, done.log
    some = {"train / good", "test / use"} if value == "0.9" else {"train / poor"}
    assert _ran(done) == {"train / fit", "test / all", *some}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cause", ["push", "user"])
def test_one_of_several_jobs_makes_a_file(cause: str, form: str, tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "train": {
            "full": {"run": "echo full >model", "outs": ["model"], "when": {"event": "push"}},
            "quick": {"run": "echo quick >model", "outs": ["model"], "when": {"event": "manual"}},
        },
        # No repository makes the second a stage that runs as a row does.
        "test": {
            "use": {"run": "cat model", "deps": ["model"]},
            "bare": {"run": "cat model", "deps": ["model"], "checkout": False},
        },
    }
    done = _run(tmp_path, form, stages, cause=cause)
    assert done.ok, done.log
    assert ("full" if cause == "push" else "quick") in _said(done, "test / use")
    assert _said(done, "test / use")[-1] == _said(done, "test / bare")[-1]


# --- what looks at results


def _watched(run: str, **more: Any) -> dict[str, Any]:
    show = 'echo "$MLGEN_RESULT_FIT $MLGEN_RESULT_UNIT $MLGEN_RESULT_TAGGED"'
    names = ["fit", "unit", "tagged"]
    return {
        "train": {"fit": {"run": run, **more}, "tagged": {"run": "true", "when": {"event": "tag"}}},
        "test": {"unit": {"run": "true", "needs": []}},
        "after": {
            "bad": {"run": show, "needs": names, "when": {"result": "failure"}},
            "good": {"run": show, "needs": names, "when": {"result": "success"}},
            "both": {"run": show, "needs": names, "when": {"result": "any"}},
            "green": {"needs": names},
        },
    }


@pytest.mark.parametrize(
    ("run", "more", "names", "result"),
    [
        ("exit 1", {}, {"bad", "both"}, "failure"),
        ("true", {}, {"good", "both"}, "success"),
        ("exit 1", {"allow_failure": True}, {"good", "both"}, "failure"),
    ],
)
def test_jobs_look_at_results(run: str, more: dict[str, Any], names: set[str], result: str, tmp_path: Path) -> None:
    triggers = {"push": {}, "tag": ["v*"]}
    done = _run(tmp_path, "", _watched(run, **more), triggers=triggers)
    assert {name for name in _ran(done) if name.startswith("after")} == {f"after / {name}" for name in names}
    for name in names:
        assert f"{result} success skipped" in _said(done, f"after / {name}")
    assert done.ok == (run == "true" or bool(more))
    assert ("after / green" in done.jobs) == done.ok


@pytest.mark.parametrize("answer", ["proceed", "abort"])
def test_jobs_look_at_deployments(answer: str, tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "test": {"unit": {"run": "true"}},
        "deploy": {
            "staging": {"run": "true", "environment": "staging"},
            "production": {"run": "true", "environment": "production", "needs": ["staging"]},
            "bad": {
                "run": 'echo "$MLGEN_RESULT_STAGING $MLGEN_RESULT_PRODUCTION"',
                "needs": ["staging", "production"],
                "when": {"result": "failure"},
            },
        },
    }
    environments = {"staging": {}, "production": {"approval": True}}
    done = _run(tmp_path, "", stages, environments=environments, input_answer=answer)
    if answer == "proceed":
        assert done.ok, done.log
        assert "deploy / bad" not in _ran(done)
    else:
        assert done.events[0]["result"] == "ABORTED"
        assert "success failure" in _said(done, "deploy / bad")


# --- what is refused


def _faults(tmp_path: Path, stages: dict[str, Any], **more: Any) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        compiled(tmp_path, spec(stages, **more))
    return [d for d in caught.value.diagnostics if d.severity == "error"]


PRIVATE = {"name": "r.example.org/x", "credentials": {"username": "U", "password": "P"}}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "results in stages": (
        {"a": {"b": {"run": "true"}, "c": {"run": "true", "needs": ["b"], "when": {"result": "any"}}}},
        {"targets": {"jenkins": {"form": "stages"}}},
        "a stage that fails skips all later ones",
    ),
    "a deployment behind what looks at one": (
        {
            "deploy": {
                "a": {"run": "true"}, "b": {"run": "true", "needs": ["look"]},
                "look": {"run": "true", "needs": ["a"], "when": {"result": "any"}},
            }
        },
        {},
        "deploy.b waits for deploy.look",
    ),
    "another repository without a ref": (
        {"a": {"b": {"run": "true", "checkout": [{"depth": 0}, {"repository": "github.com/o/n", "path": "x"}]}}},
        {},
        "what to check out of github.com/o/n",
    ),
    "a registry with two credentials": (
        {"a": {"b": {"run": "true", "image": PRIVATE}}},
        {"secrets": {"U": {}, "P": {}}},
        "one credential with user name and password",
    ),
    "a job in other words": (
        {"a": {"b": {"native": {"github": {"uses": "x"}}}}}, {}, "not said in the words of Jenkins",
    ),
    "words that are no step": (
        {"a": {"b": {"steps": [{"name": "x", "jenkins": {"a-b": 1}}]}}}, {}, "a step has one key, its name",
    ),
    "a token of the code host": (
        {"a": {"b": {"run": "true", "permissions": {"contents": "write"}}}}, {}, "no token of the code host",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused(kind: str, tmp_path: Path) -> None:
    stages, more, message = REFUSED[kind]
    faults = _faults(tmp_path, stages, **more)
    assert any(message in fault.message and fault.hint for fault in faults), [fault.message for fault in faults]


# --- the settings


def test_the_settings_of_all_constructs(tmp_path: Path) -> None:
    said = {s.title: s.detail for s in get("jenkins").settings(pipeline_of(tmp_path, load("constructs")))}
    assert "Username with password" in said["Credential registry"]
    assert "Secret file" in said["Credential KUBECONFIG"]
    assert "environment variable" in said["Credential REGION"]
    assert "id token as file" in said["Credential oidc-aws"]
    assert "sts.amazonaws.com" in said["Credential oidc-aws"]
    assert "contents: write" in said["Credential MLGEN_TOKEN"]
    assert "ml may" in re.sub(r".*(ml may).*", r"\1", said["Approval of ops.ask"])
    assert "mlgen_event=retrain" in said["API events"]
    assert "ref specs" in said["History"]
    assert "OpenID Connect Provider" in said["Plugins"]
    assert "Windows" in said["Agents"]


def test_the_text_of_all_constructs(tmp_path: Path) -> None:
    """What no run here shows: containers, services, identities."""
    text = text_of(compiled(tmp_path, load("constructs")))
    for line in (
        "registry: 'https://nvcr.io', login: 'registry'",
        "--gpus all -u root --entrypoint=\\'\\' --shm-size=8g",
        "services: [[image: 'postgres:16', variable: 'MLGEN_HOST_DB'",
        "file(credentialsId: 'oidc-aws', variable: 'AWS_WEB_IDENTITY_TOKEN_FILE')",
        "userRemoteConfigs: [[url: 'https://github.com/org/data', credentialsId: 'data-token']]",
        "-v /var/run/docker.sock:/var/run/docker.sock",
        "slackSend(channel: 'ml', tags: ['a', [k: 1]])",
    ):
        assert line in text, line
