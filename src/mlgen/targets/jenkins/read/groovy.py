"""The part of Groovy 2.4 that a Jenkinsfile is made of, read into functions that evaluate it.

https://docs.groovy-lang.org/2.4.21/html/documentation/; the order of operators is that of the language's own grammar:
`in` and `<` bind tighter than `==`, and that tighter than `==~`. What is not known here is Unreadable.
"""

import re
from collections.abc import Callable
from typing import Any

from mlgen.targets.jenkins.read import values
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.targets.jenkins.reader import Token, Unreadable, tokens, unescape

Run = Callable[["Frame"], Value]
Given = tuple[list[Value], dict[str, Value]]

KEYWORDS = frozenset(("in", "instanceof", "as", "else", "catch", "finally"))


class World:
    """What all code of a file sees: its methods, its fields, and the values and steps that come from outside."""

    def __init__(self) -> None:
        self.fields: dict[str, Value] = {}
        self.methods: dict[str, Closure] = {}

    def variable(self, name: str) -> Value:
        """A name that is neither a local variable nor a field."""
        raise ValueError(f"nothing is known of {name}")

    def step(self, name: str, given: list[Value], token: Token, source: str) -> Value:
        """A call of what is no method of the file; named arguments are one map, a block is the last argument."""
        raise ValueError(f"nothing is known of the step {name}")

    def unstash_if(self, condition: Callable[[], bool], names: list[str]) -> None:
        """`if (condition) { unstash …; … }` and nothing else."""
        if condition():
            for name in names:
                self.step("unstash", [name], Token("word", "unstash", 0), "")


class Frame:
    """The local names of a block, above those of the block around it."""

    __slots__ = ("names", "up", "world")

    def __init__(self, world: World, up: "Frame | None" = None) -> None:
        self.world = world
        self.up = up
        self.names: dict[str, Value] = {}

    def holder(self, name: str) -> dict[str, Value] | None:
        """Where the name stands; None if it is no local one and no field."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names
            frame = frame.up
        return self.world.fields if name in self.world.fields else None


class Returned(Exception):
    """`return`, on its way to its method or block."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Thrown(Exception):
    """A failure of a step, which `try` and `catchError` may catch."""


