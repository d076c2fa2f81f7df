"""guard, against a stand-in for the REST API of GitHub."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

A, B, C = "a" * 40, "b" * 40, "c" * 40
TOKEN = "token-of-the-job"
REPO = "/repos/org/wine"


class Api:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                api.asked.append((self.path, self.headers.get("Authorization", "")))
                answer = api.answers.get(self.path, api.answers.get(path, (404, {"message": "Not Found"})))
                if isinstance(answer, list) and answer and isinstance(answer[0], tuple):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def deploy(self, number: int, sha: str, run: int, *states: str, at: str = "", old: bool = False) -> None:
        """A record of a deployment to production, newest first, and its statuses."""
        at = at or f"2026-09-01T00:00:{number:02d}Z"
        link = f"https://github.com/org/wine/actions/runs/{run}/job/99" if run else ""
        made = "2020-01-01T00:00:00Z" if old else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.answers.setdefault(f"{REPO}/deployments", []).insert(0, {"id": number, "sha": sha, "created_at": made})
        self.answers[f"{REPO}/deployments/{number}/statuses"] = [
            {"state": state, "created_at": at, "log_url": link, "target_url": link} for state in states
        ]

    def compare(self, base: str, head: str, status: Any) -> None:
        self.answers[f"{REPO}/compare/{base}...{head}"] = {"status": status}

    def approvers(self, *rules: Any, environment: str = "production") -> None:
        self.answers[f"{REPO}/environments/{environment}"] = {"name": environment, "protection_rules": list(rules)}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    api = Api()
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": "org/wine",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": B,
        "GITHUB_RUN_ID": "100",
        "MLGEN_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    api.answers[f"{REPO}/deployments"] = []
    yield api
    api.server.shutdown()
    api.server.server_close()


@pytest.fixture
def guard(call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def guard(*args: str):
        result = call("guard", "--environment", "production", *args)
        assert TOKEN not in result.out + result.err
        return result

    return guard


PERSON = {"type": "User", "reviewer": {"login": "mona"}}
REVIEWERS = {"id": 1, "type": "required_reviewers", "reviewers": [PERSON]}


def test_first_deployment(guard, api: Api) -> None:
    result = guard()
    result.passed()
    assert result.out == "guard: the deployment to production may go ahead\n"
    assert {token for _, token in api.asked} == {f"Bearer {TOKEN}"}


# ---- refs


@pytest.mark.parametrize(
    ("ref", "allowed", "passes"),
    [
        ("refs/heads/main", ["refs/heads/main"], True),
        ("refs/heads/Main", ["refs/heads/main"], False),
        ("refs/heads/main", ["refs/heads/MAIN"], False),
        ("refs/tags/main", ["refs/heads/main"], False),
        ("refs/heads/main2", ["refs/heads/main"], False),
        ("refs/heads/x/refs/heads/main", ["refs/heads/main"], False),
        ("refs/tags/v1.2", ["refs/heads/main", "refs/tags/v*"], True),
        ("refs/tags/V1.2", ["refs/heads/main", "refs/tags/v*"], False),
        ("refs/heads/release/1", ["refs/heads/release/*", "!refs/heads/release/0*"], True),
        ("refs/heads/release/0.9", ["refs/heads/release/*", "!refs/heads/release/0*"], False),
        ("refs/heads/main", ["!refs/heads/dev"], False),
        ("refs/pull/7/merge", ["refs/heads/main"], False),
        ("", ["*"], False),
    ],
)
def test_refs(guard, api: Api, monkeypatch, ref: str, allowed: list[str], passes: bool) -> None:
    monkeypatch.setenv("GITHUB_REF", ref)
    result = guard(*(part for each in allowed for part in ("--ref", each)))
    if passes:
        return result.passed()
    result.failed()
    assert "::error title=mlgen::no deployment" in result.out
    assert not api.asked


# ---- approval


def test_approval(guard, api: Api) -> None:
    api.approvers({"type": "wait_timer", "wait_timer": 30}, REVIEWERS, {"type": "branch_policy"})
    guard("--approval").passed()


@pytest.mark.parametrize(
    "rules", [[], [{"type": "wait_timer"}], [{"type": "branch_policy"}], [{**REVIEWERS, "reviewers": []}]]
)
def test_no_reviewers(guard, api: Api, rules: list[Any]) -> None:
    api.approvers(*rules)
    guard().passed()
    guard("--approval").failed("nobody is set to approve it", "add required reviewers under Settings, Environments")


def test_no_environment(guard, api: Api) -> None:
    guard("--approval").failed("nobody is set to approve it", "Settings, Environments")


@pytest.mark.parametrize("rollback", ["true", ""])
def test_a_rollback_lifts_the_order_only(guard, api: Api, monkeypatch, rollback: str) -> None:
    monkeypatch.setenv("MLGEN_INPUT_ROLLBACK", rollback)
    guard("--approval").failed("nobody is set to approve it")
    guard("--ref", "refs/heads/other").failed("refs/heads/main")


def test_names_are_quoted(call, api: Api) -> None:
    api.approvers(REVIEWERS, environment="a%2Fb%3Fc%20d")
    call("guard", "--environment", "a/b?c d", "--approval").passed()
    assert f"{REPO}/deployments?environment=a%2Fb%3Fc%20d&per_page=20&page=1" in [path for path, _ in api.asked]


# ---- order


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ahead", ""),
        ("diverged", ""),
        ("behind", "run 90 deployed"),
        ("other", "not understood"),
        (None, "not understood"),
    ],
)
def test_order(guard, api: Api, status: Any, words: str) -> None:
    api.deploy(1, A, 90, "success", "in_progress")
    api.compare(A, B, status)
    guard().failed(words) if words else guard().passed()


def test_how_to_lift_it(guard, api: Api, monkeypatch) -> None:
    api.deploy(1, C, 120, "success")
    api.compare(C, B, "behind")
    guard().failed("rollback set to true", code=1)
    for value in ("false", "True", "1", ""):
        monkeypatch.setenv("MLGEN_INPUT_ROLLBACK", value)
        guard().failed("rollback")
    monkeypatch.setenv("MLGEN_INPUT_ROLLBACK", "true")
    result = guard()
    result.passed()
    assert "::warning title=mlgen::rollback" in result.out


@pytest.mark.parametrize(("run", "passes"), [(99, True), (101, False), (9, True), (1000, False), (0, True)])
def test_the_same_commit(guard, api: Api, run: int, passes: bool) -> None:
    """Runs are compared as numbers: 9 is older than 100, 1000 is newer."""
    api.deploy(1, B, run, "success")
    guard().passed() if passes else guard().failed(f"run {run} deployed")


def test_our_own_records_are_ignored(guard, api: Api) -> None:
    api.deploy(1, A, 90, "success")
    api.deploy(2, B, 100, "success", "in_progress")  # an earlier attempt or job of this run
    api.deploy(3, B, 100, "in_progress", "waiting")
    api.deploy(4, B, 0)  # no status yet
    api.compare(A, B, "behind")
    guard().failed("run 90")
    api.compare(A, B, "ahead")
    guard().passed()


def test_failed_deployments_are_ignored(guard, api: Api) -> None:
    api.deploy(1, A, 90, "success")
    for number, state in enumerate(["failure", "error", "inactive", "pending", "queued", "in_progress", "waiting"], 2):
        api.deploy(number, C, 200, state)
    api.compare(A, B, "ahead")
    api.compare(C, B, "behind")
    guard().passed()


def test_one_that_is_inactive_since_did_succeed(guard, api: Api) -> None:
    api.deploy(1, C, 90, "inactive", "success", "in_progress")
    api.compare(C, B, "behind")
    guard().failed("run 90")


def test_the_last_success_counts_not_the_last_record(guard, api: Api) -> None:
    """The first record waited for its approval while the second passed by."""
    api.deploy(1, C, 90, "success", at="2026-09-02T00:00:00Z")
    api.deploy(2, A, 91, "success", at="2026-09-01T00:00:00Z")
    api.compare(A, B, "ahead")
    api.compare(C, B, "behind")
    guard().failed("run 90")


def test_pages(guard, api: Api) -> None:
    for number in range(1, 21):
        api.deploy(number, A, number, "failure")
    api.answers[f"{REPO}/deployments?environment=production&per_page=20&page=2"] = [
        {"id": 50, "sha": C, "created_at": "x"}
    ]
    api.answers[f"{REPO}/deployments/50/statuses"] = [{"state": "success", "created_at": "2026-01-01T00:00:00Z"}]
    api.compare(C, B, "behind")
    guard().failed(f"run ? deployed {C[:12]}")


def test_old_records_have_lost_their_statuses(guard, api: Api) -> None:
    api.deploy(1, C, 0, old=True)
    api.compare(C, B, "behind")
    guard().failed("deployed")
    api.deploy(2, A, 95, "success")
    api.compare(A, B, "ahead")
    guard().passed()


# ---- fails closed


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_refusals_of_the_api(guard, api: Api, status: int) -> None:
    api.answers[f"{REPO}/deployments"] = (status, {"message": "no"})
    guard().failed(f"HTTP {status}", *(["`deployments: read`"] if status < 422 else []))
    assert len(api.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_three_tries(guard, api: Api, status: int) -> None:
    api.answers[f"{REPO}/deployments"] = [(status, {}), (status, {}), (200, [])]
    guard().passed()
    assert len(api.asked) == 3
    api.asked.clear()
    api.answers[f"{REPO}/deployments"] = (status, {})
    guard().failed(f"HTTP {status}")
    assert len(api.asked) == 3


def test_the_pauses_grow(ci, api: Api, monkeypatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(ci.Failure):
        ci.get_json("http://127.0.0.1:1/x", TOKEN)
    assert pauses == sorted(pauses, key=lambda pause: pause or 99)
    assert len(pauses) == 3


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_not_json(guard, api: Api, body: bytes) -> None:
    api.answers[f"{REPO}/deployments"] = (200, body)
    guard().failed("not JSON")


@pytest.mark.parametrize(
    "body",
    [
        None,
        1,
        "x",
        {"a": 1},
        [1],
        ["x"],
        [{}],
        [None],
        [{"id": "x", "sha": A}],
        [{"id": 7}],
        [{"id": 7, "sha": "../x", "created_at": ""}],
        [{"id": 7, "sha": None}],
    ],
)
def test_an_answer_of_another_shape(guard, api: Api, body: Any) -> None:
    api.answers[f"{REPO}/deployments"] = (200, body)
    api.answers[f"{REPO}/deployments/7/statuses"] = [{"state": "success", "created_at": "2026-01-01T00:00:00Z"}]
    guard().failed("no deployment to production")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"protection_rules": None},
        {"protection_rules": [{}]},
        {"protection_rules": [{"type": "required_reviewers"}]},
    ],
)
def test_an_environment_of_another_shape(guard, api: Api, body: Any) -> None:
    api.answers[f"{REPO}/environments/production"] = (200, body)
    guard("--approval").failed("no deployment to production")


def test_no_connection(guard, api: Api, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    guard().failed("GitHub does not answer")
    monkeypatch.setenv("GITHUB_API_URL", "nonsense")
    guard().failed()


@pytest.mark.parametrize("name", ["MLGEN_TOKEN", "GITHUB_SHA", "GITHUB_RUN_ID", "GITHUB_REPOSITORY", "GITHUB_REF"])
@pytest.mark.parametrize("value", ["", "x y/../z", f"{TOKEN}\n"])
def test_broken_environment(guard, api: Api, monkeypatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    guard().failed(f"${name}")
    assert not api.asked


@pytest.fixture
def other() -> Iterator[Api]:
    other = Api()
    yield other
    other.server.shutdown()
    other.server.server_close()


def test_no_redirect_to_another_host(guard, api: Api, other: Api) -> None:
    for target in (f"{other.url}/x", f"{other.url.replace('127.0.0.1', 'localhost')}/x", f"https{api.url[4:]}/x"):
        api.answers[f"{REPO}/deployments"] = (302, {}, ("Location", target))
        guard().failed("HTTP 302")
    assert not other.asked


def test_a_redirect_on_the_host_is_followed(guard, api: Api) -> None:
    """As GitHub answers for a repository that was renamed."""
    api.answers[f"{REPO}/deployments"] = (301, {}, ("Location", f"{api.url}/repositories/7/deployments"))
    api.answers["/repositories/7/deployments"] = (200, [])
    guard().passed()
    assert api.asked[-1] == ("/repositories/7/deployments", f"Bearer {TOKEN}")


def test_no_system_no_deployment(run) -> None:
    run("guard", "--environment", "production").failed("no deployment to production")
    run("guard", "--environment", "production", "--approval", "--ref", "*", GITHUB_ACTIONS="1").failed("no deployment")


def test_as_a_program(run, api: Api) -> None:
    api.approvers(REVIEWERS)
    run("guard", "--environment", "production", "--approval", "--ref", "refs/heads/main").passed()
