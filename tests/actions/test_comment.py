"""`.mlgen/host.py comment`: one comment on the pull request, with servers that answer as the code hosts document it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .fakes import Machine
from .test_host import GITHUB, Server, failed
from .test_host import machine as machine
from .test_host import server as server

MARK = "<!-- mlgen: report of wine -->"
COMMENT = "python3 .mlgen/host.py comment --mark wine --image plots .mlgen/report.md"
GITLAB = {"MLGEN_REPOSITORY_URL": "https://gitlab.com/org/wine", "GITLAB_CI": "true", "CI_PROJECT_ID": "7"}


class Comments:
    """The comments of one pull request: https://docs.github.com/en/rest/issues/comments
    https://docs.gitlab.com/api/notes/"""

    def __init__(self, server: Server) -> None:
        self.server, self.there = server, [{"id": n, "body": f"other {n}"} for n in range(100)]
        self.old, server.answer = server.answer, self.answer  # type: ignore[method-assign]

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        if self.server.refused and re.fullmatch(self.server.refused, f"{method} {path}"):
            return 403, {"message": "Resource not accessible"}
        if path.endswith("/uploads"):
            name = re.search(rb'filename="([^"]+)"', data)
            assert name
            return 201, {"markdown": f"![x](/uploads/1/{name[1].decode()})"}
        if method == "GET":
            page = int(path.split("page=")[-1])
            return 200, self.there[(page - 1) * 100 : page * 100]
        if method == "POST":
            self.there.append({"id": 400 + len(self.there), **data})
            return 201, self.there[-1]
        (mine,) = [each for each in self.there if str(each["id"]) == path.split("/")[-1]]
        mine.update(data)
        return 200, mine

    @property
    def own(self) -> list[str]:
        return [str(each["body"]) for each in self.there if "other" not in str(each["body"])]


@pytest.fixture
def comments(server: Server, machine: Machine) -> Iterator[Comments]:
    (machine.work / ".mlgen/report.md").write_text("### wine\n", "utf-8")
    (machine.work / "plots").mkdir()
    (machine.work / "plots/loss 1.png").write_bytes(b"PNG")
    (machine.work / "plots/data.json").write_text("{}")
    yield Comments(server)


def on_github(server: Server) -> dict[str, str]:
    return {**GITHUB, "GITHUB_API_URL": server.url, "MLGEN_PR": "3", "MLGEN_EVENT": "pull_request"}


def on_gitlab(server: Server) -> dict[str, str]:
    return {**GITLAB, "CI_API_V4_URL": server.url, "MLGEN_TOKEN": "pat", "CI_JOB_TOKEN": "j0b", "MLGEN_PR": "3"}


def test_github_has_one_comment_which_later_runs_change(machine: Machine, server: Server, comments: Comments) -> None:
    assert machine.run(COMMENT, **on_github(server)).code == 0
    assert comments.own == [f"{MARK}\n### wine\n"]
    (machine.work / ".mlgen/report.md").write_text("### newer\n", "utf-8")
    assert machine.run(COMMENT, **on_github(server)).code == 0
    assert comments.own == [f"{MARK}\n### newer\n"]
    assert [f"{method} {path}" for method, path, _ in server.asked] == [
        "GET /repos/org/wine/issues/3/comments?per_page=100&page=1",
        "GET /repos/org/wine/issues/3/comments?per_page=100&page=2",
        "POST /repos/org/wine/issues/3/comments",
        "GET /repos/org/wine/issues/3/comments?per_page=100&page=1",
        "GET /repos/org/wine/issues/3/comments?per_page=100&page=2",
        "PATCH /repos/org/wine/issues/comments/500",
    ]
    assert server.tokens == {"Authorization Bearer t0k"}


def test_projects_of_one_repository_have_a_comment_each(machine: Machine, server: Server, comments: Comments) -> None:
    for name in ("wine", "wine-2", "wine"):
        assert machine.run(COMMENT.replace("wine", name), **on_github(server)).code == 0
    assert len(comments.own) == 2


def test_gitlab_shows_the_pictures(machine: Machine, server: Server, comments: Comments) -> None:
    done = machine.run(COMMENT, **on_gitlab(server))
    assert done.code == 0, done.err
    assert comments.own == [f"{MARK}\n### wine\n\n\n![x](/uploads/1/loss-1.png)"]
    assert machine.run(COMMENT, **on_gitlab(server)).code == 0
    assert len(comments.own) == 1
    methods = [f"{method} {path}" for method, path, _ in server.asked if method != "GET"]
    assert methods == [
        "POST /projects/7/uploads", "POST /projects/7/merge_requests/3/notes",
        "POST /projects/7/uploads", "PUT /projects/7/merge_requests/3/notes/500",
    ]  # fmt: skip
    assert server.tokens == {"PRIVATE-TOKEN pat"}, "the token of the job may not write notes"


def test_without_a_token_it_only_says_so(machine: Machine, server: Server, comments: Comments) -> None:
    done = machine.run(COMMENT, **{**on_gitlab(server), "MLGEN_TOKEN": ""})
    assert (done.code, server.asked) == (0, [])
    assert done.err == "mlgen: warning: there is no $MLGEN_TOKEN: the pull request gets no comment\n"


def test_a_token_that_may_not_write_as_on_a_fork(machine: Machine, server: Server, comments: Comments) -> None:
    server.refused = "POST .*"
    done = machine.run(COMMENT, **on_github(server))
    assert done.code == 0
    assert done.err.startswith(
        "mlgen: warning: the pull request gets no comment: POST /repos/org/wine/issues/3/comments"
    )
    assert comments.own == []


def test_what_is_a_failure(machine: Machine, server: Server, comments: Comments) -> None:
    failed(machine.run(COMMENT, **{**on_github(server), "MLGEN_PR": ""}), "$MLGEN_PR is not set")
    failed(machine.run(COMMENT.replace("report.md", "no.md"), **on_github(server)), "no.md", code=2)
    elsewhere = {**on_github(server), "MLGEN_REPOSITORY_URL": "https://git.example.org/a/b"}
    failed(machine.run(COMMENT, **elsewhere), "comments of this code host are not known here")


def test_a_picture_by_a_link_is_a_picture(machine: Machine, server: Server, comments: Comments) -> None:
    Path(machine.work / "plots/b.svg").write_text("<svg/>")
    assert machine.run(COMMENT, **on_gitlab(server)).code == 0
    assert comments.own[0].index("b.svg") < comments.own[0].index("loss-1.png")
