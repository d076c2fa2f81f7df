"""Templates of somebody else, over mlgen's own or alone: in Jinja's immutable sandbox, and within limits.

They may do less than mlgen's: text, prints that end in a quoting filter, `if`, `for` and, over a template of mlgen's,
its named blocks. What they loop over and print is bounded, so that rendering always ends.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mlgen.named import NamedTuple
from mlgen.render.filters import FILTERS, SHAPING, TESTS
from mlgen.render.rules import computed, unquoted
from mlgen.render.sources import DELIMITERS, environment
from mlgen.typed import Any

MOST_TEXT = 100_000
"""Characters of one template."""
MOST_OUTPUT = 2_000_000
"""Characters of one file that it makes."""
MOST_ROUNDS = 200_000
"""Rounds of all its loops together."""
_WIDEST = 100
"""A number in a template, such as an indentation."""

_STATEMENTS = (nodes.Output, nodes.For, nodes.If, nodes.Block)


class Foreign(NamedTuple):
    """A template of somebody else: the `file` as diagnostics name it, and its text."""

    file: str
    text: str


class Fault(Exception):
    """What is wrong with a template: in which file and line (0: the whole), and how to mend it."""

    def __init__(self, file: str, line: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.file, self.line, self.message, self.hint = file, line, message, hint


def faults(template: Foreign, blocks: Iterable[str] | None) -> list[Fault]:
    """What the template may not do; `blocks`: those of mlgen's template that it lies over, None if it stands alone."""
    if len(template.text) > MOST_TEXT:
        return [Fault(template.file, 0, f"the template has more than {MOST_TEXT} characters", "split it")]
    try:
        tree = environment().parse(template.text)
    except TemplateError as err:
        line = getattr(err, "lineno", 0) or 0
        return [
            Fault(template.file, line, f"not a template: {err.message}", "the delimiters are [%% %%], [[= ]], [## ##]")
        ]
    except RecursionError:
        return [Fault(template.file, 0, "the template is nested too deep", "write it flatter")]
    found = [*_forbidden(tree), *(_blocks(tree, set(blocks)) if blocks is not None else _no_blocks(tree))]
    said = sorted({(line or 0, message, hint) for line, message, hint in found})
    return [Fault(template.file, line, message, hint) for line, message, hint in said]


_Said = tuple[int, str, str]


def _forbidden(tree: nodes.Template) -> Iterator[_Said]:
    for item in unquoted(tree):
        hint = f"end it in a quoting filter: {', '.join('| ' + name for name in FILTERS)}"
        yield item.lineno, "a printed value is not quoted", hint
    for node in (*computed(tree), *tree.find_all((nodes.Mul, nodes.Add))):
        yield node.lineno, "a template only loops, branches and prints", "it computes nothing and calls nothing"
    for node in tree.find_all(nodes.Stmt):
        if not isinstance(node, _STATEMENTS):
            name = type(node).__name__.lower()
            yield (
                node.lineno,
                f"`{name}` is not allowed in a pack's template",
                "it has text, prints, if, for and blocks",
            )
    for node in tree.find_all(nodes.For):
        if node.recursive:
            yield node.lineno, "a loop may not call itself", "leave `recursive` out"
    for filtered in tree.find_all(nodes.Filter):
        if not all(isinstance(a, nodes.Const) for a in (*filtered.args, *(k.value for k in filtered.kwargs))):
            yield filtered.lineno, f"the filter {filtered.name} takes constants only", "write the value itself"
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, int) and abs(const.value) > _WIDEST:
            yield const.lineno, f"the number {const.value} is more than {_WIDEST}", "a template computes nothing"


def _blocks(tree: nodes.Template, known: set[str]) -> Iterator[_Said]:
    for node in tree.body:
        if isinstance(node, nodes.Output):
            for item in node.nodes:
                if not isinstance(item, nodes.TemplateData) or item.data.strip():
                    yield item.lineno, "text outside of a block would be lost", "put it into one of the blocks"
        elif not isinstance(node, nodes.Block):
            yield node.lineno, "only blocks may stand here", "put it into one of the blocks"
    seen: set[str] = set()
    for block in tree.find_all(nodes.Block):
        if block not in tree.body:
            yield block.lineno, f"the block {block.name} stands inside another", "move it out"
        elif block.name not in known:
            hint = f"it has {', '.join(sorted(known))}" if known else "it has no blocks"
            yield block.lineno, f"mlgen's template has no block {block.name}", hint
        seen.add(block.name)


