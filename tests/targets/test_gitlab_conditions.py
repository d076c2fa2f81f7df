"""GitLab: conditions over changed files, messages, inputs and api events, held against the pipeline."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mlgen.ir import Change, Pipeline, glob_matches
from mlgen.targets.gitlab import changes
from mlgen.targets.gitlab.expressions import literal
from mlgen.targets.gitlab.names import native_name
from tests.engines.tools import git
from tests.targets.gitlab import language
from tests.targets.gitlab.project import emit, event, run_script, workspace

SRC, DOCS, DATA = ({"paths": paths} for paths in (["src/**", "params.yaml"], ["docs/"], ["data/*/raw", "**/x.[ct]sv"]))

WHENS: tuple[Any, ...] = (
    {"changed": SRC},
    {"changed": DOCS},
    {"changed": DATA},
    {"not": {"changed": DOCS}},
    {"changed": SRC, "branch": "main"},
    {"changed": SRC, "not": {"changed": DOCS}},
    {"not": {"changed": SRC, "branch": "main"}},
    [{"changed": SRC}, {"changed": DOCS}],
    [{"changed": SRC}, {"event": "manual"}, {"tag": "v*"}],
    [{"changed": SRC, "branch": "main"}, {"changed": DOCS, "branch": "release/*"}],
    [{"changed": SRC, "event": "push"}, {"not": {"changed": DOCS}, "event": "pull_request"}],
    [{"not": {"changed": SRC}}, {"changed": DOCS}],
    [{"changed": SRC}, {"message": "[train]"}],
    {"changed": {"paths": ["src/"], "against": "main"}},
    {"message": "[train]"},
    {"message": ["[train]", "a/b (c|d)*"]},
    {"not": {"message": "x"}},
    {"message": "[train]", "not": {"message": "ends with \\"}},
    {"message": '"it\'s"'},
    {"event": "manual", "input": {"mode": "a"}},
    {"event": "manual", "input": {"mode": ["a", "it, is=b"]}},
    {"event": ["manual", "retrain"], "not": {"input": {"mode": "a"}}},
    {"event": "manual", "input": {"epochs": 10, "mode": "a"}},
    {"input": {"mode": "a"}},
    {"not": {"input": {"mode": "a"}}},
    {"event": "retrain"},
    {"event": ["retrain", "audit"]},
    {"event": ["api", "push"]},
    {"event": ["manual", "audit"]},
    {"not": {"event": "retrain"}},
    {"not": {"event": ["manual", "push"]}},
    {"event": "audit", "branch": "main"},
    [{"event": "audit", "branch": "main"}, {"event": "manual", "branch": "release/*"}],
)
#: What one rule cannot say: in part or all decided inside the job.
INSIDE: tuple[Any, ...] = (
    {"changed": SRC, "not": {"not": {"changed": DOCS}}},
    [{"changed": SRC, "not": {"not": {"changed": DOCS}}}, {"message": "[train]"}],
    {"changed": {"paths": ["src/a**b"]}},
    {"not": {"message": "costs $5"}},
    {"message": "100%"},
    [{"message": "100%", "branch": "main"}, {"changed": SRC}],
)

FILES = ("README.md", "src/a.py", "src/.deep/er/b", "src", "params.yaml", "docs", "docs/x/y.md", "mydocs/x", "x.csv",
         "data/1/raw/z", "data/1/2/raw", "a/b/x.tsv", "x.psv", "src/aXb")  # fmt: skip
MESSAGES = (
    "",
    "fix",
    "do it [train] now",
    "a/b (c|d)*",
    "first\n\n[train] ends with \\",
    'say "it\'s"',
    "100% costs $5",
)


def touched(change: Change, files: tuple[str, ...] | None) -> bool:
    """Whether a path of the change has changed: a folder stands for all that lies in it. None: nothing is known."""
    if files is None:
        return True
    parents = [name.split("/") for name in files]
    whole = {"/".join(parts[:n]) for parts in parents for n in range(1, len(parts) + 1)}
    return any(glob_matches(path, name) for path in change.paths for name in whole)


def attributes(pipeline: Pipeline, files: tuple[str, ...] | None, message: str) -> dict[str, str]:
    found = {change.field: "true" for change in pipeline.changes if touched(change, files)}
    texts = {field for job in pipeline.jobs for expr in job.condition for field in _fields(expr)}
    found |= {field: "true" for field in texts if field.startswith("message:") and field[8:] in message}
    return found


def _fields(expr: Any) -> frozenset[str]:
    from mlgen.ir import fields

    return fields(expr)


Event = tuple[str, dict[str, str], dict[str, str | None], "language.Changed | None", dict[str, str]]


def events(pipeline: Pipeline) -> Iterator[Event]:
    """Kind, attributes, GitLab's variables, the changed files, and the inputs."""
    sets: list[tuple[str, ...] | None] = [None, (), *((name,) for name in FILES), ("src/a.py", "docs/x/y.md")]
    for branch, files in itertools.product(("main", "release/1"), sets):
        for message in MESSAGES if files in (None, ("README.md",), ("src/a.py",)) else MESSAGES[:1]:
            known = attributes(pipeline, files, message)
            said = {"CI_COMMIT_MESSAGE": message}
            for kind, more in (("push", {}), ("pull_request", {"fork": "false"})):
                given = {"branch": branch, **more}
                changed = {"": None if files is None else set(files), "main": set() if files is None else set(files)}
                if files is None:  # against a branch, GitLab always can tell
                    known = known | {c.field: "false" for c in pipeline.changes if c.against}
                yield kind, {**given, **known}, {**event(kind, **given), **said}, changed, {}
    for message in MESSAGES:
        known = attributes(pipeline, (), message)
        yield "tag", {"tag": "v1", **known}, {**event("tag", tag="v1"), "CI_COMMIT_MESSAGE": message}, None, {}
    yield (
        "schedule",
        {"schedule": "weekly", "branch": "main"},
        event("schedule", schedule="weekly", branch="main"),
        None,
        {},
    )
    for branch, mode, epochs in itertools.product(("main", "release/1"), ("a", "c", "it, is=b"), ("10", "11")):
        inputs = {"mode": mode, "epochs": epochs}
        known = {"branch": branch} | {f"input:{name}": value for name, value in inputs.items()}
        for source in ("web", "api", "trigger", "pipeline"):
            started = {**event("manual", branch=branch), "CI_PIPELINE_SOURCE": source, "CI_COMMIT_MESSAGE": "[train]"}
            yield "manual", known, started, None, inputs
            for name, _ in pipeline.triggers.api:
                yield "api", known | {"api": name}, started, None, inputs | {"mlgen_event": name}


