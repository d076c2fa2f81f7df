"""GitLab: containers, services, tokens, steps, results, what is kept: what is said, and how it runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mlgen.render import render
from mlgen.targets.gitlab import TARGET
from tests.engines.checkers import CHECKERS
from tests.engines.run_gitlab import Variable, run_gitlab
from tests.targets.gitlab import language
from tests.targets.gitlab.project import emit, environment, event, faults, run_script, stages, workspace


def compiled(root: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a spec, which the third-party checkers find clean."""
    _, text = emit(root, spec)
    path = root / "checked" / ".gitlab-ci.yml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    found = {finding.message for checker in CHECKERS["gitlab"] for finding in checker(path)}
    assert not found
    return language.read(text)


WIDER = {"targets": {"gitlab": {"fallback": {"secrets": "wider"}}}}


# ---- where it runs


def test_containers(tmp_path: Path) -> None:
    image = {"name": "nvcr.io/x:1", "user": "root", "entrypoint": "", "pull": "missing"}
    login = {"name": "ghcr.io/org/x:1", "credentials": {"username": "U", "password": "P"}}
    spec = {
        **stages(a={"run": "true", "image": image}, b={"run": "true", "image": login}),
        "secrets": {"U": {}, "P": {}},
    }
    config = compiled(tmp_path, {**spec, **WIDER})
    assert config["a"]["image"] == {
        "name": "nvcr.io/x:1", "entrypoint": [""], "docker": {"user": "root"}, "pull_policy": "if-not-present",
    }  # fmt: skip
    assert config["b"]["image"] == "ghcr.io/org/x:1" and "P" not in config["b"]["variables"]
    found = {setting.title: setting.detail for setting in TARGET.settings(emit(tmp_path, {**spec, **WIDER})[0])}
    assert '"ghcr.io"' in found["CI/CD variable DOCKER_AUTH_CONFIG"] and "CI/CD variable P" not in found


def test_services_and_the_docker_daemon(tmp_path: Path) -> None:
    db = {"image": "postgres:16", "env": {"POSTGRES_DB": "x", "Y": "a$b"}, "ports": [5432], "ready": "pg_isready"}
    job = {
        "run": "true",
        "services": {"my_db": db, "cache": {"image": "redis:7", "command": ["redis-server"]}, "docker": {}},
    }
    config = compiled(tmp_path, stages(a=job))
    assert config["a"]["services"] == [
        {"name": "postgres:16", "alias": "my-db", "variables": {"POSTGRES_DB": "x", "Y": "a$$b"}},
        {"name": "redis:7", "alias": "cache", "command": ["redis-server"]},
        {"name": "docker:28-dind", "alias": "docker"},
    ]
    assert config["a"]["variables"]["MLGEN_HOST_MY_DB"] == "my-db"
    assert config["a"]["variables"]["DOCKER_HOST"] == "tcp://docker:2376"


def test_docker_brings_its_client_where_no_image_is_named(tmp_path: Path) -> None:
    job = {"run": "docker version", "services": {"docker": {}}}
    build = {"build": "registry.example.org/ml/x"}
    spec = {
        **stages(bare=job, own={**job, "image": "docker-and-bash:1"}, built=build),
        "runtime": {"python": "3.11", "image": "pytorch/pytorch:2"},
    }
    spec["stages"]["train"]["bare"]["runtime"] = "none"
    config = compiled(tmp_path, spec)
    jobs = {name: {**config.get("default", {}), **config[name]} for name in ("bare", "own", "built")}
    scripts = {name: "\n".join(job["before_script"]) for name, job in jobs.items()}
    # The image of the training has no client; `build` does not run there.
    images = [job["image"] for job in jobs.values()]
    assert images == ["debian:trixie-slim", "docker-and-bash:1", "debian:trixie-slim"]
    assert ["docker-cli" in script for script in scripts.values()] == [True, False, True]
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "docker").write_text("#!/bin/sh\nexit 0\n")
    (tools / "docker").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    assert run_script(scripts["bare"].split("\n")[1], workspace(tmp_path), PATH=path).returncode == 0


