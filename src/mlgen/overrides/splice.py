"""One value of a YAML text changed, and not a byte of the rest.

A reader and a writer of whole documents would not do: `ruamel.yaml`, which keeps comments, loses the indentation
indicator of `|2-`, and with it the blanks that a script begins with. Every change is read back and compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen.quoting import yaml_flow, yaml_scalar
from mlgen.quoting.yaml import yaml_block
from mlgen.regex import regex
from mlgen.spec.fast_yaml import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode, yaml
from mlgen.spec.load import Key, compose, plain
from mlgen.typed import Any

Way = tuple[Key, ...]
_DOCUMENT = regex(r"^---[ \t]*\n", re.M)
_WIDTH = 100
"""How long a list may be on one line."""


class Unfit(Exception):
    """The change cannot be made; the text says why."""


def changed(text: str, way: Way, value: object, note: str) -> str:
    """The text with `value` at the way through mappings and lists; None removes what is there. `note` is a comment.

    Of several documents, the last is meant.
    """
    start = max((found.end() for found in _DOCUMENT.finditer(text)), default=0)
    head, body = text[:start], text[start:]
    root = compose(body)
    if root is None:
        raise Unfit("the file is empty")
    wanted = merged(data(root), way, value)
    found = _anchored(_Splice(body, note).change(root, way, value), body, root)
    after = compose(found)
    if after is None or not same(data(after), wanted):
        raise Unfit("this text cannot be changed there without changing more")
    return head + found


def _anchored(text: str, before: str, root: Node) -> str:
    """The text, in which the first alias of an anchor that the change has taken out becomes its anchor."""
    while True:
        try:
            compose(text)
            return text
        except yaml.YAMLError as err:
            mark = getattr(err, "problem_mark", None)
            alias = re.compile(r"\*([^\s,\]}]+)").match(text, mark.index) if mark else None
            anchor = f"&{alias[1]}" if alias else ""
            node = next((n for n in _nodes(root) if before.startswith(anchor, n.start_mark.index)), None)
            if not anchor or node is None:
                raise Unfit("this text cannot be changed there") from None
            assert alias is not None
            line = text[text.rfind("\n", 0, alias.start()) + 1 : alias.start()]
            value = _value(data(node), len(line) - len(line.lstrip(" -")), flow=False)
            text = text[: alias.start()] + anchor + value + text[alias.end() :]


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, CollectionNode):
        for item in node.value:
            for child in item if isinstance(item, tuple) else (item,):
                if child.start_mark.index >= node.start_mark.index:  # no alias, which stands elsewhere
                    yield from _nodes(child)


def read(text: str) -> Any:
    """The data of the last document, as `changed` goes through it."""
    start = max((found.end() for found in _DOCUMENT.finditer(text)), default=0)
    root = compose(text[start:])
    return data(root) if root is not None else None


def merged(under: Any, way: Way, value: object) -> Any:
    """Data with the value at the way, by RFC 7396: what is no mapping on the way becomes one."""
    if not way:
        return value
    step = way[0]
    if isinstance(step, int):
        return [merged(item, way[1:], value) if index == step else item for index, item in enumerate(under)]
    found = dict(under) if isinstance(under, dict) else {}
    if len(way) > 1:
        found[step] = merged(found.get(step), way[1:], value)
    elif value is not None:
        found[step] = value
    elif step in found:
        del found[step]
    else:
        raise Unfit(f"there is no {step} to remove")
    if isinstance(under, dict) and same(under.get(step), found.get(step)) and (step in under) == (step in found):
        raise Unfit(f"{step} has that value already")
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same kinds: 1 is neither true nor 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def data(node: Node) -> Any:
    """The value of a node. What has a tag of its own becomes a pair that equals only itself."""
    if isinstance(node, ScalarNode):
        return plain(node.value) if node.tag == "plain" else node.value
    found: Any
    if isinstance(node, SequenceNode):
        found = [data(item) for item in node.value]
    else:
        found = {key.value: data(value) for key, value in node.value}
    return found if node.tag in ("seq", "map") else {f"!{node.tag}": found}


class _Splice:
    def __init__(self, text: str, note: str) -> None:
        self.text = text
        self.note = note

    def change(self, node: Node, way: Way, value: object) -> str:
        """The text with the value at the way below this mapping or list of blocks."""
        step, rest = way[0], way[1:]
        if isinstance(node, SequenceNode):
            if not isinstance(step, int) or not rest or not _is_block(node.value[step]):
                raise Unfit("an item of a list is not changed as a whole")
            return self.change(node.value[step], rest, value)
        found = next((pair for pair in node.value if pair[0].value == step), None)
        if found is None:
            return self._insert(node, str(step), _nested(rest, value))
        key, child = found
        if rest and _is_block(child) and not _is_alias(key, child):
            if value is None and len(rest) == 1 and len(child.value) == 1:
                return self._replace(node, key, child, {})  # else nothing would be left to say that it is a mapping
            return self.change(child, rest, value)
        if not rest and value is None:
            return self._remove(node, key, child)
        return self._replace(node, key, child, merged(data(child), rest, value))

    def _insert(self, node: Node, name: str, value: object) -> str:
        first = node.value[0][0]
        indent = first.start_mark.column
        key, child = self._neighbour(node.value, indent == 0)
        at = self._line_end(self._end(key, child))
        lines = [*self._comment(self._above(first)), _pair(name, value, indent)]
        return self.text[:at] + "".join(f"\n{' ' * indent}{line}" for line in lines) + self.text[at:]

    def _neighbour(self, pairs: list[tuple[Node, Node]], whole: bool) -> tuple[Node, Node]:
        """What a new key stands after: in the whole file its first key, elsewhere the last but for lists of blocks."""
        if whole:
            new = next((n for n in range(1, len(pairs)) if not self._is_ours(pairs[n][0])), len(pairs))
            return pairs[new - 1]
        short = [pair for pair in pairs if not (_is_block(pair[1]) and isinstance(pair[1], SequenceNode))]
        return short[-1] if short else pairs[-1]

    def _is_ours(self, key: Node) -> bool:
        lines = self.text[: key.start_mark.index].split("\n")
        return len(lines) > 1 and lines[-2].strip() == f"# {self.note}"

    def _replace(self, node: Node, key: Node, child: Node, value: object) -> str:
        begin, end = key.start_mark.index, self._line_end(self._end(key, child))
        flow = getattr(child, "flow_style", False)
        pair = _pair(key.value, value, key.start_mark.column, flow=bool(flow))
        line, lead = self._line(begin)
        comment = "".join(f"{lead}{text}\n" for text in self._comment(self._above(node.value[0][0])))
        return self.text[:line] + comment + self.text[line:begin] + pair + self.text[end:]

    def _remove(self, node: Node, key: Node, child: Node) -> str:
        begin, end = key.start_mark.index, self._line_end(self._end(key, child))
        index = next(index for index, pair in enumerate(node.value) if pair[0] is key)
        line, lead = self._line(begin)
        if len(node.value) == 1:
            raise Unfit(f"nothing but {key.value} is there")
        before = f"{self.text[:line]}{lead}# {self.note} removes {key.value}"
        if self.text[line:begin].strip():  # it begins an item of a list: what follows it takes its place
            after = node.value[index + 1][0].start_mark.index
            return f"{before}\n{self.text[line:begin]}{self.text[after:]}"
        return before + self.text[end:]

    def _line(self, index: int) -> tuple[int, str]:
        """Where the line begins, and the blanks that it begins with."""
        line = self.text.rfind("\n", 0, index) + 1
        return line, self.text[line:index][: len(self.text[line:index]) - len(self.text[line:index].lstrip(" "))]

    def _above(self, first: Node) -> str:
        """The comment that stands above the mapping whose first key this is, two lines above: by whom it was made."""
        lines = self.text[: first.start_mark.index].split("\n")
        return lines[-3].strip() if len(lines) > 2 else ""

    def _comment(self, above: str) -> list[str]:
        comment = f"# {self.note}"
        return [] if above == comment else [comment]

    def _line_end(self, index: int) -> int:
        """The end of what stands on the line there, a comment included."""
        found = re.compile(r"[ \t]*(#[^\n]*)?(?=\n|\Z)").match(self.text, index)
        return found.end() if found else index

    def _end(self, before: Node, node: Node) -> int:
        """The end of a value's own text; `before` is its key, or what stands before the item of a list."""
        index = before.end_mark.index
        if _is_alias(before, node):
            return self._after(index, r"\s*:\s+\*[^\s,\]}]+")
        if isinstance(node, ScalarNode):
            if node.style in ("|", ">"):
                return len(self.text[: node.end_mark.index].rstrip())
            return node.end_mark.index if node.value or node.style else self._after(index, r"\s*:")
        if not _is_block(node):
            return node.end_mark.index
        if isinstance(node, MappingNode):
            return self._end(*node.value[-1])
        last = node.value[-1]
        if last.start_mark.index < node.start_mark.index:
            raise Unfit("a list ends in an alias there")
        return self._end(last, last) if not _is_empty(last) else last.end_mark.index

    def _after(self, index: int, pattern: str) -> int:
        found = re.compile(pattern).match(self.text, index)
        if found is None:
            raise Unfit("the text there has a form of its own")
        return found.end()


