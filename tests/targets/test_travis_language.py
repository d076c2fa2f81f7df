"""Travis CI and the rest of the language: conditions by Travis' own rules, and jobs run for real."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgen.diagnostics import SpecError
from mlgen.ir import KINDS, Condition, Pipeline
from mlgen.render import render
from mlgen.targets.travis import TARGET
from tests.engines import checkers
from tests.engines.travis import SLUG, Build, Event, as_list, parse, run
from tests.targets.test_travis import adapted, build, compiled, repository, spec, started

# --- conditions

CONDITIONS = """
triggers:
  push: {branches: [main, dev]}
  pull_request: {}
  tag: ["v*"]
  schedule: [{name: nightly, cron: 1 2 * * *}]
  manual: {inputs: {mode: {type: choice, options: [fast, full], default: fast}, free: {type: string}}}
  api:
    retrain: {inputs: {mode: {type: choice, options: [fast, full], default: fast}}}
    refresh: {}
stages:
  a:
    every: {run: ./x}
    retrain: {run: ./x, when: {event: retrain}}
    some: {run: ./x, when: {event: [retrain, push]}}
    both: {run: ./x, when: {event: [retrain, refresh, manual]}}
    any-api: {run: ./x, when: {event: api}}
    not-api: {run: ./x, when: {not: {event: api}}}
    not-manual: {run: ./x, when: {not: {event: manual}}}
    by-hand: {run: ./x, when: {event: manual}}
    timed: {run: ./x, when: {event: [schedule, retrain]}}
    said: {run: ./x, when: {message: "[a/b] (c.d)* $1"}}
    said-main: {run: ./x, when: [{message: ["[x]", "^y"], branch: main}, {input: {mode: full}, event: manual}]}
    unsaid: {run: ./x, when: {not: {message: "[x]"}}}
    fast: {run: ./x, when: {input: {mode: fast}}}
    full: {run: ./x, when: {input: {mode: full}}}
    not-fast: {run: ./x, when: {not: {input: {mode: fast}}, event: [manual, retrain]}}
    free: {run: ./x, when: {input: {free: ["a b", c.d]}, event: manual}}
"""
MESSAGES = ("", "plain", "fix [a/b] (c.d)* $1 now", "first\nthen [x] there", "^y", "[X]", "a/b", "abc.d $1")


def events(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, str], Event]]:
    """Events of every kind with messages and inputs: the kind, what the pipeline knows, and what Travis sees."""
    asked = {field for job in pipeline.jobs for field in _fields(job.condition) if field.startswith("message:")}
    for branch, message in itertools.product(("main", "dev", "other"), MESSAGES):
        said = {field: "true" for field in asked if field.partition(":")[2] in message}
        yield "push", {"branch": branch, **said}, Event("push", branch, message=message)
        pull = Event("pull_request", branch, "", "topic", SLUG, message=message)
        yield "pull_request", {"branch": branch, **said}, pull
        yield "tag", {"tag": "v1", **said}, Event("push", branch, "v1", message=message)
    modes, names = (None, "", "fast", "full"), ("", "retrain", "refresh", "x")
    for mode, free, name in itertools.product(modes, ("", "a b", "c.d", "cxd"), names):
        given = [] if mode is None else [f"MLGEN_INPUT_MODE='{mode}'"]
        given += [f'MLGEN_INPUT_FREE="{free}"'] if free else []
        given += [f"MLGEN_API_EVENT='{name}'"] if name else []
        inputs = {"input:mode": mode or "fast", "input:free": free}
        event = Event("api", "main", request_env=tuple(given))
        known = {"branch": "main", **inputs, **({"api": name} if name else {})}
        yield "api" if name else "manual", known, event
    nightly = Event("api", request_env=("MLGEN_SCHEDULED='nightly'",))
    yield "schedule", {"branch": "main", "schedule": "nightly"}, nightly


def _fields(condition: Condition) -> set[str]:
    from mlgen.ir import fields

    return {field for kind in KINDS for field in fields(condition.on(kind))}


def test_conditions_hold_where_the_pipeline_says(tmp_path: Path) -> None:
    root = spec(tmp_path, CONDITIONS)
    pipeline = adapted(root)
    text = compiled(root)[".travis.yml"]
    assert "ci.py when" not in text  # nothing is left to decide inside
    config = parse(text)
    seen = {job.id: set[bool]() for job in pipeline.jobs}
    for kind, known, event in events(pipeline):
        starts = pipeline.triggers.condition.holds(kind, known) and known.get("api") != "x"
        wanted = {job.id for job in pipeline.jobs if starts and job.condition.holds(kind, known)}
        assert started(config, event) == wanted, (kind, known)
        for job in seen:
            seen[job].add(job in wanted)
    assert all(len(values) == 2 for values in seen.values()), seen


def test_a_text_that_no_regular_expression_says_is_looked_for_inside(tmp_path: Path) -> None:
    text = 'triggers: {push: {}}\nstages: {a: {x: {run: ./x, when: {message: "größer"}}}}'
    (job,) = parse(compiled(spec(tmp_path, text))[".travis.yml"])["jobs"]["include"]
    assert "if" not in job
    assert any("message(" in line for line in job["before_install"])


# --- runs

DOCKER = """#!/bin/bash
# A container engine for the tests: every container is this machine.
set -eu
verb=$1; shift
case $verb in
  run)
    echo "$@" >>"$HOME/docker-run"
    case " $* " in
      *' service-web '*) (sleep 1; exec python3 -m http.server 18763 --bind 127.0.0.1) >/dev/null 2>&1 & ;;
      *' service-db '*) (sleep 1; touch "$HOME/db-ready") >/dev/null 2>&1 & ;;
    esac ;;
  inspect) echo 127.0.0.1 ;;
  login) cat >"$HOME/login"; echo "$@" >>"$HOME/login" ;;
  logout | logs) echo "$verb $*" ;;
  exec)
    while :; do case $1 in job | service-*) break ;; esac; shift; done
    shift
    exec "$@" ;;
