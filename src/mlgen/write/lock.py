"""`mlgen.lock`: what the outputs were made from. YAML that a few lines of code can read.

Imports nothing heavy: the no-change `check` is answered from here.
"""

from mlgen import __version__
from mlgen.write.digest import digest

LOCK = "mlgen.lock"
_HEAD = "# Written by mlgen: the inputs and outputs that belong together. Do not edit.\nversion: 1\n"

Entry = dict[str, str]
"""Of one spec: `mlgen` (the compiler's version), `input` (the spec's digest), and paths with their digests: an output's
begins with `/`, that of another input with `<`."""

ABSENT = "none"
"""The digest of an input that is not there."""


def parse(text: str) -> "dict[str, Entry]":
    """The entries by spec; what is not of the form that `dump` writes is left out, so that it counts as not current."""
    found: dict[str, Entry] = {}
    entry: Entry = {}
    mark = "/"
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(" "))
        name, _, value = line.strip().rpartition(": ")
        if depth == 2 and line.endswith(":"):
            entry = found.setdefault(line[2:-1], {})
        elif depth in (4, 6) and name:
            entry[name if depth == 4 else mark + name] = value
        elif depth == 4:
            mark = "<" if line == "    inputs:" else "/"
    return {spec: entry for spec, entry in found.items() if "mlgen" in entry and "input" in entry}


def input_digest(data: bytes) -> str:
    """The digest of a spec, the same whether it was checked out with LF or CRLF."""
    return digest(data.replace(b"\r\n", b"\n"))


def dump(entries: "dict[str, Entry]") -> str:
    """The text of the lock.

    The digest is of what follows it: a line that an edit or a merge has lost would else be an output nobody looks at.
    """
    lines = ["specs:"]
    for spec in sorted(entries):
        entry = entries[spec]
        lines += [f"  {spec}:", f"    mlgen: {entry['mlgen']}", f"    input: {entry['input']}"]
        for mark, title in (("<", "    inputs:"), ("/", "    outputs:")):
            names = [name for name in sorted(entry) if name[0] == mark]
            lines += [title, *(f"      {name[1:]}: {entry[name]}" for name in names)] if names or mark == "/" else []
    text = "\n".join(lines) + "\n"
    return f"{_HEAD}digest: {digest(text.encode())}\n{text}"


def is_current(root: str, spec: str) -> int:
    """How many outputs are current, by digests alone; 0 when anything is not, or cannot be told.

    True for an installed mlgen only: its version stands for its code and templates.
    """
    try:
        text = _bytes(f"{root}/{LOCK}").decode()
        entries = parse(text)
        entry = entries.get(spec, {})
        if text != dump(entries):  # edited, or of another version
            return 0
        if entry.get("mlgen") != __version__ or input_digest(_bytes(f"{root}/{spec}")) != entry.get("input"):
            return 0
        if any(file_digest(f"{root}/{name[1:]}") != entry[name] for name in entry if name[0] == "<"):
            return 0
        outputs = [name for name in entry if name[0] == "/"]
        return len(outputs) if all(digest(_bytes(root + name)) == entry[name] for name in outputs) else 0
    except (OSError, UnicodeDecodeError, ValueError):
        return 0


def file_digest(path: str) -> str:
    """The digest of another input than the spec; of one that is not there, `ABSENT`."""
    try:
        return input_digest(_bytes(path))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ABSENT


def _bytes(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
