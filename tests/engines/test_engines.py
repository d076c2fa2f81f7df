"""Proves the engines: each checker is quiet on a good file and finds what is wrong with a bad one, each runner runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from . import checkers, jenkins_harness, tools
from .checkers import Finding, check_all
from .github.api import Deployment, GitHubApi
from .run_github import run_github
from .run_gitlab import Variable, run_gitlab
from .run_jenkins import run_jenkins
from .runs import RunResult
from .tools import MissingTool, ToolFailure, find, git

HERE = Path(__file__).parent
SEEDS = HERE / "seeds"

#: Bytes that quoting, globbing, expansion or a second parse would change.
HOSTILE = "a'b\"c $HOME `id` $(id) \\n %s ${{ x }} * é\nsecond line\ttab"

# --- checkers ---------------------------------------------------------------------------------------------------------

CHECKERS: dict[str, Callable[[Path], list[Finding]]] = {
    "actionlint": checkers.actionlint,
    "zizmor": checkers.zizmor,
    "github_parser": checkers.github_parser,
    "github_language_service": checkers.github_language_service,
    "schema github": partial(checkers.schema, system="github"),
    "schema gitlab": partial(checkers.schema, system="gitlab"),
    "gitlab_list": checkers.gitlab_list,
    "schema circleci": partial(checkers.schema, system="circleci"),
    "circleci_parser": checkers.circleci_parser,
    "groovy_check": checkers.groovy_check,
    "schema travis": partial(checkers.schema, system="travis"),
}

#: What each checker says of the seed `bad-NAME`, which differs from the good file in one thing.
EXPECTED = {
    ("github", "actionlint"): {
        "action-input": 'input "if-no-file-found" is not defined in action',
        "cron": "invalid CRON format",
        "need-not-declared": 'property "other" is not defined',
        "runner-label": 'label "ubuntu-24.4" is unknown',
        "unknown-property": 'property "sed" is not defined',
        "unquoted-shell": "SC2046",
    },
    ("github", "zizmor"): {
        "excessive-permissions": "write-all",
        "partial-condition": "always evaluates to true",
        "template-injection": "code injection via template expansion",
        "unpinned-action": "not pinned to a hash",
    },
    ("github", "github_parser"): {
        "cron-six-fields": "Invalid cron expression",
        "cycle": "at least one job with no dependencies",
        "duplicate-key": "'timeout-minutes' is already defined",
        "duplicate-step-id": "may not be used more than once",
        "event": "Unexpected value 'pull_requests'",
        "expression-syntax": "Unexpected end of expression",
        "input-type": "Unexpected value 'chioce'",
        "job-id": "The identifier 're port' is invalid",
        "no-runner": "Required property is missing: runs-on",
        "permission": "Unexpected value 'reed'",
        "unknown-function": "Unrecognized function: 'canceled'",
        "unknown-need": "depends on unknown job 'trian'",
    },
    ("github", "github_language_service"): {
        "context-not-allowed": "Unrecognized named-value: 'matrix'",
        "need-not-declared": "Context access might be invalid: other",
        "unknown-context": "Unrecognized named-value: 'matrx'",
    },
    ("github", "schema github"): {
        "run-and-uses": "'uses' is a required property",
        "unknown-key": "'timeout-minuts' was unexpected",
    },
    ("gitlab", "schema gitlab"): {
        "header": "the header document holds spce beside spec",
        "unknown-key": "'scripts' was unexpected",
        "when": "'manually' is not one of",
    },
    ("gitlab", "gitlab_list"): {
        "later-stage-need": "needs: [production] for fetch is in a future stage",
        "unknown-extends": ".comon is unspecified",
        "unknown-need": "needs: [fech] for fit could not be found",
        "unknown-stage": "stage:trian not found",
    },
    ("circleci", "schema circleci"): {
        "parameter-type": "'strin' is not one of",
        "syntax": "Failed to parse",
    },
    ("circleci", "circleci_parser"): {
        "unknown-job": "workflow_job:gpus",
        "unknown-key": "Cannot read properties of undefined",
        "unknown-step": "reused_command:persist_to_workspac",
    },
    ("jenkins", "groovy_check"): {
        "agent-beside-parallel": "no agent beside parallel/matrix",
        "argument-type": "'time' wants Integer",
        "condition": "unknown 'brunch' in when",
        "dollar-in-string": "illegal string body character after dollar sign",
        "duplicate-stage": "duplicate stage name 'fit'",
        "empty-condition": "when has no condition",
        "environment-expression": "must be a quoted string or a function call",
        "environment-name": "(SE - ED) is a binary expression",
        "environment-number": "must be a quoted string or a function call",
        "escape": "unexpected char",
        "if-in-steps": "only steps may stand in steps",
        "input-without-message": "lacks its message",
        "nested-parallel": "parallel/matrix inside parallel/matrix",
        "no-agent": "pipeline lacks the required section 'agent'",
        "post-condition": "unknown 'failed' in post of pipeline",
        "stage-option": "unknown 'buildDiscarder' in options of stage 'deploy'",
        "step-in-stage": "unknown 'sh' in stage 'lint'",
        "steps-outside-stage": "unknown 'sh' in stages",
        "timeout-unit": "unit 'MINS' is none of",
        "two-directives-on-a-line": "only directives may stand in stage 'fit'",
        "unknown-argument": "stash has no parameter 'include'",
        "unknown-option": "unknown 'disableRestartFromStages' in options",
        "unknown-section": "unknown 'trigers' in pipeline",
        "unknown-step": "unknown step 'stahs'",
        "unterminated-string": "expecting '''",
    },
    ("travis", "schema travis"): {
        "stages": "3 is not of type 'array'",
        "syntax": "Failed to parse",
    },
}


@pytest.mark.parametrize(
    ("system", "seed"), [(each.parent.name, each.name) for each in sorted(SEEDS.glob("*/good*"))], ids="-".join
)
def test_good_file_is_clean(system: str, seed: str) -> None:
    assert check_all(SEEDS / system / seed, system) == []


@pytest.mark.parametrize(
    ("system", "checker", "name", "fragment"),
    [(system, checker, *pair) for (system, checker), seeds in EXPECTED.items() for pair in seeds.items()],
)
def test_seeded_fault_is_found(system: str, checker: str, name: str, fragment: str) -> None:
    [path] = SEEDS.glob(f"{system}/bad-{name}.*")
    findings = CHECKERS[checker](path)
    assert any(fragment in finding.message for finding in findings), findings
    assert all(finding.file == str(path) for finding in findings)


def test_every_seed_is_expected() -> None:
    seeds = {(each.parent.name, each.stem.removeprefix("bad-")) for each in SEEDS.glob("*/bad-*")}
    assert seeds == {(system, name) for (system, _), names in EXPECTED.items() for name in names}


def test_findings_have_lines() -> None:
    path = SEEDS / "github" / "bad-unknown-key.yml"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "timeout-minuts" in text)
    for checker in (checkers.actionlint, checkers.github_parser, checkers.github_language_service):
        assert line in {finding.line for finding in checker(path)}


def test_actionlint_takes_runner_labels(tmp_path: Path) -> None:
    path = tmp_path / "gpu.yml"
    path.write_text((SEEDS / "github" / "good.yml").read_text().replace("ubuntu-24.04", "gpu"))
    assert {finding.rule for finding in checkers.actionlint(path)} == {"runner-label"}
    assert checkers.actionlint(path, labels=["gpu"]) == []


def test_gitlab_listing_names_the_jobs_of_a_push() -> None:
    listing = checkers.gitlab_listing(SEEDS / "gitlab" / "good.yml")
    assert listing == ([], ("fetch", "fit: [1]", "fit: [2]", "production"))


def test_gitlab_listing_follows_includes(tmp_path: Path) -> None:
    (tmp_path / "jobs.yml").write_text("job: {script: [echo]}\n")
    config = tmp_path / "root.yml"
    config.write_text("include: [{local: jobs.yml}]\n")
    assert checkers.gitlab_listing(config, root=tmp_path).jobs == ("job",)


def test_github_expression() -> None:
    contexts = {"needs": {"fit": {"result": "success"}, "lint": {"result": "skipped"}}, "github": {"ref": "Main"}}
    evaluate = partial(checkers.github_expression, contexts=contexts)
    assert evaluate("needs.fit.result == 'success' && !cancelled()") is True
    assert evaluate("contains(needs.*.result, 'failure')") is False
    assert evaluate("github.ref == 'main'") is True
    assert evaluate("success()", status="failure") is False


def test_missing_tool_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingTool, match=r"actionlint is not installed: run tests/engines/install\.sh"):
        checkers.actionlint(SEEDS / "github" / "good.yml")
    monkeypatch.setattr(tools, "NODE_HOME", tmp_path)
    with pytest.raises(MissingTool, match="node module"):
        checkers.github_parser(SEEDS / "github" / "good.yml")


def test_tools_are_pinned() -> None:
    requirements = [
        line for line in (HERE / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in requirements)
    assert all(pin[0].isdigit() for pin in json.loads((HERE / "package.json").read_text())["dependencies"].values())
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()


def test_install_script_is_clean() -> None:
    subprocess.run([find("shellcheck"), HERE / "install.sh"], check=True)


# --- GitHub -----------------------------------------------------------------------------------------------------------


def repository(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository of one commit."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    git(folder, "init", "-q", "-b", "main", ".")
    commit(folder, "first")
    return folder


def commit(repo: Path, message: str) -> str:
    """Commit all there is, and return the commit."""
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", message)
    return git(repo, "rev-parse", "HEAD").strip()


WORKFLOW = ".github/workflows/mlgen.yml"

GITHUB = """
name: run
on: {push: {}, pull_request: {}, workflow_dispatch: {inputs: {epochs: {type: string}}}}
jobs:
  fit:
    runs-on: {group: gpu}
    container: python:3.11
    services: {db: {image: "postgres:16"}}
    environment: production
    outputs: {size: "${{ steps.size.outputs.size }}"}
    steps:
      - uses: actions/checkout@v7
      - uses: actions/setup-python@v7
        with: {python-version: "3.11"}
      - run: |
          mkdir models && echo model > models/model.pkl
          printf %s "$GIVEN" > given.bin
          printf %s "$SECRET" > secret.bin
          command -v python > python.txt
          echo "$GITHUB_RUN_ID ${{ github.run_id }} ${{ inputs.epochs }} ${{ vars.REGION }}" > run.txt
        env: {SECRET: "${{ secrets.SECRET }}"}
      - id: size
        run: echo size=$(wc -c < models/model.pkl) >> "$GITHUB_OUTPUT"
      - uses: actions/upload-artifact@v7
        with: {name: fit, path: "models\\n*.bin\\n*.txt", if-no-files-found: error}
  use:
    needs: fit
    runs-on: ubuntu-24.04
    strategy: {fail-fast: false, matrix: {leg: [one, two]}}
    steps:
      - uses: actions/download-artifact@v8
        with: {name: fit, path: in}
      - run: test -s in/models/model.pkl && test "$SIZE" = 6 && test "$LEG" = one && test ! -e README.md
        env: {SIZE: "${{ needs.fit.outputs.size }}", LEG: "${{ matrix.leg }}"}
  night:
    needs: fit
    if: ${{ github.event_name == 'schedule' }}
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
  after:
    needs: use
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
  last:
    needs: [use, night]
    if: ${{ always() }}
    runs-on: ubuntu-24.04
    steps: [{run: "test ${{ needs.use.result }},${{ needs.night.result }} = failure,skipped"}]