esac
"""

TIMEOUT = """#!/bin/bash
# Nobody waits two minutes for a service here.
[ "$1" != 120 ] || { shift; set -- 4 "$@"; }
exec /usr/bin/timeout "$@"
"""

LANGUAGE = """
secrets: {A: {}, B: {}, KEY: {file: true}, REG_USER: {}, REG_PASSWORD: {}}
triggers: {push: {}, pull_request: {}}
env: {RUN: "run-${MLGEN_RUN_NUMBER}"}
runtime: {activate: "ACTIVE=yes"}
stages:
  make:
    touched: {run: "echo made > touched.txt", outs: [touched.txt], when: {changed: {paths: [src/]}}}
    untouched: {run: "echo never > no.txt", finally: "echo never", outs: [no.txt], when: {changed: {paths: [other/]}}}
    mixed: {run: "echo mixed", when: [{changed: {paths: [other/]}}, {branch: main}]}
    values: {run: 'echo "score=0.9" >> "$MLGEN_EXPORTS"', exports: [score]}
    full: {run: "echo full > raw.txt", outs: [raw.txt], when: {event: push}}
    sample: {run: "echo sample > raw.txt", outs: [raw.txt], when: {event: pull_request}}
  use:
    reads: {run: "cat touched.txt", needs: [touched], deps: [touched.txt]}
    lost: {run: "echo never", needs: [], deps: [no.txt]}
    raw: {run: "cat raw.txt", needs: [], deps: [raw.txt]}
    good: {run: "echo good", needs: [values], when: {value: {values.score: "0.9"}}}
    poor: {run: "echo never", needs: [values], when: {value: {values.score: "0.1"}}}
    file:
      needs: []
      run: 'stat -c %a "$TOKEN"; cat "$TOKEN"; echo "${KEY-none} ${B-none} ${A-none} $OTHER"'
      secrets: [{TOKEN: KEY}, {OTHER: A}]
    there: {run: 'basename "$PWD"; echo "$RUN $ACTIVE"', needs: [], working_directory: sub}
    steps: {needs: [], steps: [{name: One, run: echo one}, {name: Two, run: [A=b, echo "$A"]}]}
    bare: {run: "ls -A; cat raw.txt", needs: [], deps: [raw.txt], checkout: false}
    beside:
      needs: []
      run: 'echo "$MLGEN_HOST_WEB $MLGEN_HOST_DB"; (: </dev/tcp/127.0.0.1/18763); ls "$HOME/db-ready"'
      services:
        web: {image: "web:1", ports: [18763]}
        db: {image: "db:1", env: {P: {public: "a b"}}, ready: db-is-ready -U x}
    boxed:
      needs: []
      run: 'echo "${REG_USER-none} ${REG_PASSWORD-none}"'
      image:
        name: registry.example.org/x:1
        user: me
        options: [--shm-size=8g]
        pull: always
        credentials: {username: REG_USER, password: REG_PASSWORD}
    own:
      needs: []
      native:
        travis:
          script: ['echo "own ${A-none}"']
          env: [MINE=1]
          before_install: echo "$MINE"
          addons: {apt: {packages: [jq]}}
    green: {needs: [there, steps]}
  broken:
    after: {run: "echo after", needs: [green]}
    fails:
      needs: []
      run: "false"
      on_failure: 'echo "on_failure: $MLGEN_RESULT $ACTIVE"'
      finally: 'echo "finally: $MLGEN_RESULT"'
      allow_failure: true
    stops: {needs: [], steps: [{name: One, run: "false"}, {name: Two, run: echo never}], allow_failure: true}
    slow: {run: "echo never", needs: [], services: {no: {image: "no:1", ports: [1]}}, allow_failure: true}
    stop: {run: "false", needs: [green]}
  last:
    all: {needs: [stop]}
