r"""What `<< >>` puts into the texts of the file: parameters when it is read, values of the pipeline when that starts.

https://circleci.com/docs/reference/reusing-config/#using-parameters-in-executors,
https://circleci.com/docs/guides/orchestrate/pipeline-variables/; `\<<` stands for `<<`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mlgen.readback.unread import Unread
from mlgen.targets.circleci.read.expressions import Expression, Values, expression
from mlgen.typed import Any

LATER = ("pipeline.",)
"""What the names of values begin with that only a pipeline has."""

Parts = tuple["str | Expression", ...]


@lru_cache(maxsize=512)
def parts(text: str) -> Parts:
    """The text's pieces and expressions; Unread where `<<` opens something that cannot be read."""
    found: list[str | Expression] = []
    piece, at = "", 0
    while (start := text.find("<<", at)) >= 0:
        if start > at and text[start - 1] == "\\":
            if text[at : start - 1].endswith("\\"):
                raise Unread(f"`{_near(text, start)}`: what two backslashes before `<<` mean is nowhere said")
            piece, at = piece + text[at : start - 1] + "<<", start + 2
            continue
        end = text.find(">>", start)
        if end < 0:
            raise Unread(f"`{_near(text, start)}`: `<<` is not closed")
        piece += text[at:start]
        if piece:
            found.append(piece)
        found.append(expression(text[start + 2 : end].strip()))
        piece, at = "", end + 2
    piece += text[at:]
    return (*found, piece) if piece or not found else tuple(found)


def _near(text: str, at: int) -> str:
    return text[max(0, at - 10) : at + 30].split("\n")[0].strip()


def shown(value: Any) -> str:
    """A value as it stands in a text; None, and what is empty in an environment, arrive as `<nil>`.

    https://circleci.com/docs/reference/variables/ (pipeline values)
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


def waits(text: str) -> bool:
    """Whether the text asks for a value that only a pipeline has."""
    return "<<" in text and any(
        isinstance(part, Expression) and any(name.startswith(LATER) for name in part.names) for part in parts(text)
    )


def text_of(text: str, values: Values) -> str:
    """The text with all of its expressions evaluated."""
    if "<<" not in text:
        return text
    return "".join(shown(p.evaluate(values)) if isinstance(p, Expression) else p for p in parts(text))


def filled(value: Any, parameters: Mapping[str, Any], context: str = "parameters") -> Any:
    """The data with the parameters put in; texts that ask for values of the pipeline keep these as they are written.

    A text that is one expression keeps that one's type. Unread for a parameter that is not there.
    """
    if isinstance(value, dict):
        return {key: filled(item, parameters, context) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, parameters, context) for item in value]
    if not isinstance(value, str) or "<<" not in value:
        return value
    return _filled(value, parameters, context)


def _filled(text: str, parameters: Mapping[str, Any], context: str) -> Any:
    found = parts(text)
    expressions = [part for part in found if isinstance(part, Expression)]
    if not any(name.startswith(f"{context}.") for part in expressions for name in part.names):
        return text
    values = {f"{context}.{name}": value for name, value in parameters.items()}
    for each in expressions:
        for name in each.names:
            if name.startswith(f"{context}.") and name not in values:
                raise Unread(f"`{text}`: there is no {name}")
    if len(found) == 1 and expressions and expressions[0].names <= values.keys():
        value = expressions[0].evaluate(values)
        return value.replace("<<", "\\<<") if isinstance(value, str) else value
    out = []
    for part in found:
        if isinstance(part, str):
            out.append(part.replace("<<", "\\<<"))
        elif part.names <= values.keys():
            out.append(shown(part.evaluate(values)).replace("<<", "\\<<"))
        else:
            out.append(f"<< {part.text} >>")
    return "".join(out)


def plain(text: str) -> str:
    r"""The text as it is once it is read, with `<<` for `\<<`; Unread if it still asks for a value."""
    if "<<" not in text:
        return text
    found = parts(text)
    if any(isinstance(part, Expression) for part in found):
        raise Unread(f"`{text.strip()}` asks for a value where none can be given")
    return "".join(str(part) for part in found)
