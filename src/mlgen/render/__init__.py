"""A view and a template to text.

An installed mlgen renders from the modules that the build compiled the templates to, without importing Jinja; a
checkout renders from the templates themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from mlgen.render.compiled import module_name
from mlgen.resources import data_path
from mlgen.typed import Any


def render(template: str, view: Mapping[str, Any]) -> str:
    """The text of `templates/TEMPLATE` for the view; an undefined name is an error of the template's author."""
    try:
        module = import_module(f"mlgen.render.compiled.{module_name(template)}")
    except ModuleNotFoundError:
        text: str = _jinja().get_template(template).render(view)
        return text
    from mlgen.render.runtime import Context

    return "".join(module.root(Context(view, module.blocks)))


_environment: Any = None


def _jinja() -> Any:
    """One environment for all, which keeps the templates that it has read."""
    global _environment
    if _environment is None:
        from mlgen.render.sources import environment

        _environment = environment()
    return _environment


def template_text(template: str) -> str:
    """A template's own text, for files that are joined from parts without values."""
    with open(data_path("templates", *template.split("/")), encoding="utf-8") as file:
        return file.read()
