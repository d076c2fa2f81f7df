"""What docs/run.md shows is what happens."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.run.conftest import REPOSITORY, Project, git

PAGE = (REPOSITORY / "docs/run.md").read_text("utf-8")


def test_the_page(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    [spec] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [session] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    project.write(**{"mlgen.yaml": spec})
    git(project.folder, "init", "-q", "-b", "main", ".")
    project.commit()
    monkeypatch.chdir(project.folder)
    for part in re.split(r"^\$ mlgen run ?", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        done = project.said(*shlex.split(command))
        assert timeless(done.out) == timeless(shown)
        assert done.code == (1 if "FAILED" in shown else 0)


def timeless(text: str) -> str:
    return re.sub(r" *\d+\.\d s", " 0 s", text).rstrip()


def test_every_option_is_on_the_page(project: Project) -> None:
    from typer.main import get_command

    from mlgen.cli.app import app

    options = {name for option in get_command(app).commands["run"].params for name in option.opts}  # type: ignore[attr-defined]
    known = {"event", "-C", "--directory", "-f", "--file", "-j", "-v"}
    missing = {name for name in options - known if name not in PAGE}
    assert missing == set()