class Parser:
    """The tokens of a text, from left to right."""

    def __init__(self, text: str, line: int = 1) -> None:
        self.text = text
        self.tokens = _significant(text, line)
        self.position = 0

    # --- tokens

    @property
    def here(self) -> Token:
        """The next token."""
        return self.tokens[self.position]

    def fail(self, what: str = "") -> Unreadable:
        """The fault that the next token cannot be read."""
        token = self.here
        return Unreadable(token.line, what or f"cannot read `{token.text.strip() or 'the end'}` here")

    def at(self, text: str) -> bool:
        """Whether the next token is this operator, mark or word."""
        token = self.tokens[self.position]
        return token.text == text and token.kind in ("operator", "mark", "word")

    def skip(self, text: str) -> bool:
        """Goes past the token if it is next."""
        if self.at(text):
            self.position += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        """Goes past the token, which must be next."""
        token = self.here
        if not self.skip(text):
            raise self.fail(f"`{text}` must stand here, not `{token.text.strip() or 'the end of the line'}`")
        return token

    def word(self) -> str:
        """Goes past a name."""
        token = self.here
        if token.kind != "word" or not token.text[0].isidentifier() and token.text[0] != "$":
            raise self.fail()
        self.position += 1
        return token.text

    def newlines(self) -> None:
        """Goes past the ends of lines and statements."""
        while self.here.kind == "newline" or self.at(";"):
            self.position += 1

    def source(self, start: int) -> str:
        """The text from a token on to the last one that was read."""
        begin, end = self.tokens[start].at, self.tokens[self.position].at
        return self.text[begin:end].strip().rstrip(";").rstrip()

    # --- statements

    def block(self) -> Run:
        """`{ STATEMENTS }`"""
        self.expect("{")
        run = self.statements()
        self.expect("}")
        return run

    def statements(self) -> Run:
        """Statements up to a `}` or the end; the value is that of the last one."""
        found: list[Run] = []
        self.newlines()
        while not self.at("}") and self.here.kind != "end":
            found.append(self.statement())
            if not (self.here.kind == "newline" or self.at(";") or self.at("}") or self.here.kind == "end"):
                raise self.fail()
            self.newlines()
        if len(found) == 1:
            return found[0]

        def run(frame: Frame) -> Value:
            value = None
            for statement in found:
                value = statement(frame)
            return value

        return run

    def statement(self) -> Run:
        """One statement."""
        token = self.here
        if token.kind == "word":
            if token.text == "if":
                return self._if()
            if token.text == "return":
                return self._return()
            if token.text == "def":
                return self._define()
            if token.text == "while":
                return self._while()
            if token.text == "try":
                return self._try()
            if token.text == "throw":
                return self._throw()
        return self._assignment()

    def _if(self) -> Run:
        self.expect("if")
        self.expect("(")
        test = self.expression()
        self.expect(")")
        start = self.position
        then = self.block() if self.at("{") else self.statement()
        names = self._only_unstash(start)
        before = self.position
        self.newlines()
        otherwise: Run | None = None
        if self.skip("else"):
            otherwise = self.block() if self.at("{") else self.statement()
        else:
            self.position = before
        if names and otherwise is None:
            return lambda frame: frame.world.unstash_if(lambda: bool(test(frame)), names)

        def run(frame: Frame) -> Value:
            if test(frame):
                return then(Frame(frame.world, frame))
            return otherwise(Frame(frame.world, frame)) if otherwise else None

        return run

    def _only_unstash(self, start: int) -> list[str]:
        """The stashes that a block receives, if that is all it does."""
        inner = [t for t in self.tokens[start + 1 : self.position - 1] if t.kind != "newline" and t.text != ";"]
        if not self.tokens[start].text == "{" or len(inner) % 2:
            return []
        pairs = list(zip(inner[::2], inner[1::2]))
        plain = all(word.text == "unstash" and name.kind == "string" for word, name in pairs)
        return [name.text for _, name in pairs] if plain else []

    def _return(self) -> Run:
        self.expect("return")
        value = None if self.here.kind == "newline" or self.at("}") or self.at(";") else self.argument()

        def run(frame: Frame) -> Value:
            raise Returned(value(frame) if value else None)

        return run

    def _define(self) -> Run:
        self.expect("def")
        if self.skip("("):
            names = [self.word()]
            while self.skip(","):
                names.append(self.word())
            self.expect(")")
            self.expect("=")
            listed = self.argument()

            def several(frame: Frame) -> Value:
                found = listed(frame)
                frame.names.update(zip(names, [*found, *[None] * len(names)]))
                return found

            return several
        name = self.word()
        value = self.argument() if self.skip("=") else None

        def run(frame: Frame) -> Value:
            frame.names[name] = value(frame) if value else None
            return frame.names[name]

        return run

    def _while(self) -> Run:
        self.expect("while")
        self.expect("(")
        test = self.expression()
        self.expect(")")
        body = self.block()

        def run(frame: Frame) -> Value:
            for _ in range(100_000):
                if not test(frame):
                    return None
                body(Frame(frame.world, frame))
            raise ValueError("a loop does not end")

        return run

    def _throw(self) -> Run:
        self.expect("throw")
        self.word()

        def run(frame: Frame) -> Value:
            raise Thrown

        return run

    def _try(self) -> Run:
        self.expect("try")
        body = self.block()
        caught = final = None
        self.newlines()
        if self.skip("catch"):
            self.expect("(")
            self.word()
            if self.here.kind == "word":
                self.word()
            self.expect(")")
            caught = self.block()
            self.newlines()
        if self.skip("finally"):
            final = self.block()

        def run(frame: Frame) -> Value:
            try:
                return body(Frame(frame.world, frame))
            except Thrown:
                if caught is None:
                    raise
                return caught(Frame(frame.world, frame))
            finally:
                if final:
                    final(Frame(frame.world, frame))

        return run

    def _assignment(self) -> Run:
        start = self.position
        target = self.argument()
        if not (self.at("=") or self.at("+=")):
            return target
        grows = self.skip("+=") or not self.expect("=")
        value = self.argument()
        return self._assign(start, target, value, grows)

    def _assign(self, start: int, target: Run, value: Run, grows: bool) -> Run:
        place: Any = getattr(target, "place", None)
        if place is None:
            raise Unreadable(self.tokens[start].line, "nothing can be assigned to this")
        kind, holder, key = place

        def run(frame: Frame) -> Value:
            new = values.added(target(frame), value(frame)) if grows else value(frame)
            if kind == "name":
                names = frame.holder(key)
                if names is None:
                    raise ValueError(f"{key} is not defined")
                names[key] = new
                return new
            owner = holder(frame)
            name = key(frame) if kind == "index" else key
            if isinstance(owner, values.Thing):
                owner.put(name, new)
            elif isinstance(owner, dict):
                owner[name] = new
            else:
                raise ValueError(f"an entry of {type(owner).__name__} cannot be set")
            return new

        return run

    # --- expressions, from the loosest operator to the tightest

    def argument(self) -> Run:
        """An expression, or a call without parentheses: `unstash 'x'`, `sh label: 'x', script: 'y'`."""
        token, after = self.here, self.tokens[self.position + 1]
        if (
            token.kind == "word"
            and token.text[0].isalpha()
            and token.text not in ("return", "def")
            and (after.kind in ("string", "long", "interpolated") or (after.kind == "word" and after.text not in KEYWORDS))
        ):
            start = self.position
            self.position += 1
            given = self._arguments("")
            return self._called(token, given, start)
        return self.expression()

    def expression(self) -> Run:
        """`a ? b : c`, `a ?: b`"""
        test = self._either()
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

    def _either(self) -> Run:
        left = self._both()
        while self.skip("||"):
            self.newlines()
            left = _or(left, self._both())
        return left

    def _both(self) -> Run:
        left = self._match()
        while self.skip("&&"):
            self.newlines()
            left = _and(left, self._match())
        return left

    def _match(self) -> Run:
        left = self._equality()
        while self.skip("==~"):
            left = _binary(values.matched, left, self._equality())
        return left

    def _equality(self) -> Run:
        left = self._relation()
        while self.at("==") or self.at("!="):
            wanted = self.skip("==") or not self.expect("!=")
            left = _equals(left, self._relation(), wanted)
        return left

    def _relation(self) -> Run:
        left = self._shift()
        while self.at("in") or self.at(">"):
            if self.skip("in"):
                left = _binary(values.within, left, self._shift())
            else:
                self.expect(">")
                left = _binary(_greater, left, self._shift())
        return left

    def _shift(self) -> Run:
        left = self._sum()
        while self.skip("<<"):
            left = _binary(_appended, left, self._sum())
        return left

    def _sum(self) -> Run:
        left = self._unary()
        while self.at("+") or self.at("-"):
            adds = self.skip("+") or not self.expect("-")
            left = _binary(values.added if adds else _less, left, self._unary())
        return left

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


