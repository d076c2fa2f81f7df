"""Wrong specs, and what `mlgen validate` says of them.

Each `bad/NAME.yaml` has a `bad/NAME.out`: the text printed for it, without colours. To add a case, write the spec,
run `MLGEN_REGENERATE=1 python -m pytest tests/spec/test_bad_specs.py`, and read the new `.out` as a user would.
"""

import os
import re
from pathlib import Path

import pytest

from mlgen.cli.main import run
from mlgen.diagnostics import CODES

BAD = Path(__file__).with_name("bad")
SPECS = sorted(BAD.glob("*.yaml"))

ELSEWHERE = {
    "MLG001": "a file that cannot be read: tests/spec/test_load.py",
    "MLG006": "a line that cannot be explained: tests/cli/test_explain.py",
    "MLG801": "an event of the command line: tests/simulate",
    "MLG811": "a revision of the command line: tests/behaviour",
    **dict.fromkeys(("MLG701", "MLG703", "MLG704", "MLG706", "MLG711", "MLG712", "MLG722"), "packs: tests/packs"),
}
"""Codes that no spec of this folder can cause."""


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_what_is_said(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["validate", "-C", str(BAD), "-f", spec.name])
    said = capsys.readouterr()
    expected = spec.with_suffix(".out")
    if os.environ.get("MLGEN_REGENERATE"):
        expected.write_text(said.err, "utf-8")
    assert code == 2
    assert said.out == ""
    assert said.err == expected.read_text("utf-8")


def test_each_output_has_its_spec() -> None:
    assert [path.name for path in BAD.glob("*.out") if not path.with_suffix(".yaml").exists()] == []


def test_every_code_occurs() -> None:
    said = "".join(path.read_text("utf-8") for path in BAD.glob("*.out"))
    found = set(re.findall(r"(?:error|warning) (MLG\d+):", said))
    wanted = {code for code in CODES if code[3] not in "568"}
    assert wanted - found - set(ELSEWHERE) == set()
    assert found & set(ELSEWHERE) == set(), "these have a case now"


def test_every_finding_is_placed() -> None:
    """Each one names a line of the spec and shows it, but for what is of a whole target or of an empty file."""
    for path in BAD.glob("*.out"):
        lines = path.read_text("utf-8").splitlines()
        heads = [line for line in lines if re.match(r"[^ ].*: (error|warning) MLG", line)]
        assert heads, path.name
        heads = [head for head in heads if "MLG4" not in head and "the spec is empty" not in head]
        for head in heads:
            file = rf"({re.escape(path.stem)}\.yaml|imports/[\w./]+)"  # the spec, or a file that it imports
            assert re.match(rf"{file}:\d+:\d+: (error|warning) MLG\d+: .", head), head
        assert len(heads) == len(set(heads)), f"{path.name}: a finding is printed twice"