"""


def test_github_run(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {WORKFLOW: GITHUB, "README.md": "wine"})
    result = run_github(
        repo,
        "workflow_dispatch",
        work=tmp_path / "work",
        env={"GIVEN": HOSTILE.replace("${{ x }}", "")},
        secrets={"SECRET": HOSTILE},
        variables={"REGION": "north"},
        inputs={"epochs": "3"},
        run_id=7,
        python=Path(sys.executable),
    )
    expected = {"fit": "success", "use": "failure", "night": "skipped", "after": "skipped", "last": "success"}
    assert result.jobs == expected | {"use (one)": "success", "use (two)": "failure"}, result.log
    assert not result.ok
    assert result.order[0] == "fit"
    assert result.order[-1] == "last"
    assert result.artifact("given.bin").read_text() == HOSTILE.replace("${{ x }}", "")
    assert result.artifact("secret.bin").read_text() == HOSTILE
    assert result.artifact("python.txt").read_text().strip() == str(Path(sys.executable).parent / "python")
    assert result.artifact("run.txt").read_text() == "7 7 3 north\n"


PULL_REQUEST = """
name: run
on: [push, pull_request]
jobs:
  look:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
        with: {fetch-depth: 0}
      - run: |
          { git rev-parse HEAD^1 HEAD^2; git rev-parse origin/feature; echo "$GITHUB_REF $GITHUB_HEAD_REF"; } > seen.txt
        if: github.event_name == 'pull_request'
      - run: echo "$GITHUB_REF ${{ github.ref_type }} $GITHUB_REF_NAME $(git rev-list --count HEAD)" > seen.txt
        if: github.event_name == 'push'
      - uses: actions/upload-artifact@v7
        with: {path: seen.txt}