def test_a_job_waits_for_its_services(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    job = {"run": "echo it ran", "services": {"db": {"image": "x", "ports": [port]}}}
    config = language.read(emit(tmp_path, stages(a=job))[1])
    root = workspace(tmp_path)
    script = language.script(config, "a")
    late = threading.Timer(2, lambda: server.extend([socket.create_server(("127.0.0.1", port))]))
    server: list[socket.socket] = []
    late.start()
    done = run_script(script, root, MLGEN_HOST_DB="127.0.0.1")
    late.join()
    server[0].close()
    assert done.returncode == 0 and b"it ran" in done.stdout
    never = run_script(script.replace("timeout 120", "timeout 1"), root, MLGEN_HOST_DB="127.0.0.1")
    assert never.returncode != 0 and b"it ran" not in never.stdout
    assert f"the service db does not answer at port {port}" in never.stderr.decode()


def test_legs_with_their_own_machines(tmp_path: Path) -> None:
    jobs = {
        "py": {"run": "true", "matrix": {"v": ["3.10", "3.11"]}, "python": "${matrix.v}"},
        "tag": {"run": "true", "matrix": {"v": ["3.10", "3.11"]}, "image": "org/x:py${matrix.v}-slim"},
        "two": {
            "run": "true", "matrix": {"os": ["a", "b"], "v": [1, 2]}, "image": "org/${matrix.os}:${matrix.v}",
        },
    }  # fmt: skip
    jobs["run"] = {"run": "true", "matrix": {"on": ["arm", "gpu"]}, "runner": "${matrix.on}"}
    jobs["same"] = {"run": "true", "matrix": {"on": ["a", "b"]}, "runner": "gpu"}
    runners = {"arm": {"gitlab": {"tags": ["arm64"]}}, "gpu": {"gitlab": {"tags": ["nvidia"]}}}
    config = compiled(tmp_path, {**stages(**jobs), "runners": runners})
    assert config["run"]["tags"] == ["$MLGEN_TAG"] and config["same"]["tags"] == ["nvidia"]
    assert config["run"]["parallel"]["matrix"] == [
        {"on": ["arm"], "MLGEN_TAG": ["arm64"]}, {"on": ["gpu"], "MLGEN_TAG": ["nvidia"]},
    ]  # fmt: skip
    assert config["py"]["image"] == "python:$v" and config["tag"]["image"] == "org/x:py$v-slim"
    assert config["py"]["parallel"]["matrix"] == [{"v": ["3.10", "3.11"]}]
    assert config["two"]["image"] == "$MLGEN_IMAGE"
    assert {entry["MLGEN_IMAGE"][0] for entry in config["two"]["parallel"]["matrix"]} == {
        f"org/{os}:{v}" for os in "ab" for v in (1, 2)
    }


def test_other_systems(tmp_path: Path) -> None:
    jobs = {
        "mac": {"run": "make", "runner": "macos"},
        "win": {
            "run": "echo 'it ran' && echo \"$MLGEN_JOB\"",
            "runtime": {"setup": "echo prepared"},
            "runner": "windows",
        },
        "own": {"run": "true", "runner": "arm"},
    }
    config = compiled(tmp_path, {**stages(**jobs), "runners": {"arm": {"gitlab": {"tags": ["arm64"]}}}})
    assert config["mac"]["tags"] == ["saas-macos-medium-m1"] and config["mac"]["image"].startswith("macos-")
    assert config["win"]["tags"] == ["saas-windows-medium-amd64"] and config["own"]["tags"] == ["arm64"]
    (script,) = config["win"]["script"]
    head, _, rest = script.partition("@'\n")
    inner, _, tail = rest.partition("\n'@ -replace")
    assert head == "$mlgen = " and "bash.exe" in tail and "exit $LASTEXITCODE" in tail
    done = run_script(inner, workspace(tmp_path), MLGEN_JOB="train.win")
    assert done.returncode == 0 and done.stdout == b"prepared\nit ran\ntrain.win\n", done.stderr

    jobs["mac"]["python"] = "3.12"
    warned = {**stages(**jobs), "runners": {"arm": {"gitlab": {"tags": ["arm64"]}}}}
    assert any("the machine's own Python" in d.message for d in faults(tmp_path, warned))
    chosen = {**warned, "targets": {"gitlab": {"fallback": {"python": "machine"}}}}
    assert not faults(tmp_path, chosen)


def test_a_bound_without_timeout(tmp_path: Path) -> None:
    """macOS has no timeout(1)."""
    jobs = {
        "slow": {"run": "trap 'echo stopped; exit' TERM; sleep 60 & wait", "runner": "macos", "timeout": "1s"},
        "quick": {"run": 'echo "it ran"; exit 3', "runner": "macos", "timeout": "1m"},
    }
    config = language.read(emit(tmp_path, stages(**jobs))[1])
    root = workspace(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cut", "git", "perl", "sed", "sleep", "tr"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name, word in (("slow", b"stopped\n"), ("quick", b"it ran\n")):
        start = time.monotonic()
        done = run_script(language.script(config, name), root, PATH=str(tools))
        assert done.returncode != 0 and done.stdout == word, done.stderr
        assert time.monotonic() - start < 20


# ---- what it may and what it sees


def test_secrets_under_other_names(tmp_path: Path) -> None:
    secrets = {"GIT_USER": {"gitlab": {"id": "GITHUB_USER"}}, "KEY": {"file": True}, "REGION": {"plain": True}}
    job = {
        "run": 'echo "$USER $WHO $REGION"; cat "$KEY"', "finally": 'echo "last: $WHO"',
        "secrets": [{"USER": "GIT_USER"}, "KEY", "REGION"], "env": {"WHO": "by ${USER} of ${MLGEN_BRANCH}"},
    }  # fmt: skip
    spec = {**stages(a=job, b={"run": "true", "secrets": ["REGION", "KEY", {"U": "GIT_USER"}]}), "secrets": secrets}
    config = compiled(tmp_path, spec)
    root = workspace(tmp_path)
    key = root / "key"
    key.write_text("content", encoding="utf-8")
    key.chmod(0o666)
    env = {"GITHUB_USER": "it's $HOME", "KEY": str(key), "REGION": "here"}
    done = run_script(language.script(config, "a"), root, **env)
    assert done.stdout == b"it's $HOME by it's $HOME of main here\ncontent", done.stderr
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    last = run_script(language.joined(config["a"]["after_script"]), root, CI_JOB_STATUS="success", **env)
    assert last.stdout == b"last: by it's $HOME of main\n"
    found = {setting.title: setting.detail for setting in TARGET.settings(emit(tmp_path, spec)[0])}
    assert "type File" in found["CI/CD variable KEY"] and "visible" in found["CI/CD variable REGION"]
    assert "CI/CD variable GITHUB_USER" in found


def test_a_default_names_no_secret(tmp_path: Path) -> None:
    """Also where most jobs prepare the same one."""
    job = {"run": "true", "secrets": ["KEY"], "when": {"event": "push"}}
    jobs = stages(a={**job, "environment": "one"}, b={**job, "environment": "two"}, c={"run": "true"})
    places = {"one": {"deployment": False}, "two": {"deployment": False}}
    config = compiled(
        tmp_path, {**jobs, "environments": places, "secrets": {"KEY": {"file": True, "environments": [*places]}}}
    )
    assert "KEY" not in str(config.get("default")) and "KEY" in str(config["a"]) and "KEY" not in str(config["c"])


def test_identity_tokens(tmp_path: Path) -> None:
    oidc = {
        "aws": {"role": "arn:aws:iam::1:role/ci", "region": "us-east-2"},
        "gcp": {"provider": "projects/1/p", "service_account": "s@x"},
        "azure": {"client": "c", "tenant": "t", "subscription": "s"},
        "token": {"VAULT_JWT": {"audience": "https://vault"}},
    }
    show = (
        'cat "$AWS_WEB_IDENTITY_TOKEN_FILE"; echo " $AWS_ROLE_ARN $AWS_REGION"; cat "$GOOGLE_APPLICATION_CREDENTIALS"'
    )
    config = compiled(tmp_path, stages(a={"run": show, "oidc": oidc}))
    assert config["a"]["id_tokens"] == {
        "MLGEN_AWS_TOKEN": {"aud": "$CI_SERVER_URL"},
        "MLGEN_GCP_TOKEN": {"aud": "https://iam.googleapis.com/projects/1/p"},
        "MLGEN_AZURE_TOKEN": {"aud": "api://AzureADTokenExchange"},
        "VAULT_JWT": {"aud": "https://vault"},
    }
    root = workspace(tmp_path)
    tokens = {f"MLGEN_{kind}_TOKEN": f"jwt-{kind}" for kind in ("AWS", "GCP", "AZURE")}
    done = run_script(language.script(config, "a"), root, CI_JOB_ID="7", **tokens)
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.decode().partition("\n")
    assert first == "jwt-AWS arn:aws:iam::1:role/ci us-east-2"
    google = json.loads(rest)
    assert google["audience"] == "//iam.googleapis.com/projects/1/p"
    assert Path(google["credential_source"]["file"]).read_text() == "jwt-GCP"


def test_the_token_of_a_job(tmp_path: Path) -> None:
    write = stages(a={"run": "true", "permissions": {"contents": "write", "packages": "read"}})
    assert compiled(tmp_path, write)["a"]["variables"]["MLGEN_TOKEN"] == "$CI_JOB_TOKEN"
    titles = {setting.title for setting in TARGET.settings(emit(tmp_path, write)[0])}
    assert "Pushes by jobs" in titles
    issues = stages(a={"run": "true", "permissions": {"issues": "write"}})
    assert any("may write issues" in fault.message for fault in faults(tmp_path, issues))
    chosen = {**issues, "targets": {"gitlab": {"fallback": {"permissions": "secret"}}}}
    assert not faults(tmp_path, chosen)
    assert "MLGEN_TOKEN" not in language.read(emit(tmp_path, chosen)[1])["a"]["variables"]


def test_approval_and_lock_of_any_job(tmp_path: Path) -> None:
    job = {"run": "true", "approval": {"by": ["ml"], "prompt": "Promote?"}, "lock": "cluster"}
    config = compiled(tmp_path, stages(a=job))
    assert config["a"]["rules"] == [{"when": "manual", "allow_failure": False}]
    assert config["a"]["manual_confirmation"] == "Promote?" and config["a"]["resource_group"] == "cluster"


# ---- scripts


def test_what_heads_every_script(tmp_path: Path) -> None:
    job = {
        "run": 'echo "$(basename "$PWD") $ACTIVE $X"', "working_directory": "sub/dir",
        "runtime": {"setup": ['echo "setup in $PWD ${ACTIVE-none} $X"'], "activate": "ACTIVE=yes"},
        "env": {"X": "v-${MLGEN_BRANCH}"}, "on_failure": "echo \"failed $ACTIVE $X\"; false; echo not reached",
        "finally": "echo \"last $ACTIVE $MLGEN_RESULT\"", "outs": ["made.txt"],
    }  # fmt: skip
    without = {key: value for key, value in job.items() if key not in ("finally", "outs")}
    timed = {key: value for key, value in {**job, "timeout": "1m"}.items() if key != "outs"}
    config = compiled(tmp_path, stages(a=job, b=timed, c=without))
    root = workspace(tmp_path)
    (root / "sub/dir").mkdir(parents=True)
    (root / "made.txt").touch()  # relative to the project's root, as all declared paths
    for name in ("a", "b"):
        done = run_script(language.script(config, name), root)
        wanted = f"setup in {root} none v-main\ndir yes v-main\n"
        assert done.stdout.decode().startswith(wanted) and done.returncode == 0, done.stderr
    for name, status, wanted in (
        ("a", "failed", "failed yes v-main\nlast yes failure\n"),
        ("a", "success", "last yes success\n"),
        ("a", "canceled", "last yes failure\n"),
        ("c", "failed", "failed yes v-main\n"),
        ("c", "success", ""),
    ):
        done = run_script(language.joined(config[name]["after_script"]), root, CI_JOB_STATUS=status)
        assert done.stdout.decode() == wanted, (name, status, done.stderr)


def test_steps_are_one_script(tmp_path: Path) -> None:
    steps = [
        {"name": "One", "run": "x=1; echo one"},
        {"name": "Two", "run": "exit 3", "gitlab": {"script": ["y=2", "echo two"]}},
        {"name": "Three", "run": "echo ${x-unset} $y"},
    ]
    config = compiled(tmp_path, stages(a={"steps": steps}, b={"steps": steps, "timeout": "1m", "retry": 1}))
    assert [entry.split("\n")[0] for entry in config["a"]["script"] if entry[0] == "#"] == ["# One", "# Two", "# Three"]
    root = workspace(tmp_path)
    for name in "ab":
        done = run_script(language.script(config, name), root, y="outer")
        assert done.stdout.decode() == "one\ntwo\nunset 2\n", done.stderr


def test_native_jobs(tmp_path: Path) -> None:
    call = {"trigger": {"project": "org/deploy", "strategy": "depend"}, "variables": {"A": "b"}}
    jobs = {
        "fit": {"run": "true"},
        "call": {
            "native": {"gitlab": call},
            "needs": ["fit"],
            "when": {"event": "push", "branch": "main"},
            "env": {"B": "$c"},
        },
        "own": {"native": {"gitlab": {"image": "alpine", "script": ["echo a: b", "exit 0"]}}, "needs": ["fit"]},
    }
    config = compiled(tmp_path, {**stages(**jobs), "runtime": {"python": "3.11"}})
    assert config["call"]["trigger"] == call["trigger"] and config["call"]["needs"] == ["fit"]
    assert config["call"]["variables"] == {"B": {"value": "$c", "expand": False}, "A": "b"}
    assert "script" not in config["call"] and "before_script" not in config["call"]
    assert config["own"]["script"] == ["echo a: b", "exit 0"] and config["own"]["inherit"] == {"default": False}
    assert set(language.jobs(config, event("push", branch="x"))) == {"fit", "own"}
    other = stages(a={"native": {"github": {"uses": "o/r/.github/workflows/x.yml@" + "0" * 40}}})
    assert any("no words for GitLab" in fault.message for fault in faults(tmp_path, other))
    skipped = {
        **stages(b={"run": "true"}, **other["stages"]["train"]),
        "targets": {"gitlab": {"fallback": {"native": "skip"}}},
    }
    assert not [fault for fault in faults(tmp_path, skipped) if fault.severity == "error"]


# ---- files


def test_checkouts(tmp_path: Path) -> None:
    other = {
        "repository": "git.example.org/org/data",
        "path": "vendor/data",
        "token": "T",
        "ref": "main",
        "submodules": "recursive",
    }
    jobs = {
        "deep": {"run": "true", "checkout": {"depth": 0, "submodules": True}},
        "none": {"run": "true", "checkout": False, "deps": ["data/x.csv"]},
        "more": {"run": "true", "checkout": [{"ref": "v1", "depth": 3}, other], "secrets": ["T"]},
        "make": {"run": "true", "outs": ["data/x.csv"]},
    }
    config = compiled(tmp_path, {**stages(**jobs), "secrets": {"T": {}}, **WIDER})
    assert (
        config["deep"]["variables"] | {"GIT_DEPTH": "0", "GIT_SUBMODULE_STRATEGY": "normal"}
        == config["deep"]["variables"]
    )
    lines = "\n".join(config["more"]["before_script"])
    assert (
        'git fetch --quiet --depth=3 "$CI_REPOSITORY_URL" v1' in lines
        and config["more"]["variables"]["GIT_DEPTH"] == "3"
    )
    assert "https://git.example.org/org/data.git main" in lines and "submodule update --init --recursive" in lines
    root = workspace(tmp_path)
    for name in ("src/a.py", "data/x.csv", "data/y.csv", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    done = run_script(language.script(config, "none"), root)
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".mlgen" not in path.parts}
    assert left == {"data/x.csv"}


def test_another_repository_for_real(tmp_path: Path) -> None:
    """Cloned with a token, which stays nowhere."""
    from tests.engines.tools import git

    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "x.csv").write_text("1", encoding="utf-8")
    git(origin, "init", "-q", "-b", "main", ".")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "first")
    one = {"repository": f"file://{origin}", "path": "vendor/data", "token": "T"}
    job = {"run": "cat vendor/data/x.csv", "checkout": [{"depth": 1}, one], "secrets": ["T"]}
    said = {**stages(a=job), "secrets": {"T": {}}}
    (tmp_path / "work").mkdir()
    config = language.read(emit(tmp_path / "work", said)[1])
    root = workspace(tmp_path / "work")
    done = run_script(language.script(config, "a"), root, T="secret-token", HOME=str(tmp_path))
    assert done.stdout == b"1" and done.returncode == 0, done.stderr
    assert "secret-token" not in (root / "vendor/data/.git/config").read_text("utf-8")


