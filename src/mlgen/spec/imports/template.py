"""The templates of dvc.yaml: `${…}` replaced by values of params.yaml, `vars` and the items of `foreach` and `matrix`.

https://doc.dvc.org/user-guide/project-structure/dvcyaml-files#templating
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlgen.quoting import sh
from mlgen.regex import regex
from mlgen.typed import Any

EXPRESSION = regex(r"(?<!\\)\$\{(.*?)\}")
_WORD = r"[^.\[\]]+"
_PATH = regex(rf"{_WORD}(\.{_WORD}|\[{_WORD}\])*")


class Unresolved(Exception):
    """A template that has no value here; the text says why."""


class Scope:
    """Names with their values; `sources` tells from which file each came, and `used` collects those that were asked."""

    def __init__(self, values: dict[str, Any], sources: dict[str, set[str]], options: Mapping[str, str]) -> None:
        self.values = values
        self.sources = sources
        self.options = options
        self.used: set[str] = set()

    def inner(self) -> Scope:
        """A copy for one stage, which counts what it uses here."""
        found = Scope(_copy(self.values), {name: set(files) for name, files in self.sources.items()}, self.options)
        found.used = self.used
        return found

    def merge(self, values: Mapping[str, Any], source: str = "") -> None:
        """Add values; mappings are joined, and a value that is there already is an error."""
        for name in values:
            self.sources.setdefault(name, set()).update({source} - {""})
        _merge(self.values, values, "")

    def put(self, name: str, value: Any) -> None:
        """Set a name of an iteration, which goes before all others."""
        self.values[name] = value
        self.sources[name] = set()

    def select(self, expression: str) -> Any:
        """The value of `a.b[0]`."""
        if not _PATH.fullmatch(expression):
            raise Unresolved(f"${{{expression}}} is not a name such as a.b or a[0]")
        first, *rest = (step.strip() for step in expression.replace("[", ".").replace("]", "").split("."))
        self.used |= self.sources.get(first, set())
        found: Any = self.values
        for step in (first, *rest):
            try:
                found = found[int(step)] if isinstance(found, list) else found[step]
            except (LookupError, ValueError, TypeError):
                raise Unresolved(f"nothing defines ${{{expression}}}") from None
        return found

    def resolve(self, value: Any, kind: str = "") -> Any:
        """The value with every template replaced; `kind` is `cmd`, where a mapping becomes options, or `data`."""
        if isinstance(value, dict):
            return {self._key(key): self.resolve(item, kind) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, kind) for item in value]
        return self._text(value, kind) if isinstance(value, str) else value

    def _key(self, key: str) -> str:
        return text(self._text(key, ""))

    def _text(self, template: str, kind: str) -> Any:
        found = EXPRESSION.search(template)
        if found and found[0] == template:
            return self._checked(found[1], kind)

        def replaced(match: re.Match[str]) -> str:
            value = self._checked(match[1], kind)
            return options(value, self.options) if isinstance(value, dict) else text(value)

        return EXPRESSION.sub(replaced, template).replace("\\${", "${")

    def _checked(self, expression: str, kind: str) -> Any:
        value = self.select(expression)
        if kind == "data" or not isinstance(value, (dict, list)):
            return value
        if kind == "cmd" and isinstance(value, dict):
            return value
        what = "a mapping" if isinstance(value, dict) else "a list"
        raise Unresolved(f"${{{expression}}} is {what}, which cannot stand here")


def text(value: Any) -> str:
    """A value as DVC prints it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def options(values: Mapping[str, Any], config: Mapping[str, str]) -> str:
    """A mapping as options of a command; `config` has DVC's settings `parsing.bool` and `parsing.list`.

    https://doc.dvc.org/user-guide/project-structure/dvcyaml-files#dictionary-unpacking
    """
    words: list[str] = []
    for name, value in _flat(values, ""):
        if isinstance(value, bool):
            no = [f"--no-{name}"] if config.get("bool") == "boolean_optional" else []
            words += [f"--{name}"] if value else no
        elif isinstance(value, list):
            if any(isinstance(item, (list, dict)) for item in value):
                raise Unresolved(f"{name} holds a list of lists or mappings, which cannot become options")
            items = [sh(item) if isinstance(item, str) else str(item) for item in value]
            if config.get("list") == "append":
                words += [word for item in items for word in (f"--{name}", item)]
            elif items:
                words += [f"--{name}", *items]
        else:
            words += [f"--{name}", sh(value) if isinstance(value, str) else str(value)]
    return " ".join(words)


def _flat(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _copy(value: Any) -> Any:
    return {name: _copy(item) for name, item in value.items()} if isinstance(value, dict) else value


def _merge(into: dict[str, Any], values: Mapping[str, Any], at: str) -> None:
    for name, value in values.items():
        if isinstance(into.get(name), dict) and isinstance(value, dict):
            _merge(into[name], value, f"{at}{name}.")
        elif name in into:
            raise Unresolved(f"{at}{name} is defined twice")
        else:
            into[name] = _copy(value)