"""


def project(folder: Path) -> tuple[Path, str]:
    """The project of two commits, and the first of them: the second touches src/ alone."""
    root = spec(folder / "project", LANGUAGE)
    (root / "sub").mkdir()
    (root / "sub/keep").touch()
    repository(root)
    git = ["git", "-C", str(root), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    first = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (root / "src").mkdir()
    (root / "src/x").touch()
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "second"], check=True)
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    (folder / "timeout").write_text(TIMEOUT)
    (folder / "timeout").chmod(0o755)
    (folder / "db-is-ready").write_text('#!/bin/sh\ntest -e "$HOME/db-ready"\n')
    (folder / "db-is-ready").chmod(0o755)
    return root, first


SETTINGS = {"A": "one", "B": "two", "KEY": "a2V5Cg==", "REG_USER": "me", "REG_PASSWORD": "pass"}


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("language")
    root, first = project(folder)
    return build(root, folder / "work", Event("push", "dev", base=first), settings=SETTINGS, path=[folder])


def test_a_job_that_is_not_to_run_ends_green_and_does_nothing(language: Build) -> None:
    assert language.jobs["untouched"] == language.jobs["lost"] == "passed"
    assert language.jobs["mixed"] == language.jobs["poor"] == "passed"
    for job in ("untouched", "lost", "mixed", "poor"):
        assert not (language.folder / "logs" / job / "script-0.out").exists()
    assert not (language.folder / "workspaces/untouched.tgz").exists()
    assert "never" not in "".join(language.log(job, "*.out") for job in language.jobs if job != "when")


def test_a_job_runs_where_its_paths_have_changed_or_a_value_is_right(language: Build) -> None:
    assert language.out("reads", "script-0") == b"made\n"
    assert language.out("good", "script-0") == b"good\n"


def test_files_come_from_whichever_job_ran(language: Build, tmp_path: Path) -> None:
    assert language.out("raw", "script-0") == b"full\n"
    root, _ = project(tmp_path)
    event = Event("pull_request", "main", "", "topic", SLUG)
    done = build(root, tmp_path / "work", event, path=[tmp_path], settings=SETTINGS)
    assert done.out("raw", "script-0") == b"sample\n"


def test_secrets_as_files_and_by_other_names(language: Build) -> None:
    assert language.out("file", "script-0") == b"600\nkey\nnone none none one\n"
    assert not (language.folder / "home/.mlgen-secrets").exists()


def test_a_secret_of_a_registry_is_spent_before_the_job_runs(language: Build) -> None:
    assert language.out("boxed", "script-0") == b"none none\n"
    assert "logout registry.example.org" in language.log("boxed", "before_install*")


def test_folder_references_and_activation(language: Build) -> None:
    assert language.out("there", "script-0") == b"sub\nrun-12 yes\n"


def test_steps_stop_at_the_first_that_fails(language: Build) -> None:
    assert language.out("steps", "script-0") + language.out("steps", "script-1") == b"one\nb\n"
    assert language.jobs["stops"] == "failed"
    assert language.out("stops", "script-1") == b""


def test_a_job_without_a_repository_has_what_it_receives(language: Build) -> None:
    seen = language.out("bare", "script-0").decode().split()
    assert "mlgen.yaml" not in seen
    assert seen[-1] == "full"


def test_services_are_ready_before_the_job_runs(language: Build) -> None:
    assert language.jobs["beside"] == "passed", language.log("beside")
    assert language.out("beside", "script-0").startswith(b"127.0.0.1 127.0.0.1\n")


def test_a_service_that_does_not_answer_ends_the_job(language: Build) -> None:
    assert language.jobs["slow"] == "errored"
    assert "the service no does not answer at port 1" in language.log("slow")


def test_a_job_in_its_own_words(language: Build) -> None:
    assert language.out("own", "script-0") == b"own none\n"
    assert language.jobs["own"] == "passed"


def test_what_follows_a_failure(language: Build) -> None:
    assert language.jobs["fails"] == "failed"
    assert "on_failure: failure yes\n" in language.log("fails", "after_failure*.out")
    assert "finally: failure\n" in language.log("fails", "after_script*.out")


def test_a_milestone_passes_after_successes_only(language: Build) -> None:
    assert language.jobs["green"] == language.jobs["after"] == "passed"
    assert language.jobs["all"] == "cancelled"


FOLDER = """
triggers: {push: {}}
runtime: {cache: [{paths: [.cache], key: [x.lock]}]}
stages:
  a: {makes: {run: "echo made > made.txt", outs: [made.txt]}, skipped: {run: "false", when: {changed: {paths: [src/]}}}}
  b:
    reads: {run: 'cat made.txt; basename "$PWD"', deps: [made.txt]}
    bare: {run: "cat made.txt; cd ../..; find . -type f -not -path './*/.*'", deps: [made.txt], checkout: false}
