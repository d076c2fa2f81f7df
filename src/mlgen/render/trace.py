"""A rendering that remembers where each piece of text comes from: for explaining, never for writing.

The templates are those of `sources` and of packs, with marks printed around every piece and every turn of a loop. The
marks are lone surrogates, which no text that can be written holds; taken out again, they leave exactly what `render`
gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.render.sandbox import Foreign, Sandbox, chain
from mlgen.typed import Any

_PIECE, _ITEM, _END, _POP = "\ud800", "\ud801", "\ud802", "\ud803"
_MARK = regex(f"([{_PIECE}{_ITEM}])([0-9]+){_END}|{_POP}")
_BLOCK = regex(r"\[%%[-+]?\s*(?:el)?if\s+(.*?)\s*[-+]?%%\]")


class Ref(NamedTuple):
    """A place in a template: `print` is the expression that is printed there, empty for the template's own text.

    `under` are the conditions that the place stands under, outermost first.
    """

    template: str
    line: int
    print: str
    under: tuple[str, ...]
    offset: int = 0
    """Which line of the printed value it is, from 0."""


class Piece(NamedTuple):
    """Text without a line break: `refs` leads from the file's template through macros to the innermost place.

    `items` are the values of the loops around it, outermost first.
    """

    text: str
    refs: tuple[Ref, ...]
    items: tuple[Any, ...]


Line = tuple[Piece, ...]


def trace(template: str, view: Mapping[str, Any], layers: Sequence[Foreign] = ()) -> tuple[Line, ...]:
    """The lines of `render(template, view)` with the blocks of packs over it, each in pieces.

    A final line break ends the last line.
    """
    foreign = chain(template, layers)
    return _tracer(foreign).trace(next(reversed(foreign), template), view)


def trace_alone(template: Foreign, view: Mapping[str, Any]) -> tuple[Line, ...]:
    """The lines of a pack's own file."""
    return _tracer({"": template}).trace("", view)


class _Tracer(Sandbox):
    """The sandbox of packs' templates with marks in all templates. It keeps them, and knows its marks by number."""

    def __init__(self, foreign: Mapping[str, Foreign]) -> None:
        super().__init__(foreign)
        self.refs: list[Ref] = []
        self.items: list[Any] = []
        self.globals["mlgen_item"] = self.item
        self.filters = {name: _marked(name, function) for name, function in self.filters.items()}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        file = self.foreign[name].file if name in self.foreign else f"templates/{name}"
        found: nodes.Template = _Marker(self.refs, file, source).visit(super()._parse(source, name, filename))
        return found

    def trace(self, template: str, view: Mapping[str, Any]) -> tuple[Line, ...]:
        self.items.clear()
        self.rounds = 0
        return tuple(_lines(self.pieces(self.get_template(template).render(view))))

    def item(self, value: Any) -> str:
        """Called by the marked templates at the start of each turn of a loop."""
        self.items.append(value)
        return f"{_ITEM}{len(self.items) - 1}{_END}"

    def pieces(self, text: str) -> Iterator[Piece]:
        """The text between the marks; line breaks included."""
        stack: list[tuple[str, Any]] = []
        start = 0
        for mark in _MARK.finditer(text):
            yield from self.piece(text[start : mark.start()], stack)
            start = mark.end()
            if mark[0] == _POP:
                stack.pop()
            else:
                known: list[Any] = self.refs if mark[1] == _PIECE else self.items
                stack.append((mark[1], known[int(mark[2])]))
        yield from self.piece(text[start:], stack)

    def piece(self, text: str, stack: list[tuple[str, Any]]) -> Iterator[Piece]:
        if text:
            refs = tuple(value for kind, value in stack if kind == _PIECE)
            yield Piece(text, refs, tuple(value for kind, value in stack if kind == _ITEM))


_tracers: dict[tuple[tuple[str, Foreign], ...], _Tracer] = {}


def _tracer(foreign: Mapping[str, Foreign]) -> _Tracer:
    key = tuple(foreign.items())
    if key not in _tracers:
        _tracers[key] = _Tracer(foreign)
    return _tracers[key]


