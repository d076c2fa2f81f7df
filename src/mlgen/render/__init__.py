"""A view and a template to text: the only importer of Jinja.

The delimiters leave `${{ }}`, `{{ checksum }}`, `<< >>` and bash's `[[ ]]` alone, so that a template reads like the
file it makes: `[[= value | yaml ]]`, `[%% if x %%]`, `[## a comment ##]`.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import BaseLoader, Environment, FileSystemLoader, ModuleLoader, StrictUndefined

from mlgen import quoting
from mlgen.resources import data_path

FILTERS = {
    "yaml": quoting.yaml_scalar,
    "yaml_block": quoting.yaml_block,
    "yaml_flow": quoting.yaml_flow,
    "yaml_list": quoting.yaml_list,
    "groovy": quoting.groovy,
    "sh": quoting.sh,
    "raw": str,
}
"""The quoting filters: a printed value ends in one of them. `raw` is for text that is already of the file's language."""


def environment(loader: BaseLoader | None = None) -> Environment:
    """The Jinja environment of all templates."""
    env = Environment(
        loader=loader or FileSystemLoader(data_path("templates")),
        block_start_string="[%%",
        block_end_string="%%]",
        variable_start_string="[[=",
        variable_end_string="]]",
        comment_start_string="[##",
        comment_end_string="##]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    env.filters.update(FILTERS)
    return env


def compiled_tag() -> str:
    """The folder of templates compiled for this Jinja: plain Python source, which suits every version of Python."""
    return f"jinja-{vars(jinja2).get('__version__', 'unknown')}"


def compiled_folder() -> str:
    """Where the precompiled templates lie, if they are shipped and compiled by the very Jinja that is installed."""
    return data_path("compiled", compiled_tag())


@lru_cache(maxsize=1)
def _shared() -> Environment:
    folder = compiled_folder()
    return environment(ModuleLoader(folder) if os.path.isdir(folder) else None)


def render(template: str, view: Mapping[str, Any]) -> str:
    """The text of `templates/TEMPLATE` for the view; an undefined name is an error of the template's author."""
    return _shared().get_template(template).render(view)


def template_text(template: str) -> str:
    """A template's own text, for files that are joined from parts without values."""
    with open(data_path("templates", *template.split("/")), encoding="utf-8") as file:
        return file.read()


def precompile(folder: str) -> None:
    """Compile all templates into `folder` for `ModuleLoader`."""
    environment().compile_templates(folder, extensions=["j2"], zip=None, ignore_errors=False)
