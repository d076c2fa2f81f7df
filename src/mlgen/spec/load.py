"""Text to data, by the YAML 1.2 core schema, with the position of every key and value.

PyYAML's C parser does the reading; only the resolution of plain scalars, merges and duplicate keys is done here,
because PyYAML itself speaks YAML 1.1 (`yes` is true, 0755 is octal, 1:30 is a number).
"""

import re
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlgen.diagnostics import Diagnostic, Position, SpecError, error

try:
    from yaml.cyaml import CParser as _Parser
except ImportError:  # PyYAML built without libyaml
    _Parser = None  # type: ignore[assignment,misc]

Key: TypeAlias = "str | int"
Route: TypeAlias = "tuple[Key, ...]"

# https://yaml.org/spec/1.2.2/#103-core-schema
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Loaded(NamedTuple):
    """A spec's data; `root` is the composed YAML, from which `position` finds the place of a path."""

    file: str
    text: str
    data: Any
    root: Node | None

    def position(self, path: Route, key: bool = False) -> Position:
        """Where the value at `path` stands (with `key`, its key); of a missing one, its nearest parent."""
        node, mark = self.root, self.root.start_mark if self.root else None
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            name, node = found
            mark = (name if key and step == path[-1] and name else node).start_mark
        return Position(self.file, mark.line + 1, mark.column + 1) if mark else Position(self.file)


def _child(node: Node | None, step: Key) -> tuple[Node | None, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
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


def _compose(text: str) -> Node | None:
    if _Parser is not None:

        class Loader(_Resolver, _Parser):  # type: ignore[misc,valid-type]
            def __init__(self, stream: str) -> None:
                _Parser.__init__(self, stream)
    else:
        from yaml.composer import Composer
        from yaml.parser import Parser
        from yaml.reader import Reader
        from yaml.scanner import Scanner

        class Loader(_Resolver, Reader, Scanner, Parser, Composer):  # type: ignore[no-redef,misc]
            def __init__(self, stream: str) -> None:
                Reader.__init__(self, stream)
                Scanner.__init__(self)
                Parser.__init__(self)
                Composer.__init__(self)

    node: Node | None = Loader(text).get_single_node()
    return node


def read(path: Path, name: str) -> str:
    """The text of the spec, or a SpecError that says why it cannot be had."""
    try:
        return path.read_bytes().decode("utf-8-sig")
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
        root = _compose(text)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        at = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
        raise SpecError([error("MLG002", at, f"not valid YAML: {err.problem or err.context}", _syntax_hint(text, at))]) from None
    except (yaml.YAMLError, RecursionError) as err:
        raise SpecError([error("MLG002", Position(file), f"not valid YAML: {str(err).splitlines()[0]}")]) from None
    faults: list[Diagnostic] = []
    data = _Builder(file, faults).build(root) if root is not None else None
    if faults:
        raise SpecError(faults)
    return Loaded(file, text, data, root)


def _syntax_hint(text: str, at: Position) -> str:
    lines = text.splitlines()
    line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces; YAML does not allow tabs"
    return "look for a missing quote, bracket or space after a colon here or in the line before"


class _Builder:
    """Nodes to data, collecting faults."""

    def __init__(self, file: str, faults: list[Diagnostic]) -> None:
        self.file = file
        self.faults = faults
        self.active: set[int] = set()

    def fault(self, code: str, node: Node, message: str, hint: str = "") -> None:
        at = Position(self.file, node.start_mark.line + 1, node.start_mark.column + 1)
        self.faults.append(error(code, at, message, hint))

    def build(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if id(node) in self.active:
            self.fault("MLG004", node, "an anchor contains itself")
            return None
        self.active.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.build(item) for item in node.value]
            return self.mapping(node)
        finally:
            self.active.discard(id(node))

    def scalar(self, node: ScalarNode) -> Any:
        tag, value = node.tag, node.value
        if tag == "plain":
            return plain(value)
        if tag in ("text", "!", "tag:yaml.org,2002:str"):
            return value
        if tag.startswith("tag:yaml.org,2002:"):
            return plain(value)
        self.fault("MLG002", node, f"the tag {tag} is not allowed", "write a plain or quoted value")
        return None

    def mapping(self, node: Node) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                self.fault("MLG005", name, "a key must be a string")
            elif name.value == "<<" and name.tag == "plain":
                merged = {**self.merge(value), **merged}
            elif name.value in own:
                self.fault("MLG003", name, f"the key {name.value!r} is given twice", "remove one of them")
            else:
                own[name.value] = self.build(value)
        return {**merged, **own} if merged else own

    def merge(self, node: Node) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Any] = {}
        for part in parts:
            data = self.build(part) if isinstance(part, MappingNode) else None
            if not isinstance(data, dict):
                self.fault("MLG004", part, "<< takes a mapping or a list of mappings")
                continue
            found = {**data, **found}  # the first of a list wins
        return found


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
        return float(value.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".nan", "nan").replace(".NaN", "nan").replace(".NAN", "nan"))
    return value
