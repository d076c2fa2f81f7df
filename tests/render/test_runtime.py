"""Compiled templates say what Jinja says, with mlgen's small runtime in place of Jinja's."""

import ast
from pathlib import Path
from typing import Any

import jinja2
import pytest

from mlgen.render import runtime
from mlgen.render.compiled import module_name
from mlgen.render.sources import compiled, environment

ROOT = Path(__file__).resolve().parents[2]
VIEW: dict[str, Any] = {
    "jobs": [{"name": "fit", "paths": ["a", "b"], "tag": None}, {"name": "test", "paths": [], "tag": "x"}],
    "title": "ML's",
    "map": {"items": "an item", "a": 1},
    "n": 3,
}


def _both(text: str, view: dict[str, Any]) -> tuple[Any, Any]:
    """What Jinja renders and what the compiled template does; the kind of the error where one is raised."""
    env = environment()
    env.loader = jinja2.DictLoader({"t.j2": text})
    found: dict[str, Any] = {}
    exec(compiled(env)["t_j2"], found)

    def of(render: Any) -> Any:
        try:
            return render()
        except (jinja2.UndefinedError, runtime.TemplateError, LookupError):
            return "undefined"
        except TypeError:
            return "type"

    return (
        of(lambda: env.get_template("t.j2").render(view)),
        of(lambda: "".join(found["root"](runtime.Context(view, found["blocks"])))),
    )


MACRO = "[%% macro m(a, b='d') %%]<[[= a | raw ]][[= b | raw ]]>[%% endmacro %%]"
NESTED = (
    "[%% macro inner(a) %%]([[= a | raw ]])[%% endmacro %%]"
    "[%% macro m(j) %%][%% for p in j.paths %%][[= inner(p) | raw ]][%% endfor %%][%% endmacro %%]"
)
SAME = [
    "plain text, {{ braces }}, [[ a == b ]], ${{ x }}\n",
    "[[= title | yaml ]] [[= title | sh ]] [[= title | groovy ]]",
    "[%% for job in jobs %%]\n[[= job.name | raw ]][%% if not loop.last %%],[%% endif %%]\n[%% endfor %%]\n",
    "[%% for j in jobs %%][[= loop.index | raw ]]/[[= loop.length | raw ]]:[[= loop.first | raw ]] [%% endfor %%]",
    "[%% for j in jobs %%][[= loop.index0 | raw ]][%% for p in j.paths %%][[= loop.last | raw ]][%% endfor %%]"
    "[%% endfor %%]",
    "[%% for j in jobs if j.tag %%][[= j.name | raw ]][%% else %%]none[%% endfor %%]",
    "[%% for j in [] %%]x[%% else %%]none[%% endfor %%]",
    "[%% for key, value in map.items() %%][[= key | raw ]]=[[= value | raw ]];[%% endfor %%]",
    "[[= map['items'] | raw ]]|[[= map.a | raw ]]|[[= jobs[0].name | raw ]]",
    "[[= jobs | map(attribute='name') | join(', ') | raw ]] [[= jobs | length | raw ]]",
    "[%% for j in jobs | reverse %%][[= j.name | raw ]][%% endfor %%]",
    "[[= '  x\n' | trim | raw ]]|[[= '\nx \n' | trim('\n') | raw ]]|[[= ' ' * n | raw ]]|",
    "[%% if jobs[0].tag is none %%]none[%% elif title is string %%]text[%% endif %%]",
    "[%% if map is mapping and title is not mapping %%]map[%% endif %%]",
    "[[= ('a' if n == 3 else 'b') | raw ]]",
    "[%% set x = n %%][%% for j in jobs %%][%% set x = j.name %%][%% endfor %%][[= x | raw ]]",
    MACRO + "[[= m(1) | raw ]][[= m(1, b=2) | raw ]][[= m(1, 2) | raw ]]",
    NESTED + "[%% for j in jobs %%][[= m(j) | trim | raw ]][%% endfor %%]",
    "[[= 'a' ~ n ~ title | raw ]]",
    "[%% block a %%]\n[[= title | raw ]][%% endblock %%]|[%% block b %%]\n[%% endblock %%]",
    MACRO + "[%% for j in jobs %%][%% block a scoped %%][[= m(j.name) | raw ]][[= loop.index | raw ]][[= n | raw ]]"
    "[%% endblock %%][%% endfor %%]",
    MACRO + "[%% block a %%][[= m(1) | raw ]][%% endblock %%]",
    "[%% for j in jobs %%][%% for p in j.paths %%][%% block a scoped %%][[= j.name ~ p | raw ]][%% endblock %%]"
    "[%% endfor %%][%% endfor %%]",
    "[%% if 'a' in map and 'z' not in map and (n > 2 or n < 1) %%]yes[%% endif %%]",
]
WRONG = [
    "[[= missing | raw ]]",
    "[[= jobs[0].missing | raw ]]",
    "[[= map['missing'] | raw ]]",
    "[%% for j in missing %%]x[%% endfor %%]",
    "[%% if missing %%]x[%% endif %%]",
    "[[= jobs | map(attribute='missing') | join | raw ]]",
    "[%% macro m(a) %%][[= a | raw ]][%% endmacro %%][[= m() | raw ]]",
    "[%% for j in jobs %%][%% block a %%][[= j | raw ]][%% endblock %%][%% endfor %%]",
]


@pytest.mark.parametrize("text", SAME)
def test_both_ways_say_the_same(text: str) -> None:
    jinja, own = _both(text, VIEW)
    assert own == jinja
    assert own != "undefined"


@pytest.mark.parametrize("text", WRONG)
def test_what_is_undefined_is_an_error_both_ways(text: str) -> None:
    assert _both(text, VIEW) == ("undefined", "undefined")


@pytest.mark.parametrize("call", ["m(1, 2)", "m(1, c=2)"])
def test_a_macro_takes_its_arguments_and_no_more(call: str) -> None:
    jinja, own = _both(f"[%% macro m(a) %%]x[%% endmacro %%][[= {call} | raw ]]", VIEW)
    assert (jinja, own) == ("type", "undefined")


@pytest.mark.parametrize(
    "text", ["[[= n | upper ]]", "[%% if n is odd %%]x[%% endif %%]", "[[= n | default(1) | raw ]]"]
)
def test_a_template_that_needs_more_of_jinja_is_not_compiled(text: str) -> None:
    with pytest.raises(ValueError, match=r"templates/t\.j2:1: there is no filter or test"):
        _both(text, VIEW)


def test_every_template_compiles_and_imports_only_what_the_runtime_has() -> None:
    modules = compiled()
    assert {
        module_name(path.relative_to(ROOT / "templates").as_posix()) for path in ROOT.glob("templates/**/*.j2")
    } == set(modules)
    for name, source in modules.items():
        (found,) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert isinstance(found, ast.ImportFrom) and found.module == "mlgen.render.runtime", name
        assert [alias.name for alias in found.names if not hasattr(runtime, alias.name)] == [], name
