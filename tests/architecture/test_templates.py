"""Templates only loop, branch and print, and every printed value goes through a quoting filter."""

from pathlib import Path

import pytest
from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes

from mlgen.render.rules import computed, unquoted
from mlgen.render.sources import environment

ROOT = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.j2"))

STATEMENTS = (nodes.Output, nodes.For, nodes.If, nodes.Macro, nodes.Assign, nodes.Block)


def _parsed(name: str) -> nodes.Template:
    return environment().parse((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_printed_value_is_quoted(name: str) -> None:
    assert [f"line {node.lineno}: {node!r}" for node in unquoted(_parsed(name))] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_only_loop_branch_and_print(name: str) -> None:
    tree = _parsed(name)
    assert [f"line {node.lineno}: {node!r}" for node in computed(tree)] == []
    assert [node for node in tree.find_all(nodes.Stmt) if not isinstance(node, STATEMENTS)] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_undefined_name_is_an_error(name: str) -> None:
    env = environment()
    assert env.undefined is StrictUndefined
    names = {n.name for n in _parsed(name).find_all(nodes.Name) if n.ctx == "load"}
    template = env.get_template(name)
    if names and not name.endswith("env.sh.j2"):
        with pytest.raises((UndefinedError, TypeError)):
            template.render()


@pytest.mark.parametrize(
    "text", ["[[= value ]]", "[[= value | upper ]]", "[[= value | yaml | trim ]]", "[[= 'a' ~ value ]]"]
)
def test_an_unquoted_value_is_found(text: str) -> None:
    assert list(unquoted(environment().parse(text)))


@pytest.mark.parametrize(
    "text", ["[[= (a - 1) | yaml ]]", "[[= (a * b) | yaml ]]", "[[= a | sort | yaml ]]", "[[= a.get(1) | yaml ]]"]
)
def test_computing_is_found(text: str) -> None:
    assert list(computed(environment().parse(text)))


@pytest.mark.parametrize(
    "text",
    ["${{ github.ref }}", "{{ checksum 'x' }}", "<< parameters.x >>", "[[ a == b ]]", "{% x %}", "{# x #}", "[[=~ ]"],
)
def test_the_words_of_ci_systems_and_the_shell_are_left_alone(text: str) -> None:
    if text.startswith("[[=~"):
        with pytest.raises(TemplateSyntaxError):
            environment().from_string(text)
    else:
        assert environment().from_string(text).render() == text