def bound(
    body: Run, names: list[str], world: World, up: Frame | None, defaults: "dict[str, Run] | None" = None
) -> Callable[[list[Value]], Value]:
    """The body as a function of its parameters."""

    def run(given: list[Value]) -> Value:
        frame = Frame(world, up)
        if len(given) > len(names) and names != ["it"]:
            raise ValueError(f"{len(given)} values for {', '.join(names) or 'nothing'}")
        for index, name in enumerate(names):
            if index < len(given):
                frame.names[name] = given[index]
            else:
                frame.names[name] = defaults[name](frame) if defaults and name in defaults else None
        try:
            return body(frame)
        except Returned as returned:
            return returned.value

    return run


def _significant(text: str, line: int) -> list[Token]:
    """The tokens without the ends of lines that end no statement: inside of brackets, and behind an operator."""
    found: list[Token] = []
    open_: list[str] = []
    for token in tokens(text):
        if token.kind == "newline":
            if (open_ and open_[-1] != "{") or (found and found[-1].text in ("||", "&&") and found[-1].kind == "operator"):
                continue
        elif token.kind == "mark":
            if token.text in "{([":
                open_.append(token.text)
            elif not open_ or {"}": "{", ")": "(", "]": "["}[token.text] != open_.pop():
                raise Unreadable(token.line, f"`{token.text}` closes nothing that is open")
        found.append(token if line == 1 else token._replace(line=token.line + line - 1))
    last = found[-1].line if found else line
    if open_:
        raise Unreadable(last, f"`{open_[-1]}` is not closed")
    return [*found, Token("end", "", last, len(text)), Token("end", "", last, len(text))]


_PIECE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)|\$\{|\$(?=[A-Za-z_])|[^\\$]+|\$", re.DOTALL)


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
            parser = Parser(inner[at : end - 1].replace('\\"', '"'), token.line)
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


def _binary(what: Callable[[Value, Value], Value], left: Run, right: Run) -> Run:
    return lambda frame: what(left(frame), right(frame))


def _equals(left: Run, right: Run, wanted: bool) -> Run:
    return lambda frame: values.equal(left(frame), right(frame)) is wanted


def _greater(one: Value, other: Value) -> bool:
    if not (isinstance(one, int) and isinstance(other, int)):
        raise ValueError("`>` of what is no number")
    return one > other


def _less(one: Value, other: Value) -> Value:
    if not (isinstance(one, int) and isinstance(other, int)):
        raise ValueError("`-` of what is no number")
    return one - other


def _appended(one: Value, other: Value) -> Value:
    if not isinstance(one, list):
        raise ValueError("`<<` of what is no list")
    one.append(other)
    return one
