"""GitHub's expression language: its words, its grammar, and what an expression is in given contexts.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from mlgen.named import NamedTuple

Value = Any
"""None, a bool, a float, a text, a list, or a mapping."""

_WORDS = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>[+-]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[!<>()\[\].,*]))"
)
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None, "nan": math.nan, "infinity": math.inf}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+")


class Known(dict[str, Value]):
    """A mapping of a context of which every property is known: asking for another one is a ValueError."""


class Open(dict[str, Value]):
    """A mapping of a context that has every property: `made` gives it of the name as it is written."""

    def __init__(self, made: Callable[[str], Value]) -> None:
        super().__init__()
        self.made = made


class Contexts(NamedTuple):
    """What an expression is evaluated in.

    `values`: the contexts by name, in lower case, as all properties are. `status`: what `success()`, `failure()`,
    `cancelled()` and `always()` are.
    """

    values: Mapping[str, Value]
    status: Mapping[str, bool] = {}


class Expression(NamedTuple):
    """`evaluate` gives its value. `functions` and `names` are those that occur in it, in lower case; a name is a
    context with the properties that are literally asked for, such as `needs.plan.outputs.x`."""

    source: str
    evaluate: Callable[[Contexts], Value]
    functions: frozenset[str]
    names: frozenset[str]


class Filtered(list[Value]):
    """What `.*` gives: a property of it is the list of those of its items."""


@lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """The expression; ValueError says what cannot be read."""
    parser = _Parser(source)
    evaluate = parser.either()
    if parser.at < len(parser.words):
        raise ValueError(f"`{source}`: `{parser.words[parser.at][1]}` is not expected")
    return Expression(source, evaluate, frozenset(parser.functions), frozenset(parser.names))


def truth(value: Value) -> bool:
    """Whether `if` takes the value for true."""
    return not (value is None or value is False or value == "" or (_is_number(value) and (not value or value != value)))


def text_of(value: Value) -> str:
    """The value where a text is made of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        if value != value:
            return "NaN"
        if value in (math.inf, -math.inf):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, str):
        return value
    return "Array" if isinstance(value, list) else "Object"


def equal(left: Value, right: Value) -> bool:
    """`==`: texts in any case; of different kinds, as numbers."""
    left, right = _alike(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return left is right
    return bool(left == right)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Value) -> float:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#operators"""
    if value is None:
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return 0.0
        if _NUMBER.fullmatch(text):
            return float(int(text, 0)) if text[:2] in ("0x", "0o") else float(text)
        return {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)
    return math.nan


def _kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "map"


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    return (left, right) if _kind(left) == _kind(right) else (_number(left), _number(right))


def _less(left: Value, right: Value) -> bool:
    left, right = _alike(left, right)
    if isinstance(left, str):
        return bool(left.upper() < right.upper())
    if left is None or isinstance(left, (list, dict)):
        return False
    return bool(left < right)


def _more(left: Value, right: Value) -> bool:
    return _less(right, left)


def _property(value: Value, name: Value) -> Value:
    """`value.name` and `value[name]`; null where there is none."""
    if isinstance(value, Filtered):
        found = (_property(item, name) for item in value if isinstance(item, dict) and text_of(name).lower() in item)
        return Filtered(found)
    if isinstance(value, list):
        index = _number(name)
        return value[int(index)] if index == index and 0 <= index < len(value) else None
    if not isinstance(value, dict) or name is None or isinstance(name, (list, dict)):
        return None
    if isinstance(value, Open):
        return value.made(text_of(name))
    key = text_of(name).lower()
    if key not in value and isinstance(value, Known):
        raise ValueError(f"`{key}` is not among what is known: {', '.join(sorted(value)) or 'nothing'}")
    return value.get(key)


def _all_of(value: Value) -> Value:
    if isinstance(value, Filtered):
        return Filtered(each for item in value for each in _all_of(item))
    if isinstance(value, dict):
        return Filtered(value.values())
    return Filtered(value) if isinstance(value, list) else Filtered()


def _contains(found: Value, item: Value) -> bool:
    if isinstance(found, list):
        return any(equal(each, item) for each in found)
    if isinstance(found, dict) or isinstance(item, (list, dict)):
        return False
    return text_of(item).upper() in text_of(found).upper()


def _format(pattern: Value, *values: Value) -> str:
    def part(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None or int(found[1]) >= len(values):
            raise ValueError(f"format: `{found[0]}` in `{pattern}`")
        return text_of(values[int(found[1])])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", part, text_of(pattern))


def _join(values: Value, between: Value = ",") -> str:
    return text_of(between).join(map(text_of, values)) if isinstance(values, list) else text_of(values)


def _is_text(value: Value) -> bool:
    return not isinstance(value, (list, dict))


_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "contains": (2, 2, _contains),
    "startswith": (
        2,
        2,
        lambda a, b: _is_text(a) and _is_text(b) and text_of(a).upper().startswith(text_of(b).upper()),
    ),
    "endswith": (2, 2, lambda a, b: _is_text(a) and _is_text(b) and text_of(a).upper().endswith(text_of(b).upper())),
    "format": (1, 255, _format),
    "join": (1, 2, _join),
}
"""The least and the most arguments of each function, and what it gives."""
STATUS = frozenset(("success", "failure", "cancelled", "always"))