def _is_alias(before: Node, node: Node) -> bool:
    return before is not node and node.start_mark.index < before.end_mark.index


def _is_block(node: Node) -> bool:
    return isinstance(node, CollectionNode) and bool(node.value) and not node.flow_style


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.value and not node.style


def _nested(way: Way, value: object) -> object:
    if value is None:
        raise Unfit(f"there is no {way[-1] if way else 'such key'} to remove")
    for step in reversed(way):
        value = {step: value}
    return value


# ---- writing


def _pair(name: str, value: object, indent: int, flow: bool = False) -> str:
    """`name: value`, its further lines indented below it."""
    return f"{yaml_scalar(name)}:{_value(value, indent, flow)}"


def _value(value: object, indent: int, flow: bool) -> str:
    """What follows the colon."""
    if isinstance(value, (dict, list)):
        line = _flow(value)
        scalars = isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)
        if not value or ((flow or scalars) and len(line) <= _WIDTH):
            return " " + line
        pad = "\n" + " " * (indent + 2)
        if isinstance(value, list):
            return "".join(f"{pad}- {_item(item, indent + 4)}" for item in value)
        return "".join(pad + _pair(key, item, indent + 2) for key, item in value.items())
    if isinstance(value, str) and "\n" in value:
        return " " + _block(value, indent + 2)
    return " " + yaml_scalar(value)


def _item(value: object, indent: int) -> str:
    if isinstance(value, dict) and value:
        return f"\n{' ' * indent}".join(_pair(key, item, indent) for key, item in value.items())
    if isinstance(value, list):
        return _flow(value)
    return _block(value, indent) if isinstance(value, str) and "\n" in value else yaml_scalar(value)


def _block(value: str, indent: int) -> str:
    """A text of several lines, as a block that ends as the text does, or in quotes."""
    text = yaml_block(value, indent)
    if not text.startswith("|") or value.endswith("\n\n"):
        return yaml_scalar(value)
    return text if value.endswith("\n") else "|-" + text[1:]


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return yaml_flow(value)
