"""`mlgen.lock`: what the outputs were made from. YAML that a few lines of code can read.

Imports nothing heavy: the no-change `check` is answered from here.
"""

from mlgen import __version__
from mlgen.write.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:  # its import takes as long as all the rest
    from collections.abc import Callable

LOCK = "mlgen.lock"
_HEAD = "# Written by mlgen: the inputs and outputs that belong together. Do not edit.\nversion: 1\n"

Entry = dict[str, str]
"""Of one spec: `mlgen` (the compiler's version), `input` (the spec's digest), and names with their digests: an output's
path begins with `/`, that of another input with `<`, a pack's source with `@`, and with `&` the path of a file in which
all projects of a repository have a share. Paths are those that the project's folder sees."""
Pin = dict[str, str]
"""Of one pack: its `name`, its `version`, the digest of its `content` and, where it came by git, the `commit`."""

ABSENT = "none"
"""The digest of an input that is not there."""
_SECTIONS = {"    packs:": "@", "    inputs:": "<", "    outputs:": "/", "    shares:": "&"}


def parse(text: str) -> "dict[str, Entry]":
    """The entries by spec; what is not of the form that `dump` writes is left out, so that it counts as not current."""
    found = _section(text, "specs:")
    return {spec: entry for spec, entry in found.items() if "mlgen" in entry and "input" in entry}


def pins(text: str) -> "dict[str, Pin]":
    """The pinned packs by their source, as `extends` names it."""
    found = _section(text, "packs:")
    return {source: pin for source, pin in found.items() if {"name", "version", "content"} <= pin.keys()}


def _section(text: str, wanted: str) -> "dict[str, Entry]":
    found: dict[str, Entry] = {}
    entry: Entry = {}
    heading, mark = "", "/"
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(" "))
        name, _, value = line.strip().rpartition(": ")
        if depth == 0:
            heading = line
        elif heading != wanted:
            continue
        elif depth == 2 and line.endswith(":"):
            entry = found.setdefault(line[2:-1], {})
        elif depth == 4 and not name:
            mark = _SECTIONS.get(line, "/")
        elif depth in (4, 6) and name:
            entry[name if depth == 4 else mark + name] = value
    return found


def input_digest(data: bytes) -> str:
    """The digest of a spec, the same whether it was checked out with LF or CRLF."""
    return digest(data.replace(b"\r\n", b"\n"))


def dump(entries: "dict[str, Entry]", packs: "dict[str, Pin] | None" = None) -> str:
    """The text of the lock.

    The digest is of what follows it: a line that an edit or a merge has lost would else be an output nobody looks at.
    """
    lines = ["specs:"]
    for spec in sorted(entries):
        entry = entries[spec]
        lines += [f"  {spec}:", f"    mlgen: {entry['mlgen']}", f"    input: {entry['input']}"]
        for title, mark in _SECTIONS.items():
            names = [name for name in entry if name[0] == mark]
            if mark != "@":  # of packs, later ones win
                names.sort()
            lines += [title, *(f"      {name[1:]}: {entry[name]}" for name in names)] if names or mark == "/" else []
    lines += ["packs:"] if packs else []
    for source in sorted(packs or ()):
        pin = (packs or {})[source]
        lines += [f"  {source}:", *(f"    {name}: {pin[name]}" for name in _OF_A_PIN if name in pin)]
    text = "\n".join(lines) + "\n"
    return f"{_HEAD}digest: {digest(text.encode())}\n{text}"


_OF_A_PIN = ("name", "version", "commit", "content")


def is_current(root: str, spec: str, content: "Callable[[str], str] | None" = None) -> int:
    """How many outputs are current, by digests alone; 0 when anything is not, or cannot be told.

    True for an installed mlgen only: its version stands for its code and templates. `content` gives the digest of the
    content of a pack in a folder; it is asked only if the spec has packs.
    """
    try:
        text = _bytes(f"{root}/{LOCK}").decode()
        entries = parse(text)
        entry = entries.get(spec, {})
        packs = pins(text) if "\npacks:\n" in text else {}
        if text != dump(entries, packs):  # edited, or of another version
            return 0
        for name in entry:
            if name[0] == "@" and not _is_pinned(root, name[1:], entry[name], packs, content):
                return 0
        if entry.get("mlgen") != __version__ or input_digest(_bytes(f"{root}/{spec}")) != entry.get("input"):
            return 0
        if any(file_digest(f"{root}/{name[1:]}") != entry[name] for name in entry if name[0] == "<"):
            return 0
        outputs = [name for name in entry if name[0] == "/"]
        shares = [name for name in entry if name[0] == "&"]
        if not all(digest(_bytes(root + name)) == entry[name] for name in outputs):
            return 0
        return len(outputs) + len(shares) if all(_has_share(root, name[1:], entry[name]) for name in shares) else 0
    except (OSError, UnicodeDecodeError, ValueError):
        return 0


def _has_share(root: str, path: str, share: str) -> bool:
    """Whether a file of all projects is as mlgen wrote it, and still holds this one's share."""
    from mlgen.write.header import PROJECTS, read_header

    text = _bytes(f"{root}/{path}").decode()
    header = read_header(text)
    return header is not None and header[0] == PROJECTS and header[1] == header[2] and f": {share}\n" in text


def file_digest(path: str) -> str:
    """The digest of another input than the spec; of one that is not there, `ABSENT`."""
    try:
        return input_digest(_bytes(path))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ABSENT


def _is_pinned(
    root: str, source: str, digest: str, packs: "dict[str, Pin]", content: "Callable[[str], str] | None"
) -> bool:
    """Whether a pack that the outputs were made with is still the one; a commit of git stays what it is."""
    pin = packs.get(source, {})
    if pin.get("content") != digest:
        return False
    return "commit" in pin or (content is not None and content(f"{root}/{source}") == digest)


def _bytes(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
