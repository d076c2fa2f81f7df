"""Diagnostics as JSON, annotations and SARIF; colours; what may not reach a terminal; what programs read."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgen.cli.main import run
from mlgen.cli.report import visible
from mlgen.diagnostics import CODES
from mlgen.spec.schema import schema_text
from tests.cli.conftest import BROKEN, ROOT, SPEC, Said

Mlgen = Callable[..., Said]


@pytest.fixture
def broken(project: Path) -> Path:
    (project / "mlgen.yaml").write_text(BROKEN + "triggers: {pull: {}}\n", "utf-8")
    return project


def test_text(mlgen: Mlgen, broken: Path) -> None:
    said = mlgen("validate")
    assert said.out == ""
    assert said.err.splitlines()[:4] == [
        "mlgen.yaml:6:11: error MLG101: unknown key 'rum' in stages.train.fit",
        "  6 |     fit: {rum: python train.py}",
        "    |           ^",
        "  hint: did you mean `run`?",
    ]


def test_a_caret_stands_under_wide_characters_and_tabs(mlgen: Mlgen, project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC + 'x-漢字: 1\nenv: {"漢": x,\t"é": y}\n', "utf-8")
    lines = mlgen("validate").err.splitlines()
    carets = [line.partition("|")[2] for line in lines if line.endswith("^")]
    assert carets == [" " + " " * 6 + "^", " " + " " * (6 + 4 + 4) + "\t^"]


def test_json(mlgen: Mlgen, broken: Path) -> None:
    said = mlgen("validate", "--format", "json")
    found = json.loads(said.out)["diagnostics"]
    assert said.code == 2
    assert found[0] == {
        "file": "mlgen.yaml", "line": 6, "column": 11, "severity": "error", "code": "MLG101",
        "message": "unknown key 'rum' in stages.train.fit", "hint": "did you mean `run`?",
    }  # fmt: skip
    assert [d["line"] for d in found] == sorted(d["line"] for d in found)


def test_json_of_check(mlgen: Mlgen) -> None:
    found = json.loads(mlgen("check", "--format", "json").out)
    assert found["current"] is False
    assert {"path": ".github/workflows/ml.yml", "state": "new"} in found["stale"]
    assert found["diagnostics"][0]["code"] == "MLG502"
    mlgen("compile")
    assert json.loads(mlgen("check", "--format", "json").out) == {"current": True, "stale": [], "diagnostics": []}


def test_annotations(mlgen: Mlgen, broken: Path) -> None:
    said = mlgen("validate", "--format", "annotations")
    assert said.out.splitlines()[0] == (
        "::error file=mlgen.yaml,line=6,col=11,title=MLG101::"
        "unknown key 'rum' in stages.train.fit (did you mean `run`?)"
    )


def test_an_annotation_cannot_be_forged(mlgen: Mlgen, project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC + '"x\\n::error::forged%0A::set-output\\e[31m": 1\n')
    lines = mlgen("validate", "--format", "annotations").out.splitlines()
    assert len(lines) == 1
    assert "%250A" in lines[0]
    assert "\x1b" not in lines[0]


def test_sarif(mlgen: Mlgen, broken: Path) -> None:
    """The parts that code scanning needs: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    log = json.loads(mlgen("validate", "--format", "sarif").out)
    assert log["version"] == "2.1.0"
    (found,) = log["runs"]
    driver = found["tool"]["driver"]
    assert driver["name"] == "mlgen"
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert len(rules) == len(driver["rules"])
    assert found["columnKind"] == "unicodeCodePoints"
    assert found["results"]
    for result in found["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "mlgen.yaml"
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
    for rule in rules.values():
        assert rule["shortDescription"]["text"] == CODES[rule["id"]].title


def test_sarif_of_files_and_of_nothing(mlgen: Mlgen, project: Path) -> None:
    stale = json.loads(mlgen("check", "--format", "sarif").out)["runs"][0]["results"]
    assert all("region" not in r["locations"][0]["physicalLocation"] for r in stale), (
        "a finding of a whole file has no line"
    )
    mlgen("compile")
    assert json.loads(mlgen("check", "--format", "sarif").out)["runs"][0]["results"] == []
    missing = json.loads(mlgen("validate", "-f", "a b#ü.yaml", "--format", "sarif").out)["runs"][0]["results"]
    assert missing[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b%23%C3%BC.yaml"


def on_a_terminal(cwd: Path, *arguments: str, **env: str) -> str:
    """What the command shows on a terminal."""
    leader, follower = pty.openpty()
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", **env}
    running = subprocess.Popen(
        [sys.executable, "-m", "mlgen", *arguments],
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    running.wait(timeout=30)
    os.close(leader)
    return shown.decode()


def test_colours_on_a_terminal_only(broken: Path, mlgen: Mlgen) -> None:
    assert "\x1b[31m" in on_a_terminal(broken, "validate")
    assert "\x1b" not in on_a_terminal(broken, "validate", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(broken, "validate", TERM="dumb")
    assert "\x1b[31m" in on_a_terminal(broken, "validate", NO_COLOR=""), "empty counts as not set: https://no-color.org"
    assert "\x1b" not in mlgen("validate").err


def test_a_terminal_does_not_obey_an_old_output(project: Path, mlgen: Mlgen) -> None:
    mlgen("compile")
    with (project / ".github/workflows/ml.yml").open("a") as file:
        file.write("# \x1b]0;title\x07 \x9b31m\n")
    shown = on_a_terminal(project, "diff", NO_COLOR="1")
    assert "title" in shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown)


HOSTILE = "\x00\x07\x08\x1b\x7f\x85\x9b\u2028\u202e\ufeff"


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.sampled_from(HOSTILE + "ab: {}[]'\"\\e\n-"), max_size=20),
    st.sampled_from(["text", "annotations", "json", "sarif"]),
)
def test_control_characters_of_the_spec_do_not_reach_the_terminal(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], text: str, format: str
) -> None:
    root = tmp_path_factory.mktemp("p")
    keys = json.dumps(text).strip('"')
    (root / "mlgen.yaml").write_text(
        f'{SPEC}env: {{"A{keys}": "{keys}", B: \'{text}\'}}\n"x{keys}": 1\n{text}: 2\n', "utf-8"
    )
    capsys.readouterr()
    run(["validate", "-C", str(root), "--format", format])
    said = "".join(capsys.readouterr())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", said)
    if format in ("text", "annotations"):
        assert not re.search("[\u2028\u202e\ufeff]", said)