"""


def test_github_pull_request_is_run_on_the_merge(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {WORKFLOW: PULL_REQUEST})
    git(repo, "checkout", "-q", "-b", "feature")
    (repo / "feature").touch()
    head = commit(repo, "feature")
    git(repo, "checkout", "-q", "main")
    base = commit(repo, "second")
    pull = {"number": 5, "base": {"sha": base, "ref": "main"}, "head": {"sha": head, "ref": "feature"}}
    payload = {"number": 5, "pull_request": pull}
    result = run_github(repo, "pull_request", work=tmp_path / "work", event_payload=payload)
    assert result.ok, result.log
    assert result.artifact("seen.txt").read_text().split() == [base, head, head, "refs/pull/5/merge", "feature"]


def test_github_tag(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {WORKFLOW: PULL_REQUEST})
    commit(repo, "second")
    git(repo, "tag", "v1")
    commit(repo, "third")
    result = run_github(repo, "push", work=tmp_path / "work", tag="v1", ref="v1")
    assert result.artifact("seen.txt").read_text() == "refs/tags/v1 tag v1 2\n", result.log


#: uploads and downloads: paths in the artifact by the patterns, the workspace's files being those of `make`.
ARTIFACTS = """
name: run
on: push
jobs:
  up:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          mkdir -p out/sub out/.hidden && cd out
          touch a.txt sub/b.txt sub/c.csv .dot .hidden/d.txt && chmod 755 a.txt
      - {uses: actions/upload-artifact@v7, with: {name: folder, path: out}}
      - {uses: actions/upload-artifact@v7, with: {name: file, path: out/sub/b.txt}}
      - {uses: actions/upload-artifact@v7, with: {name: glob, path: "out/**/*.txt"}}
      - {uses: actions/upload-artifact@v7, with: {name: set, path: "out/[a-c].t?t\\nout/sub/[!a].csv"}}
      - {uses: actions/upload-artifact@v7, with: {name: several, path: "out/a.txt\\nout/sub/c.csv"}}
      - {uses: actions/upload-artifact@v7, with: {name: less, path: "out/\\n!out/sub"}}
      - {uses: actions/upload-artifact@v7, with: {name: hidden, path: out, include-hidden-files: true}}
      - {uses: actions/upload-artifact@v7, with: {name: folder, path: out/a.txt}, id: twice, continue-on-error: true}
      - {uses: actions/upload-artifact@v7, with: {name: none, path: nothing}}
      - uses: actions/upload-artifact@v7
        with: {name: none, path: nothing, if-no-files-found: error}
        id: none
        continue-on-error: true
      - run: test ${{ steps.twice.outcome }},${{ steps.none.outcome }} = failure,failure
  down:
    needs: up
    runs-on: ubuntu-24.04
    steps:
      - {uses: actions/download-artifact@v8, with: {pattern: "f*", path: each}}
      - {uses: actions/download-artifact@v8, with: {pattern: "f*", path: merged, merge-multiple: true}}
      - {uses: actions/download-artifact@v8, with: {pattern: "gl*", path: single}}
      - {uses: actions/download-artifact@v8, with: {pattern: "zz*", path: empty}}
      - run: find each merged single -type f | sort > found.txt; test ! -x each/folder/a.txt
      - {uses: actions/upload-artifact@v7, with: {name: down, path: found.txt}}
      - {uses: actions/download-artifact@v8, with: {name: nowhere}}