"""


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    folder = spec(repo / "services/api", FOLDER)
    said = (folder / "mlgen.yaml").read_text("utf-8")
    (folder / "mlgen.yaml").write_text(
        re.sub("^project: .*$", "project: {name: api, root: services/api}", said, flags=re.M)
    )
    for path, text in compiled(folder).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    text = "version: ~> 1.0\n" + (repo / ".travis/api.yml").read_text("utf-8")  # which the root file says
    caches = [job.get("cache") for job in parse(text)["jobs"]["include"]]
    assert caches == [{"directories": ["$TRAVIS_BUILD_DIR/services/api/.cache"]}] * 4
    (repo / "src").mkdir()
    git = ["git", "-C", str(repo), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    first = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (repo / "src/x").touch()  # not the project's src/
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "second"], check=True)
    done = run(repo, text, Event(base=first), tmp_path / "work")
    assert set(done.jobs.values()) == {"passed"}, done.log("*")
    assert done.out("api-reads", "script-0") == b"made\napi\n"
    assert done.out("api-bare", "script-0") == b"made\n./services/api/made.txt\n"


# --- the text


def test_clean_under_every_checker(tmp_path: Path) -> None:
    path = tmp_path / ".travis.yml"
    path.write_text(compiled(spec(tmp_path, LANGUAGE))[".travis.yml"], "utf-8")
    assert checkers.check_all(path, "travis") == []


def test_an_encrypted_secret_is_given_to_the_jobs_that_list_it(tmp_path: Path) -> None:
    text = "secrets: {A: {travis: {secure: abc=}}}\nstages: {a: {x: {run: ./x, secrets: [A]}, y: {run: ./y}}}"
    root = spec(tmp_path, text, "version: 1\nproject: p\ntargets: [travis]\n")
    config = parse(compiled(root)[".travis.yml"])
    env = {job["name"]: as_list(job["env"]) for job in config["jobs"]["include"]}
    assert {"secure": "abc="} in env["x"]
    assert {"secure": "abc="} not in env["y"]
    assert "unset" not in str(config)


def test_legs_have_machines_of_their_own(tmp_path: Path) -> None:
    text = """
