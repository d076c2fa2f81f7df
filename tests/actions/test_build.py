"""`build` as a script, with tools that record how they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgen.ir import Job
from tests.lower.specs import codes, pipeline

from .fakes import Machine

SETUP = "secrets: {USER: {}, PASS: {}}\nruntime: {setup: x, cache: {paths: [y]}}"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def only(job: str) -> Job:
    return pipeline(f"{SETUP}\nstages: {{image: {{api: {job}}}}}").jobs[0]


def script(build: str, more: str = "") -> str:
    return only(f"{{build: {build}{more}}}").run


SCANNED = "{image: registry.example.org/org/api, scan: {severity: [HIGH]}, login: {username: USER, password: PASS}}"
SECRETS = {"USER": "me", "PASS": "p$`'\" x"}


def test_it_is_built_scanned_and_pushed_in_this_order(machine: Machine) -> None:
    done = machine.run(script(SCANNED), **SECRETS)
    assert done.code == 0, done.err
    done.order("docker login", "type=oci,dest=", "trivy image", "--push")
    assert machine.exports == {
        "image": f"registry.example.org/org/api@{DIGEST}",
        "MLGEN_IMAGE_API": f"registry.example.org/org/api@{DIGEST}",
    }
    (built, pushed) = done.lines("buildx build")
    for line in (built, pushed):
        assert "--tag registry.example.org/org/api:c0ffee" in line
        assert "--label org.opencontainers.image.revision=c0ffee" in line
        assert "--label org.opencontainers.image.source=https://git.example.org/org/wine" in line
        assert "--cache-from type=registry,ref=registry.example.org/org/api:buildcache" in line
    assert machine.left == []


def test_the_password_goes_through_standard_input_only(machine: Machine) -> None:
    done = machine.run(script(SCANNED), **SECRETS)
    login = next(call for call in done.calls if call.argv[1] == "login")
    assert login.argv == ["docker", "login", "registry.example.org", "--username", "me", "--password-stdin"]
    assert login.stdin == SECRETS["PASS"]
    assert not any("p$" in call.line for call in done.calls)
    assert "p$" not in done.out + done.err


def test_an_image_with_findings_is_not_pushed(machine: Machine) -> None:
    machine.say("trivy image", (1, "CVE-2026-1"))
    done = machine.run(script(SCANNED), **SECRETS)
    assert done.code == 1
    assert done.lines("--push") == []
    assert machine.exports == {}
    assert machine.left == []


def test_the_severity_is_the_least_that_counts(machine: Machine) -> None:
    assert "--severity HIGH,CRITICAL --exit-code 1" in script(SCANNED)
    assert "--severity MEDIUM,HIGH,CRITICAL " in script("{image: r.io/a, scan: {severity: [CRITICAL, MEDIUM]}}")
    assert "--severity HIGH,CRITICAL " in script("{image: r.io/a, scan: true}")
    assert "trivy" not in script("{image: r.io/a, scan: false}")


@pytest.mark.parametrize("scan", ["", ", scan: true"])
def test_a_pull_request_pushes_nothing(machine: Machine, scan: str) -> None:
    done = machine.run(script(f"{{image: r.io/a{scan}}}"), MLGEN_EVENT="pull_request", MLGEN_BRANCH="main")
    assert done.code == 0, done.err
    assert done.lines("--push", "--cache-to") == []
    assert len(done.lines("buildx build")) == 1
    assert len(done.lines("trivy")) == bool(scan)
    assert machine.exports == {"image": "", "MLGEN_IMAGE_API": ""}


def test_a_login_that_is_refused_stops_all_but_a_pull_request(machine: Machine) -> None:
    machine.say("docker login", (1, ""))
    assert machine.run(script(SCANNED), **SECRETS).lines("buildx build") == []
    done = machine.run(script(SCANNED), MLGEN_EVENT="pull_request", **SECRETS)
    assert (done.code, len(done.lines("buildx build"))) == (0, 1)


def test_a_build_that_fails_is_a_failure(machine: Machine) -> None:
    machine.say("buildx build", (1, ""))
    done = machine.run(script(SCANNED), **SECRETS)
    assert done.code == 1
    assert done.lines("trivy", "--push") == []


def test_only_the_default_branch_fills_the_cache(machine: Machine) -> None:
    cached = "--cache-to type=registry,ref=r.io/a:buildcache,mode=max"
    assert cached in machine.run(script("r.io/a")).lines("--push")[0]
    for env in ({"MLGEN_BRANCH": "other"}, {"MLGEN_BRANCH": "", "MLGEN_EVENT": "tag", "MLGEN_TAG": "v1"}):
        assert cached not in machine.run(script("r.io/a"), **env).lines("--push")[0]


def test_a_tag_whose_variable_is_empty_is_left_out(machine: Machine) -> None:
    text = script("{image: r.io/a, tags: ['${MLGEN_COMMIT}', '${MLGEN_TAG}', 'b-${MLGEN_BRANCH_SLUG}', latest]}")
    line = machine.run(text, MLGEN_BRANCH_SLUG="main").lines("--push")[0]
    assert [word for word in line.split() if word.startswith("r.io/a:")] == [
        "r.io/a:c0ffee",
        "r.io/a:b-main",
        "r.io/a:latest",
    ]
    line = machine.run(text, MLGEN_BRANCH_SLUG="", MLGEN_TAG="v1", MLGEN_EVENT="tag", MLGEN_BRANCH="").lines("--push")[
        0
    ]
    assert [word for word in line.split() if word.startswith("r.io/a:")] == [
        "r.io/a:c0ffee",
        "r.io/a:v1",
        "r.io/a:latest",
    ]


def test_a_builder_that_is_there_is_used_again(machine: Machine) -> None:
    assert machine.run(script("r.io/a")).lines("create") == []
    machine.say("context inspect", (1, ""))
    machine.say("buildx inspect", (1, ""))
    done = machine.run(script("r.io/a"))
    done.order("context create mlgen", "buildx create --name mlgen --driver docker-container mlgen", "--push")


def test_every_platform_is_scanned(machine: Machine) -> None:
    done = machine.run(script("{image: r.io/a, scan: true, platforms: [linux/amd64, linux/arm64]}"))
    done.order("binfmt --install arm64", "--platform linux/amd64,linux/arm64", "trivy", "--push")
    assert [line.split("--platform ")[1] for line in done.lines("trivy")] == ["linux/amd64", "linux/arm64"]


def test_file_context_and_arguments(machine: Machine) -> None:
    text = script("{image: r.io/a, context: services/api/, file: docker/api.Dockerfile, args: {A: 'b $HOME', N: 3}}")
    argv = machine.run(text).calls[-1].argv
    assert argv[:4] == ["docker", "buildx", "build", "services/api"]
    assert argv[argv.index("--file") + 1] == "docker/api.Dockerfile"
    assert [argv[i + 1] for i, word in enumerate(argv) if word == "--build-arg"] == ["A=b $HOME", "N=3"]


@pytest.mark.parametrize(
    ("image", "login", "command", "user"),
    [
        ("1.dkr.ecr.eu-west-1.amazonaws.com/a", "ecr", "aws ecr get-login-password --region eu-west-1", "AWS"),
        ("public.ecr.aws/x/a", "ecr", "aws ecr-public get-login-password --region us-east-1", "AWS"),
        ("europe-docker.pkg.dev/p/r/a", "gcp", "gcloud auth print-access-token", "oauth2accesstoken"),
    ],
)
def test_registries_of_clouds(machine: Machine, image: str, login: str, command: str, user: str) -> None:
    machine.say(command, (0, "token"))
    done = machine.run(script(f"{{image: {image}, login: {login}}}"))
    call = next(call for call in done.calls if call.argv[1] == "login")
    assert (call.stdin, call.argv[2:]) == ("token", [image.split("/")[0], "--username", user, "--password-stdin"])


def test_the_registry_of_azure(machine: Machine) -> None:
    assert "az acr login --name mine" in machine.run(script("{image: mine.azurecr.io/a, login: acr}")).lines()


def test_a_matrix_of_images_does_not_mix_up_its_variables(machine: Machine) -> None:
    text = script("'r.io/${matrix.image}'", ", matrix: {image: [a, b]}")
    done = machine.run(text, image="b")
    assert done.code == 0, done.err
    assert "ref=r.io/b:buildcache" in done.lines("--push")[0]
    assert machine.exports == {}


def test_what_a_build_brings_to_its_job() -> None:
    job = only("{build: {image: ghcr.io/o/a, login: host}}")
    assert (job.docker, job.permissions, job.setup, job.caches) == (True, (("packages", "write"),), "", ())
    assert [export.name for export in job.exports] == ["image", "MLGEN_IMAGE_API"]
    job = only(f"{{build: {SCANNED}, secrets: [USER]}}")
    assert [use.name for use in job.secrets] == ["USER", "PASS"]
    assert job.permissions == ()


def test_faults() -> None:
    assert codes("secrets: {S: {}}\nstages: {i: {a: {build: {image: r.io/a, args: {T: '${S}'}}}}}") == ["MLG216"]
    assert codes("stages: {i: {a: {build: {image: r.io/a, login: {username: U, password: P}}}}}") == ["MLG201"] * 2
    assert codes("stages: {i: {a: {build: {image: r.io/a, login: ecr}}}}") == ["MLG102"]
    assert codes("stages: {i: {a: {build: {image: r.io/a, tags: ['${NOPE}']}}}}") == ["MLG220"]
    assert codes("stages: {i: {a: {build: {image: 'r.io/a:tag'}}}}") == ["MLG102"]