def test_what_is_kept(tmp_path: Path) -> None:
    jobs = {
        "a": {"run": "true", "outs": ["m.pkl"], "keep": "30d"},
        "b": {"run": "true", "outs": ["o"], "keep": {"for": "1d", "paths": ["logs/"], "result": "any"}},
        "c": {"run": "true", "outs": ["p"], "keep": {"paths": ["logs/"], "result": "any"}, "allow_failure": True},
        "d": {"run": "true", "deps": ["o"]},
    }
    config = compiled(tmp_path, stages(**jobs))
    assert config["a"]["artifacts"] == {"expire_in": "30 days", "paths": ["m.pkl"]}
    assert config["b"]["artifacts"] == {"when": "always", "expire_in": "1 day", "paths": ["o", "logs"]}
    assert "rm -rf -- logs" in config["d"]["before_script"]  # kept, not handed on
    root = workspace(tmp_path)
    (root / "p").touch()
    last = language.joined(config["c"]["after_script"])
    assert run_script(last, root, CI_JOB_STATUS="success").returncode == 0 and (root / "p").exists()
    assert run_script(last, root, CI_JOB_STATUS="failed").returncode == 0 and not (root / "p").exists()


def test_addresses_that_a_job_tells(tmp_path: Path) -> None:
    job = {
        "run": 'echo "host=h-$MLGEN_BRANCH" >> "$MLGEN_EXPORTS"', "exports": ["host"],
        "environment": {"name": "staging", "url": "https://${host}/${MLGEN_BRANCH}"},
    }  # fmt: skip
    said = {"stages": {"deploy": {"go": job}}, "environments": {"staging": {}}, "triggers": {"push": {}}}
    config = compiled(tmp_path, said)
    assert config["go"]["environment"]["url"] == "$MLGEN_URL"
    assert config["go"]["artifacts"]["reports"] == {"dotenv": [".mlgen/url.env"]}
    root = workspace(tmp_path)
    done = run_script(language.script(config, "go"), root)
    assert done.returncode == 0, done.stderr
    assert (root / ".mlgen/url.env").read_text("utf-8") == "MLGEN_URL=https://h-main/main\n"


