"""Text that CircleCI is not to read as its own: `<<` opens an expression in every string of the file."""

from __future__ import annotations

import re

from mlgen.quoting.shell import delimiter, is_simple


def literal(text: str) -> str:
    r"""The text so that no `<<` in it opens an expression: `\<<` stands for `<<`.

    https://circleci.com/docs/reference/reusing-config/ speaks of `<< >>`; what `\\<<` would be is not documented, so a
    text that holds `\<<` itself must not come here: see `sayable` and `script`.
    """
    return text.replace("<<", "\\<<")


def ours(text: str) -> str:
    """Text of this target's own making: the references to parameters in it stay expressions."""
    return re.sub(r"<<(?! parameters\.)", r"\\<<", text)


def sayable(text: str) -> bool:
    r"""Whether `literal` can say the text: no `<<` in it follows a backslash."""
    return "\\<<" not in text


def script(text: str) -> str:
    r"""A script as the `command` of a step that a bash with `-euo pipefail` runs, byte for byte.

    A script with `\<<` in it travels as a $'...' string, in which that backslash is written `\x5c`.
    """
    if sayable(text):
        return literal(text)
    quoted = re.sub(r"\\(?=<<)", "\0", text).replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\x5c")
    return literal(f"bash -euo pipefail -c $'{quoted}'")


def nested(text: str, prefix: str = "", after: str = "") -> str:
    """The script as a bash of its own, begun by `prefix` (such as `docker exec job`) and followed by `after`.

    The outer bash may thus test its result: inside `||`, `-e` would not hold in a subshell.
    """
    if not prefix and is_simple(text):
        return text + after
    end = delimiter(text)
    lead = prefix + " " if prefix else ""
    script = f"IFS= read -r -d '' mlgen_script <<'{end}' || true\n{text}\n{end}\n"
    return f'{script}{lead}bash -euo pipefail -c "$mlgen_script"{after}'
