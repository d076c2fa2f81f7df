"""`pack.yaml`: what a pack is called, which mlgen it needs, and which files of its own it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgen import __version__
from mlgen.diagnostics import Diagnostic, SpecError, error
from mlgen.ir import paths
from mlgen.named import NamedTuple
from mlgen.regex import regex
from mlgen.spec.load import Loaded, load
from mlgen.typed import Any

KEYS = ("name", "version", "mlgen", "description", "outputs")
_NAME = regex(r"[a-z][a-z0-9-]{0,39}")
_VERSION = regex(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}([-+.]?[A-Za-z0-9.+-]{1,30})?")
_NEEDED = regex(r"(>=|<=|==|!=|>|<) *([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})")
_COMMENT = regex(r"[#/;%'\"-]{1,3}")
_USUAL = {
    "#": (".yaml", ".yml", ".py", ".sh", ".toml", ".cfg", ".conf", ".properties", ".tf", ".mk", ".gitignore"),
    "//": (".js", ".ts", ".go", ".groovy", ".java"),
}
"""How a line of comment begins, by the end of the file's name; a file without a dot takes `#`."""


class Added(NamedTuple):
    """A file that the pack makes: its path in the project, and the template below the pack's `templates/`."""

    path: str
    template: str
    comment: str


class Manifest(NamedTuple):
    """The content of a `pack.yaml`."""

    name: str
    version: str
    outputs: tuple[Added, ...]


def manifest(text: str, file: str) -> Manifest:
    """The description; a SpecError says everything that is wrong with it. `file` is for the positions."""
    loaded = load(text, file)
    faults = list(_faults(loaded))
    if faults:
        raise SpecError(faults)
    data = loaded.data
    outputs = (_added(path, said) for path, said in (data.get("outputs") or {}).items())
    return Manifest(data["name"], str(data["version"]), tuple(outputs))


def _faults(loaded: Loaded) -> Iterator[Diagnostic]:
    data = loaded.data
    if not isinstance(data, dict):
        yield error("MLG703", loaded.position(()), "pack.yaml must be a mapping", "start with `name: my-pack`")
        return
    for key in data:
        if key not in KEYS and not key.startswith("x-"):
            hint = f"known keys: {', '.join(KEYS)}"
            if key in ("spec", "jobs", "templates"):
                hint = f"it stands beside pack.yaml: {'spec.yaml' if key == 'spec' else key + '/'}"
            yield error("MLG703", loaded.position((key,), key=True), f"unknown key {key!r} in pack.yaml", hint)
    yield from _text(loaded, "name", _NAME, "small letters, digits and -; for example `name: org`")
    yield from _text(loaded, "version", _VERSION, 'a version, quoted: version: "1.0.0"')
    if "description" in data and not isinstance(data["description"], str):
        yield error("MLG703", loaded.position(("description",)), "description: it is not text", "quote it")
    yield from _needed(loaded)
    outputs = data.get("outputs")
    if outputs is not None and not isinstance(outputs, dict):
        yield error("MLG703", loaded.position(("outputs",)), "outputs: it is not a mapping", _OUTPUT)
        return
    for path, said in (outputs or {}).items():
        yield from _output(loaded, path, said)


def _text(loaded: Loaded, key: str, wanted: re.Pattern[str], hint: str) -> Iterator[Diagnostic]:
    if key not in loaded.data:
        yield error("MLG703", loaded.position(()), f"pack.yaml lacks the key `{key}`", hint)
    elif not isinstance(loaded.data[key], str) or not wanted.fullmatch(loaded.data[key]):
        written = loaded.written((key,))
        yield error("MLG703", loaded.position((key,)), f"{key}: {written!r} is not of the right form", hint)


def _needed(loaded: Loaded) -> Iterator[Diagnostic]:
    if "mlgen" not in loaded.data:
        return
    at, wanted = loaded.position(("mlgen",)), loaded.data["mlgen"]
    parts = [part.strip() for part in wanted.split(",")] if isinstance(wanted, str) else [""]
    if not all(_NEEDED.fullmatch(part) for part in parts):
        hint = 'one or more comparisons, such as mlgen: ">=0.3, <1"'
        yield error("MLG703", at, f"mlgen: {loaded.written(('mlgen',))!r} is not of the right form", hint)
    elif not all(_holds(part) for part in parts):
        yield error("MLG704", at, f"the pack needs mlgen {wanted}, and this is {__version__}", "install such a version")


def _holds(part: str) -> bool:
    found = _NEEDED.fullmatch(part)
    assert found is not None
    numbers = [[int(n) for n in re.findall("[0-9]+", v)[:4]] for v in (__version__.partition("+")[0], found[2])]
    mine, theirs = ([*n, 0, 0, 0, 0][:4] for n in numbers)
    return {
        ">=": mine >= theirs, "<=": mine <= theirs, ">": mine > theirs, "<": mine < theirs,
        "==": mine == theirs, "!=": mine != theirs,
    }[found[1]]  # fmt: skip


_OUTPUT = "for example `outputs: {docs/OWNERS: owners.j2}`"


def _output(loaded: Loaded, path: str, said: Any) -> Iterator[Diagnostic]:
    at = loaded.position(("outputs", path), key=True)
    parts = path.split("/")
    plain = path == paths.normal(path) and not path.startswith("/") and ".." not in parts and path.isprintable()
    if not plain or not path or any(c in path for c in '\\:*?"<>|') or path.endswith("/"):
        yield error("MLG712", at, f"{path!r} is not a path inside the project", "write it relative to the root, with /")
    elif parts[0].lower() == ".git":
        yield error("MLG712", at, f"{path} belongs to git", "a pack writes no file of git's own")
    elif parts[-1].endswith((".json", ".ipynb")):
        yield error("MLG712", at, f"{path} cannot hold the header by which mlgen knows its files", "it has no comments")
    template = said.get("template") if isinstance(said, dict) else said
    at = loaded.position(("outputs", path))
    if not isinstance(template, str) or (isinstance(said, dict) and not said.keys() <= {"template", "comment"}):
        yield error("MLG703", at, f"outputs.{path} is neither a template nor {{template, comment}}", _OUTPUT)
    elif isinstance(said, dict) and "comment" in said:
        comment = said["comment"]
        if not isinstance(comment, str) or not _COMMENT.fullmatch(comment):
            hint = 'how a line of comment begins, such as "#"'
            yield error("MLG703", loaded.position(("outputs", path, "comment")), "comment: not of the right form", hint)
    elif not _usual(path):
        hint = f'say it: {{template: {template}, comment: "#"}}'
        yield error("MLG703", at, f"outputs.{path}: mlgen does not know how a comment begins in such a file", hint)


def _usual(path: str) -> str:
    name = path.rpartition("/")[2]
    if "." not in name.lstrip("."):
        return "#"
    return next((comment for comment, ends in _USUAL.items() if name.endswith(ends)), "")


def _added(path: str, said: Any) -> Added:
    if isinstance(said, str):
        return Added(path, said, _usual(path))
    return Added(path, said["template"], said.get("comment") or _usual(path))