def test_images_of_other_jobs(tmp_path: Path) -> None:
    """The name of an image is a variable that must be there before the job starts."""
    jobs = {
        "build": {"run": 'echo "image=org/x@sha256:1" >> "$MLGEN_EXPORTS"', "exports": ["image"]},
        "check": {"run": "true", "needs": ["build"]},
    }
    pipeline, _ = emit(tmp_path, stages(**jobs))
    build, check = pipeline.jobs
    edges = tuple(edge._replace(exports=True) for edge in check.edges)
    changed = pipeline._replace(jobs=(build, check._replace(image="${image}", edges=edges)))
    output = TARGET.outputs(changed)[0]
    text = render(output.template, output.view)
    config = language.read(text)
    assert config["check"]["image"] == "${image}"
    assert config["build"]["artifacts"]["reports"] == {"dotenv": [".mlgen/images.env"]}
    root = workspace(tmp_path)
    done = run_script(language.script(config, "build"), root)
    assert done.returncode == 0, done.stderr
    assert (root / ".mlgen/images.env").read_text("utf-8") == "image=org/x@sha256:1\n"


def test_a_project_in_a_folder(tmp_path: Path) -> None:
    job = {
        "run": "./x.sh", "outs": ["m/"], "cache": [{"paths": ["~/.cache/pip", "build/"], "key": ["requirements.txt"]}],
        "reports": {"junit": "r.xml"}, "when": {"changed": {"paths": ["src/**"]}}, "finally": "pwd",
    }  # fmt: skip
    said = {**stages(a=job), "project": {"name": "x", "root": "services/api"}, "triggers": {"push": {}}}
    config = language.read(emit(tmp_path / "services/api", said)[1])["x-a"]
    assert config["before_script"][:2] == ["set -euo pipefail", "cd services/api"] == config["after_script"][:2]
    assert config["artifacts"] == {"paths": ["services/api/m"], "reports": {"junit": ["services/api/r.xml"]}}
    (cache,) = config["cache"]
    assert cache == {
        "key": {"files": ["services/api/requirements.txt"], "prefix": "x"},
        "paths": [".cache/pip/", "services/api/build/"],
    }
    assert config["rules"][0]["changes"] == ["services/api/src/**/*"]


