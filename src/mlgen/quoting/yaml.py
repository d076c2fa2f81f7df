"""YAML scalars that YAML 1.1 and 1.2 readers take alike, and that a person would have written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlgen.regex import regex

_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./~$(-")
"""What a plain string may begin with."""
# What YAML 1.1 (which most CI systems speak) or 1.2 reads as something other than a string.
_WORDS = frozenset(("~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=", "-", "---", "..."))
_TYPED = regex(
    r"[-+]?(0[xob])?[0-9][0-9_]*|[-+]?[0-9][0-9_,]*(\.[0-9_]*)?(e[-+]?[0-9]+)?"
    r"|[-+]?\.[0-9_]+(e[-+]?[0-9]+)?|[-+]?\.(inf|nan)|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[-+]?0x[0-9a-f_]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|--- .*"
)
_UNPRINTABLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]"


def yaml_scalar(value: object, flow: bool = False) -> str:
    """The value on one line. A string stays plain where no reader mistakes it; with `flow`, also inside `[ ]`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return repr(value)
    text = str(value)
    if _is_plain(text, flow):
        return text
    if not _on_one_line(text):
        return _double(text)
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def _float(value: float) -> str:
    """The number with a point and a signed exponent, without which YAML 1.1 reads it as text."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[repr(value)]
    digits, e, exponent = repr(value).partition("e")
    return digits + ("" if "." in digits or not e else ".0") + e + exponent


def _is_plain(text: str, flow: bool) -> bool:
    if not text or text[0] not in _FIRST or text != text.strip() or not _on_one_line(text) or _typed(text.lower()):
        return False
    if text.startswith(("- ", "? ", "~")) and text != "~/" + text[2:]:
        return False
    if ": " in text or " #" in text or text.endswith(":"):
        return False
    return not (flow and re.search(r"[,\[\]{}?]|:$", text))


def _typed(text: str) -> bool:
    """Whether a text in lower case would be read as something other than a string."""
    return text in _WORDS or _TYPED.fullmatch(text) is not None


def _on_one_line(text: str) -> bool:
    return "\n" not in text and "\t" not in text and not _unprintable(text)


def _unprintable(text: str) -> bool:
    """Whether a character must be escaped; line breaks and tabs are the caller's."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # nearly always, and no expression to compile
        return False
    return re.search(_UNPRINTABLE, text) is not None


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\x1b": "\\e"}


def _double(text: str) -> str:
    def escape(c: str) -> str:
        if c in _ESCAPES:
            return _ESCAPES[c]
        if not _unprintable(c):
            return c
        code = ord(c)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"

    return '"' + "".join(map(escape, text)) + '"'


def yaml_flow(value: object) -> str:
    """The value on one line, inside `[ ]` or `{ }`; it may be a list or a mapping itself."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_flow(key)}: {yaml_flow(item)}" for key, item in value.items()) + "}"
    return yaml_list(value) if isinstance(value, (list, tuple)) else yaml_scalar(value, flow=True)


def yaml_list(values: Iterable[object]) -> str:
    """A list in flow style, on one line."""
    return "[" + ", ".join(map(yaml_flow, values)) + "]"


def yaml_tree(value: object, indent: int) -> str:
    """Any data as what follows a key and its colon: on the same line, or in block style below it.

    `indent` is that of the lines of a block.
    """
    if isinstance(value, Mapping) and value:
        pad = "\n" + " " * indent
        return "".join(f"{pad}{yaml_scalar(key)}:{yaml_tree(item, indent + 2)}" for key, item in value.items())
    if isinstance(value, (list, tuple)) and value:
        if not any(isinstance(item, (Mapping, list, tuple)) or "\n" in str(item) for item in value):
            return " " + yaml_list(value)
        return "".join("\n" + " " * indent + "-" + _item(item, indent + 2) for item in value)
    if isinstance(value, str):
        return " " + yaml_block(value, indent)
    return " " + yaml_flow(value)


def _item(value: object, indent: int) -> str:
    """An item of a block list: what follows its dash."""
    text = yaml_tree(value, indent)
    return " " + text.lstrip() if isinstance(value, Mapping) and value else text


def yaml_block(text: str, indent: int) -> str:
    """Text of one or more lines as a value whose lines are indented by `indent` spaces.

    One plain line stays on the key's line; several become a literal block, which ends in a newline whether the text
    does or not: for scripts and lists of lines. What a block cannot hold (control characters, carriage returns)
    becomes a double-quoted scalar.
    """
    if "\n" not in text:
        return yaml_scalar(text)
    body = text.rstrip("\n")
    lines = body.split("\n")
    if _unprintable(body) or not lines[0].strip(" ") or any("\t" in _lead(line) for line in lines):
        return _double(body + "\n")
    if body.startswith(" "):
        # An indentation indicator would depend on the parent's indentation, which is not known here.
        return _double(body + "\n")
    pad = " " * indent
    return "|\n" + "\n".join(pad + line if line else "" for line in lines)


def _lead(line: str) -> str:
    """The white space at the head of a line."""
    return line[: len(line) - len(line.lstrip())]
