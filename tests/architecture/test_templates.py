"""Templates only loop, branch and print, and every printed value goes through a quoting filter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes

from mlgen.render.filters import FILTERS, SHAPING
from mlgen.render.sources import environment

ROOT = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.j2"))

COMPUTING = (nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Slice)
STATEMENTS = (nodes.Output, nodes.For, nodes.If, nodes.Macro, nodes.Assign)


def _parsed(name: str) -> nodes.Template:
    return environment().parse((ROOT / name).read_text("utf-8"))


def _unquoted(tree: nodes.Node) -> Iterator[nodes.Expr]:
    """The printed expressions that do not end in a quoting filter."""
    for output in tree.find_all(nodes.Output):
        for item in output.nodes:
            if not isinstance(item, nodes.TemplateData) and not _safe(item):
                yield item


def _safe(item: nodes.Node | None) -> bool:
    """Quoted, or a choice between texts that stand in the template itself."""
    if isinstance(item, nodes.CondExpr):
        return _safe(item.expr1) and _safe(item.expr2)
    return isinstance(item, nodes.Const) or (isinstance(item, nodes.Filter) and item.name in FILTERS)


def _computed(tree: nodes.Node) -> Iterator[nodes.Node]:
    """What a template may not do: compute, or call anything but its own macros."""
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    yield from tree.find_all(COMPUTING)
    yield from (node for node in tree.find_all(nodes.Mul) if not _padding(node))
    yield from (node for node in tree.find_all(nodes.Add) if not _layout(node))
    yield from (node for node in tree.find_all(nodes.Filter) if node.name not in {*FILTERS, *SHAPING})
    for call in tree.find_all(nodes.Call):
        items = isinstance(call.node, nodes.Getattr) and call.node.attr == "items" and not call.args
        if not items and not (isinstance(call.node, nodes.Name) and call.node.name in macros):
            yield call


def _padding(node: nodes.BinExpr) -> bool:
    """`" " * WIDTH`: spaces are layout."""
    return isinstance(node.left, nodes.Const) and isinstance(node.left.value, str) and node.left.value.strip() == ""


def _layout(node: nodes.BinExpr) -> bool:
    """A sum of texts, or an indentation with a constant: `pad + " "`, `indent + 4`."""
    return any(isinstance(side, (nodes.Const, nodes.Mul)) for side in (node.left, node.right))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_printed_value_is_quoted(name: str) -> None:
    assert [f"line {node.lineno}: {node!r}" for node in _unquoted(_parsed(name))] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_only_loop_branch_and_print(name: str) -> None:
    tree = _parsed(name)
    assert [f"line {node.lineno}: {node!r}" for node in _computed(tree)] == []
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
    assert list(_unquoted(environment().parse(text)))


@pytest.mark.parametrize(
    "text", ["[[= (a - 1) | yaml ]]", "[[= (a * b) | yaml ]]", "[[= a | sort | yaml ]]", "[[= a.get(1) | yaml ]]"]
)
def test_computing_is_found(text: str) -> None:
    assert list(_computed(environment().parse(text)))


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
