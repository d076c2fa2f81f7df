"""Settings that a walk over every key has shown to be wrong."""

from pathlib import Path

import pytest
import yaml

from mlgen import targets
from mlgen.compiler import compile_spec
from mlgen.targets.adapt import adapt


def shown(root: Path, target: str, text: str) -> str:
    """The settings of a target for a spec, as one text."""
    whole = {"version": 1, "project": "wine", "targets": {target: {"fallback": {}}}, **yaml.safe_load(text)}
    (root / "mlgen.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), "utf-8")
    made = compile_spec(str(root), "mlgen.yaml")
    found = targets.get(target).settings(adapt(made.pipeline, targets.get(target))[0])
    return "\n".join(f"{setting.title}: {setting.detail}" for setting in found)


def test_gitlab_with_a_runner_in_the_words_of_others(tmp_path: Path) -> None:
    text = "runners: {big: {github: {labels: [x]}, gitlab: {tags: [x]}}}\nstages: {a: {b: {run: x, runner: big}}}"
    assert shown(tmp_path, "gitlab", text)


@pytest.mark.parametrize("target", ["circleci", "jenkins"])
def test_the_rights_of_all_jobs(tmp_path: Path, target: str) -> None:
    text = (
        f"targets: {{{target}: {{fallback: {{permissions: secret}}}}}}\ntriggers: {{push: {{}}}}\n"
        "stages: {a: {b: {run: x, permissions: {contents: write}}, c: {run: x, permissions: {issues: write}}}}"
    )
    assert "contents: write, issues: write" in shown(tmp_path, target, text)


def test_circleci_approvals_of_jobs_and_of_addresses(tmp_path: Path) -> None:
    text = (
        "environments: {prod: {approval: {by: [leads]}}}\ntriggers: {push: {}}\n"
        "stages: {deploy: {own: {run: x, approval: {by: [ops]}},"
        " there: {run: x, environment: {name: prod, url: 'https://x.example.org'}}}}"
    )
    said = shown(tmp_path, "circleci", text)
    assert "Approval of deploy.own: " in said and "ops" in said
    assert "Approval of prod: " in said and "leads" in said
