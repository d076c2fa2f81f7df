"""Texts with expressions in them: `${{ … }}` in a value of a workflow.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch
from mlgen.targets.github.read.expressions import Contexts, Expression, parse
from mlgen.targets.github.read.values import Value, text_of

Parts = tuple[str | Expression, ...]
NOTHING = Contexts({})


@lru_cache(maxsize=4096)
def parts(text: str) -> Parts:
    """The text as texts and expressions, in order; Unread where one does not end or cannot be read."""
    return tuple(_split(text))


def _split(text: str) -> Iterator[str | Expression]:
    at = 0
    while (start := text.find("${{", at)) >= 0:
        if start > at:
            yield text[at:start]
        end = _end(text, start + 3)
        yield parse(text[start + 3 : end].strip())
        at = end + 2
    if at < len(text):
        yield text[at:]


def _end(text: str, at: int) -> int:
    """Where the expression that begins here ends: the next `}}` that is in no text of it."""
    quoted = False
    while at < len(text):
        if text[at] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", at):
            return at
        at += 1
    raise Unread(f"`{text}`: an expression does not end")


def value(text: str, contexts: Contexts) -> Value:
    """What the text is: the value of its only expression, or a text with all values in it."""
    found = parts(text)
    if len(found) == 1 and isinstance(found[0], Expression):
        return found[0].evaluate(contexts)
    return "".join(each if isinstance(each, str) else text_of(each.evaluate(contexts)) for each in found)


def plain(text: str) -> str:
    """The text where its expressions are constants (`${{ '${{' }}`); any other expression stays as it is written.

    Such a one would be pasted into a script before a shell reads it.
    """
    if "${{" not in text:
        return text
    written = []
    for each in parts(text):
        if isinstance(each, str):
            written.append(each)
        elif each.functions or each.names:
            written.append(f"${{{{ {each.source} }}}}")
        else:
            written.append(text_of(each.evaluate(NOTHING)))
    return "".join(written)


def expression(text: str) -> Expression | None:
    """The expression that the whole text is, or None."""
    found = parts(text) if "${{" in text else ()
    return found[0] if len(found) == 1 and isinstance(found[0], Expression) else None


def condition(text: str) -> Expression:
    """What an `if` says: the whole of it is an expression, with or without `${{ }}` around it."""
    return expression(text) or parse(text)


def names(data: object) -> Iterator[str]:
    """Every name that an expression in the data asks for, such as `secrets.token`."""
    if isinstance(data, str):
        if "${{" in data:
            for each in parts(data):
                if isinstance(each, Expression):
                    yield from each.names
    elif isinstance(data, dict):
        for key, item in data.items():
            if key == "if" and isinstance(item, str):
                yield from condition(item).names
            else:
                yield from names(item)
    elif isinstance(data, list):
        for item in data:
            yield from names(item)


def secret_of(said: object) -> str:
    """The name of the secret, or plain variable of the repository, that the text is; empty if it is none."""
    asked = expression(said) if isinstance(said, str) else None
    if asked is None or asked.functions or len(asked.names) != 1:
        return ""
    context, _, name = asked.source.partition(".")
    return name if context in ("secrets", "vars") and fullmatch(r"\w+", name) else ""