runners: {small: {travis: {size: medium}}, large: {travis: {size: large}}}
stages:
  a:
    x:
      run: ./x
      matrix: {size: [small, large], py: ["3.11", "3.12"]}
      runner: "${matrix.size}"
      python: "${matrix.py}"
"""
    config = parse(compiled(spec(tmp_path, text))[".travis.yml"])
    found = {(job["vm"]["size"], job.get("python", config["python"])) for job in config["jobs"]["include"]}
    assert found == set(itertools.product(("medium", "large"), ("3.11", "3.12")))


REFUSED: dict[str, tuple[str, str]] = {
    "result": ("stages: {a: {x: {run: ./x}, y: {run: ./y, needs: [x], when: {result: failure}}}}", "never see"),
    "keep": ("stages: {a: {x: {run: ./x, keep: {for: 3d, paths: [logs/]}}}}", "files"),
    "permissions": ("stages: {a: {x: {run: ./x, permissions: {contents: write}}}}", "MLGEN_TOKEN"),
    "oidc": ("stages: {a: {x: {run: ./x, oidc: {token: {T: {audience: 'https://a.b'}}}}}}", "oidc"),
    "system": ("stages: {a: {x: {run: ./x, runner: macos}}}", "system"),
    "native": ("stages: {a: {x: {native: {github: {uses: ./x.yml}}}}}", "native"),
    "own key": ("stages: {a: {x: {native: {travis: {stage: b, script: ./x}}}}}", "stage"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str, tmp_path: Path) -> None:
    text, word = REFUSED[name]
    with pytest.raises(SpecError) as caught:
        compiled(spec(tmp_path, text))
    faults: list[Any] = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert [fault.code for fault in faults] == ["MLG401"]
    assert word in faults[0].message
    assert faults[0].hint


def test_no_construct_is_left_unsaid() -> None:
    assert not [row.construct for row in TARGET.capabilities if "yet" in row.how]


def test_settings_say_how_to_give_what_the_file_cannot(tmp_path: Path) -> None:
    text = """
secrets: {A: {travis: {secure: abc=}}, KEY: {file: true}, REGION: {plain: true}}
triggers: {push: {}, api: {retrain: {inputs: {n: {type: integer, default: 3}}}}}
stages:
  a:
    x: {run: ./x, secrets: [A, KEY, REGION], permissions: {contents: read}}
    y: {run: ./y}
"""
    head = "version: 1\nproject: p\ntargets: {travis: {fallback: {secrets: wider, permissions: secret}}}\n"
    root = spec(tmp_path, text, head)
    found = {each.title: each.detail for each in TARGET.settings(adapted(root))}
    assert "travis encrypt A=VALUE" in found["Encrypted variable A"]
    assert "base64 -w0" in found["Environment variable KEY"]
    assert "is no secret" in found["Environment variable REGION"]
    assert "contents: read" in found["Environment variable MLGEN_TOKEN"]
    assert "MLGEN_API_EVENT='retrain'" in found["Event retrain"]
    assert "MLGEN_INPUT_N='3'" in found["Event retrain"]
    assert not any(title.startswith("Manual") for title in found)
    jobs = parse(compiled(root)[".travis.yml"])["jobs"]["include"]
    unset = {job["name"]: str(job.get("before_install", "root")) for job in jobs}
    assert "unset" not in unset["x"]
    assert unset["y"] == "root"


DAMAGE = {
    "another's encrypted secret": ("MLGEN_JOB=use.good\n", "MLGEN_JOB=use.good\n        - secure: abc=\n"),
    "a question left out": ("        - python3 .mlgen/ci.py when", "        - true when"),
    "a service that is not waited for": ("        - |\n          timeout 120 bash", "        - |\n          true bash"),
    "what follows a failure": ("      after_failure:\n", "      after_success:\n"),
    "the history": ("        depth: false\n", "        depth: 50\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_check_finds_damage(name: str, tmp_path: Path) -> None:
    pipeline = adapted(spec(tmp_path, LANGUAGE))
    (output,) = TARGET.outputs(pipeline)
    text = render(output.template, output.view)
    assert TARGET.check(output, text, pipeline) == []
    before, after = DAMAGE[name]
    assert before in text
    faults = TARGET.check(output, text.replace(before, after, 1), pipeline)
    assert [fault.code for fault in faults] == ["MLG601"] * len(faults) != []
