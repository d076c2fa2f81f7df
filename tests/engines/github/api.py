"""A GitHub REST API of one repository on this machine, with what deployment guards and retraining ask for."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from ..tools import ToolFailure, git

Answer = tuple[HTTPStatus, Any]
_NOT_FOUND: Answer = (HTTPStatus.NOT_FOUND, {"message": "Not Found", "status": "404"})


class Deployment(NamedTuple):
    """One deployment to an environment; `state` is that of its last status."""

    environment: str
    sha: str
    state: str = "success"


class Request(NamedTuple):
    """What was asked of the API."""

    method: str
    path: str
    authorization: str
    body: Any


class GitHubApi:
    """The API as a context manager: `url` is what a workflow gets as GITHUB_API_URL, `requests` what it asked.

    `environments` maps an environment to its required reviewers; one without reviewers is not protected, one that is
    not listed does not exist. `deployments` are listed oldest first and answered newest first, as GitHub does.
    """

    def __init__(
        self,
        repo: Path,
        *,
        repository: str = "octo/wine",
        environments: Mapping[str, Sequence[str]] | None = None,
        deployments: Sequence[Deployment] = (),
    ) -> None:
        self.repo = repo
        self.repository = repository
        self.environments = dict(environments or {})
        self.deployments = list(deployments)
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> GitHubApi:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        self.requests.append(request)
        parts = urlsplit(request.path)
        prefix = f"/repos/{self.repository}/"
        if not parts.path.startswith(prefix):
            return _NOT_FOUND
        path = [unquote(part) for part in parts.path.removeprefix(prefix).split("/")]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match (request.method, *path):
            case ("GET", "environments", name):
                return self._environment(name)
            case ("GET", "deployments"):
                return HTTPStatus.OK, self._deployments(query)
            case ("GET", "deployments", number, "statuses"):
                return self._statuses(number)
            case ("GET", "compare", *basehead):
                return self._compare("/".join(basehead))
            case ("POST", "actions", "workflows", _, "dispatches") | ("POST", "dispatches"):
                return HTTPStatus.NO_CONTENT, None
            case _:
                return _NOT_FOUND

    def _environment(self, name: str) -> Answer:
        """https://docs.github.com/en/rest/deployments/environments#get-an-environment"""
        if name not in self.environments:
            return _NOT_FOUND
        reviewers = [{"type": "User", "reviewer": {"login": login}} for login in self.environments[name]]
        rules = [{"id": 1, "type": "required_reviewers", "prevent_self_review": False, "reviewers": reviewers}]
        return HTTPStatus.OK, {"id": 1, "name": name, "protection_rules": rules if reviewers else []}

    def _deployments(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """https://docs.github.com/en/rest/deployments/deployments#list-deployments"""
        listed = [
            {"id": number, "environment": each.environment, "sha": each.sha, "ref": each.sha}
            for number, each in enumerate(self.deployments, 1)
            if query.get("environment", each.environment) == each.environment and query.get("sha", each.sha) == each.sha
        ]
        size = int(query.get("per_page", "30"))
        start = (int(query.get("page", "1")) - 1) * size
        return listed[::-1][start : start + size]

    def _statuses(self, number: str) -> Answer:
        """https://docs.github.com/en/rest/deployments/statuses#list-deployment-statuses"""
        if not number.isdigit() or not 0 < int(number) <= len(self.deployments):
            return _NOT_FOUND
        deployment = self.deployments[int(number) - 1]
        return HTTPStatus.OK, [{"id": 1, "state": deployment.state, "environment": deployment.environment}]

    def _compare(self, basehead: str) -> Answer:
        """https://docs.github.com/en/rest/commits/commits#compare-two-commits"""
        base, _, head = basehead.partition("...")
        try:
            counts = git(self.repo, "rev-list", "--left-right", "--count", f"{base}...{head}")
            common = git(self.repo, "merge-base", base, head).strip()
        except ToolFailure:
            return _NOT_FOUND
        behind, ahead = map(int, counts.split())
        status = {(True, True): "diverged", (True, False): "behind", (False, True): "ahead"}.get(
            (behind > 0, ahead > 0), "identical"
        )
        return HTTPStatus.OK, {
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "merge_base_commit": {"sha": common},
        }


def _handler(api: GitHubApi) -> type[BaseHTTPRequestHandler]:
    """Return a request handler class that answers from `api`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            request = Request(self.command, self.path, self.headers.get("Authorization", ""), body)
            status, content = api.answer(request)
            payload = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    return Handler