def test_visible() -> None:
    assert visible("a\tb é漢🎉") == "a\tb é漢🎉"
    assert visible(HOSTILE) == "\ufffd" * len(HOSTILE)


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(mlgen: Mlgen, code: str) -> None:
    said = mlgen("explain", code)
    assert said.code == 0
    assert said.out.startswith(f"{code}: {CODES[code].title}\n\n")
    assert len(CODES[code].text) > 40
    assert CODES[code].text.endswith(".")
    assert not CODES[code].title.endswith(".")
    assert mlgen("explain", code.lower()).out == said.out
    assert json.loads(mlgen("explain", code, "--format", "json").out)["code"] == code


def test_every_code_that_the_code_names_is_in_the_catalogue() -> None:
    named = {code for path in (ROOT / "src").rglob("*.py") for code in re.findall(r"MLG\d{3}", path.read_text("utf-8"))}
    assert named <= set(CODES)


def test_an_unknown_code_is_answered_with_the_closest(mlgen: Mlgen) -> None:
    assert "did you mean `MLG" in mlgen("explain", "MLG1O1").err


def test_schema(mlgen: Mlgen) -> None:
    assert mlgen("schema").out == schema_text()


def test_ir(mlgen: Mlgen, project: Path) -> None:
    found = json.loads(mlgen("ir").out)
    assert found["name"] == "wine"
    assert found["jobs"][0]["id"] == "train.fit"
    assert found["jobs"][0]["position"] == "mlgen.yaml:6:5"
    assert found["jobs"][0]["condition"]["push"] is True


def test_ir_tells_expressions_apart(mlgen: Mlgen, project: Path) -> None:
    (project / "mlgen.yaml").write_text(SPEC.replace("{run:", "{when: {event: push, branch: [main, '!x']}, run:"))
    push = json.loads(mlgen("ir").out)["jobs"][0]["condition"]["push"]
    assert push == {"kind": "match", "field": "branch", "pattern": "main"} or push["kind"] == "all"


def test_targets(mlgen: Mlgen) -> None:
    table = mlgen("targets").out
    assert table.splitlines()[0].split() == ["construct", "circleci", "github", "gitlab", "jenkins", "travis"]
    one = mlgen("targets", "travis").out
    assert "fallback skip:" in one
    assert set(json.loads(mlgen("targets", "travis", "--format", "json").out)) == {"travis"}


def test_settings(mlgen: Mlgen) -> None:
    assert mlgen("settings").out.startswith("# GitHub Actions\n")
    assert set(json.loads(mlgen("settings", "--format", "json").out)) == {"github"}
