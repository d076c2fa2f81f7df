"""What compiled templates need at run time, in place of `jinja2.runtime`, whose import takes as long as all the rest.

The code of the templates is Jinja's own (`mlgen.render.sources.compiled`); here are the names that it imports, as far
as templates that only loop, branch and print use them. What is undefined is an error at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from mlgen.render.filters import FILTERS, SHAPING, TESTS, getattribute
from mlgen.typed import Any, NoReturn

missing: Any = type("Missing", (), {"__repr__": lambda _: "missing"})()
concat = "".join
str_join = markup_join = lambda parts: concat(map(str, parts))
Markup = str
Namespace = TemplateReference = None
"""Imported by every compiled template, and used by none of mlgen's."""


class TemplateError(Exception):
    """A template asks for what its view does not have."""


TemplateRuntimeError = TemplateNotFound = TemplateError


def Undefined(hint: str = "", obj: Any = missing, name: str = "") -> NoReturn:
    """What Jinja calls for a name that is not there."""
    raise TemplateError(hint or f"{name!r} is undefined")


def identity(value: Any) -> Any:
    """The value."""
    return value


internalcode = escape = identity


class _Environment:
    """The functions that templates call by name."""

    filters: Mapping[str, Callable[..., Any]] = {**FILTERS, **SHAPING}
    tests: Mapping[str, Callable[..., bool]] = TESTS
    undefined = staticmethod(Undefined)
    concat = staticmethod(concat)
    getattr = staticmethod(getattribute)

    @staticmethod
    def getitem(value: Any, key: Any) -> Any:
        try:
            return value[key]
        except (TypeError, LookupError):
            if not isinstance(key, str):
                raise
            return getattribute(value, key)


environment = _Environment()


class _Plain:
    autoescape = volatile = False


class Context:
    """The names of one rendering: those of the view, and the template's own macros and variables."""

    eval_ctx = _Plain

    def __init__(self, view: Mapping[str, Any], blocks: Mapping[str, Callable[..., Iterator[str]]]) -> None:
        self.view = view
        self.vars: dict[str, Any] = {}
        self.exported_vars: set[str] = set()
        self.blocks = {name: (block,) for name, block in blocks.items()}

    def resolve_or_missing(self, name: str) -> Any:
        """The value of a name, or `missing`."""
        return self.vars[name] if name in self.vars else self.view.get(name, missing)

    def derived(self, names: Mapping[str, Any]) -> Context:
        """The names that a block inside a loop sees."""
        context = Context({**self.view, **self.vars, **names}, {})
        context.blocks = self.blocks
        return context

    def call(self, function: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """Call a macro or a method; what Jinja passes on about the loop is for functions that mlgen does not have."""
        named.pop("_loop_vars", None)
        named.pop("_block_vars", None)
        return function(*values, **named)


class LoopContext:
    """`loop` of a template; iterating gives each item with it."""

    def __init__(self, items: Iterable[Any], undefined: object) -> None:
        self.items = list(items)
        self.length = len(self.items)
        self.index0 = -1

    def __iter__(self) -> Iterator[tuple[Any, LoopContext]]:
        for index, item in enumerate(self.items):
            self.index0 = index
            yield item, self

    @property
    def index(self) -> int:
        """Counted from 1."""
        return self.index0 + 1

    @property
    def first(self) -> bool:
        """Whether this is the first item."""
        return self.index0 == 0

    @property
    def last(self) -> bool:
        """Whether this is the last item."""
        return self.index == self.length


class Macro:
    """A macro of a template."""

    def __init__(self, _: object, code: Callable[..., str], name: str, arguments: tuple[str, ...], *__: object) -> None:
        self.code = code
        self.name = name
        self.arguments = arguments

    def __call__(self, *values: Any, **named: Any) -> str:
        """Call it; what is not given is `missing`, for which its code puts the default."""
        given = [*values, *(named.pop(name, missing) for name in self.arguments[len(values) :])]
        if named or len(given) > len(self.arguments):
            raise TemplateError(f"the macro {self.name} takes {', '.join(self.arguments)}")
        return self.code(*given)
