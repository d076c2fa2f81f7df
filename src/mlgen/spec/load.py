"""Text to data, by the YAML 1.2 core schema, with the position of every key and value.

PyYAML's C parser does the reading; only the resolution of plain scalars, merges and duplicate keys is done here,
because PyYAML itself speaks YAML 1.1 (`yes` is true, 0755 is octal, 1:30 is a number).
"""

from __future__ import annotations

import re

from mlgen.diagnostics import Diagnostic, Position, SpecError, error
from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.spec.fast_yaml import CParser as _Parser
from mlgen.spec.fast_yaml import MappingNode, Node, ScalarNode, SequenceNode, yaml
from mlgen.typed import Any, Protocol, TypeAlias

Key: TypeAlias = "str | int"
Route: TypeAlias = "tuple[Key, ...]"

# https://yaml.org/spec/1.2.2/#103-core-schema
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = regex(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = regex(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


_CORE = "tag:yaml.org,2002:"

MOST_VALUES = 200_000
"""How many values a spec may have, aliases counted each time: a few lines of aliases can stand for billions."""
DEEPEST = 60
"""How deep mappings and lists may be nested."""


class Text(Protocol):
    """Data, and where each part of it was written."""

    @property
    def data(self) -> Any:
        """The whole."""

    @property
    def root(self) -> Node | None:
        """Its YAML; None if the text is empty."""

    def position(self, path: Route, key: bool = False) -> Position:
        """Where the value at `path` stands (with `key`, its key)."""

    def written(self, path: Route) -> str:
        """The text of the scalar at `path`."""


class Mark(NamedTuple):
    """A place in another file than the spec itself, as the parser's own marks tell it: both count from 0."""

    line: int
    column: int
    file: str


class Loaded(NamedTuple):
    """A spec's data; `root` is the composed YAML, from which `position` finds the place of a path.

    A node of what was merged beneath the spec has a `Mark`, which names its file.
    """

    file: str
    text: str
    data: Any
    root: Node | None

    def position(self, path: Route, key: bool = False) -> Position:
        """Where the value at `path` stands (with `key`, its key); of a missing one, its nearest parent."""
        node, mark = self.root, self.root.start_mark if self.root else None
        for depth, step in enumerate(path, 1):
            found = _child(node, step)
            if found is None:
                break
            name, node = found
            mark = (name if key and depth == len(path) and name else node).start_mark
        return _position(self.file, mark) if mark else Position(self.file)

    def written(self, path: Route) -> str:
        """The text of the scalar at `path`, as it stands in the spec."""
        node = self.root
        for step in path:
            found = _child(node, step)
            node = found[1] if found else None
        return node.value if isinstance(node, ScalarNode) else ""


def _position(file: str, mark: Any) -> Position:
    return Position(getattr(mark, "file", file), mark.line + 1, mark.column + 1)


def _child(node: Node | None, step: Key) -> tuple[Node | None, Node] | None:
    if isinstance(step, int):
        if isinstance(node, SequenceNode):
            return (None, node.value[step]) if step < len(node.value) else None
        return (None, node) if node is not None and step == 0 else None  # one, written without the list
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == step:
                return name, value
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == "<<":
                for part in value.value if isinstance(value, SequenceNode) else (value,):
                    if (found := _child(part, step)) is not None:
                        return found
    return None


class _Resolver:
    """Every scalar keeps its text; `_scalar` gives it its type, by the 1.2 core schema."""

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        if kind is ScalarNode and implicit[0]:
            return "plain"
        return {ScalarNode: "text", SequenceNode: "seq", MappingNode: "map"}[kind]

    def descend_resolver(self, *_: object) -> None: ...

    def ascend_resolver(self) -> None: ...

    def check_resolver_prefix(self, *_: object) -> None: ...


def compose(text: str) -> Node | None:
    """The YAML of one document, its scalars as they are written; a YAMLError if it is none."""
    if _Parser is not None:

        class Loader(_Resolver, _Parser):
            def __init__(self, stream: str) -> None:
                _Parser.__init__(self, stream)
    else:
        from yaml.composer import Composer
        from yaml.parser import Parser
        from yaml.reader import Reader
        from yaml.scanner import Scanner

        class Loader(_Resolver, Reader, Scanner, Parser, Composer):  # type: ignore[no-redef]
            def __init__(self, stream: str) -> None:
                Reader.__init__(self, stream)
                Scanner.__init__(self)
                Parser.__init__(self)
                Composer.__init__(self)

    node: Node | None = Loader(text).get_single_node()
    return node


def read(path: str, name: str) -> str:
    """The text of the spec, or a SpecError that says why it cannot be had."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        hint = "run mlgen in the folder that holds mlgen.yaml, or name the spec with -f"
        raise SpecError([error("MLG001", Position(name), f"there is no file {name}", hint)]) from None
    except (OSError, UnicodeDecodeError) as err:
        raise SpecError([error("MLG001", Position(name), f"{name} cannot be read: {_reason(err)}")]) from None


def _reason(err: Exception) -> str:
    if isinstance(err, OSError):
        return err.strerror or str(err)
    return "it is not UTF-8 text"


def load(text: str, file: str) -> Loaded:
    """Parse the text; a SpecError holds every syntax fault that was found."""
    try:
        root = compose(text)
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError) as err:
        from mlgen.spec import syntax  # what is only needed to explain is only then imported

        marked = isinstance(err, yaml.MarkedYAMLError)
        raise SpecError([(syntax.at_mark if marked else syntax.without_mark)(text, file, err)]) from None
    return loaded(text, file, root)


def loaded(text: str, file: str, root: Node | None) -> Loaded:
    """The data of composed YAML; a SpecError holds every fault that was found."""
    faults: list[Diagnostic] = []
    data = _Builder(file, faults).build(root) if root is not None else None
    if faults:
        raise SpecError(faults)
    return Loaded(file, text, data, root)


class _Builder:
    """Nodes to data, collecting faults."""

    def __init__(self, file: str, faults: list[Diagnostic]) -> None:
        self.file = file
        self.faults = faults
        self.active: set[int] = set()
        self.count = 0

    def fault(self, code: str, node: Node, message: str, hint: str = "") -> None:
        self.faults.append(error(code, _position(self.file, node.start_mark), message, hint))

    def build(self, node: Node) -> Any:
        self.count += 1
        if self.count > MOST_VALUES:
            self.fault("MLG004", node, f"aliases make more than {MOST_VALUES} values of this text")
            raise SpecError(self.faults)
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if id(node) in self.active:
            self.fault("MLG004", node, "an anchor contains itself")
            return None
        if len(self.active) == DEEPEST:
            self.fault("MLG002", node, f"mappings and lists are nested more than {DEEPEST} deep")
            return None
        self.active.add(id(node))
        try:
            return self.collection(node)
        finally:
            self.active.discard(id(node))

    def collection(self, node: Node) -> Any:
        listed = isinstance(node, SequenceNode)
        if node.tag not in ("seq", "map", "!", _CORE + ("seq" if listed else "map")):
            self.fault("MLG002", node, *_no_tag(node.tag))
            return None
        return [self.build(item) for item in node.value] if listed else self.mapping(node)

    def scalar(self, node: ScalarNode) -> Any:
        tag, value = node.tag, node.value
        if tag == "plain":
            return plain(value)
        if tag in ("text", "!", _CORE + "str"):
            return value
        kinds = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
        found = plain(value)
        if type(found) not in kinds.get(tag.removeprefix(_CORE), ()) or not tag.startswith(_CORE):
            self.fault("MLG002", node, *_no_tag(tag))
            return None
        return float(found) if tag == _CORE + "float" else found

    def mapping(self, node: Node) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                self.fault("MLG005", name, "a key must be a string")
            elif name.value == "<<" and name.tag == "plain":
                merged = {**self.merge(name, value), **merged}
            elif name.value in own:
                self.fault("MLG003", name, f"the key {name.value!r} is given twice", "remove one of them")
            else:
                own[name.value] = self.build(value)
        return {**merged, **own} if merged else own

    def merge(self, key: Node, node: Node) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Any] = {}
        for part in parts:
            data = self.build(part) if isinstance(part, MappingNode) else None
            if not isinstance(data, dict):
                self.fault("MLG004", key, "`<<` takes a mapping or a list of mappings")
                continue
            found = {**data, **found}  # the first of a list wins
        return found


def _no_tag(tag: str) -> tuple[str, str]:
    return f"the tag {tag.replace(_CORE, '!!')} is not allowed here", "write a plain or quoted value without a tag"


def plain(value: str) -> Any:
    """The value of a plain scalar by the YAML 1.2 core schema."""
    if value in _NULL:
        return None
    if value in _BOOL:
        return _BOOL[value]
    if _INT.fullmatch(value):
        try:
            return int(value, 0) if value[:2] in ("0o", "0x") else int(value)
        except ValueError:  # thousands of digits
            return value
    if _FLOAT.fullmatch(value):
        return float(re.sub(r"\.(?=[a-zA-Z])", "", value))  # `.inf` and `.nan` are `inf` and `nan` to Python
    return value
