"""Where the templates and the schema are: inside the installed package, or in the checkout beside `src/`."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def data_path(*parts: str) -> str:
    """The path of a shipped file or folder, such as `data_path("schemas", "mlgen.schema.json")`.

    A wheel holds them under `mlgen/_data`; an editable install does not, so the checkout is looked at second.
    """
    installed = os.path.join(_PACKAGE, "_data", *parts)
    if os.path.exists(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(_PACKAGE)), *parts)
