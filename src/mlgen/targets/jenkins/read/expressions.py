"""Expressions of Groovy 2.4, read into functions that evaluate them.

https://docs.groovy-lang.org/2.4.21/html/documentation/; the order of operators is that of the language's own grammar:
`in` and `<` bind tighter than `==`, and that tighter than `==~`. What is not known here is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mlgen.readback.unread import Unread
from mlgen.regex import regex
from mlgen.targets.jenkins.read import values
from mlgen.targets.jenkins.read.cursor import Cursor
from mlgen.targets.jenkins.read.scope import Frame, Given, Run, bound
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.targets.jenkins.reader import Token, Unreadable, unescape

KEYWORDS = frozenset(("in", "instanceof", "as", "else", "catch", "finally"))


class Expressions(Cursor):
    """The tokens of a text, from left to right."""

    def statements(self) -> Run:
        """Statements up to a `}` or the end; the value is that of the last one. In a text, `${…}` has none."""
        raise self.fail()

    # --- expressions, from the loosest operator to the tightest

    def argument(self) -> Run:
        """An expression, or a call without parentheses: `unstash 'x'`, `sh label: 'x', script: 'y'`."""
        token, after = self.here, self.tokens[self.position + 1]
        if (
            token.kind == "word"
            and token.text[0].isalpha()
            and token.text not in ("return", "def")
            and (
                after.kind in ("string", "long", "interpolated")
                or (after.kind == "word" and after.text not in KEYWORDS)
            )
        ):
            start = self.position
            self.position += 1
            given = self._arguments("")
            return self._called(token, given, start)
        return self.expression()

    def expression(self) -> Run:
        """`a ? b : c`, `a ?: b`"""
        test = self._operators(1)
        if self.skip("?:"):
            other = self.expression()
            return lambda frame: test(frame) or other(frame)
        if self.skip("?"):
            self.newlines()
            yes = self.expression()
            self.newlines()
            self.expect(":")
            self.newlines()
            no = self.expression()
            return lambda frame: yes(frame) if test(frame) else no(frame)
        return test

    def _operators(self, loosest: int) -> Run:
        """Operands with the operators between them, as far as these bind at least as tightly as `loosest`."""
        left = self._unary()
        while True:
            token = self.here
            found = _OPERATORS.get(token.text) if token.kind in ("operator", "word") else None
            if found is None or found[0] < loosest:
                return left
            level, joined = found
            self.position += 1
            left = joined(left, self._operators(level + 1))

    def _unary(self) -> Run:
        if self.skip("!"):
            inner = self._unary()
            return lambda frame: not inner(frame)
        return self._postfix()

    def _postfix(self) -> Run:
        start = self.position
        value = self._primary()
        while True:
            if self.skip("."):
                value = self._member(value)
            elif self.at("["):
                value = self._index(value)
            elif self.at("(") and self.position > start and self.tokens[self.position - 1].text == ")":
                raise self.fail()
            else:
                return value

    def _member(self, owner: Run) -> Run:
        name = self.word()
        if self.at("(") or self.at("{"):
            given = self._call_arguments()

            def called(frame: Frame) -> Value:
                positional, named = given(frame)
                return values.call(owner(frame), name, [named, *positional] if named else positional)

            return called

        def run(frame: Frame) -> Value:
            return values.get(owner(frame), name)

        run.place = ("property", owner, name)  # type: ignore[attr-defined]
        return run

    def _index(self, owner: Run) -> Run:
        self.expect("[")
        key = self.expression()
        self.expect("]")

        def run(frame: Frame) -> Value:
            return values.at(owner(frame), key(frame))

        run.place = ("index", owner, key)  # type: ignore[attr-defined]
        return run

    def _primary(self) -> Run:
        token = self.here
        if token.kind in ("string", "long"):
            self.position += 1
            said = token.text
            return lambda frame: said
        if token.kind == "interpolated":
            self.position += 1
            return interpolated(token)
        if token.kind == "regex":
            self.position += 1
            body = token.text[1:-1].replace("\\/", "/")
            return lambda frame: body
        if token.kind == "word":
            return self._word()
        if self.skip("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if self.at("["):
            return self._collection()
        if self.at("{"):
            return self.closure()
        raise self.fail()

    def _word(self) -> Run:
        token, start = self.here, self.position
        self.position += 1
        name = token.text
        if name.isdigit():
            number = int(name)
            return lambda frame: number
        if name in ("true", "false", "null"):
            literal = {"true": True, "false": False, "null": None}[name]
            return lambda frame: literal
        if self.at("(") or self.at("{"):
            return self._called(token, self._call_arguments(), start)

        def run(frame: Frame) -> Value:
            names = frame.holder(name)
            return names[name] if names is not None else frame.world.variable(name)

        run.place = ("name", None, name)  # type: ignore[attr-defined]
        return run

    def _called(self, token: Token, given: Callable[[Frame], Given], start: int) -> Run:
        source, name = self.source(start), token.text

        def arguments_of(frame: Frame) -> list[Value]:
            positional, named = given(frame)
            return [named, *positional] if named else positional

        def run(frame: Frame) -> Value:
            arguments = arguments_of(frame)
            names = frame.holder(name)
            if names is not None:
                return values.call(names[name], "call", arguments)
            method = frame.world.methods.get(name)
            if method is not None:
                return method.run(arguments)
            return frame.world.step(name, arguments, token, source)

        run.arguments = arguments_of  # type: ignore[attr-defined]
        return run

    def _call_arguments(self) -> Callable[[Frame], Given]:
        """`(A, B)`, `(A) { … }`, `{ … }`"""
        given = None
        if self.skip("("):
            given = self._arguments(")")
            self.expect(")")
        if not self.at("{"):
            assert given is not None
            return given
        block = self.closure()

        def run(frame: Frame) -> Given:
            positional, named = given(frame) if given else ([], {})
            return [*positional, block(frame)], named

        return run

    def _arguments(self, closing: str) -> Callable[[Frame], Given]:
        positional: list[Run] = []
        named: list[tuple[str, Run]] = []
        while not (closing and self.at(closing)):
            if self.here.kind in ("word", "string") and self.tokens[self.position + 1].text == ":":
                name = self.here.text
                self.position += 2
                named.append((name, self.expression()))
            else:
                positional.append(self.expression())
            if not self.skip(","):
                break
            self.newlines()
        if not named and len(positional) == 1:
            single = positional[0]
            return lambda frame: ([single(frame)], {})
        return lambda frame: ([each(frame) for each in positional], {name: run(frame) for name, run in named})

    def _collection(self) -> Run:
        self.expect("[")
        if self.skip(":"):
            self.expect("]")
            return lambda frame: {}
        items: list[Run] = []
        entries: list[tuple[Run, Run]] = []
        while not self.at("]"):
            after = self.tokens[self.position + 1]
            if self.here.kind in ("word", "string", "long") and after.text == ":" and after.kind == "operator":
                name = self.here.text
                self.position += 2
                entries.append((_constant(name), self.expression()))
            else:
                item = self.expression()
                if self.skip(":"):
                    entries.append((item, self.expression()))
                else:
                    items.append(item)
            if not self.skip(","):
                break
        self.expect("]")
        if entries and items:
            raise self.fail("a list with names in it")
        if entries:
            return lambda frame: {key(frame): value(frame) for key, value in entries}
        return lambda frame: [item(frame) for item in items]

    def closure(self) -> Run:
        """`{ a, b -> STATEMENTS }`"""
        self.expect("{")
        names = self._parameters()
        body = self.statements()
        self.expect("}")
        arity = -1 if names is None else len(names)

        def make(frame: Frame) -> Value:
            return Closure(bound(body, names or ["it"], frame.world, frame), arity)

        return make

    def _parameters(self) -> list[str] | None:
        at = self.position
        names: list[str] = []
        while self.tokens[at].kind == "newline":
            at += 1
        while self.tokens[at].kind == "word":
            names.append(self.tokens[at].text)
            at += 1
            if self.tokens[at].text != ",":
                break
            at += 1
        if self.tokens[at].text != "->" or self.tokens[at].kind != "operator":
            return None
        self.position = at + 1
        return names


_PIECE = regex(r"\\(?:u[0-9a-fA-F]{4}|.)|\$\{|\$(?=[A-Za-z_])|[^\\$]+|\$", re.DOTALL)


def interpolated(token: Token) -> Run:
    """A text in double quotes: `${…}` stands for a value."""
    inner, parts, at = token.text[1:-1], [], 0
    while at < len(inner):
        piece = _PIECE.match(inner, at)
        assert piece is not None
        at = piece.end()
        if piece[0] == "${":
            end, depth = at, 1
            while depth:
                if end >= len(inner):
                    raise Unreadable(token.line, "`${` is not closed")
                depth += {"{": 1, "}": -1}.get(inner[end], 0)
                end += 1
            parser = Expressions(inner[at : end - 1].replace('\\"', '"'), token.line)
            value = parser.expression()
            if parser.here.kind != "end":
                raise parser.fail()
            parts.append(value)
            at = end
        elif piece[0] == "$":
            raise Unreadable(token.line, "a `$` without `{` in a text with double quotes")
        else:
            parts.append(_constant(unescape(piece[0])))
    return lambda frame: "".join(values.text(part(frame)) for part in parts)


def _constant(value: Value) -> Run:
    return lambda frame: value


def _or(left: Run, right: Run) -> Run:
    return lambda frame: bool(left(frame)) or bool(right(frame))


def _and(left: Run, right: Run) -> Run:
    return lambda frame: bool(left(frame)) and bool(right(frame))


def _greater(one: Value, other: Value) -> bool:
    if not (isinstance(one, int) and isinstance(other, int)):
        raise Unread("`>` of what is no number")
    return one > other


def _less(one: Value, other: Value) -> Value:
    if not (isinstance(one, int) and isinstance(other, int)):
        raise Unread("`-` of what is no number")
    return one - other


def _appended(one: Value, other: Value) -> Value:
    if not isinstance(one, list):
        raise Unread("`<<` of what is no list")
    one.append(other)
    return one


def _of(what: Callable[[Value, Value], Value]) -> Callable[[Run, Run], Run]:
    return lambda left, right: lambda frame: what(left(frame), right(frame))


_OPERATORS = {
    "||": (1, _or),
    "&&": (2, _and),
    "==~": (3, _of(values.matched)),
    "==": (4, _of(values.equal)),
    "!=": (4, _of(lambda one, other: not values.equal(one, other))),
    "in": (5, _of(values.within)),
    ">": (5, _of(_greater)),
    "<<": (6, _of(_appended)),
    "+": (7, _of(values.added)),
    "-": (7, _of(_less)),
}
"""From the loosest to the tightest: how tight each binds, and what it makes of its operands."""
