"""`.mlgen/host.py` against servers that answer as the code hosts document it, and tools that record their calls."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlgen import targets
from mlgen.render import render, template_text
from tests.lower.specs import codes, edges, pipeline

from .fakes import Done, Machine


class Server(ThreadingHTTPServer):
    """A code host: keeps what it is asked, and answers by `answer`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.tokens: set[str] = set()
        self.releases: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []
        self.refused = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        if self.refused and re.fullmatch(self.refused, f"{method} {path}"):
            return 403, {"message": "no"}
        if "/projects/" in path:
            return self._gitlab(method, path, data)
        return self._github(method, path, data)

    def _github(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, self.releases
        if path.endswith("/releases"):
            made = {
                "id": 5,
                "assets": [],
                "upload_url": f"{self.url}/upload{{?name,label}}",
                "html_url": "made",
                **data,
            }
            self.releases.append(made)
            return 201, made
        if method == "PATCH":
            self.releases[0].update(data)
            return 200, self.releases[0]
        if method == "DELETE":
            self.releases[0]["assets"] = [a for a in self.releases[0]["assets"] if str(a["id"]) != path.split("/")[-1]]
            return 204, None
        name = path.split("name=")[1]
        assets = self.releases[0]["assets"]
        if any(asset["name"] == name for asset in assets):
            return 422, {"message": "already_exists"}
        assets.append({"id": len(assets) + 1, "name": name, "size": len(data), "state": "uploaded"})
        return 201, assets[-1]

    def _gitlab(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        if "/packages/generic/" in path:
            return 201, {"message": "201 Created"}
        if "/assets/links" in path:
            if method == "GET":
                return 200, self.links
            self.links.append(data)
            return 201, data
        if self.releases:
            return 409, {"message": "Release already exists"}
        self.releases.append(data)
        self.links += data["assets"]["links"]
        return 201, data


class Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data: Any = json.loads(body) if self.headers.get("Content-Type") == "application/json" else body
        names = ("Authorization", "JOB-TOKEN", "PRIVATE-TOKEN")
        server.tokens |= {f"{name} {self.headers[name]}" for name in names if self.headers[name]}
        server.asked.append((self.command, self.path, data))
        status, said = server.answer(self.command, self.path, data)
        text = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    fragments = [f for name in targets.names() for f in targets.get(name).fragments if f.path == ".mlgen/host.py"]
    view = {"fragments": [{"text": template_text(f.template).rstrip("\n")} for f in fragments]}
    (made.work / ".mlgen/host.py").write_text(render("common/host.py.j2", view))
    (made.work / "dist").mkdir()
    (made.work / "dist/a-1.whl").write_bytes(b"wheel")
    (made.work / "dist/b-1.tar.gz").write_bytes(b"source")
    return made


GITHUB = {"MLGEN_REPOSITORY_URL": "https://github.com/org/wine", "MLGEN_TOKEN": "t0k", "MLGEN_ACTOR": "ann"}
GITLAB = {
    "MLGEN_REPOSITORY_URL": "https://gitlab.com/org/wine", "GITLAB_CI": "true", "CI_JOB_TOKEN": "j0b",
    "CI_PROJECT_ID": "7",
    "CI_REGISTRY": "registry.gitlab.com", "CI_REGISTRY_USER": "u", "CI_REGISTRY_PASSWORD": "p",
}  # fmt: skip


OUTSIDE = {"MLGEN_REPOSITORY_URL": "https://gitlab.com/org/wine"}


def failed(done: Done, *words: str, code: int = 1) -> None:
    assert (done.code, done.err.count("\n")) == (code, 1), done.err
    assert done.err.startswith("mlgen: ")
    assert all(word in done.err for word in words), done.err


@pytest.mark.parametrize(
    ("env", "registry", "user", "password"),
    [
        (GITHUB, "ghcr.io", "ann", "t0k"),
        (GITLAB, "registry.gitlab.com", "u", "p"),
        ({**OUTSIDE, "MLGEN_TOKEN": "pat"}, "registry.gitlab.com", "oauth2", "pat"),
        ({**GITHUB, "MLGEN_REPOSITORY_URL": "https://gh.corp/o/w", "GITHUB_SERVER_URL": "https://gh.corp"},
         "containers.gh.corp", "ann", "t0k"),
    ],
)  # fmt: skip
def test_docker_is_logged_in(machine: Machine, env: dict[str, str], registry: str, user: str, password: str) -> None:
    done = machine.run(f"python3 .mlgen/host.py login {registry}", **env)
    assert done.code == 0, done.err
    (call,) = done.calls
    assert call.line == f"docker login {registry} --username {user} --password-stdin"
    assert call.stdin == password


def test_a_login_that_cannot_be(machine: Machine) -> None:
    login = "python3 .mlgen/host.py login ghcr.io"
    failed(machine.run(login, **GITLAB), "ghcr.io is not the registry of GitLab, which is registry.gitlab.com")
    failed(machine.run(login, **{**GITHUB, "MLGEN_TOKEN": ""}), "$MLGEN_TOKEN is not set")
    failed(machine.run(login, MLGEN_REPOSITORY_URL="https://git.example.org/a/b"), "give `login` a user and a password")
    machine.say("docker login", (1, ""))
    failed(machine.run(login, **GITHUB), "docker login ghcr.io failed")


def test_packages_go_to_the_index_of_the_host(machine: Machine) -> None:
    # twine is a module: a package that calls the fake of the same name.
    (machine.work / "twine").mkdir()
    code = "import os, sys\nos.execvp('twine', ['twine', *sys.argv[1:]])\n"
    (machine.work / "twine/__main__.py").write_text(code)
    script = pipeline("stages: {a: {p: {package: {files: dist/*, index: host}}}}").jobs[0].run
    done = machine.run(script, **GITLAB, CI_API_V4_URL="https://gitlab.com/api/v4", PYTHONPATH=str(machine.work))
    assert done.code == 0, done.err
    files = "dist/a-1.whl dist/b-1.tar.gz"
    address = "https://gitlab.com/api/v4/projects/7/packages/pypi"
    assert done.lines() == [
        f"twine check --strict {files}",
        f"twine upload --non-interactive --repository-url {address} {files}",
    ]
    assert done.calls[1].env == {"TWINE_USERNAME": "gitlab-ci-token", "TWINE_PASSWORD": "j0b"}
    done = machine.run(script, **GITHUB, PYTHONPATH=str(machine.work))
    failed(done, "GitHub has no index of Python packages")
    assert len(done.calls) == 1
    machine.say("twine check", (1, ""))
    assert machine.run(script, **GITLAB, PYTHONPATH=str(machine.work)).lines("upload") == []


def test_packages_go_to_pypi_or_an_address(machine: Machine) -> None:
    def upload(package: str, secrets: str = "") -> list[str]:
        text = f"secrets: {{TWINE_PASSWORD: {{}}}}\nstages: {{a: {{p: {{package: {package}{secrets}}}}}}}"
        return pipeline(text).jobs[0].run.splitlines()[1:]

    twine = "python3 -m twine upload --non-interactive"
    assert upload("dist/*") == [f"{twine} --skip-existing dist/*"]
    assert upload("{files: dist/*, index: 'https://x.org/'}", ", secrets: TWINE_PASSWORD") == [
        'export TWINE_USERNAME="${TWINE_USERNAME:-__token__}"',
        f"{twine} --repository-url https://x.org/ dist/*",
    ]


RELEASE = "python3 .mlgen/host.py release dist/*"


def test_a_release_is_a_draft_until_it_is_whole(machine: Machine, server: Server) -> None:
    env = {**GITHUB, "GITHUB_API_URL": server.url, "MLGEN_TAG": "v1.0"}
    done = machine.run(RELEASE, **env)
    assert (done.code, done.out) == (0, "release: made\n"), done.err
    assert [f"{method} {path}" for method, path, _ in server.asked] == [
        "GET /repos/org/wine/releases?per_page=100&page=1",
        "POST /repos/org/wine/releases",
        "POST /upload?name=a-1.whl",
        "POST /upload?name=b-1.tar.gz",
        "PATCH /repos/org/wine/releases/5",
    ]
    made = server.asked[1][2]
    assert made == {
        "tag_name": "v1.0",
        "name": "v1.0",
        "draft": True,
        "prerelease": False,
        "generate_release_notes": True,
    }
    assert [data for method, path, data in server.asked if "upload" in path] == [b"wheel", b"source"]
    assert server.tokens == {"Authorization Bearer t0k"}
    # The same once more changes nothing, and what is missing is added.
    server.asked.clear()
    assert machine.run(RELEASE, **env).code == 0
    assert [method for method, _, _ in server.asked] == ["GET"]
    server.asked.clear()
    (machine.work / "dist/a-1.whl").write_bytes(b"another wheel")
    assert machine.run(RELEASE, **env).code == 0
    assert [f"{method} {urlsplit(path).path}" for method, path, _ in server.asked][1:] == [
        "DELETE /repos/org/wine/releases/assets/1",
        "POST /upload",
    ]


def test_an_upload_that_fails_publishes_nothing(machine: Machine, server: Server) -> None:
    server.refused = "POST /upload.*"
    env = {**GITHUB, "GITHUB_API_URL": server.url, "MLGEN_TAG": "v1.0rc1"}
    failed(machine.run(RELEASE, **env), "POST /upload: HTTP 403")
    assert (server.releases[0]["draft"], server.releases[0]["prerelease"]) == (True, True)
    server.refused = ""
    assert machine.run(RELEASE, **env).code == 0
    assert server.releases[0]["draft"] is False
    assert len(server.releases) == 1


def test_a_release_of_gitlab_links_to_its_files(machine: Machine, server: Server) -> None:
    env = {**GITLAB, "CI_API_V4_URL": f"{server.url}/api/v4", "MLGEN_TAG": "v1+2"}
    (machine.work / "notes.md").write_text("New things")
    done = machine.run("python3 .mlgen/host.py release --notes notes.md dist/*", **env)
    assert (done.code, done.out) == (0, "release: https://gitlab.com/org/wine/-/releases/v1%2B2\n"), done.err
    packages = "/api/v4/projects/7/packages/generic/wine/v1-2"
    assert [f"{method} {path}" for method, path, _ in server.asked] == [
        f"PUT {packages}/a-1.whl",
        f"PUT {packages}/b-1.tar.gz",
        "POST /api/v4/projects/7/releases",
    ]
    assert server.releases[0]["description"] == "New things"
    assert server.tokens == {"JOB-TOKEN j0b"}
    del server.links[1]
    assert machine.run("python3 .mlgen/host.py release dist/*", **env).code == 0
    assert [link["name"] for link in server.links] == ["a-1.whl", "b-1.tar.gz"]


def test_a_release_that_cannot_be(machine: Machine) -> None:
    failed(machine.run(RELEASE, **GITHUB), "$MLGEN_TAG is not set")
    failed(machine.run(f"{RELEASE} no.zip", **GITHUB, MLGEN_TAG="v1"), "no.zip: no such file", code=2)
    (machine.work / "a-1.whl").touch()
    failed(machine.run(f"{RELEASE} a-1.whl", **GITHUB, MLGEN_TAG="v1"), "have the same name", code=2)
    env = {"MLGEN_REPOSITORY_URL": "https://git.example.org/a/b", "MLGEN_TAG": "v1"}
    failed(machine.run(RELEASE, **env), "releases of this code host are not known here")
    failed(machine.run("python3 .mlgen/host.py", **GITHUB), "--help", code=2)


def test_the_scripts_of_releases() -> None:
    text = "triggers: {push: {}, tag: ['v*']}\nstages: {a: {w: {run: x, outs: [dist/]}, r: {needs: [], JOB}}}"
    found = pipeline(text.replace("JOB", "release: {files: [dist/*.whl, 'a b'], notes: n.md}, when: {event: tag}"))
    job = found.job("a.r")
    assert shlex.split(job.run)[1:] == [".mlgen/host.py", "release", "--notes", "n.md", "dist/*.whl", "a b"]
    assert job.permissions == (("contents", "write"),)
    assert edges(job) == {"a.w": "hard"}
    assert codes(text.replace("JOB", "release: {}, when: {tag: 'v1*'}")) == []
    assert codes(text.replace("JOB", "release: dist/*")) == ["MLG217"]


def test_the_emitted_files_are_clean(machine: Machine) -> None:
    (machine.work / ".mlgen/registry.py").write_text(render("common/registry.py.j2", {}))
    rules = ["--line-length", "120", "--select", "E,F,W,I,B,UP,C4,SIM,RUF", "--target-version", "py38"]
    argv = [str(Path(sys.executable).with_name("ruff")), "check", "--isolated", *rules, str(machine.work / ".mlgen")]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
