"""The rendering that remembers: the same text, and the place in the templates that each line is from."""

from pathlib import Path

import pytest

from mlgen import targets
from mlgen.compiler import analyse
from mlgen.emitted import shared_outputs
from mlgen.render import render
from mlgen.render.trace import Line, trace
from mlgen.targets.adapt import adapt
from mlgen.targets.contract import Output

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = sorted(
    path.parent for path in [*ROOT.glob("examples/**/mlgen.yaml"), *ROOT.glob("tests/fixtures/**/mlgen.yaml")]
)


def outputs(project: Path) -> list[Output]:
    pipeline, _ = analyse(str(project), "mlgen.yaml")
    chosen = [targets.get(options.name) for options in pipeline.targets]
    found = [output for target in chosen for output in target.outputs(adapt(pipeline, target)[0])]
    return [*found, *shared_outputs(pipeline, chosen)]


def text(line: Line) -> str:
    return "".join(piece.text for piece in line)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_without_its_marks_the_text_is_that_of_render(project: Path) -> None:
    for output in outputs(project):
        lines = trace(output.template, output.view)
        assert "".join(text(line) + "\n" for line in lines) == render(output.template, output.view), output.path


def test_a_line_of_the_templates_own_text_is_that_line() -> None:
    """Through macros, trimmed blocks and loops: what a place says is what stands in the template there."""
    checked = 0
    for output in outputs(ROOT / "tests/fixtures/features"):
        for line in trace(output.template, output.view):
            for piece in line:
                if piece.text.strip() and piece.refs and not piece.refs[-1].print:
                    ref = piece.refs[-1]
                    source = (ROOT / ref.template).read_text("utf-8").splitlines()
                    assert piece.text.strip() in source[ref.line - 1], (output.path, piece)
                    checked += 1
    assert checked > 2000


def test_a_print_is_said_as_it_stands_in_the_template() -> None:
    for output in outputs(ROOT / "tests/fixtures/features"):
        for line in trace(output.template, output.view):
            for ref in (ref for piece in line for ref in piece.refs if ref.print):
                source = (ROOT / ref.template).read_text("utf-8").splitlines()
                assert ref.print in source[ref.line - 1], ref
