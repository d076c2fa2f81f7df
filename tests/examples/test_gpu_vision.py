"""The jobs of examples/gpu-vision on a CPU: each in a checkout of its own, against servers of the test's own."""

from __future__ import annotations

import base64
import json
import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from mlgen.compiler import analyse
from mlgen.ir import Job, paths
from mlgen.targets import ci_py
from tests.examples.test_examples import checkout, move, passing, report

ROOT = Path(__file__).resolve().parents[2] / "examples/gpu-vision"
PIPELINE = analyse(str(ROOT), "mlgen.yaml")[0]
PASSWORD = "password-that-must-not-be-seen"


class Runner:
    """Runs jobs with the example's own Python; what they hand on is collected in `files`."""

    def __init__(self, python: Path, work: Path) -> None:
        self.python, self.work, self.files = python, work, work / "files"

    def command(self, project: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        left_out = ("AWS_", "MLGEN_", "PYTHON", "PYTEST_", "COV_", "REDIS_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        env["PATH"] = f"{self.python.parent}{os.pathsep}{env['PATH']}"
        words = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(words, cwd=project, env={**env, **variables}, capture_output=True, text=True, timeout=300)

    def project(self, job: Job, name: str) -> Path:
        """A checkout with the files that the job is given."""
        project = checkout("gpu-vision", self.work / name)
        for take in job.takes:
            for given in sorted(self.files.rglob("*")):
                path = given.relative_to(self.files).as_posix()
                if any(_fits(path, pattern) for pattern in take.paths):
                    move(given, project / path)
        return project

    def run(self, job: Job, script: str = "", **variables: str) -> tuple[Path, str]:
        """Run every leg of a job, in one checkout each, and collect what it declares."""
        legs = [dict(leg.values) for leg in job.matrix.legs] if job.matrix else [{}]
        for leg in legs:
            project = self.project(job, "-".join([job.name, *leg.values()]))
            output = passing(self.command(project, script or job.run, **dict(job.env), **leg, **variables))
            for path in job.files:
                made = paths.on_leg(path, leg)
                move(project / made, self.files / made)
        return project, output


def _fits(path: str, pattern: str) -> bool:
    literal = re.escape(re.sub(r"\$\{matrix\.\w+\}", "*", pattern)).replace(r"\*", "[^/]*")
    return re.fullmatch(literal, path) is not None


@pytest.fixture
def runner(vision_python: Path, tmp_path: Path) -> Runner:
    return Runner(vision_python, tmp_path)


def trained(runner: Runner) -> Runner:
    """Runs the trainings and the choice, quickly, on pictures that are drawn."""
    passing(runner.command(checkout("gpu-vision", runner.work / "draw"), "python -m shapes.draw data/shapes.npz"))
    move(runner.work / "draw/data/shapes.npz", runner.files / "data/shapes.npz")
    runner.run(PIPELINE.job("train.sweep"), MLGEN_INPUT_STEPS="300")
    runner.run(PIPELINE.job("train.choose"))
    return runner


def test_the_best_of_the_sweep_passes_the_gate_on_a_cpu(runner: Runner) -> None:
    trained(runner)
    assert sorted(path.name for path in (runner.files / "runs").iterdir()) == [
        "16-1.npz", "16-2.npz", "64-1.npz", "64-2.npz",
    ]  # fmt: skip
    metrics = json.loads((runner.files / "metrics.json").read_text())
    assert metrics["candidates"] == 4 and metrics["accuracy"] > 0.9
    assert (runner.files / "models/shapes.npz").read_bytes() in [
        path.read_bytes() for path in (runner.files / "runs").iterdir()
    ]
    rows = (runner.files / "plots/confusion.csv").read_text().splitlines()
    assert rows[0] == "actual,predicted,count" and sum(int(row.split(",")[2]) for row in rows[1:]) == 300
    quality = PIPELINE.job("test.quality")
    assert quality.gate
    project = runner.project(quality, "quality")
    passing(runner.command(project, ci_py.gate(quality.gate)))
    (project / "metrics.json").write_text(json.dumps({**metrics, "worst_recall": 0.5}))
    assert runner.command(project, ci_py.gate(quality.gate)).returncode == 1

    # What the Dockerfile copies is there; the service that it starts takes the model.
    image = runner.project(PIPELINE.job("image.service"), "image")
    copied = re.findall(r"^COPY (.+) \S+$", (image / "Dockerfile").read_text(), re.MULTILINE)
    assert [path for path in copied if not (image / path).exists()] == []
    passing(runner.command(image, "python -c 'from shapes import serve; serve.Service()'"))


def test_its_own_tests(runner: Runner) -> None:
    project, _ = runner.run(PIPELINE.job("test.unit"))
    suite = report(project / "reports/unit.xml")
    assert int(suite.attrib["tests"]) >= 4 and suite.attrib["failures"] == "0"


def test_the_service_with_its_cache(runner: Runner, redis: int) -> None:
    project, _ = runner.run(PIPELINE.job("test.cached"), MLGEN_HOST_REDIS="127.0.0.1", REDIS_PORT=str(redis))
    suite = report(project / "reports/cached.xml")
    assert int(suite.attrib["tests"]) == 3 and suite.attrib["failures"] == suite.attrib["errors"] == "0"


def test_the_pictures_are_fetched_with_the_login_of_the_file(runner: Runner, web: Web, tmp_path: Path) -> None:
    passing(runner.command(checkout("gpu-vision", tmp_path / "draw"), "python -m shapes.draw data/shapes.npz"))
    web.content = (tmp_path / "draw/data/shapes.npz").read_bytes()
    fetch = PIPELINE.job("data.fetch")
    (secret,) = fetch.secrets
    assert secret.file and secret.variable == "STORE_NETRC"
    logins = tmp_path / "netrc"
    script = fetch.run.replace("https://data.example.org", web.url)
    logins.write_text(f"machine 127.0.0.1 login ci password {PASSWORD}\n")
    _, output = runner.run(fetch, script, STORE_NETRC=str(logins))
    assert "900 pictures to train on" in output and PASSWORD not in output
    assert web.asked[-1][1]["Authorization"] == "Basic " + base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
    assert (runner.files / "data/shapes.npz").read_bytes() == web.content

    logins.write_text("machine elsewhere.example.org login ci password x\n")
    refused = runner.command(runner.project(fetch, "refused"), script, STORE_NETRC=str(logins))
    assert refused.returncode == 1 and "no login for 127.0.0.1" in refused.stderr and "Traceback" not in refused.stderr


def test_the_model_is_published_as_whom_the_token_says(runner: Runner, web: Web, tmp_path: Path) -> None:
    """By the commands that GitLab was given: an identity token becomes a login of AWS, and the model is put."""
    trained(runner)
    model = (runner.files / "models/shapes.npz").read_bytes()
    said = list(yaml.safe_load_all((ROOT / ".gitlab-ci.yml").read_text("utf-8")))[1]
    (login,) = [entry for entry in said["publish"]["before_script"] if "AWS_ROLE_ARN" in entry]
    assert said["publish"]["id_tokens"] == {"MLGEN_AWS_TOKEN": {"aud": "$CI_SERVER_URL"}}
    web.answers["AssumeRoleWithWebIdentity"] = STS
    variables = {"CI_JOB_ID": "7", "MLGEN_AWS_TOKEN": "a.b.c", "MLGEN_COMMIT": "c0ffee", "HOME": str(tmp_path)}
    publish = PIPELINE.job("deploy.publish")
    project = runner.project(publish, "publish")
    done = runner.command(project, f"{login}\n{publish.run}", AWS_ENDPOINT_URL=web.url, **variables)
    assert "s3://vision-models/shapes/c0ffee.npz" in passing(done)
    (asked, put) = web.asked
    assert "role%2Fshapes-publish" in asked[2].decode() and "WebIdentityToken=a.b.c" in asked[2].decode()
    assert put[0] == "PUT /vision-models/shapes/c0ffee.npz"
    assert "Credential=ASIATEST/" in put[1]["Authorization"] and model in put[2]


STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIATEST</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/x/y</Arn><AssumedRoleId>A:y</AssumedRoleId></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


class Web:
    """A store on loopback: what was asked, as the line, the headers and the body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, str] = {}
        self.content = b""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                web.asked.append((f"{self.command} {self.path}", dict(self.headers), body))
                found = [text for part, text in web.answers.items() if part in body.decode("latin-1")]
                content = found[0].encode() if found else web.content if self.command == "GET" else b""
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PUT = do_GET

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


class Store(socketserver.StreamRequestHandler):
    """As much of Redis as GET and SET: https://redis.io/docs/latest/develop/reference/protocol-spec/"""

    def handle(self) -> None:
        kept: dict[bytes, bytes] = self.server.kept  # type: ignore[attr-defined]
        while head := self.rfile.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            name = words[0].upper()
            if name == b"GET":
                value = kept.get(words[1])
                self.wfile.write(b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value))
                continue
            if name == b"SET":
                kept[words[1]] = words[2]
            known = name in (b"SET", b"PING", b"CLIENT")
            self.wfile.write(
                (b"+PONG\r\n" if name == b"PING" else b"+OK\r\n") if known else b"-ERR unknown command\r\n"
            )


@pytest.fixture
def redis() -> Iterator[int]:
    """The port of a store on loopback."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Store) as server:
        server.daemon_threads = True
        server.kept = {}  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