"""


def test_github_artifacts(tmp_path: Path) -> None:
    result = run_github(repository(tmp_path / "repo", {WORKFLOW: ARTIFACTS}), "push", work=tmp_path / "work")
    assert result.jobs == {"up": "success", "down": "failure"}, result.log
    contents = {
        each.name: sorted(str(file.relative_to(each)) for file in each.rglob("*") if file.is_file())
        for each in result.artifacts.iterdir()
    }
    found = ["each/file/b.txt", "each/folder/a.txt", "each/folder/sub/b.txt", "each/folder/sub/c.csv"]
    found += [
        "merged/a.txt",
        "merged/b.txt",
        "merged/sub/b.txt",
        "merged/sub/c.csv",
        "single/a.txt",
        "single/sub/b.txt",
    ]
    assert contents == {
        "folder": ["a.txt", "sub/b.txt", "sub/c.csv"],
        "file": ["b.txt"],
        "glob": ["a.txt", "sub/b.txt"],
        "set": ["a.txt", "sub/c.csv"],
        "several": ["a.txt", "sub/c.csv"],
        "less": ["a.txt"],
        "hidden": [".dot", ".hidden/d.txt", "a.txt", "sub/b.txt", "sub/c.csv"],
        "down": ["found.txt"],
    }
    assert result.artifact("found.txt").read_text().split() == found


CACHE = """
name: run
on: push
jobs:
  first:
    runs-on: ubuntu-24.04
    steps:
      - {uses: actions/cache@v5, with: {path: kept, key: deps-1}}
      - run: mkdir kept && echo cached > kept/file
  second:
    needs: first
    runs-on: ubuntu-24.04
    steps:
      - {uses: actions/cache@v5, id: exact, with: {path: kept, key: deps-1}}
      - run: test "$(cat kept/file)" = cached && test ${{ steps.exact.outputs.cache-hit }} = true && rm -r kept
      - {uses: actions/cache@v5, id: near, with: {path: kept, key: deps-2, restore-keys: deps-}}
      - run: test -e kept/file && test ${{ steps.near.outputs.cache-hit }} = false
