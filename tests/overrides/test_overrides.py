"""Overrides of native files: what they may touch, what they say of themselves, and where they fail."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgen import targets
from mlgen.compiler import compile_spec
from mlgen.diagnostics import SpecError

SPEC: dict[str, Any] = {
    "version": 1,
    "project": "wine",
    "targets": ["github", "gitlab", "circleci", "jenkins", "travis"],
    "triggers": {"push": {"branches": ["main"]}},
    "stages": {"train": {"fit": {"run": "./fit"}, "sweep": {"run": "./sweep", "matrix": {"n": [1, 2]}}}},
}
FILES = {
    "github": ".github/workflows/ml.yml",
    "gitlab": ".gitlab-ci.yml",
    "circleci": ".circleci/config.yml",
    "travis": ".travis.yml",
    "jenkins": "Jenkinsfile",
}


def _text(root: Path, target: str, **override: Any) -> str:
    spec = {**SPEC, **({"overrides": {target: override}} if override else {})}
    (root / "mlgen.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    files = compile_spec(str(root), "mlgen.yaml", (target,)).files
    return next(file.text for file in files if file.path == FILES[target])


def _codes(root: Path, target: str, **override: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        _text(root, target, **override)
    return [(d.code, str(d.position).split(":")[0]) for d in caught.value.diagnostics if d.severity == "error"]


YAML = [name for name in targets.names() if targets.get(name).locate is not None]


@pytest.mark.parametrize("target", YAML)
def test_a_job_is_found_by_its_id(target: str, tmp_path: Path) -> None:
    plain = yaml.safe_load(_text(tmp_path, target).rpartition("\n---\n")[2])
    text = _text(tmp_path, target, jobs={"train.sweep": {"x-mine": {"a": [1]}}}, accept="a trial")
    data = yaml.safe_load(text.rpartition("\n---\n")[2])

    def mine(value: Any) -> int:
        found = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return int(isinstance(value, dict) and "x-mine" in value) + sum(map(mine, found))

    legs = 2 if target == "travis" else 1
    assert (mine(plain), mine(data)) == (0, legs)
    assert text.count(f"# overrides.{target}.jobs.train.sweep\n") == legs


@pytest.mark.parametrize("target", YAML)
def test_what_could_change_the_meaning_needs_a_reason(target: str, tmp_path: Path) -> None:
    assert _codes(tmp_path, target, jobs={"train.fit": {"x-mine": 1}}) == [("MLG422", "mlgen.yaml")]
    key = ".mine" if target == "gitlab" else "x-mine"
    assert _codes(tmp_path, target, file={key: {"a": 1}}) == [("MLG422", "mlgen.yaml")]
    assert f"\n{key}:\n  a: 1\n" in _text(tmp_path, target, file={key: {"a": 1}}, accept="a trial")


def test_names_and_descriptions_need_none(tmp_path: Path) -> None:
    assert "\nrun-name: x\n" in _text(tmp_path, "github", file={"run-name": "x"})
    assert "    name: Fit\n" in _text(tmp_path, "github", jobs={"train.fit": {"name": "Fit"}})
    assert "  name: x\n" in _text(tmp_path, "gitlab", file={"workflow": {"name": "x"}})
    assert "    description: Fits\n" in _text(tmp_path, "circleci", jobs={"train.fit": {"description": "Fits"}})


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"none": None}, "MLG421"),
        ({"name": "train / fit"}, "MLG421"),
        ({"steps": [{"run": "./other"}]}, "MLG423"),
        ({"needs": ["nobody"]}, "MLG423"),
        ({"env": {"X": "${{ secrets.OTHER }}"}}, "MLG423"),
    ],
)
def test_what_no_longer_fits_or_breaks_the_file_is_refused(patch: dict[str, Any], code: str, tmp_path: Path) -> None:
    assert _codes(tmp_path, "github", jobs={"train.fit": patch}, accept="a trial") == [(code, "mlgen.yaml")]


def test_a_limit_is_checked_after_the_patch(tmp_path: Path) -> None:
    assert _codes(tmp_path, "github", file={"x": "y" * 600_000}, accept="a trial") == [("MLG423", "mlgen.yaml")]


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    before = _text(tmp_path, "gitlab").split("\n", 2)[2]
    after = _text(tmp_path, "gitlab", jobs={"train.fit": {"interruptible": False}}, accept="no").split("\n", 2)[2]
    mark = "  # overrides.gitlab.jobs.train.fit\n  interruptible: false\n"
    assert after.replace(mark, "", 1) == before and mark in after


def test_hooks_stand_in_their_places(tmp_path: Path) -> None:
    hooks = {
        "head": "@Library('shared') _",
        "options": "ansiColor('xterm')\ntimestamps()\n",
        "environment": "A = 'b'",
        "post": "failure {\n    echo 'it failed'\n}",
    }
    text = _text(tmp_path, "jenkins", hooks=hooks, accept="a trial")
    assert "\n// overrides.jenkins.hooks.head\n@Library('shared') _\n\npipeline {" in text
    assert "        ansiColor('xterm')\n        timestamps()\n    }" in text
    assert "        A = 'b'\n    }" in text
    assert "    post {\n        // overrides.jenkins.hooks.post\n        failure {\n" in text


@pytest.mark.parametrize(
    ("hooks", "codes"),
    [
        ({"options": "ansiColor('xterm')"}, []),
        ({"options": "timestamps()\n ansiColor('vga')\n"}, []),
        ({"options": "skipDefaultCheckout()"}, ["MLG422"]),
        ({"options": "timestamps()\n}\nstages { }"}, ["MLG423"]),
        ({"head": "import x"}, ["MLG422"]),
        ({"post": "always { echo '"}, ["MLG423"]),
    ],
)
def test_a_hook_needs_a_reason_unless_it_is_about_the_log(
    hooks: dict[str, str], codes: list[str], tmp_path: Path
) -> None:
    if codes:
        assert {code for code, _ in _codes(tmp_path, "jenkins", hooks=hooks)} == set(codes)
    else:
        _text(tmp_path, "jenkins", hooks=hooks)


def test_overrides_of_a_job_that_a_fallback_leaves_out(tmp_path: Path) -> None:
    spec = {
        **SPEC,
        "targets": {"travis": {"fallback": {"approval": "skip"}}},
        "environments": {"p": {"approval": True}},
        "overrides": {"travis": {"jobs": {"deploy.app": {"x": 1}}, "accept": "a trial"}},
    }
    spec["stages"] = {**SPEC["stages"], "deploy": {"app": {"run": "./d", "environment": "p"}}}
    (tmp_path / "mlgen.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    with pytest.raises(SpecError) as caught:
        compile_spec(str(tmp_path), "mlgen.yaml")
    assert ("MLG421", "deploy.app is not in .travis.yml") in [(d.code, d.message) for d in caught.value.diagnostics]