def spec(**jobs: Any) -> dict[str, Any]:
    inputs = {
        "mode": {"type": "choice", "options": ["a", "it, is=b", "c"]},
        "epochs": {"type": "integer", "default": 10},
    }
    return {
        "triggers": {
            "push": {}, "pull_request": {}, "tag": ["v*"], "manual": {"inputs": inputs},
            "schedule": [{"name": "weekly", "cron": "17 3 * * 1"}],
            "api": {"retrain": {"inputs": inputs}, "audit": {}},
        },
        "stages": {"train": jobs},
    }  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, str, Path]:
    jobs: dict[str, Any] = {f"j{n}": {"run": "true", "needs": [], "when": when} for n, when in enumerate(WHENS)}
    jobs |= {f"i{n}": {"run": "true", "needs": [], "when": when} for n, when in enumerate(INSIDE)}
    jobs |= {f"after{n}": {"run": "true", "needs": [f"i{n}"], "when": {"changed": SRC}} for n in range(len(INSIDE))}
    root = tmp_path_factory.mktemp("grid")
    pipeline, text = emit(root, spec(**jobs))
    return pipeline, text, root


def test_conditions_against_the_pipeline(compiled: tuple[Pipeline, str, Path]) -> None:
    pipeline, text, _ = compiled
    seen, read = set(), cache(lambda inputs: language.read(text, dict(inputs)))
    for kind, known, variables, changed, inputs in events(pipeline):
        config = read(tuple(inputs.items()))
        found = language.jobs(config, variables, changed)
        for job in pipeline.jobs:
            name, runs = native_name(job), job.condition.holds(kind, known)
            where = (name, kind, known, changed)
            if decided_inside(config, name):
                assert name in found or not runs, where
            else:
                assert (name in found) is runs, where
        for name in found:
            needs = [need if isinstance(need, dict) else {"job": need} for need in config[name].get("needs", ())]
            assert {need["job"] for need in needs if not need.get("optional")} <= set(found), (name, kind, known)
        if kind == "pull_request":
            assert found  # a merge request that waits for a pipeline gets one
        seen.add(kind)
    assert len(seen) == 6