class _Parser:
    """Recursive descent; every method gives what evaluates the part that it has read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.words: list[tuple[str, str]] = []
        self.at = 0
        self.functions: set[str] = set()
        self.names: set[str] = set()
        place, end = 0, len(source.rstrip())
        while place < end:
            found = _WORDS.match(source, place)
            if found is None:
                raise ValueError(f"`{source}`: `{source[place:].strip()[:20]}` cannot be read")
            self.words.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()

    def _take(self, *signs: str) -> str:
        """The next word if it is one of these signs, else nothing."""
        if self.at < len(self.words) and self.words[self.at][0] == "sign" and self.words[self.at][1] in signs:
            self.at += 1
            return self.words[self.at - 1][1]
        return ""

    def _must(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError(f"`{self.source}`: `{sign}` is missing")

    def either(self) -> Callable[[Contexts], Value]:
        found = self._both()
        while self._take("||"):
            found = _or(found, self._both())
        return found

    def _both(self) -> Callable[[Contexts], Value]:
        found = self._equality()
        while self._take("&&"):
            found = _and(found, self._equality())
        return found

    def _equality(self) -> Callable[[Contexts], Value]:
        found = self._comparison()
        while sign := self._take("==", "!="):
            found = _binary(equal, found, self._comparison(), sign == "!=")
        return found

    def _comparison(self) -> Callable[[Contexts], Value]:
        found = self._unary()
        while sign := self._take("<", ">", "<=", ">="):
            other = self._unary()
            strict = _less if sign[0] == "<" else _more
            found = _binary(strict if len(sign) == 1 else _or_equal(strict), found, other, False)
        return found

    def _unary(self) -> Callable[[Contexts], Value]:
        if self._take("!"):
            inner = self._unary()
            return lambda contexts: not truth(inner(contexts))
        return self._primary()

    def _primary(self) -> Callable[[Contexts], Value]:
        if self._take("("):
            inner = self.either()
            self._must(")")
            return self._properties(inner, "")
        if self.at >= len(self.words):
            raise ValueError(f"`{self.source}` ends too early")
        kind, word = self.words[self.at]
        self.at += 1
        if kind == "sign":
            raise ValueError(f"`{self.source}`: `{word}` is not expected")
        if kind == "text":
            return _constant(word[1:-1].replace("''", "'"))
        if kind == "number":
            return _constant(_number(word))
        if word.lower() in _CONSTANTS and not (self.at < len(self.words) and self.words[self.at][1] == "("):
            return _constant(_CONSTANTS[word.lower()])
        if self._take("("):
            return self._properties(self._call(word.lower()), "")
        return self._properties(_context(word.lower()), word.lower())

    def _call(self, name: str) -> Callable[[Contexts], Value]:
        arguments = []
        if not self._take(")"):
            arguments.append(self.either())
            while self._take(","):
                arguments.append(self.either())
            self._must(")")
        self.functions.add(name)
        if name in STATUS and not arguments:
            return _status(name)
        if name not in _FUNCTIONS:
            return _untold(name)
        least, most, function = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise ValueError(f"`{self.source}`: the function {name} with {len(arguments)} arguments is not known")
        return lambda contexts: function(*(argument(contexts) for argument in arguments))

    def _properties(self, found: Callable[[Contexts], Value], path: str) -> Callable[[Contexts], Value]:
        while sign := self._take(".", "["):
            if sign == "[":
                index = self.either() if not self._take("*") else None
                self._must("]")
                found, path = (_indexed(found, index) if index else _every(found)), self._name(path)
            elif self._take("*"):
                found, path = _every(found), self._name(path)
            elif self.at < len(self.words) and self.words[self.at][0] == "name":
                name = self.words[self.at][1]
                self.at += 1
                found, path = _indexed(found, _constant(name)), f"{path}.{name.lower()}" if path else ""
            else:
                raise ValueError(f"`{self.source}`: a name must follow `.`")
        self._name(path)
        return found

    def _name(self, path: str) -> str:
        """Ends a name: what follows is no longer literal."""
        if path:
            self.names.add(path)
        return ""


def _constant(value: Value) -> Callable[[Contexts], Value]:
    return lambda contexts: value


def _context(name: str) -> Callable[[Contexts], Value]:
    def value(contexts: Contexts) -> Value:
        if name not in contexts.values:
            raise ValueError(f"the context `{name}` is not known here")
        return contexts.values[name]

    return value


def _status(name: str) -> Callable[[Contexts], Value]:
    def value(contexts: Contexts) -> Value:
        if name not in contexts.status:
            raise ValueError(f"`{name}()` is not known here")
        return contexts.status[name]

    return value


def _untold(name: str) -> Callable[[Contexts], Value]:
    """A function whose value only the run tells, such as `hashFiles`, or that is not known."""

    def value(contexts: Contexts) -> Value:
        raise ValueError(f"what `{name}(…)` is cannot be told")

    return value


def _indexed(found: Callable[[Contexts], Value], index: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    return lambda contexts: _property(found(contexts), index(contexts))


def _every(found: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    return lambda contexts: _all_of(found(contexts))


def _or(left: Callable[[Contexts], Value], right: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    def value(contexts: Contexts) -> Value:
        first = left(contexts)
        return first if truth(first) else right(contexts)

    return value


def _and(left: Callable[[Contexts], Value], right: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    def value(contexts: Contexts) -> Value:
        first = left(contexts)
        return right(contexts) if truth(first) else first

    return value


def _binary(
    test: Callable[[Value, Value], bool],
    left: Callable[[Contexts], Value],
    right: Callable[[Contexts], Value],
    negated: bool,
) -> Callable[[Contexts], Value]:
    return lambda contexts: test(left(contexts), right(contexts)) is not negated


def _or_equal(strict: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    return lambda left, right: strict(left, right) or equal(left, right)