"""


def test_github_cache(tmp_path: Path) -> None:
    result = run_github(repository(tmp_path / "repo", {WORKFLOW: CACHE}), "push", work=tmp_path / "work")
    assert result.ok, result.log


GUARD = """
name: run
on: push
jobs:
  guard:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          python3 -c '
          import os, urllib.request as web
          url = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/environments/production".format_map(os.environ)
          request = web.Request(url, headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
          print(web.urlopen(request).read().decode())' > answer.json
        env: {TOKEN: "${{ github.token }}"}
      - {uses: actions/upload-artifact@v7, with: {path: answer.json}}
"""


def test_github_jobs_reach_the_api(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {WORKFLOW: GUARD})
    with GitHubApi(repo, environments={"production": ["ann"]}) as api:
        result = run_github(repo, "push", work=tmp_path / "work", api=api, token="hush")
    assert result.ok, result.log
    [rule] = json.loads(result.artifact("answer.json").read_text())["protection_rules"]
    assert rule["type"] == "required_reviewers"
    assert [request.authorization for request in api.requests] == ["Bearer hush"]


def test_github_api(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {"a": "1"})
    first = git(repo, "rev-parse", "HEAD").strip()
    second = commit(repo, "second")
    git(repo, "checkout", "-q", "-b", "side", first)
    side = commit(repo, "side")
    deployments = [
        Deployment("production", first),
        Deployment("staging", side),
        Deployment("production", second, "failure"),
    ]

    with GitHubApi(repo, environments={"open": []}, deployments=deployments) as api:

        def get(path: str) -> object:
            with urllib.request.urlopen(f"{api.url}/repos/octo/wine/{path}") as response:
                return json.load(response)

        def status(base: str, head: str) -> object:
            answer = get(f"compare/{base}...{head}")
            assert isinstance(answer, dict)
            return answer["status"]

        assert get("environments/open") == {"id": 1, "name": "open", "protection_rules": []}
        listed = get("deployments?environment=production&per_page=1")
        assert listed == [{"id": 3, "environment": "production", "sha": second, "ref": second}]
        assert get("deployments/3/statuses") == [{"id": 1, "state": "failure", "environment": "production"}]
        assert status(first, second) == "ahead"
        assert status(second, first) == "behind"
        assert status(first, first) == "identical"
        assert status(second, side) == "diverged"
        for missing in ("environments/none", "deployments/4/statuses", f"compare/{first}...{'0' * 40}", "elsewhere"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(missing)
        dispatch = f"{api.url}/repos/octo/wine/actions/workflows/mlgen.yml/dispatches"
        urllib.request.urlopen(dispatch, data=b'{"ref": "main"}').close()
        assert api.requests[-1].body == {"ref": "main"}


def test_github_action_without_a_stand_in(tmp_path: Path) -> None:
    workflow = "name: x\non: push\njobs: {a: {runs-on: x, steps: [{uses: other/action@v1}]}}\n"
    with pytest.raises(ToolFailure, match="no stand-in for the action other/action@v1"):
        run_github(repository(tmp_path / "repo", {WORKFLOW: workflow}), "push", work=tmp_path / "work")


def left(name: str) -> list[str]:
    """Return the processes whose command line holds `name`."""
    lines = [
        each.read_bytes().replace(b"\0", b" ").decode()
        for each in Path("/proc").glob("[0-9]*/cmdline")
        if each.exists()
    ]
    return [line for line in lines if name in line]


def test_run_is_killed_with_all_it_started(tmp_path: Path) -> None:
    workflow = "name: x\non: push\njobs: {a: {runs-on: x, steps: [{run: sleep 4711}]}}\n"
    started = time.monotonic()
    result = run_github(repository(tmp_path / "repo", {WORKFLOW: workflow}), "push", work=tmp_path / "work", seconds=3)
    assert time.monotonic() - started < 20
    assert result.jobs == {"a": "unknown"}
    assert not result.ok
    assert left("sleep 4711") == []


def test_changes_that_are_not_committed_are_refused(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {WORKFLOW: GUARD})
    (repo / WORKFLOW).write_text(CACHE)
    with pytest.raises(ToolFailure, match="not committed"):
        run_github(repo, "push", work=tmp_path / "work")


# --- GitLab -----------------------------------------------------------------------------------------------------------

GITLAB = """
spec:
  inputs:
    epochs: {default: "10"}
---
include: [{local: more.yml}]
stages: [data, train, deploy]
workflow:
  rules:
    - {if: '$CI_PIPELINE_SOURCE == "merge_request_event"', variables: {MLGEN_EVENT: pull_request}}
    - {if: '$CI_PIPELINE_SOURCE == "schedule"', variables: {MLGEN_EVENT: schedule}}
    - {if: '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_TAG', variables: {MLGEN_EVENT: tag}}
    - {if: '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "main"', variables: {MLGEN_EVENT: push}}
default: {image: "python:3.11"}
variables:
  EPOCHS: {value: "$[[ inputs.epochs ]]", expand: false}
fetch:
  stage: data
  script:
    - mkdir out
    - printf %s "$SECRET" > out/secret.bin
    - cp "$KUBECONFIG" out/kube
    - echo "$MLGEN_EVENT $EPOCHS $SCOPED $CI_MERGE_REQUEST_TARGET_BRANCH_NAME$CI_COMMIT_TAG" > out/event.txt
    - command -v python >> out/event.txt
    - test "$PWD" = "$CI_PROJECT_DIR"
  artifacts: {paths: [out/]}
lint:
  stage: data
  allow_failure: true
  script: [exit 3]
night:
  stage: data
  rules: [{if: '$MLGEN_EVENT == "schedule"'}]
  script: [echo]
fit:
  stage: train
  needs: [fetch, {job: night, optional: true, artifacts: false}]
  script: [test -s out/event.txt, test ! -e undeclared]
bad:
  stage: train
  needs: [fetch]
  rules: [{if: '$BREAK'}]
  script: [exit 1]
after:
  stage: deploy
  needs: [{job: bad, optional: true}, fetch]
  script: [echo]
production:
  stage: deploy
  needs: [fit]
  rules: [{if: '$MLGEN_EVENT == "push"', when: manual}]
  environment: production
  script: [test "$SCOPED" = prod]
champion:
  stage: deploy
  needs: [production]
  rules: [{if: '$MLGEN_EVENT == "push"'}]
  script: [echo]
"""
MORE = """
sweep:
  stage: train
  image: python:3.12
  needs: []
  parallel: {matrix: [{SEED: ["1", "2"]}]}
  script: [test $SEED = 1, 'test "$PWD" = "$CI_PROJECT_DIR"']
"""


@pytest.fixture
def gitlab(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo", {".gitlab-ci.yml": GITLAB, "more.yml": MORE})


GITLAB_VARIABLES: dict[str, str | Variable] = {
    "SECRET": HOSTILE,
    "KUBECONFIG": Variable("cluster: $x\n", file=True),
    "SCOPED": Variable("prod", environment="production"),
}
run_push = partial(run_gitlab, variables=GITLAB_VARIABLES)


def test_gitlab_run(gitlab: Path, tmp_path: Path) -> None:
    result = run_push(gitlab, work=tmp_path / "work", inputs={"epochs": 3}, python=Path(sys.executable))
    assert result.jobs == {
        "fetch": "success",
        "lint": "warning",
        "sweep: [1]": "success",
        "sweep: [2]": "failure",
        "sweep": "failure",
        "fit": "success",
        "after": "success",
        "production": "manual",
        "champion": "skipped",
    }, result.log
    assert not result.ok
    assert result.order.index("fetch") < result.order.index("fit")
    assert result.artifact("secret.bin").read_text() == HOSTILE
    assert result.artifact("kube").read_text() == "cluster: $x\n"
    event, python = result.artifact("event.txt").read_text().splitlines()
    assert event.split() == ["push", "3"]
    assert python == str(Path(sys.executable).parent / "python")


def test_gitlab_manual_job_is_played(gitlab: Path, tmp_path: Path) -> None:
    result = run_push(gitlab, work=tmp_path / "work", manual=["production"])
    assert (result.jobs["production"], result.jobs["champion"]) == ("success", "success"), result.log


def test_gitlab_failure_stops_dependents(gitlab: Path, tmp_path: Path) -> None:
    variables = GITLAB_VARIABLES | {"BREAK": "1"}
    result = run_gitlab(gitlab, work=tmp_path / "work", variables=variables)
    assert (result.jobs["bad"], result.jobs["after"], result.jobs["fit"]) == ("failure", "skipped", "success"), (
        result.log
    )


@pytest.mark.parametrize(
    ("how", "event"),
    [
        ({"source": "schedule", "schedule": "weekly"}, "schedule 10"),
        ({"tag": "v1"}, "tag 10 v1"),
        ({"source": "merge_request_event", "branch": "feature", "merge_request": {}}, "pull_request 10 main"),
    ],
)
def test_gitlab_event(gitlab: Path, tmp_path: Path, how: dict[str, str], event: str) -> None:
    result = run_gitlab(gitlab, work=tmp_path / "work", variables=GITLAB_VARIABLES, **how)  # type: ignore[arg-type]
    assert result.artifact("event.txt").read_text().splitlines()[0].split() == event.split(), result.log
    assert ("night" in result.jobs) == event.startswith("schedule")
    assert "production" not in result.jobs


def test_gitlab_workflow_rules_let_no_pipeline_start(gitlab: Path, tmp_path: Path) -> None:
    result = run_push(gitlab, work=tmp_path / "work", branch="feature")
    assert (result.ok, result.jobs) == (True, {})


# --- Jenkins ----------------------------------------------------------------------------------------------------------

CREDENTIALS = {"mlflow": "https://user:pass@example.org", "kube": "cluster: $x\nline"}


def jenkins_repository(folder: Path, seed: str) -> Path:
    text = seed if "\n" in seed else (SEEDS / "jenkins" / f"{seed}.Jenkinsfile").read_text()
    return repository(folder, {"Jenkinsfile": text, "requirements.txt": ""})


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    return jenkins_repository(tmp_path / "repo", "good-stages")


run_staged = partial(run_jenkins, credentials=CREDENTIALS)


def names(result: RunResult, event: str) -> list[object]:
    """Return the stages of the events of one kind."""
    return [each["stage"] for each in result.events if each["event"] == event]


def test_jenkins_run(staged: Path, tmp_path: Path) -> None:
    result = run_staged(staged, work=tmp_path / "work", params={"EPOCHS": 3}, python=Path(sys.executable))
    assert result.ok, result.log
    lint = result.jobs.pop("lint")
    assert (lint, set(result.jobs.values())) == ("unstable", {"success"})
    assert list(result.jobs) == ["fetch", "validate", "fetch chain", "data", "fit", "deploy", "production"]
    size = len(CREDENTIALS["mlflow"])
    assert result.artifact("metrics.json").read_text() == f"push 3 {size}"
    assert result.artifact("kube.txt").read_text() == CREDENTIALS["kube"]
    assert f"metrics of {len(f'push 3 {size}')} bytes for 3 epochs" in result.log
    assert names(result, "retry") == ["fetch"]
    [question] = [each for each in result.events if each["event"] == "input"]
    assert (question["stage"], question["submitter"], question["holds_executor"]) == (
        "production",
        "ml-approvers",
        False,
    )
    agents = {each["stage"]: each.get("image") or each["label"] for each in result.events if each["event"] == "agent"}
    assert agents == {"fetch": "python:3.11-slim", "validate": "cpu", "lint": None, "fit": "gpu", "deploy": "deploy"}
    triggers = [each["value"] for each in result.events if each["event"] == "trigger"]
    assert triggers == ["TZ=Etc/UTC\n17 3 * * 1", "5 * * * * %MLGEN_SCHEDULE=hourly"]


def test_jenkins_refused_approval(staged: Path, tmp_path: Path) -> None:
    result = run_staged(staged, work=tmp_path / "work", input_answer={"production": "abort"})
    assert (result.ok, result.jobs["production"], result.jobs.get("deploy")) == (False, "cancelled", None), result.log


def test_jenkins_pull_request(staged: Path, tmp_path: Path) -> None:
    change = {"id": "5", "target": "main", "branch": "feature", "fork": "someone"}
    result = run_staged(staged, work=tmp_path / "work", branch="feature", change=change)
    assert (result.jobs["fit"], result.jobs["production"], result.jobs["deploy"]) == ("success", "skipped", "skipped")
    assert result.artifact("metrics.json").read_text().startswith("pull_request")
    options = {each["name"]: each["value"] for each in result.events if each["event"] == "option"}
    assert options["disableConcurrentBuilds"] == "[abortPrevious:true]"
    assert [each["value"] for each in result.events if each["event"] == "trigger"] == ["", ""]


def test_jenkins_tag_and_cause(staged: Path, tmp_path: Path) -> None:
    tag = run_staged(staged, work=tmp_path / "tag", tag="v1")
    assert tag.jobs["fit"] == "skipped"
    manual = run_staged(staged, work=tmp_path / "manual", cause="user")
    assert manual.artifact("metrics.json").read_text().startswith("manual 10")
    assert manual.jobs["production"] == "skipped"


def test_jenkins_table_of_jobs(tmp_path: Path) -> None:
    repo = jenkins_repository(tmp_path / "repo", "good-table")
    good = run_staged(repo, work=tmp_path / "good")
    assert good.ok, good.log
    assert good.jobs == {
        "fetch": "success",
        "lint": "failure",
        "fit": "success",
        "jobs": "unstable",
        "deploy": "success",
    }
    assert good.artifact("models/model.pkl").read_text() == "rows\n"
    assert good.order.index("fetch") < good.order.index("fit")
    bad = run_staged(repo, work=tmp_path / "bad", params={"BREAK": True})
    assert not bad.ok
    assert (bad.jobs["broken"], bad.jobs["deploy"], bad.jobs["fit"]) == ("failure", "skipped", "success"), bad.log
    assert "after broken" not in bad.jobs


STEPS = """
pipeline {
    agent any
    options { timeout(time: 30, unit: 'SECONDS') }
    environment { GIVEN = "${env.FROM_OUTSIDE}" }
    stages {
        stage('bytes') {
            steps {
                sh 'printf %s "$GIVEN" > given.bin; printf "%s %s" "$GIT_COMMIT" "$(git rev-parse HEAD)" > commits.txt'
                archiveArtifacts '*.bin,commits.txt'
            }
        }
        stage('retried timeout') {
            steps { retry(2) { timeout(time: 500, unit: 'MILLISECONDS') {
                sh 'test -e tried || { touch tried; sleep 4712; }'
            } } }
        }
        stage('locks') {
            parallel {
                stage('left') { steps { lock('gpu') { sh 'mkdir ../gpu; sleep 0.3; rmdir ../gpu' } } }
                stage('right') { steps { lock('gpu') { sh 'mkdir ../gpu; sleep 0.3; rmdir ../gpu' } } }
            }
        }
        stage('matrix') {
            matrix {
                axes {
                    axis {
                        name 'SEED'
                        values '1', '2'
                    }
                }
                stages { stage('cell') {
                    when { expression { SEED == '1' } }
                    steps { sh 'test "$SEED" = 1' }
                } }
            }
        }
        stage('tests') {
            steps {
                sh 'echo "<testsuite><testcase/><testcase><failure/></testcase></testsuite>" > unit.xml'
                junit 'unit.xml'
            }
        }
        stage('caught timeout') {
            steps { catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE') {
                timeout(time: 300, unit: 'MILLISECONDS') { sh 'sleep 4712' }
            } }
        }
        stage('skipped') {
            when { branch 'release/*' }
            steps { error 'unreachable' }
        }
        stage('failing') {
            steps { sh 'exit 7' }
            post {
                failure { echo 'never: the result is ABORTED already' }
                always { echo 'always' }
                cleanup { echo 'cleanup' }
            }
        }
        stage('not reached') { steps { echo 'never' } }
    }
    post { always { echo "ended ${currentBuild.currentResult}" } }
}
"""


def test_jenkins_steps(tmp_path: Path) -> None:
    repo = jenkins_repository(tmp_path / "repo", STEPS)
    result = run_jenkins(repo, work=tmp_path / "work", env={"FROM_OUTSIDE": HOSTILE})
    cells = {"matrix (SEED=1)": "success", "matrix (SEED=2)": "success", "cell": "success"}
    assert result.jobs == {
        "bytes": "success",
        "retried timeout": "success",
        "left": "success",
        "right": "success",
        "locks": "success",
        "matrix": "success",
        **cells,
        "tests": "unstable",
        "caught timeout": "cancelled",
        "skipped": "skipped",
        "failing": "failure",
        "not reached": "skipped",
    }, result.log
    assert result.artifact("given.bin").read_text() == HOSTILE
    set_by_checkout, real = result.artifact("commits.txt").read_text().split()
    assert set_by_checkout == real
    assert "ended ABORTED" in result.log
    assert "never" not in result.log.replace("skipped: an earlier", "")
    assert left("sleep 4712") == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("unstash 'nothing'", "No such saved stash 'nothing'"),
        ("stash name: 's', includes: 'none/**'", "No files included in stash 's'"),
        ("archiveArtifacts 'none'", "No artifacts found"),
        ('sh "for f in a; do echo $f; done"', "No such property: f"),
        ("script { unknownStep() }", "No such DSL method 'unknownStep'"),
        ("withCredentials([string(credentialsId: 'no', variable: 'A')]) { sh 'true' }", "Could not find credentials"),
    ],
)
def test_jenkins_failing_step(tmp_path: Path, step: str, message: str) -> None:
    text = f"pipeline {{\n agent any\n stages {{ stage('s') {{ steps {{ {step} }} }} }}\n}}\n"
    result = run_jenkins(jenkins_repository(tmp_path / "repo", text), work=tmp_path / "work")
    assert (result.ok, result.jobs) == (False, {"s": "failure"})
    assert message in result.log


def test_jenkins_run_is_killed_with_all_it_started(tmp_path: Path) -> None:
    text = "pipeline {\n agent any\n stages { stage('s') { steps { sh 'COMMAND' } } }\n}\n"
    slow = jenkins_repository(tmp_path / "slow", text.replace("COMMAND", "sleep 4713"))
    result = run_jenkins(slow, work=tmp_path / "one", seconds=8)
    assert (result.ok, result.jobs) == (False, {})
    assert "+ sleep 4713" in result.log
    assert "killed after 8 s" in result.log
    assert left("sleep 4713") == []
    quick = jenkins_repository(tmp_path / "quick", text.replace("COMMAND", "true"))
    assert run_jenkins(quick, work=tmp_path / "two").jobs == {"s": "success"}


def test_a_groovy_script_prints_to_its_own_console(tmp_path: Path) -> None:
    script = tmp_path / "script.groovy"
    script.write_text(
        "class A { void say() { println 'one' } }\nnew A().say()\nSystem.err.println 'two'\nprintln 'é'\n", "utf-8"
    )
    assert jenkins_harness.run_script(script).split() == ["one", "two", "é"]
    script.write_text("throw new IllegalStateException('no')")
    with pytest.raises(ToolFailure, match="IllegalStateException: no"):
        jenkins_harness.run_script(script)
    script.write_text("System.out.flush(); Runtime.runtime.halt(3)")
    with pytest.raises(ToolFailure, match="broke down"):
        jenkins_harness.run_script(script)
    script.write_text("Thread.start { Thread.sleep(60000) }; println 'started'")
    assert jenkins_harness.run_script(script) == "started\n"
    script.write_text("println Thread.allStackTraces.keySet().count { it.name ==~ /Thread-\\d+/ && !it.daemon }")
    assert jenkins_harness.run_script(script) == "0\n"


def test_jenkins_steps_need_an_agent(tmp_path: Path) -> None:
    text = "pipeline {\n agent none\n stages { stage('s') { steps { sh 'true' } } }\n}\n"
    result = run_jenkins(jenkins_repository(tmp_path / "repo", text), work=tmp_path / "work")
    assert "'sh' needs an agent" in result.log