def decided_inside(config: dict[str, Any], name: str) -> bool:
    return any(".mlgen/ci.py when" in entry for entry in before(config, name))


def before(config: dict[str, Any], name: str) -> list[str]:
    found: list[str] = config[name].get("before_script", config.get("default", {}).get("before_script", []))
    return found


def test_only_what_no_rule_says_is_decided_inside(compiled: tuple[Pipeline, str, Path]) -> None:
    config = language.read(compiled[1])
    inside = {name for name, job in config.items() if isinstance(job, dict) and decided_inside(config, name)}
    # What `after5` asks itself is the only thing that is left of both conditions.
    assert inside == {f"{kind}{n}" for kind in ("i", "after") for n in range(len(INSIDE))} - {"after5"}
    # What they ask of files is compared with history that must be there.
    deep = {name for name in inside if "changed(" in str(before(config, name))}
    assert deep and all(config[name]["variables"]["GIT_DEPTH"] == "0" for name in deep)


def commit(root: Path, message: str, *files: str) -> str:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(message, encoding="utf-8")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(root, "add", "-A")
    git(root, *who, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize(("files", "message"), [
    (("README.md",), "fix"), (("src/a.py",), "fix"), (("src/a.py", "docs/x"), "fix"), (("docs/x",), "do [train]"),
    (("src/aXb",), "fix"), ((), "100% costs $5"), (("src/a.py",), "100%"),
])  # fmt: skip
def test_what_is_decided_inside(
    compiled: tuple[Pipeline, str, Path], files: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """The entry that a job begins with ends it, green, exactly where its condition does not hold."""
    pipeline, text, root = compiled
    work = workspace(tmp_path)
    os.symlink(root / ".mlgen", work / ".mlgen")
    base = commit(work, "first", "src/b.py")
    head = commit(work, message, *files)
    known = {"branch": "main", **attributes(pipeline, files, message)}
    config = language.read(text)
    made = language.jobs(config, {**event("push", branch="main"), "CI_COMMIT_MESSAGE": message}, {"": set(files)})
    for job in pipeline.jobs:
        if decided_inside(config, native_name(job)):
            entry = next(e for e in before(config, native_name(job)) if "ci.py when" in e)
            env = {
                "PATH": os.environ["PATH"],
                "MLGEN_EVENT": "push",
                "MLGEN_BRANCH": "main",
                "MLGEN_BASE": base,
                "MLGEN_COMMIT": head,
            }
            script = f"set -eo pipefail\n{entry}\necho it runs"
            done = subprocess.run(["bash", "-c", script], cwd=work, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            runs = native_name(job) in made and "it runs" in done.stdout
            assert runs is job.condition.holds("push", known), (job.id, done.stdout)


def test_merge_requests_always_have_a_pipeline(tmp_path: Path) -> None:
    only = spec(fit={"run": "true", "when": {"changed": SRC}})
    config = language.read(emit(tmp_path, only)[1])
    readme = language.jobs(config, event("pull_request", branch="main"), {"": {"README.md"}})
    assert readme == {"mlgen": "on_success"}  # no other job costs anything
    assert config["mlgen"]["variables"]["GIT_STRATEGY"] == "none" and config["mlgen"]["inherit"] == {"default": False}
    more = spec(fit={"run": "true", "when": {"changed": SRC}}, lint={"run": "true"})
    assert "mlgen" not in language.read(emit(tmp_path, more)[1])
    both = spec(fit={"run": "true", "when": {"changed": SRC}}, lint={"run": "true", "when": {"not": {"changed": SRC}}})
    assert "mlgen" not in language.read(emit(tmp_path, both)[1])


def test_many_paths_become_many_rules(tmp_path: Path) -> None:
    paths = [f"data/{n}.csv" for n in range(120)]
    jobs = {"a": {"changed": {"paths": paths}}, "b": {"not": {"changed": {"paths": paths}}}}
    config = language.read(emit(tmp_path, spec(**{n: {"run": "true", "when": w} for n, w in jobs.items()}))[1])
    for files, wanted in (({"data/119.csv"}, "a"), ({"data/120.csv"}, "b")):
        assert wanted in language.jobs(config, event("push", branch="main"), {"": files})
        assert len(set(language.jobs(config, event("push", branch="main"), {"": files})) & {"a", "b"}) == 1


@pytest.mark.parametrize(
    ("path", "globs"),
    [
        ("src", ["src", "src/**/*"]),
        ("src/**", ["src/**/*"]),
        ("**", ["**/*"]),
        ("a/{b}.py", [r"a/\{b\}.py"]),
        ("data/v1.0", ["data/v1.0", "data/v1.0/**/*"]),
        ("*.Py", ["*.Py"]),
    ],
)
def test_globs(path: str, globs: list[str]) -> None:
    assert changes.globs(Change("x", (path,), ""), "") == globs
    assert changes.globs(Change("x", (path,), ""), "sub/dir") == [f"sub/dir/{glob}" for glob in globs]


@pytest.mark.parametrize("text", ["a", "\\", "[x]", "a/b", "'\"", "ends\\", "(a|b)*", "ünï", "#1"])
def test_literals_are_found_as_they_are(text: str) -> None:
    for message, wanted in ((f"x{text}y\nz", True), (text, True), ("other", False)):
        assert language.holds(f"$M =~ {literal(text)}", {"M": message}) is wanted
        assert language.holds(f"$M !~ {literal(text)}", {"M": message}) is not wanted


def test_a_value_is_decided_once_it_is_known(tmp_path: Path) -> None:
    jobs = {
        "fit": {"run": "true", "metrics": ["m.json"], "exports": {"score": {"json": "m.json", "key": "a"}}},
        "good": {
            "run": "true",
            "needs": ["fit"],
            "when": {"value": {"fit.score": ["0.9", "1"]}, "branch": "main"},
            "outs": ["o"],
        },
        "next": {"run": "true", "deps": ["o"]},
    }
    config = language.read(emit(tmp_path, spec(**jobs))[1])
    assert set(language.jobs(config, event("push", branch="main"), {})) == set(jobs)
    assert set(language.jobs(config, event("push", branch="x"), {})) == {"fit"}
    root = workspace(tmp_path)
    (root / "o").touch()
    for score, runs in (("0.9", True), ("1", True), ("0.8", False), (None, False)):
        exports = root / ".mlgen/exports/fit.env"
        exports.parent.mkdir(exist_ok=True)
        exports.unlink(missing_ok=True)
        if score:
            exports.write_text(f"score={score}\n", encoding="utf-8")
        for name in ("good", "next"):
            done = run_script(language.joined([*before(config, name), "echo it ran"]), root)
            assert done.returncode == 0 and (b"it ran" in done.stdout) is runs, (name, score, done.stderr)