def _no_blocks(tree: nodes.Template) -> Iterator[_Said]:
    for block in tree.find_all(nodes.Block):
        yield block.lineno, "a file of the pack's own has no blocks", "write its content itself"


def blocks_of(template: str) -> tuple[str, ...]:
    """The named blocks of a template of mlgen's; a KeyError if there is no such template."""
    env = environment()
    assert env.loader is not None
    if template not in env.list_templates():
        raise KeyError(template)
    tree = env.parse(env.loader.get_source(env, template)[0])
    return tuple(block.name for block in tree.find_all(nodes.Block))


def render_over(template: str, layers: Sequence[Foreign], view: Mapping[str, Any]) -> str:
    """The text of mlgen's template with the blocks of the layers, later ones above; Fault if one fails."""
    foreign = chain(template, layers)
    return _rendered(Sandbox(foreign), next(reversed(foreign)), view)


def chain(template: str, layers: Sequence[Foreign]) -> dict[str, Foreign]:
    """The layers by names that each extends the one below; the last is the one to render."""
    names = [f"{template}@{number}" for number, _ in enumerate(layers)]
    parents = dict(zip(names, [template, *names]))
    return {n: Foreign(f.file, f'[%% extends "{parents[n]}" %%]{f.text}') for n, f in zip(names, layers)}


def render_alone(template: Foreign, view: Mapping[str, Any]) -> str:
    """The text of a template that stands alone; Fault if it fails."""
    return _rendered(Sandbox({"": template}), "", view)


def _rendered(env: Sandbox, name: str, view: Mapping[str, Any]) -> str:
    parts: list[str] = []
    size = 0
    try:
        for part in env.get_template(name).generate(view):
            size += len(part)
            parts.append(part)
            if size > MOST_OUTPUT:
                raise TemplateError(f"it prints more than {MOST_OUTPUT} characters")
    except Exception as err:
        files = {foreign.file for foreign in env.foreign.values()}
        places = [frame for frame in traceback.extract_tb(err.__traceback__) if frame.filename in files]
        if not places and not isinstance(err, TemplateError):
            raise
        file, line = (places[-1].filename, places[-1].lineno or 0) if places else (env.foreign[name].file, 0)
        raise Fault(file, line, f"the template fails: {err}", "look at what the view holds") from None
    return "".join(parts)


class Sandbox(ImmutableSandboxedEnvironment):
    """`environment()` in a sandbox, with a few templates of somebody else beside mlgen's."""

    def __init__(self, foreign: Mapping[str, Foreign]) -> None:
        own = environment()
        super().__init__(loader=FunctionLoader(self._source), undefined=StrictUndefined, autoescape=False, **DELIMITERS)
        self.foreign = dict(foreign)
        self.mine = own
        self.rounds = 0
        self.globals.clear()
        self.filters = {**FILTERS, **SHAPING, "map": self._map, "round of a loop": self._round}
        self.tests = {**TESTS}

    def _source(self, name: str) -> Any:
        if name in self.foreign:
            return self.foreign[name].text, self.foreign[name].file, lambda: True
        assert self.mine.loader is not None
        return self.mine.loader.get_source(self.mine, name)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """A template of somebody else counts the rounds of its loops."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For) if name in self.foreign else ():
            # Not of a constant, which would be counted once, when the template is compiled.
            counted = nodes.Filter(nodes.ContextReference(), "round of a loop", [], [], None, None)
            loop.body.insert(0, nodes.ExprStmt(counted, lineno=loop.lineno))
        return tree

    def _round(self, _: object) -> None:
        self.rounds += 1
        if self.rounds > MOST_ROUNDS:
            raise TemplateError(f"its loops have more than {MOST_ROUNDS} rounds")

    def _map(self, values: Iterable[Any], attribute: str) -> list[Any]:
        return [self.getattr(value, attribute) for value in values]
