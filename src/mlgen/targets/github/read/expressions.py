"""GitHub's expression language: its words, its grammar, and what an expression is in given contexts.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.github.read.values import FUNCTIONS, Value, all_of, equal, less, more, number, property_of, truth

_WORDS = regex(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>[+-]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?<=[+-])Infinity)(?![\w.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[!<>()\[\].,*]))"
)
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}


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


@lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """The expression; Unread says what cannot be read."""
    parser = _Parser(source)
    evaluate = parser.either()
    if parser.at < len(parser.words):
        raise Unread(f"`{source}`: `{parser.words[parser.at][1]}` is not expected")
    return Expression(source, evaluate, frozenset(parser.functions), frozenset(parser.names))


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
                raise Unread(f"`{source}`: `{source[place:].strip()[:20]}` cannot be read")
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
            raise Unread(f"`{self.source}`: `{sign}` is missing")

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
            strict = less if sign[0] == "<" else more
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
            raise Unread(f"`{self.source}` ends too early")
        kind, word = self.words[self.at]
        self.at += 1
        if kind == "sign":
            raise Unread(f"`{self.source}`: `{word}` is not expected")
        if kind == "text":
            return _constant(word[1:-1].replace("''", "'"))
        if kind == "number":
            return _constant(number(word))
        if word in _CONSTANTS and not (self.at < len(self.words) and self.words[self.at][1] == "("):
            return _constant(_CONSTANTS[word])
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
        if name not in FUNCTIONS:
            return _untold(name)
        least, most, function = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise Unread(f"`{self.source}`: the function {name} with {len(arguments)} arguments is not known")
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
                raise Unread(f"`{self.source}`: a name must follow `.`")
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
            raise Unread(f"the context `{name}` is not known here")
        return contexts.values[name]

    return value


def _status(name: str) -> Callable[[Contexts], Value]:
    def value(contexts: Contexts) -> Value:
        if name not in contexts.status:
            raise Unread(f"`{name}()` is not known here")
        return contexts.status[name]

    return value


def _untold(name: str) -> Callable[[Contexts], Value]:
    """A function whose value only the run tells, such as `hashFiles`, or that is not known."""

    def value(contexts: Contexts) -> Value:
        raise Unread(f"what `{name}(…)` is cannot be told")

    return value


def _indexed(found: Callable[[Contexts], Value], index: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    return lambda contexts: property_of(found(contexts), index(contexts))


def _every(found: Callable[[Contexts], Value]) -> Callable[[Contexts], Value]:
    return lambda contexts: all_of(found(contexts))


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
