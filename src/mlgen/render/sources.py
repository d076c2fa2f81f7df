"""The templates as they are written, by Jinja: in a checkout, and in the build that compiles them for the wheel.

The delimiters leave `${{ }}`, `{{ checksum }}`, `<< >>` and bash's `[[ ]]` alone, so that a template reads like the
file it makes: `[[= value | yaml ]]`, `[%% if x %%]`, `[## a comment ##]`.
"""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes

from mlgen.render import runtime
from mlgen.render.compiled import module_name
from mlgen.render.filters import FILTERS, SHAPING, TESTS
from mlgen.resources import data_path
from mlgen.typed import Any

DELIMITERS: dict[str, Any] = {
    "block_start_string": "[%%",
    "block_end_string": "%%]",
    "variable_start_string": "[[=",
    "variable_end_string": "]]",
    "comment_start_string": "[##",
    "comment_end_string": "##]",
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}
"""How templates are written; the same for those of packs."""


def environment() -> Environment:
    """The Jinja environment of all templates."""
    env = Environment(
        loader=FileSystemLoader(data_path("templates")),
        **DELIMITERS,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML comes out of it
    )
    env.filters = {**FILTERS, **SHAPING}
    env.tests = {**TESTS}
    return env


def compiled(env: Environment | None = None) -> dict[str, str]:
    """The source of a Python module for each template, by the module's name; it imports `mlgen.render.runtime`.

    Jinja itself writes the code, so that both ways to render mean the same. A wheel with other templates than these
    is not made.
    """
    env = env or environment()
    return {module_name(name): _module(env, name) for name in env.list_templates(extensions=["j2"])}


def _module(env: Environment, name: str) -> str:
    assert env.loader is not None
    source, _, _ = env.loader.get_source(env, name)
    for node in env.parse(source).find_all((nodes.Filter, nodes.Test)):
        if node.name not in (env.filters if isinstance(node, nodes.Filter) else env.tests):
            raise ValueError(f"templates/{name}:{node.lineno}: there is no filter or test {node.name}")
    head, _, code = env.compile(source, name, name, raw=True).partition("\n")
    wanted = head.removeprefix("from jinja2.runtime import ")
    if wanted == head or not all(hasattr(runtime, used) for used in wanted.split(", ")):
        raise ValueError(f"this version of Jinja writes code that mlgen.render.runtime cannot run: {head}")
    return f"# Compiled from templates/{name}.\nfrom mlgen.render.runtime import environment, {wanted}\n{code}\n"