def _lines(pieces: Iterator[Piece]) -> Iterator[Line]:
    """Pieces cut at line breaks. The template's own text goes on from line to line of the template."""
    line: list[Piece] = []
    for piece in pieces:
        parts = piece.text.split("\n")
        for number, part in enumerate(parts):
            if number:
                yield tuple(line)
                line = []
            if part or len(parts) > 1:
                line.append(piece._replace(text=part, refs=_moved(piece.refs, number)))
    if any(piece.text for piece in line):
        yield tuple(line)


def _moved(refs: tuple[Ref, ...], lines: int) -> tuple[Ref, ...]:
    if not refs or not lines:
        return refs
    last = refs[-1]
    return (*refs[:-1], last._replace(offset=lines) if last.print else last._replace(line=last.line + lines))


class _Marker(NodeTransformer):
    """Prints a mark before and after every piece of an output, and around the body of every loop."""

    def __init__(self, refs: list[Ref], file: str, source: str) -> None:
        self.refs = refs
        self.name = file
        self.source = source.splitlines()
        self.under: tuple[str, ...] = ()
        self.said: dict[int, int] = {}

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        found: list[nodes.Expr] = []
        for child in node.nodes:
            plain = isinstance(child, nodes.TemplateData)
            self.refs.append(Ref(self.name, child.lineno, "" if plain else self.printed(child), self.under))
            opened = nodes.TemplateData(f"{_PIECE}{len(self.refs) - 1}{_END}", lineno=child.lineno)
            found += [opened, child, nodes.TemplateData(_POP, lineno=child.lineno)]
        node.nodes = found
        return node

    def printed(self, child: nodes.Expr) -> str:
        """The expression as it stands in the template: of its line, the next that has not been said."""
        on_line = re.findall(r"\[\[=\s*(.*?)\s*[-+]?\]\]", self.source[child.lineno - 1])
        number = self.said.get(child.lineno, 0)
        self.said[child.lineno] = number + 1
        return on_line[number] if number < len(on_line) else "a value"

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        call = nodes.Call(nodes.Name("mlgen_item", "load"), [_loaded(node.target)], [], None, None)
        start, end = nodes.Output([call]), nodes.Output([nodes.TemplateData(_POP)])
        for new in (start, end):
            new.set_lineno(node.lineno)
        node.body = [start, *node.body, end]
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        outer = self.under
        said = _BLOCK.search(self.source[node.lineno - 1])
        test = said[1] if said else "a condition"
        self.under = (*outer, test)
        node.body = self.visit_all(node.body)
        self.under = (*outer, f"not ({test})")
        node.elif_ = self.visit_all(node.elif_)
        node.else_ = self.visit_all(node.else_)
        self.under = outer
        return node

    def visit_all(self, found: list[Any]) -> list[Any]:
        return [self.visit(each) for each in found]


def _loaded(target: nodes.Node) -> nodes.Expr:
    """The variables of a loop as an expression."""
    if isinstance(target, nodes.Tuple):
        return nodes.Tuple([_loaded(item) for item in target.items], "load")
    assert isinstance(target, nodes.Name)
    return nodes.Name(target.name, "load")


def _marked(name: str, function: Any) -> Any:
    """A filter that keeps the marks of what it is given, if it only hands text on; others see the text alone."""

    def call(value: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(value, str) or not _MARK.search(value):
            return function(value, *arguments, **named)
        if name == "raw":
            return value
        if name == "trim":
            return _trimmed(value, *arguments)
        return function(_MARK.sub("", value), *arguments, **named)

    return call


def _trimmed(text: str, characters: str | None = None) -> str:
    """`text.strip(characters)`, with the marks left where they are."""
    parts = [text[a:b] for a, b in _cut(text)]
    for order, strip in ((range(len(parts)), str.lstrip), (range(len(parts) - 1, -1, -1), str.rstrip)):
        for index in order:
            if not _MARK.fullmatch(parts[index]):
                parts[index] = strip(parts[index], characters)
                if parts[index]:
                    break
    return "".join(parts)


def _cut(text: str) -> Iterator[tuple[int, int]]:
    """Where marks and the text between them begin and end."""
    start = 0
    for mark in _MARK.finditer(text):
        yield start, mark.start()
        yield mark.span()
        start = mark.end()
    yield start, len(text)
