"""The part of Groovy 2.4 that a Jenkinsfile is made of, read into functions that evaluate it."""

from __future__ import annotations

from mlgen.readback.unread import Unread
from mlgen.targets.jenkins.read import values
from mlgen.targets.jenkins.read.expressions import Expressions
from mlgen.targets.jenkins.read.scope import Frame, Returned, Run, Thrown
from mlgen.targets.jenkins.read.values import Value
from mlgen.targets.jenkins.reader import Unreadable
from mlgen.typed import Any


class Parser(Expressions):
    """The tokens of a text, from left to right."""

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
        if self.tokens[start].text != "{" or len(inner) % 2:
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
            raise Unread("a loop does not end")

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
                    raise Unread(f"{key} is not defined")
                names[key] = new
                return new
            owner = holder(frame)
            name = key(frame) if kind == "index" else key
            if isinstance(owner, values.Thing):
                owner.put(name, new)
            elif isinstance(owner, dict):
                owner[name] = new
            else:
                raise Unread(f"an entry of {type(owner).__name__} cannot be set")
            return new

        return run
