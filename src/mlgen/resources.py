"""Where the templates and the schema are: inside the installed package, or in the checkout beside `src/`."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_DATA = os.path.join(_PACKAGE, "_data")

INSTALLED = os.path.isdir(_DATA)
"""Whether this is a built package, and not an editable install of a checkout."""


def data_path(*parts: str) -> str:
    """The path of a shipped file or folder, such as `data_path("schemas", "mlgen.schema.json")`.

    A wheel holds them under `mlgen/_data`; an editable install does not, so there the checkout is taken.
    """
    top = _DATA if INSTALLED else os.path.dirname(os.path.dirname(_PACKAGE))
    return os.path.join(top, *parts)
