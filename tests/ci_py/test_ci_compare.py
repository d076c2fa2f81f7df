"""`ci.py compare`: the report of a run against a branch."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Call = Callable[..., Any]
OUT = "report.md"


def git(*words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def commit(**files: str) -> None:
    """Files on main, as a clone of the repository knows it."""
    git("init", "-q")
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text, "utf-8")
    git("add", "-A")
    git("commit", "-qm", "x")
    git("update-ref", "refs/remotes/origin/main", "HEAD")


@pytest.fixture
def report(ci: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Call:
    """What `compare` writes with these options."""
    monkeypatch.setenv("MLGEN_COMMIT", "abcdef1234567890")

    def report(*options: str, code: int = 0) -> str:
        assert ci.main(["compare", "--title", "wine", *options, "--out", OUT]) == code
        return Path(OUT).read_text("utf-8") if code == 0 else ""

    return report


def test_metrics_beside_those_of_the_branch(report: Call) -> None:
    commit(metrics_json='{"acc": 0.90, "t": {"r2": 0.5, "gone": 1}, "note": "x"}')
    Path("metrics.json").write_text('{"acc": 0.92, "t": {"r2": 0.5}, "new": NaN, "note": "y|<b>"}')
    assert report("--metrics", "metrics.json", "--against", "main") == (
        "### wine: abcdef123456 against main\n\n"
        "**metrics.json**\n\n"
        "| metric | main | this run | change |\n"
        "| --- | --- | --- | --- |\n"
        "| acc | 0.90 | 0.92 | \\+0.02 |\n"
        "| t.r2 | 0.5 | 0.5 | 0 |\n"
        "| new | - | NaN |  |\n"
        "| note | x | y\\|\\<b\\> |  |\n"
        "| t.gone | 1 | - |  |\n"
    )


def test_the_branch_is_the_target_else_the_default_one(report: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(m_json='{"a": 1}')
    monkeypatch.setenv("MLGEN_DEFAULT_BRANCH", "main")
    assert "| metric | main | this run | change |" in report("--metrics", "m.json")
    monkeypatch.setenv("MLGEN_BASE_BRANCH", "release")
    assert "cannot be read" in report("--metrics", "m.json")


def test_what_is_not_on_the_branch(report: Call) -> None:
    commit(other="x")
    Path("m.json").write_text('{"a": 1}')
    Path("p.yaml").write_text("a: 1\n")
    text = report("--metrics", "m.json", "--params", "p.yaml", "--against", "main")
    assert "**m.json**, which is not on main yet\n\n| metric | this run |" in text
    assert "**p.yaml**: not on main\n" in text


def test_without_git_the_values_stand_alone(report: Call, capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.json").write_text('{"a": 1}')
    text = report("--metrics", "m.json", "--against", "main")
    assert "Nothing to compare with: the branch main cannot be read" in text
    assert "| metric | this run |" in text
    assert "cannot be read" in capsys.readouterr().err


def test_parameters_that_differ(report: Call) -> None:
    base = 'lr: 0.1 # per step\nmodel:\n  depth: 3\n  name: "a # b"\nold: 1\n'
    commit(p_yaml=base)
    assert "**p.yaml**: as on main\n" in report("--params", "p.yaml", "--against", "main")
    Path("p.yaml").write_text('# a comment alone\nlr: 0.01\nmodel:\n  depth: 3\n  name: "a # b"\nlist: [1, 2]\n')
    assert report("--params", "p.yaml", "--against", "main").endswith(
        "| parameter | main | this run |\n"
        "| --- | --- | --- |\n"
        "| lr | 0.1 | 0.01 |\n"
        "| list | - | \\[1, 2\\] |\n"
        "| old | 1 | - |\n"
    )
    Path("p.yaml").write_text("# only words\n" + base)
    assert "**p.yaml**: as on main\n" in report("--params", "p.yaml", "--against", "main")


@pytest.mark.parametrize(
    "text", ["a:\n  - 1\n", "a: |\n  x\n", "a: &x 1\n", "a: [1,\n 2]\n", "? a\n: b\n", "a: 1\n  b\n", "`` `: 1\n"]
)
def test_a_file_that_says_more_is_compared_line_by_line(report: Call, text: str) -> None:
    commit(p_yaml="a: 1\nb: 2\n")
    Path("p.yaml").write_text(text)
    found = report("--params", "p.yaml", "--against", "main")
    assert "**p.yaml** differs\n\n```diff\n@@" in found
    assert "\n-b: 2\n" in found
    assert found.endswith("\n```\n")


def test_a_difference_cannot_end_its_block(report: Call) -> None:
    commit(p_txt="x\n")
    Path("p.txt").write_text("x\n````\n# title\n")
    found = report("--params", "p.txt", "--against", "main")
    assert "`````diff\n@@ -1 +1,3 @@\n x\n+````\n+# title\n`````\n" in found


def test_plots_and_files(report: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("plots").mkdir()
    Path("plots/loss_1.png").touch()
    Path("notes.md").write_text("# Notes\n\n*free* text\n")
    monkeypatch.setenv("MLGEN_RUN_URL", "https://ci.example.org/1")
    assert report("--plots", "plots", "--file", "notes.md") == (
        "### wine: abcdef123456\n\n"
        "**Plots**, kept with [this run](https://ci.example.org/1)\n\n- plots/loss\\_1.png\n\n"
        "# Notes\n\n*free* text\n"
    )
    monkeypatch.setenv("MLGEN_RUN_URL", "javascript:alert(1)")
    assert "kept with this run\n" in report("--plots", "plots")


def test_a_folder_of_metrics(report: Call) -> None:
    Path("scores").mkdir()
    for name in "ab":
        Path(f"scores/{name}.json").write_text(f'{{"{name}": 1}}')
    text = report("--metrics", "scores")
    assert text.index("**scores/a.json**") < text.index("**scores/b.json**")


def test_it_is_cut_where_no_comment_could_hold_it(report: Call) -> None:
    Path("long.md").write_text("line\n" * 20_000)
    text = report("--file", "long.md")
    assert len(text) < 61_000 and text.endswith("\n\n... cut: the whole is too long to show.\n")


def test_many_metrics(report: Call) -> None:
    Path("m.json").write_text("{" + ", ".join(f'"m{n}": {n}' for n in range(150)) + "}")
    assert report("--metrics", "m.json").endswith("| m99 | 99 |\n\n... and 50 more\n")


def test_it_is_the_summary_else_in_the_log(report: Call, summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("n.md").write_text("found\n")
    text = report("--file", "n.md")
    assert summary.read_text("utf-8").strip() == text.strip()
    assert "found" not in capsys.readouterr().out


def test_in_the_log(report: Call, capsys: pytest.CaptureFixture[str]) -> None:
    Path("n.md").write_text("found\n")
    report("--file", "n.md")
    assert "found\n" in capsys.readouterr().out


def test_what_cannot_be_read(report: Call) -> None:
    report("--metrics", "no.json", code=2)
    Path("m.json").write_text("no")
    report("--metrics", "m.json", code=2)
    report("--file", "no.md", code=2)
