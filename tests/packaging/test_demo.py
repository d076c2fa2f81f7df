"""What `make demo` shows."""

from __future__ import annotations

from pathlib import Path

from tests.packaging.source import REPOSITORY, run


def test_the_demo_compiles_the_example_and_shows_what_came_out(installed: Path, tmp_path: Path) -> None:
    shown = run("bash", REPOSITORY / "examples" / "demo.sh", installed / "mlgen", cwd=tmp_path, TMPDIR=str(tmp_path))
    (project,) = tmp_path.glob("mlgen-demo.*")
    lock = (project / "mlgen.lock").read_text("utf-8")
    outputs = [path for path in project.rglob("*") if path.is_file() and f" {path.relative_to(project)}: " in lock]
    assert len(outputs) >= 7
    for path in outputs:
        assert f"new: {path.relative_to(project)}" in shown
        assert f"The first lines of {path.relative_to(project)}:" in shown
    assert "files are current" in shown
    assert "- [ ] " in shown
    assert "+++ b/" in shown
    assert str(project) in shown.partition("Go on from here:")[2]