def test_files_from_whichever_job_ran(tmp_path: Path) -> None:
    jobs = {
        "small": {"run": "true", "outs": ["d.csv"], "when": {"event": "pull_request"}},
        "large": {"run": "true", "outs": ["d.csv"], "when": {"event": "push"}},
        "use": {"run": "cat d.csv", "deps": ["d.csv"]},
    }
    config = compiled(tmp_path, {**stages(**jobs), "triggers": {"push": {}, "pull_request": {}, "tag": ["v*"]}})
    assert config["use"]["needs"] == [{"job": "small", "optional": True}, {"job": "large", "optional": True}]
    assert set(language.jobs(config, event("push", branch="x"))) == {"large", "use"}
    assert set(language.jobs(config, event("pull_request", branch="x"))) == {"small", "use"}
    assert set(language.jobs(config, event("tag", tag="v1"))) == set()


# ---- results


class Api(BaseHTTPRequestHandler):
    """GitLab's answer to what jobs a pipeline has: https://docs.gitlab.com/api/jobs/#list-pipeline-jobs"""

    pages: ClassVar[list[list[dict[str, Any]]]] = []
    """One list of jobs an answer; the last one stays."""
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        type(self).asked.append((self.path, self.headers["JOB-TOKEN"]))
        jobs = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        page = int(self.path.rsplit("page=", 1)[1])
        body = json.dumps(jobs[(page - 1) * 100 : page * 100]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet."""


@pytest.fixture
def api() -> Iterator[dict[str, str]]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Api.asked = []
    url = f"http://127.0.0.1:{server.server_port}/api/v4"
    yield {"CI_API_V4_URL": url, "CI_PROJECT_ID": "5", "CI_PIPELINE_ID": "9", "CI_JOB_TOKEN": "token"}
    server.shutdown()


def ended(**statuses: str) -> list[dict[str, Any]]:
    """Jobs with their statuses; `failed!` is permitted."""
    return [
        {"name": name, "status": status.rstrip("!"), "allow_failure": status.endswith("!")}
        for name, status in statuses.items()
    ]


WATCHED: dict[str, Any] = {
    "data": {"get": {"run": "true"}},
    "train": {"fit-all": {"run": "true"}, "legs": {"run": "true", "matrix": {"n": [1, 2]}, "when": {"event": "push"}}},
    "test": {
        "bad": {"run": "echo bad", "when": {"result": "failure"}, "needs": ["fit-all", "legs"], "finally": "echo last"},
        "good": {"run": 'echo "good $MLGEN_RESULT_FIT_ALL $MLGEN_RESULT_LEGS"', "when": {"result": "success"}},
        "any": {"run": "echo any", "when": {"result": "any"}},
        "all-green": {},
        "next": {"run": "true", "needs": ["all-green"]},
        "part": {"run": "true", "needs": ["legs"], "when": {"result": "any"}},
    },
}


@pytest.mark.parametrize(
    ("statuses", "runs", "green"),
    [
        ({"get": "success", "fit-all": "success", "legs: [1]": "success", "legs: [2]": "success"}, "good any", True),
        ({"get": "success", "fit-all": "success"}, "good any", True),
        ({"get": "success", "fit-all": "failed!"}, "good any", True),
        ({"get": "success", "fit-all": "failed"}, "bad any", False),
        ({"get": "success", "fit-all": "success", "legs: [1]": "success", "legs: [2]": "failed"}, "bad any", False),
        ({"get": "success", "fit-all": "success", "legs: [1]": "canceled", "legs: [2]": "success"}, "bad any", False),
        ({"get": "success", "fit-all": "skipped", "legs: [1]": "skipped", "legs: [2]": "skipped"}, "bad any", False),
        ({"get": "failed", "fit-all": "skipped!"}, "bad any", False),
        ({"get": "failed", "fit-all": "skipped", "legs 1/2": "success", "legs 2/2": "success"}, "bad any", False),
    ],
)
def test_results(statuses: dict[str, str], runs: str, green: bool, api: dict[str, str], tmp_path: Path) -> None:
    config = language.read(emit(tmp_path, {"stages": WATCHED, "triggers": {"push": {}, "pull_request": {}}})[1])
    root = workspace(tmp_path)
    Api.pages = [ended(**statuses, fit="failed")]
    for name in ("bad", "good", "any"):
        (root / ".mlgen/results.env").unlink(missing_ok=True)
        done = run_script(language.script(config, name), root, **api)
        assert done.returncode == 0, (name, done.stderr)
        assert (f"\n{name}" in done.stdout.decode()) is (name in runs), (name, done.stdout)
        if name == "bad":
            last = run_script(language.joined(config["bad"]["after_script"]), root, CI_JOB_STATUS="success", **api)
            assert last.returncode == 0 and (b"last" in last.stdout) is (name in runs)
        if name == "good" and name in runs:
            legs = "success" if "legs: [1]" in statuses else "skipped"
            fit = "failure" if statuses["fit-all"] == "failed!" else "success"
            assert f"good {fit} {legs}" in done.stdout.decode()
    milestone = run_script(language.script(config, "all-green"), root, **api)
    assert (milestone.returncode == 0) is green, milestone.stderr
    assert Api.asked[0] == ("/api/v4/projects/5/pipelines/9/jobs?per_page=100&page=1", "token")


def test_results_are_waited_for(api: dict[str, str], tmp_path: Path) -> None:
    """GitLab starts a job that runs always as soon as one of its needs is skipped, while others still run."""
    emit(tmp_path, {"stages": WATCHED, "triggers": {"push": {}}})
    many = ended(**{f"x{n}": "success" for n in range(150)})
    Api.pages = [[*many, *ended(a="running", b="skipped")]] * 2 + [[*many, *ended(a="success", b="skipped")]]
    argv = [sys.executable, ".mlgen/ci.py", "results", "--want", "failure", "--pause", "0", "A=a", "B=b"]
    done = subprocess.run(argv, cwd=tmp_path, env={**environment(), **api}, capture_output=True, text=True)
    assert done.returncode == 0 and "waiting for a" in done.stdout, done.stderr
    done = subprocess.run(
        [*argv[:-2], "C=c"], cwd=tmp_path, env={**environment(), **api}, capture_output=True, text=True
    )
    assert done.returncode == 3  # no such job, so nothing failed
    env = {**environment(), **api, "CI_API_V4_URL": "http://127.0.0.1:9/"}
    assert subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True).returncode == 1


def test_watching_jobs_start_whatever_happens(tmp_path: Path) -> None:
    config = compiled(tmp_path, {"stages": WATCHED, "triggers": {"push": {}, "pull_request": {}}})
    assert config["stages"] == ["data", "train", "test"]
    for name in ("bad", "good", "any", "all-green"):  # they watch all earlier stages: no `needs`, and no files
        assert "needs" not in config[name] and config[name]["dependencies"] == []
        assert config[name]["rules"] == [{"when": "always"}]
    assert config["part"]["needs"] == [{"job": "legs", "optional": True}]
    assert config["part"]["rules"] == [{"when": "always"}]
    assert config["next"]["needs"] == ["all-green"]
    late = {"stages": {"test": {**WATCHED["test"], "slow": {"run": "true"}, "done": {"needs": ["slow"]}}}}
    late["stages"]["test"] = {"slow": {"run": "true"}, "other": {"run": "true"}, "done": {"needs": ["slow"]}}
    (tmp_path / "late").mkdir()
    config = language.read(emit(tmp_path / "late", late)[1])
    assert config["done"]["needs"] == ["slow"] and config["done"]["stage"] == "test"


def test_what_needs_a_job_that_did_not_run(api: dict[str, str], tmp_path: Path) -> None:
    jobs = {
        "fit": {"run": "true"},
        "undo": {"run": "echo undone", "needs": ["fit"], "when": {"result": "failure"}},
        "tell": {"run": "echo told", "needs": ["undo"], "finally": "echo last"},
        "end": {"run": "echo ended", "needs": ["tell"]},
    }
    config = compiled(tmp_path, stages(**jobs))
    assert config["tell"]["needs"] == ["undo"] and config["undo"]["artifacts"]["paths"] == [".mlgen/ran/undo"]
    root = workspace(tmp_path)
    for status, runs in (("success", False), ("failed", True)):
        Api.pages = [ended(fit=status)]
        for name, word in (("undo", b"undone"), ("tell", b"told"), ("end", b"ended")):
            done = run_script(language.script(config, name), root, **api)
            assert done.returncode == 0 and (word in done.stdout) is runs, (name, status, done.stderr)
        last = run_script(language.joined(config["tell"]["after_script"]), root, CI_JOB_STATUS="success", **api)
        assert (b"last" in last.stdout) is runs


# ---- for real


def test_behaviours_for_real(api: dict[str, str], tmp_path: Path) -> None:
    """Failure handling, files of optional jobs, a value that skips, and a milestone, by gitlab-ci-local."""
    make = ["cp d.csv m.txt", """echo '{"a": 0.5}' > m.json""", 'cat "$KEY" > k.txt', 'stat -c %a "$KEY" >> k.txt']
    fit = {
        "run": make, "deps": ["d.csv"], "outs": ["m.txt"], "metrics": ["m.json"], "secrets": ["KEY"],
        "exports": {"score": {"json": "m.json", "key": "a"}}, "keep": {"paths": ["k.txt"]},
    }  # fmt: skip
    handled = {"on_failure": "echo handled > h.txt", "keep": {"paths": ["h.txt"], "result": "any"}}
    notify = {"run": 'echo "$MLGEN_RESULT_BREAKS" > n.txt', "outs": ["n.txt"], "when": {"result": "failure"}}
    when = {score: {"needs": [], "when": {"value": {"fit.score": score}}} for score in ("0.5", "0.9")}
    jobs = {
        "data": {
            "small": {"run": "echo small > d.csv", "outs": ["d.csv"], "when": {"event": "pull_request"}},
            "large": {"run": "echo large > d.csv", "outs": ["d.csv"], "when": {"event": "push"}},
        },
        "train": {"fit": fit, "breaks": {"run": "false", "needs": [], **handled}},
        "test": {
            "good": {"run": "echo ran > g.txt", "outs": ["g.txt"], **when["0.9"]},
            "equal": {"run": "echo ran > e.txt", "outs": ["e.txt"], **when["0.5"]},
            "after": {"run": "cat g.txt", "deps": ["g.txt"], "needs": []},
            "docs": {"run": "true", "needs": [], "when": {"changed": {"paths": ["docs/**"], "against": "main"}}},
            "notify": {**notify, "needs": ["breaks"]},
            "all-green": {"needs": ["fit", "breaks"]},
        },
    }
    triggers: dict[str, Any] = {"push": {}, "pull_request": {}}
    spec = {"stages": jobs, "triggers": triggers, "secrets": {"KEY": {"file": True}}, **WIDER}
    root = tmp_path / "project"
    emit(root, spec)
    Api.pages = [ended(fit="success", breaks="failed")]
    key = {"KEY": Variable("content\n", file=True)}
    done = run_gitlab(root, work=tmp_path / "work", variables=key, predefined={"GITLAB_CI": "true", **api})
    assert done.jobs["large"] == done.jobs["fit"] == "success" and "small" not in done.jobs, done.log
    assert done.artifact("fit/m.txt").read_text() == "large\n"
    assert done.artifact("fit/k.txt").read_text() == "content\n600\n"
    assert done.jobs["breaks"] == "failure" and done.artifact("breaks/h.txt").read_text() == "handled\n"
    assert done.jobs["good"] == done.jobs["after"] == "success" and not list(done.artifacts.glob("good/*"))
    assert done.artifact("equal/e.txt").read_text() == "ran\n"
    assert done.jobs["notify"] == "success" and done.artifact("notify/n.txt").read_text() == "failure\n"
    assert done.jobs["all-green"] == "failure" and done.order.count("notify") == 1


def test_what_is_refused(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        (stages(a={"run": "true", "image": {"name": "x", "options": ["--gpus=all"]}}), "no options of docker run"),
        (stages(a={"run": "true", "services": {"db": {"image": "x", "ready": "y"}}}), "names no ports"),
        (stages(a={"steps": [{"name": "S", "github": {"uses": "o/a@" + "0" * 40}}]}), "no words for GitLab"),
        (
            stages(a={"native": {"gitlab": {"trigger": {"project": "o/p"}}}}, b={"needs": ["a"]}),
            "cannot ask GitLab how that ended",
        ),
        (
            stages(a={"run": "true"}, b={"run": "x", "needs": ["a"], "approval": True, "when": {"result": "any"}}),
            "successes",
        ),
        (
            stages(
                a={"run": "true", "exports": ["v"]},
                b={"run": "true"},
                c={"run": "true", "needs": ["a", "b"], "when": {"value": {"a.v": "1"}}},
                d={"run": "true", "needs": ["c"], "when": {"result": "failure"}},
            ),
            "its condition would have left it out",
        ),
    ]
    for number, (spec, word) in enumerate(cases):
        found = [fault for fault in faults(tmp_path / str(number), spec) if word in fault.message]
        assert found and all(fault.hint for fault in found), (word, faults(tmp_path / str(number), spec))
    chosen = {**cases[0][0], "targets": {"gitlab": {"fallback": {"container": "runner"}}}}
    assert not faults(tmp_path / "chosen", chosen)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("changes: [src/**/*]", "changes: [src/*]", "rules do not say"),
        ("      when: never\n", "", "rules do not say"),
        ("      when: always\n", "", "successes only"),
        ("--want failure", "--want any", "the results of what it waits for"),
        ("--want all", "--want any", "the results of what it waits for"),
        ("project: org/deploy", "project: org/other", "trigger is not that of `native`"),
        (".mlgen/ci.py when", ".mlgen/ci.py gate", "what its condition needs inside"),
        ("echo handled", "echo other", "after_script does not hold"),
        ('default: ""', "default: x", "another default"),
    ],
)
def test_damage_is_seen(old: str, new: str, word: str, tmp_path: Path) -> None:
    changed = {"changed": {"paths": ["src/**"]}}
    jobs = {
        "fit": {"run": "true", "when": changed, "on_failure": "echo handled", "exports": ["a"]},
        "other": {"run": "true", "when": {"not": changed, "branch": "main"}},
        "value": {"run": "true", "when": {"value": {"fit.a": "1"}}},
        "call": {"native": {"gitlab": {"trigger": {"project": "org/deploy"}}}, "when": {"event": "push"}},
        "undo": {"run": "true", "needs": ["fit"], "when": {"result": "failure"}},
        "done": {"needs": ["fit"], "when": changed},
    }
    spec = {**stages(**jobs), "triggers": {"push": {}, "pull_request": {}, "api": {"retrain": {}}}}
    pipeline, text = emit(tmp_path, spec)
    output = TARGET.outputs(pipeline)[0]
    assert old in text and not TARGET.check(output, text, pipeline)
    found = [fault.message for fault in TARGET.check(output, text.replace(old, new), pipeline)]
    assert any(word in message for message in found), found


def test_every_construct_is_said() -> None:
    assert not [capability.construct for capability in TARGET.capabilities if "not said yet" in capability.how]
